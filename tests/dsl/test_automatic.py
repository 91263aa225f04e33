"""Every autoscheduler that can, on programs of the language: the pixels of the hand-written schedule, bit for bit."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import halide
import numpy as np
import pytest

import dsl
import filters
from schedules import Schedule, ScheduleError, automatic, store, targets
from schedules.automatic import AUTOSCHEDULERS, PLAIN
from schedules.native import compile as native
from schedules.native import worker
from schedules.pictures import picture
from schedules.tuning.tuner import programs
from tests.dsl.test_devices import KINDS, NAMES, first_call, opencl

CPUS = [name for name, each in AUTOSCHEDULERS.items() if each.cpus]
#: Larger than tiles, of tiles' sizes, smaller than vectors.
SIZES = [(301, 417), (256, 512), (5, 7), (1, 1)]


@dsl.filter
def edges(src: dsl.Image, gain: dsl.Scalar = 0.5) -> dsl.Image:
    """Neighbours, windows, sums, functions and a run-time number."""
    smooth = dsl.convolve(abs(src), dsl.box(2))
    return gain * abs(smooth[0, 1] - src[0, -1]) + dsl.window(src, 1, "max") * 0.25 + dsl.sqrt(src + 1)


CALLS = {
    "a script's": lambda image, **o: edges(image, gain=0.7, **o),
    "gaussian": lambda image, **o: filters.gaussian(image, 1.5, method="fir", **o),
    "convolve": lambda image, **o: filters.convolve(image, np.arange(35.0).reshape(5, 7) ** 2 / 13685, **o),
    "bilateral": lambda image, **o: filters.bilateral(image, sigma_space=2, sigma_range=30, method="exact", **o),
    "guided": lambda image, **o: filters.guided(image, image, radius=2, eps=100.0, **o),
}


#: Their programs, as what was compiled is listed.
PROGRAMS = {
    "a script's": "edges",
    "gaussian": "gaussian_program",
    "convolve": "direct_2d_program",
    "bilateral": "gray_program",
    "guided": "guided_gray",
}


@pytest.mark.parametrize("name", CPUS)
@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        ("a script's", "float32"),
        ("gaussian", "uint8"),
        ("convolve", "float32"),
        ("bilateral", "float32"),
        ("bilateral", "uint8"),
        ("guided", "float32"),
    ],
)
def test_loops_by_an_autoscheduler_give_the_same_bits(call, name, dtype):
    for height, width in SIZES:
        image = picture(height, width, 1, dtype)
        by_hand = CALLS[call](image, schedule=Schedule(PLAIN), border="reflect")
        assert np.array_equal(CALLS[call](image, schedule=name, border="reflect"), by_hand, equal_nan=True), (
            height,
            width,
        )
    # Not the last: a test before may have had the same kernel.
    loaded = [each for each in dsl.compiled() if each.filter == PROGRAMS[call] and dtype in each.why]
    ran = [each for each in loaded if each.schedule == name]
    assert ran
    assert all("plain lowering" in note for each in ran for note in each.notes if "sums" in note)


@pytest.mark.parametrize("name", ["adams2019", "li2018"])  # Mullapudi2016's kernel takes a minute and a half to compile
@pytest.mark.parametrize("border", ["replicate", "wrap", "constant"])
def test_colours_and_borders(name, border):
    image = picture(130, 75, 3, "uint8")
    options = {"border": border, "border_value": 40.0}
    by_hand = filters.bilateral(image, sigma_space=1, sigma_range=30, schedule=Schedule(PLAIN), **options)
    assert np.array_equal(filters.bilateral(image, sigma_space=1, sigma_range=30, schedule=name, **options), by_hand)


DEVICES = [name for name, each in AUTOSCHEDULERS.items() if each.devices]


@opencl
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["mullapudi2016", "li2018"])
def test_devices(name):
    for height, width in [(101, 217), (5, 7)]:
        image = picture(height, width, 1, "uint8")
        found = filters.box(image, 2, target="host-opencl", schedule=name)
        assert np.array_equal(found, filters.box(image, 2, schedule=Schedule(PLAIN)))


@opencl
@pytest.mark.gpu
@pytest.mark.full
@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("subject", NAMES)
def test_every_stored_schedule_for_devices_gives_the_right_pixels(subject, dtype, channels, name):
    call = first_call(subject, dtype, channels, "host-opencl")
    found = programs(call.run)
    try:
        chosen = {each.key: automatic.find(each.request, name, each.label) for each in found}
    except ScheduleError as error:
        if "was tried out on one" not in str(error) and "makes no schedules for CPUs" not in str(error):
            raise
        pytest.skip(str(error))  # docs/automatic.md tells why none is stored
    wanted = call.run()
    with store.trying(chosen):
        given = call.run()
    for one, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (given, wanted)), strict=True):
        step = 1 if dtype == "uint8" else 1e-4 * np.ptp(other)
        assert np.abs(one.astype(np.float64) - other).max() <= step


def test_no_schedule_for_devices_is_searched_for_at_a_call():
    image = picture(16, 16, 1, "uint8")
    with pytest.raises(ScheduleError, match="li2018 has no schedule for devices that was tried out on one"):
        edges(image, target="x86-64-linux-opencl", schedule="li2018")


def test_the_plain_lowering_has_no_native_code_of_its_own():
    image = picture(20, 30, 1, "uint8")
    filters.bilateral(image, sigma_space=2, sigma_range=30, schedule=Schedule(PLAIN))
    (note,) = dsl.compiled()[-1].notes
    assert note.endswith("a loop over taps (plain lowering)")
    with pytest.raises(ScheduleError, match="lowering = 'fast': it is 'own', of each kind of node, or 'plain'"):
        filters.box(image, 2, schedule=Schedule({"lowering": "fast"}))


def test_what_is_no_schedule_is_named():
    with pytest.raises(ScheduleError, match=r"schedule must be 'manual', 'mullapudi2016', .*, not 'adams'"):
        edges(picture(8, 8, 1, "uint8"), schedule="adams")
    with pytest.raises(ScheduleError, match="anderson2021 makes no schedules for CPUs"):
        edges(picture(8, 8, 1, "uint8"), schedule="anderson2021")


@pytest.mark.parametrize("method", ["local_lut", "cubic", "joint_bilateral"])
def test_plain_lowerings_promise_nothing_of_an_index(method, monkeypatch):
    """Loops that are rounded up compute pixels beyond the image, of indices that were never computed there."""
    monkeypatch.setattr(halide, "unsafe_promise_clamped", None)
    image = picture(40, 52, 1, "uint8")
    small = image[::4, ::4]
    found = programs(lambda: filters.upsample(image, small, small, method=method, target="x86-64-linux-avx2"))
    for each in found:
        assert worker.lower(each.request, Schedule(PLAIN)).outputs
    assert found


def test_libraries_take_them_too(tmp_path):
    files = edges.build(tmp_path, dtype="uint8", schedule="adams2019")
    assert files["static"].stat().st_size > 1000


# ------------------------------------------------------------------------------------------------ what is shipped


STORED = sorted(store.SHIPPED.glob("*.json"))


def test_every_filter_has_stored_schedules():
    words = {file.name.split("-")[0] for file in STORED}
    assert words == set(AUTOSCHEDULERS)
    assert len(STORED) > 200


def test_a_stored_schedule_needs_no_plugin_and_no_search():
    """In a process of its own, whose workers could load none."""
    code = """
