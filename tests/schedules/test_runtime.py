import ctypes
import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_kernel import call, image, make, request

from schedules import NativeError, TargetError, targets
from schedules.native import compile, entry, kernel, runtime
from schedules.native.kernel import Kernel
from schedules.native.signature import Image, Layout, Signature

TASK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p)
PAR_FOR = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, TASK, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)
MALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
ERROR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)


@pytest.fixture(scope="module")
def scale():
    return make()


@pytest.fixture(scope="module")
def shim(scale):
    """Load the runtime and the shim a second time, with the shim's own functions to call."""
    code = compile.obtain_runtime(targets.host())
    names = ("hf_install", "hf_do_par_for", "hf_malloc", "hf_free", "hf_error", "halide_set_num_threads")
    library = scale._runtime._link("shim under test", code, names, ())
    ctypes.CFUNCTYPE(None)(library["hf_install"])()
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(library["halide_set_num_threads"])(16)
    return library


@pytest.fixture
def context(scale):
    return kernel._Context(scale._runtime)


class Workers:
    """Tasks of a parallel loop that count how many of them run at once, and wait for one another.

    Every task waits until ``limit`` tasks run: the loop ends only if there are that many workers, and the
    highest count shows whether there were more.
    """

    def __init__(self, limit):
        self.barrier = threading.Barrier(limit)
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.indices = []
        self.task = TASK(self.run)

    def run(self, context, index, closure):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.indices.append(index)
        try:
            self.barrier.wait(timeout=30)
        finally:
            with self.lock:
                self.running -= 1
        return 0


def run_loop(shim, scale, limit, size):
    context, workers = kernel._Context(scale._runtime), Workers(limit)
    context.threads.value = limit
    status = PAR_FOR(shim["hf_do_par_for"])(context.address, workers.task, 5, size, None)
    return status, workers


# ------------------------------------------------------------------------------------------------ threads


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_loop_has_exactly_the_workers_it_may_have(shim, scale, limit):
    status, workers = run_loop(shim, scale, limit, 24)
    assert (status, workers.most) == (0, limit)
    assert sorted(workers.indices) == list(range(5, 29))


def test_every_call_has_its_own_limit_at_the_same_time(shim, scale):
    limits = [1, 2, 3, 2]
    with ThreadPoolExecutor(len(limits)) as pool:
        done = list(pool.map(lambda limit: run_loop(shim, scale, limit, 24), limits))
    assert [status for status, _ in done] == [0] * len(limits)
    assert [workers.most for _, workers in done] == limits


@pytest.mark.parametrize(("limit", "size"), [(3, 0), (3, 1), (2, 2), (1, 3)])
def test_short_loops(shim, context, limit, size):
    seen = []
    task = TASK(lambda context, index, closure: seen.append(index) or 0)
    context.threads.value = limit
    assert PAR_FOR(shim["hf_do_par_for"])(context.address, task, -1, size, None) == 0
    assert sorted(seen) == list(range(-1, size - 1))


def test_a_loop_inside_a_loop_keeps_to_the_limit(shim, context):
    inner, par_for = Workers(2), PAR_FOR(shim["hf_do_par_for"])
    outer = TASK(lambda context, index, closure: par_for(context, inner.task, 0, 3, None))
    context.threads.value = 2
    assert par_for(context.address, outer, 0, 4, None) == 0
    assert (inner.most, len(inner.indices)) == (2, 12)
    again = Workers(2)  # the next loop is parallel again
    assert par_for(context.address, again.task, 0, 4, None) == 0
    assert again.most == 2


@pytest.mark.parametrize("limit", [1, 2])
def test_a_loop_ends_at_the_first_failure(shim, context, limit):
    seen = []
    task = TASK(lambda context, index, closure: seen.append(index) or -7)
    context.threads.value = limit
    assert PAR_FOR(shim["hf_do_par_for"])(context.address, task, 0, 1000, None) == -7
    assert len(seen) <= limit


def test_the_result_does_not_depend_on_threads(scale):
    expected = image() * 3
    for threads in (1, 2, 3, 17):
        assert (call(scale, image(), 3.0, threads) == expected).all()


def test_many_threads_call_at_once(scale):
    def work(i):
        return (call(scale, image(), float(i), 1 + i % 3) == image() * i).all()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))


def test_the_gil_is_released(scale):
    assert not scale._function._flags_ & ctypes._FUNCFLAG_PYTHONAPI


# ------------------------------------------------------------------------------------------------- memory


