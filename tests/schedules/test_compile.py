import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tiny_kernel import call, image, make, request

from schedules import CompileError, Op, Schedule, ScheduleError, TargetError, config
from schedules.native import cache, compile, worker
from schedules.native.kernel import Kernel

FAKE = cache.Entry({"name": "fake"}, (b"object",))
OBTAIN = """
import sys
from tiny_kernel import request
from schedules.native import compile
key, entry, compiled = compile.obtain(request(log={log!r}), "tiny")
print(compiled, len(entry.objects))
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.touch()
    return path


def forget():
    compile._memory.clear()


# -------------------------------------------------------------------------------------------------- keys


def test_equal_requests_have_equal_keys():
    assert compile.key_of(request()) == compile.key_of(dict(reversed(request().items())))


@pytest.mark.parametrize(
    "change",
    [
        {"target": "x86-64-linux"},
        {"program": {"body": "other"}},
        {"schedule": Schedule({"strip": 8}).to_json()},
        {"schedule": Schedule(ops=[]).to_json()},
        {"lowering": "schedules:lower"},
        {"kind": "library"},
    ],
)
def test_whatever_the_code_depends_on_changes_the_key(change):
    assert compile.key_of({**request(), **change}) != compile.key_of(request())


def test_versions_change_the_key(monkeypatch):
    before = compile.key_of(request())
    monkeypatch.setattr(compile, "_versions", lambda: {"halide": "99"})
    assert compile.key_of(request()) != before


@pytest.mark.parametrize("file", ["lower/__init__.py", "ir.py", "lower/hooks.ll"])
def test_sources_of_the_whole_lowering_package_change_the_key(tmp_path, monkeypatch, file):
    package = tmp_path / "language"
    (package / "lower").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / file).write_text("a = 1")
    monkeypatch.syspath_prepend(tmp_path)
    digest = compile._sources.__wrapped__
    before = digest("language.lower")
    assert digest("language.lower") == before
    (package / "notes.txt").write_text("of no consequence")
    assert digest("language.lower") == before
    (package / file).write_text("a = 2")
    assert digest("language.lower") != before


def test_a_lone_module_is_digested_without_its_neighbours(tmp_path, monkeypatch):
    (tmp_path / "lone_lowering.py").write_text("a = 1")
    monkeypatch.syspath_prepend(tmp_path)
    digest = compile._sources.__wrapped__
    before = digest("lone_lowering")
    (tmp_path / "neighbour.py").write_text("b = 1")
    assert digest("lone_lowering") == before
    (tmp_path / "lone_lowering.py").write_text("a = 2")
    assert digest("lone_lowering") != before


# -------------------------------------------------------------------------------------------- once only


def test_compiled_once_for_eight_threads(own_cache, log):
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: compile.obtain(request(log=str(log)), "tiny"), range(8)))
    assert log.read_text().splitlines() == ["compiled"]
    assert sum(compiled for _, _, compiled in done) == 1
    assert len({(key, entry.objects) for key, entry, _ in done}) == 1


def test_compiled_once_for_eight_processes(own_cache, log, python):
    processes = [python(OBTAIN.format(log=str(log))) for _ in range(8)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in outputs] == [""] * 8
    assert sorted(output for output, _ in outputs) == ["False 2\n"] * 7 + ["True 2\n"]
    assert log.read_text().splitlines() == ["compiled"]


def test_found_again_by_the_next_process(own_cache, log):
    first = compile.obtain(request(log=str(log)), "tiny")
    forget()
    assert compile.obtain(request(log=str(log)), "tiny") == (*first[:2], False)
    assert log.read_text().splitlines() == ["compiled"]


def test_a_damaged_entry_is_compiled_again(own_cache, log):
    key, entry, _ = compile.obtain(request(log=str(log)), "tiny")
    file = own_cache / f"{key}.kernel"
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    forget()
    again = compile.obtain(request(log=str(log)), "tiny")
    assert again == (key, entry, True)  # the same code, bit for bit
    assert file.read_bytes() == data


def test_what_is_not_to_be_kept_is_not(own_cache):
    listing = {**request(), "show": "schedule"}
    _, entry, _ = compile.obtain(listing, "tiny", keep=False)
    assert entry.meta["text"] == "first.compute_root()\noutput.parallel(y)"
    assert not own_cache.exists()


@pytest.mark.parametrize(("show", "text"), [("stmt", "produce first"), ("assembly", ".text")])
def test_other_forms_of_a_program(own_cache, show, text):
    _, entry, _ = compile.obtain({**request(), "show": show}, "tiny", keep=False)
    assert text in entry.meta["text"]


def test_without_a_cache_it_still_computes(own_cache, tmp_path, messages):
    (tmp_path / "file").touch()
    with config(cache=tmp_path / "file" / "below"):
        kernel = make()
        assert kernel.compiled
        assert (call(kernel, image(), 2.0) == image() * 2).all()
    assert messages.text.count("new kernels are not kept") == 1


# ----------------------------------------------------------------------------------- killed, or not started


def test_kill_9_during_compilation_leaves_nothing_harmful(own_cache, tmp_path, log, python):
    started, go = tmp_path / "started", tmp_path / "go"
    os.mkfifo(started)
    os.mkfifo(go)
    wanted = request(log=str(log), started=str(started), go=str(go))
    process = python(f"from schedules.native import compile; compile.obtain({wanted!r}, 'tiny')")
    started.read_bytes()  # until the worker is in the middle of it
    process.kill()
    process.wait()
    go.write_bytes(b"")  # the orphan ends by itself
    started.unlink()
    assert not list(own_cache.glob("*.kernel"))
    key, entry, compiled = compile.obtain(wanted, "tiny")
    assert (compiled, len(entry.objects)) == (True, 2)
    assert (own_cache / f"{key}.kernel").is_file()
    process.communicate()


def test_without_processes_it_compiles_here(own_cache, monkeypatch, messages):
    monkeypatch.setattr(compile.sys, "executable", None)
    _, entry, compiled = compile.obtain(request(), "tiny")
    assert (compiled, len(entry.objects)) == (True, 2)
    assert "no worker process can be started" in messages.text
    with pytest.raises(CompileError, match=r"tiny: KeyError: 'missing' \(.*tiny_lowering\.py:\d+\)"):
        compile.obtain(request("bug"), "tiny")


def test_the_worker_sees_the_modules_this_process_sees(own_cache, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    assert compile.obtain(request(), "tiny")[2]


# ---------------------------------------------------------------------------------------------- messages


def slow_worker(monkeypatch, seconds):
    clock = iter([0.0, seconds])
    monkeypatch.setattr(compile.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(compile, "_run_worker", lambda request, label, seconds: FAKE)


def test_a_long_compilation_is_announced(own_cache, monkeypatch, messages):
    monkeypatch.setattr(compile, "_PATIENCE", 0.0)
    much = "x" * 200_000  # more than a pipe holds
    _, entry, _ = compile.obtain({**request(comment=much), "show": "schedule"}, "tiny", keep=False)
    assert entry.meta["text"]
    assert "compiling tiny ..." in messages.text


@pytest.mark.parametrize(("seconds", "said"), [(0.4, []), (1.26, ["compiled tiny in 1.3 s"])])
def test_how_long_it_took(monkeypatch, messages, seconds, said):
    slow_worker(monkeypatch, seconds)
    compile.obtain(request(), "tiny", keep=False)
    assert [record.getMessage() for record in messages.records] == said


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("bug", r"^tiny: KeyError: 'missing' \(.*tiny_lowering\.py:\d+\)$"),
        ("none_such", r"^tiny: KeyError: 'none_such' \(.*tiny_lowering\.py:\d+\)$"),
        ("refused", r"^tiny: [^\n(]*undefined"),
        ("abort", r"^tiny: the compiler ended with status -6"),
    ],
)
def test_what_went_wrong_is_told(own_cache, body, text):
    with pytest.raises(CompileError, match=text) as caught:
        compile.obtain({**request(body), "kind": "library"}, "tiny")
    if body == "refused":
        assert "tiny_lowering" not in str(caught.value)
    assert not list(own_cache.glob("*.kernel"))


def test_a_schedule_that_does_not_fit(own_cache):
    wrong = request(schedule=Schedule(ops=[Op("blur", "compute_root")]))
    with pytest.raises(ScheduleError, match=r"^tiny: blur\.compute_root\(\): no stage 'blur'; there is first, output$"):
        compile.obtain({**wrong, "kind": "library"}, "tiny")


def test_a_schedule_of_ones_own(own_cache):
    mine = Schedule({"offset": 3}, [Op("output", "split", ("y", "yo", "yi", "rows", "GuardWithIf"))])
    kernel = Kernel(request(schedule=mine), "tiny")
    assert (call(kernel, image(), 2.0) == image() * 2 + 3).all()


def test_a_machine_nothing_is_made_for():
    with pytest.raises(TargetError, match="no native code can be made for riscv-64-linux; known: x86-64-linux"):
        worker.emit("define void @f() { ret void }", "riscv-64-linux")


def test_code_for_another_machine_is_made():
    assert worker.emit("define void @f() { ret void }", "arm-64-linux")[:4] == b"\x7fELF"


# -------------------------------------------------------------------------------------------- cold start


def test_the_runtime_is_compiled_beside_the_first_kernel(own_cache, monkeypatch):
    both = threading.Barrier(2)
    seen = {}

    def run(request, label, seconds):
        seen[request["kind"]] = threading.current_thread(), cache.directory()
        both.wait(timeout=30)
        return FAKE

    monkeypatch.setattr(compile, "_run_worker", run)
    with config(cache=own_cache / "inner"):
        compile.obtain(request(), "tiny")
        assert compile.obtain_runtime(request()["target"]) == FAKE
    assert {kind: where for kind, (_, where) in seen.items()} == dict.fromkeys(
        ("kernel", "runtime"), own_cache / "inner"
    )
    assert seen["kernel"][0] is not seen["runtime"][0]


def test_a_runtime_that_is_there_is_not_asked_for(own_cache, monkeypatch):
    compile._memory[compile.key_of(compile.runtime_request(request()["target"]))] = FAKE
    kinds = []
    monkeypatch.setattr(compile, "_run_worker", lambda request, label, seconds: kinds.append(request["kind"]) or FAKE)
    monkeypatch.setattr(compile.threading, "Thread", None)
    compile.obtain(request(), "tiny")
    assert kinds == ["kernel"]


def test_a_cached_kernel_starts_no_thread(own_cache, monkeypatch):
    cache.write(compile.key_of(request()), cache.pack(FAKE))
    monkeypatch.setattr(compile.threading, "Thread", None)
    assert compile.obtain(request(), "tiny")[1:] == (FAKE, False)


def test_where_no_thread_can_be_started_the_runtime_waits(own_cache, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(compile.threading.Thread, "start", refuse)
    monkeypatch.setattr(compile, "_run_worker", lambda request, label, seconds: FAKE)
    assert compile.obtain(request(), "tiny")[1:] == (FAKE, True)
