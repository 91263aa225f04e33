"""Libraries that choose what their CPU can run, and every filter for every machine that is promised."""

import ctypes

import numpy as np
import pytest

import dsl
import filters
from bench.automatic import SETTINGS
from schedules import Schedule, targets
from schedules.errors import TargetError
from schedules.native import compile as native
from schedules.pictures import picture
from schedules.store import watching
from schedules.subjects import Wanted, find

HOST = targets.host()
x86 = pytest.mark.skipif(not HOST.startswith("x86-64-linux"), reason="libraries that run here")


@dsl.filter
def smooth(src: dsl.Image, sigma: dsl.Scalar = 2.0) -> dsl.Image:
    """Means over windows: code of our own for registers, where a CPU has some."""
    near, far = dsl.convolve(src, dsl.box(sigma)), dsl.convolve(src * src, dsl.box(sigma))
    return near + 0.01 * dsl.sqrt(dsl.maximum(far - near * near, 0))


def loaded(tmp_path, chosen, name):
    files = smooth.build(tmp_path, dtype="uint8", target=chosen, name=name)
    found = ctypes.CDLL(str(files["shared"]))
    for function in ("target", "last_error"):
        getattr(found, f"{name}_{function}").restype = ctypes.c_char_p
    return found, files


def called(found, name, image):
    out, (height, width) = np.zeros_like(image), image.shape
    pointers = [ctypes.c_void_p(each.ctypes.data) for each in (image, out)]
    strides = [ctypes.c_int64(width)] * 2
    sizes = [ctypes.c_int32(n) for n in (width, height, 1)]
    rest = [ctypes.c_float(2.0), ctypes.c_int32(0), ctypes.c_float(0), ctypes.c_int32(0)]
    status = getattr(found, name)(pointers[0], strides[0], pointers[1], strides[1], *sizes, *rest)
    return status, out


@x86
def test_the_first_that_runs_is_chosen(tmp_path):
    image = picture(40, 60, 1, "uint8")
    able = "x86-64-linux-avx2" if "avx2" in targets.features(HOST) else "x86-64-linux"
    found, files = loaded(tmp_path, f"{HOST},{able},x86-64-linux", "first")
    assert found.first_target().decode() == targets.resolve(f"{HOST}-strict_float")
    status, out = called(found, "first", image)
    assert status == 0 and np.array_equal(out, smooth(image))
    assert "const char *first_target(void);" in files["header"].read_text()
    assert files["header"].read_text().count("x86-64-linux") == 3


@x86
def test_what_the_cpu_lacks_is_passed_over(tmp_path):
    # Halide's runtime cannot tell avx512_zen5, but for what it implies; what is its own (vp2intersect) no code uses.
    told = ("avx512_sapphirerapids", "avx512_zen4", "avx512_skylake")
    missing = [each for each in told if each not in targets.features(HOST)]
    if not missing:
        pytest.skip("this CPU has everything")
    found, _ = loaded(tmp_path, f"x86-64-linux-{missing[0]},x86-64-linux", "second")
    assert found.second_target() == b"x86-64-linux-strict_float"
    image = picture(33, 21, 1, "uint8")
    status, out = called(found, "second", image)
    assert status == 0 and np.array_equal(out, smooth(image, target="x86-64-linux"))
    one, other = f"x86-64-linux-{missing[0]}", f"x86-64-linux-{missing[0]}-fma"
    found, _ = loaded(tmp_path, f"{one}-profile,{other}", "third")
    status, _ = called(found, "third", image)
    assert status == -1 and found.third_target() is None
    assert found.third_last_error() == b"this CPU lacks features that every variant of the library uses"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("x86-64-linux,arm-64-linux", "a library is for one machine, not for arm-64-linux and x86-64-linux"),
        ("x86-64-linux-avx2,x86-64-linux-avx2", "one target is there twice"),
        ("x86-64-linux-avx2-opencl,x86-64-linux", "a library for several CPUs has no code for devices"),
    ],
)
def test_targets_that_do_not_go_together(tmp_path, target, message):
    with pytest.raises(TargetError, match=message):
        smooth.build(tmp_path, target=target)


# ------------------------------------------------------------------------------------- every filter, every machine

MACHINES = ("x86-64-linux-avx2-fma-f16c-sse41", "x86-64-linux-sse41", "arm-64-linux", "arm-64-osx-metal")
NAMES = [name for name in filters.__all__ if isinstance(getattr(filters, name, None), filters.Filter)]


@pytest.mark.full
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", NAMES)
def test_every_filter_builds_for_every_machine(name, machine):
    (call, *_) = find(name, Wanted("uint8", 3, 24, 32, parameters=SETTINGS.get(name, {})))
    with watching() as seen:
        call.run()
    for each in seen:
        request = {key: value for key, value in each.items() if key not in ("key", "label")}
        request["target"] = targets.resolve(f"{machine}-strict_float")
        request["schedule"] = Schedule().to_json()  # as build has it: what was chosen for this machine is not for that
        _, entry, _ = native.obtain({**request, "name": "built"}, each["label"], keep=False)
        assert len(entry.objects) >= 2