def test_memory_is_aligned_and_used_again(shim, context):
    malloc, free = MALLOC(shim["hf_malloc"]), FREE(shim["hf_free"])
    sizes = [1, 127, 128, 5000, 1 << 20]
    blocks = [malloc(context.address, size) for size in sizes]
    assert len(set(blocks)) == len(blocks)
    assert not any(block % 128 for block in blocks)
    for block, size in zip(blocks, sizes, strict=True):
        ctypes.memset(block, 1, size)
        free(context.address, block)
    assert malloc(context.address, 1 << 20) == blocks[-1]
    free(context.address, blocks[-1])
    assert malloc(context.address, 1 << 10) != blocks[-1]  # far too large for that
    free(context.address, None)


def test_no_more_memory_is_kept_than_the_limit(shim, context):
    malloc, free = MALLOC(shim["hf_malloc"]), FREE(shim["hf_free"])
    limit = ctypes.c_int64.from_address(context.address + kernel._STOCK_LIMIT)
    held = ctypes.c_int64.from_address(context.address + kernel._STOCK_LIMIT - 8)
    limit.value = 10_000
    blocks = [malloc(context.address, 4000) for _ in range(40)]
    for block in blocks:
        free(context.address, block)
    assert 4000 < held.value <= 10_000
    limit.value = 1 << 30
    blocks = [malloc(context.address, 4000) for _ in range(40)]
    for block in blocks:
        free(context.address, block)
    assert held.value <= 32 * 4200


def test_memory_of_other_kernels_makes_room(shim, context):
    """What one filter left behind must not keep the memory of the next from being kept: it would be fetched anew."""
    malloc, free = MALLOC(shim["hf_malloc"]), FREE(shim["hf_free"])
    limit = ctypes.c_int64.from_address(context.address + kernel._STOCK_LIMIT)
    held = ctypes.c_int64.from_address(context.address + kernel._STOCK_LIMIT - 8)
    for size, allowed in ((4000, 1 << 30), (1 << 20, 3 << 20)):  # no slot is left; no room is
        limit.value = allowed
        for block in [malloc(context.address, size) for _ in range(40)]:
            free(context.address, block)
        large = malloc(context.address, 1 << 21)
        free(context.address, large)
        assert malloc(context.address, 1 << 21) == large
        free(context.address, large)
        assert (1 << 21) <= held.value <= allowed


def test_a_context_dies_with_its_thread(scale):
    seen = []

    def work():
        call(scale, image(), 1.0)
        seen.append(weakref.ref(kernel._local.context))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    gc.collect()
    assert seen[0]() is None


NO_MEMORY = """
import resource
from tiny_kernel import call, image, make
huge = make("huge")
call(huge, image(), 7.0)
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28),) * 2)
try:
    call(huge, image(), 4e8)
except MemoryError as error:
    print(error)
assert (call(huge, image(), 7.0) == image() + 7).all()
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux")
def test_memory_that_cannot_be_had(run_python):
    assert run_python(NO_MEMORY).startswith("huge: Out of memory")


# ------------------------------------------------------------------------------------------------- errors


def test_errors_have_halides_text():
    positive = make("positive")
    for threads in (1, 2):
        with pytest.raises(NativeError, match=r"^positive: Requirement Failed: .* -2\.0"):
            call(positive, image(), -2.0, threads)
        assert (call(positive, image(), 2.0, threads) == image() * 2).all()


def test_a_buffer_that_is_too_small():
    with pytest.raises(NativeError, match=r"^shift: Input buffer image is accessed at 50, which is beyond the max"):
        call(make("shift"), image(), 1.0)


def test_errors_at_once_do_not_mix():
    positive = make("positive")

    def work(i):
        if i % 2:
            with pytest.raises(NativeError, match=rf"Failed: .* -{i}\.0"):
                call(positive, image(), float(-i), 2)
        else:
            assert (call(positive, image(), 1.0, 2) == image()).all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))


def test_the_first_text_is_kept_and_a_long_one_cut(shim, context):
    error = ERROR(shim["hf_error"])
    error(context.address, b"first")
    error(context.address, b"second")
    assert (context.take_error(), context.take_error()) == ("first", "")
    error(context.address, b"x" * 5000)
    assert context.take_error() == "x" * 1023
    error(None, b"no call to blame")


def test_code_for_other_machines_is_never_loaded(monkeypatch):
    monkeypatch.setattr(compile, "obtain", None)
    for target in ("x86-64-linux-avx512_zen5", "arm-64-linux-arm_fp16"):
        foreign = {**request(), "target": targets.resolve(target)}
        monkeypatch.setattr(targets, "host", lambda: "x86-64-linux-sse41")
        with pytest.raises(TargetError):
            Kernel(foreign, "foreign")


# --------------------------------------------------------------------------------------------- signatures


def test_the_layout_of_the_context_is_the_shims():
    fields = [ctypes.c_int32] * 4 + [ctypes.c_int64] * 2 + [ctypes.c_void_p * 32, ctypes.c_char * 1024]
    layout = type("Layout", (ctypes.Structure,), {"_fields_": [(f"f{i}", t) for i, t in enumerate(fields)]})
    assert ctypes.sizeof(layout) == kernel.CONTEXT_SIZE
    offsets = (layout.f1.offset, layout.f5.offset, layout.f7.offset)
    assert offsets == (kernel._FAILED, kernel._STOCK_LIMIT, kernel._ERROR)


def test_signatures_go_to_json_and_back(scale):
    images = (Image("a", "uint8", Layout(3, 3, False)), Image("b", "uint16", Layout(1, 3, True), output=True))
    signature = Signature(images, ("table",), ("sigma",))
    assert Signature.from_json(signature.to_json()) == signature
    names = [name for _, _, name in signature.parameters()]
    assert names == [
        *("a", "a_stride", "b", "b_stride", "b_plane_stride", "width", "height", "channels"),
        *("table", "table_length", "sigma", "border", "border_value"),
    ]


def test_the_header_declares_every_parameter(scale):
    text = entry.header("scale_it", scale.signature, "Scales.\n\nMore.")
    assert "/* Scales." in text
    for c_type, _, name in scale.signature.parameters():
        assert f"{c_type}{name}" in text
    assert "int32_t threads);" in text
    assert 'extern "C"' in text


def test_rows_may_be_anywhere(scale):
    source, result = image(40, 64), np.zeros((40, 64), np.float32)
    flipped = source[::-1, :50]
    scale(2, flipped.ctypes.data, -64, result.ctypes.data, 64, 50, 40, 1, 2.0, 0, 0.0)
    assert (result[:, :50] == flipped * 2).all()
    assert not result[:, 50:].any()


# ------------------------------------------------------------------------------------ processes, fork, exit

FORK = """
import os, sys, threading
from tiny_kernel import call, image, make
from schedules.native import runtime