import numpy as np, filters, schedules.automatic as automatic
def search(*_): raise SystemExit("searched")
automatic.search = search
image = np.arange(1200, dtype=np.float32).reshape(30, 40)
for name in ("mullapudi2016", "adams2019", "li2018"):
    filters.gaussian(image, 1.0, schedule=name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_stored_schedules_are_for_the_stages_there_are(tmp_path):
    """The worker refuses others. One of each kind of program, here without compiling to code."""
    image = picture(64, 64, 1, "float32")
    calls = [
        lambda **o: filters.gaussian(image, 1.0, method="fir", **o),
        lambda **o: filters.box(image, 2, **o),
        lambda **o: filters.bilateral(image, sigma_space=2.0, sigma_range=25.0, **o),
        lambda **o: filters.guided(image, image, radius=2, eps=100.0, **o),
        lambda **o: filters.nonlocal_means(image, strength=10.0, **o),
        lambda **o: filters.multilateral(image, (image, image), sigma_space=2.0, sigma_range=25.0, **o),
        lambda **o: filters.local_laplacian(picture(600, 600, 1, "float32"), sigma=1.0, levels=9, **o),
        lambda **o: filters.local_lut_upsample(image, image[::4, ::4].copy(), image[::4, ::4].copy(), **o),
    ]
    host = targets.family(targets.host())
    if host not in [targets.family(targets.resolve(f"x86-64-linux-{width}")) for width in ("avx2", "avx512_skylake")]:
        pytest.skip("schedules are stored for AVX2 and AVX-512")
    for call in calls:
        for program in programs(call):
            for name in CPUS:
                wanted = automatic.search_request(program.request, name, program.label)
                found = store.find(store.key(wanted, wanted["autoscheduler"]))
                if (program.label.split(",")[0], name) == ("table_part", "li2018"):
                    continue  # which finds none in two minutes
                assert found is not None, (program.label, name)
                shown = {**program.scheduled(found), "show": "schedule", "name": "shown"}
                assert native.obtain(shown, program.label, keep=False)[1].meta["schedule"]["stages"] == found.stages


def test_the_example_of_a_schedule_by_hand():
    example = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "examples" / "ridges.py"))
    image = picture(75, 130, 1, "uint8")
    assert np.array_equal(example["ridges"](image, schedule=example["by_hand"]()), example["ridges"](image))