def check(kernel):
    assert (call(kernel, image(), 3.0, 2) == image() * 3).all()

def in_child(work):
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0

kernel = make()
check(kernel)
parent = runtime.shared("")
stop = threading.Event()

def busy():
    while not stop.is_set():
        check(kernel)

threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()

def work():
    check(kernel)
    assert runtime.shared("") is not parent
    check(make("positive"))
    in_child(lambda: check(kernel))
    others = [threading.Thread(target=check, args=(kernel,)) for _ in range(4)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()

try:
    for _ in range(3):
        in_child(work)
    check(kernel)
    assert runtime.shared("") is parent
finally:
    stop.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_beside_running_kernels(scale, run_python):
    make("positive")
    assert run_python(FORK, PYTHONWARNINGS="ignore") == ""


FORK_WHILE_LINKING = """
import os, threading
from tiny_kernel import call, image, make
from schedules.native import runtime
kernel = make()
inside, forking = threading.Event(), threading.Event()
link = runtime.Runtime._link

def slow(self, *args):
    inside.set()
    forking.wait(10)
    return link(self, *args)

runtime.Runtime._link = slow
thread = threading.Thread(target=make, args=("positive",))
thread.start()
inside.wait()
os.register_at_fork(before=forking.set)  # runs before the handlers registered earlier
child = os.fork()
runtime.Runtime._link = link
if not child:
    os._exit(0 if (call(kernel, image(), 3.0) == image() * 3).all() else 1)
print(os.waitpid(child, 0)[1])
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_code_is_loaded(scale, run_python):
    make("positive")
    assert run_python(FORK_WHILE_LINKING, PYTHONWARNINGS="ignore") == "0\n"


EXIT = """
import atexit, threading
from tiny_kernel import call, image, make
kernel = make()
call(kernel, image(), 1.0)
atexit.register(call, kernel, image(), 1.0)

def busy():
    while True:
        call(kernel, image(), 1.0, 3)

for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
call(kernel, image(), 1.0)
{end}
"""


@pytest.mark.parametrize("end", ["", "import sys; sys.exit()"])
def test_the_interpreter_ends_cleanly_while_kernels_run(scale, run_python, end):
    for _ in range(3):
        assert run_python(EXIT.format(end=end)) == ""


def test_a_warm_process_does_not_import_halide(scale, run_python):
    script = "import sys; from tiny_kernel import *; k = make(); print(k.compiled, 'halide' in sys.modules)"
    assert run_python(script) == "False False\n"


def test_there_is_one_runtime(scale):
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: runtime.shared(targets.host()), range(8))) == {scale._runtime}
