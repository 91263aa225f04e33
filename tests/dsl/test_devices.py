"""Programs that run on a device: through OpenCL, which PoCL brings to any CPU; and compiled for CUDA."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from typer.testing import CliRunner

import dsl
import filters
from bench.automatic import SETTINGS
from dsl import commands, library
from dsl.lowering import pipeline
from dsl.tracing import native_target
from schedules import Schedule, targets
from schedules.automatic import PLAIN
from schedules.errors import NativeError, TargetError
from schedules.native import compile, elf
from schedules.store import trying
from schedules.subjects import Wanted, find
from schedules.tuning.tuner import programs

#: Arithmetic of a device is that of the CPU but for the last bits of divisions, roots and exponentials.
FLOATS = 1e-5
IMAGES = {
    "gray": np.random.default_rng(0).integers(0, 256, (45, 67)).astype(np.uint8),
    "float32": np.random.default_rng(1).random((33, 40), dtype=np.float32),
    "colour": np.random.default_rng(2).integers(0, 256, (23, 31, 3)).astype(np.uint8),
}


def has_opencl() -> bool:
    library = ctypes.util.find_library("OpenCL")
    if library is None:
        return False
    count = ctypes.c_uint32(0)
    return ctypes.CDLL(library).clGetPlatformIDs(0, None, ctypes.byref(count)) == 0 and count.value > 0


opencl = pytest.mark.skipif(not has_opencl() and "CI" not in os.environ, reason="no OpenCL platform; .ci/run has one")


@dsl.filter
def edges(src: dsl.Image, gain: dsl.Scalar = 0.5) -> dsl.Image:
    """Neighbours, windows, functions and a run-time number."""
    return gain * abs(src[0, 1] - src[0, -1]) + dsl.window(src, 1, "max") * 0.25 + dsl.sqrt(src + 1)


CALLS = {
    "pointwise": lambda image, **o: edges(image, gain=0.7, **o),
    "box": lambda image, **o: filters.box(image, 2, **o),
    "gaussian": lambda image, **o: filters.gaussian(image, 2.5, method="fir", **o),
    "sliding gaussian": lambda image, **o: filters.gaussian(image, (9.0, 2.5), method="sliding", **o),
    "convolve": lambda image, **o: filters.convolve(image, np.arange(9.0).reshape(3, 3) / 36, **o),
    "convolve 2-D": lambda image, **o: filters.convolve(image, np.arange(15.0).reshape(3, 5) ** 2 / 1015, **o),
    "bilateral": lambda image, **o: filters.bilateral(image, sigma_space=2, sigma_range=30, method="exact", **o),
    "downsample": lambda image, **o: filters.downsample(image, scale=1.7, **o),
}


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", IMAGES)
def test_a_device_gives_what_the_cpu_gives(name, kind):
    image, call = IMAGES[kind], CALLS[name]
    found, wanted = call(image, target="host-opencl"), call(image)
    assert found.dtype == image.dtype
    if image.dtype == np.uint8:
        assert np.abs(found.astype(int) - wanted).max() <= 1  # a tie that is rounded the other way
        assert (found != wanted).mean() < 0.01
    else:
        np.testing.assert_allclose(found, wanted, atol=FLOATS)


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("border", ["reflect101", "reflect", "replicate", "wrap", "constant"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 2), (70, 9)])
def test_any_size_border_and_stride(shape, border):
    image = np.random.default_rng(3).integers(0, 256, (2 * shape[0], shape[1] + 3)).astype(np.uint8)
    image = image[::-2, 1 : shape[1] + 1]
    out = np.zeros((shape[0], shape[1] + 5), np.uint8)[:, 2:-3]
    options = {"border": border, "border_value": 7}
    assert filters.box(image, 2, target="host-opencl", out=out, **options) is out
    np.testing.assert_array_equal(out, filters.box(image, 2, **options))


@pytest.mark.gpu
@opencl
def test_batches_threads_and_notes():
    batch = np.stack([IMAGES["colour"], IMAGES["colour"][::-1]])
    found = filters.bilateral(batch, sigma_space=2, sigma_range=30, method="exact", target="host-opencl")
    alone = filters.bilateral(batch[1], sigma_space=2, sigma_range=30, method="exact", target="host-opencl")
    np.testing.assert_array_equal(found[1], alone)
    notes = [note for each in filters.compiled() for note in each.notes if "opencl" in note]
    assert any("a loop over taps (a thread each pixel" in note for note in notes)


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("border", ["reflect101", "reflect", "replicate", "wrap", "constant"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (150, 2), (70, 300), (20, 31, 3)])
def test_scans_of_any_size_border_and_radius(shape, border):
    """Over the ends of steps that are written out, and of chunks; windows that are wider than the image, too."""
    image = np.random.default_rng(3).random(shape, dtype=np.float32)
    options = {"border": border, "border_value": 0.3, "method": "sliding"}
    for sigma in ((0.7, 0), (0, 3.0), (25.0, 8.0)):
        found = filters.gaussian(image, sigma, target="host-opencl", **options)
        np.testing.assert_allclose(found, filters.gaussian(image, sigma, **options), atol=FLOATS)
    assert any("sliding sums (a thread each chunk" in note for each in dsl.compiled() for note in each.notes)


@pytest.mark.gpu
@opencl
def test_no_device_is_an_error_and_never_a_silent_run_on_the_cpu():
    code = """
        import numpy as np, filters
        from schedules.errors import NativeError
        try:
            filters.box(np.zeros((9, 9), np.uint8), 2, target="host-opencl")
        except NativeError as error:
            print(error)
    """
    environment = {**os.environ, "OCL_ICD_VENDORS": "/nowhere"}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert "needs a device and its driver for opencl" in run.stdout


@pytest.mark.gpu
@opencl
def test_a_child_of_a_process_that_used_a_device_is_told_so():
    image = IMAGES["gray"]
    filters.box(image, 2, target="host-opencl")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            filters.box(image, 2, target="host-opencl")
            os.write(writer, b"it ran")
        except NativeError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert "was forked from has used a device" in os.read(reader, 4096).decode()


def device_code(program, interface):
    request = library.request(program, "uint8", 1, f"x86-64-linux-avx2-{interface}", "manual", {})
    return compile.obtain(request | {"show": "device", "name": "f"}, "device code", keep=False)[1].meta["text"]


def assembler() -> str | None:
    """Give the path of ptxas: of the system, or of the wheel that tests install."""
    found = shutil.which("ptxas")
    wheel = importlib.util.find_spec("nvidia.cuda_nvcc") if importlib.util.find_spec("nvidia") else None
    places = list(wheel.submodule_search_locations or []) if wheel else []
    inside = (os.path.join(place, "bin", "ptxas") for place in places)
    return found or next((each for each in inside if os.path.exists(each)), None)


def assembled(text, folder):
    """Assemble PTX for two architectures; give what ptxas says of each kernel."""
    source = folder / "code.ptx"
    source.write_text(text)
    said = []
    for architecture in ("sm_80", "sm_90"):
        command = [assembler(), "-v", f"-arch={architecture}", str(source), "-o", str(folder / "code.cubin")]
        said.append(subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True).stderr)
    return said


def test_cuda_is_compiled_to_threads():
    text = device_code(edges, "cuda-cuda_capability_80")
    assert ".target sm_80" in text
    assert ".entry" in text


# ------------------------------------------------------------------------------------------------- every filter

NAMES = [name for name in filters.__all__ if isinstance(getattr(filters, name, None), filters.Filter)]
KINDS = [("float32", 1), ("uint8", 3)]


def first_call(name, dtype, channels, target):
    """Give a call of a filter on a picture whose sides are no multiples of blocks."""
    return find(name, Wanted(dtype, channels, 45, 67, target=target, parameters=SETTINGS.get(name, {})))[0]


def for_opencl(call):
    """Give the programs of a call, lowered."""
    target = targets.resolve("x86-64-linux-opencl")
    return [pipeline.lower(each.request["program"], Schedule(), target) for each in programs(call.run)]


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_in_full_is_kernels(name):
    """Of its updates, too: one that is left out is a loop of the CPU's over pixels, a kernel for each."""
    for lowered in for_opencl(first_call(name, "float32", 1, "host")):
        kernels = {op.stage for op in lowered.ops if op.directive in ("gpu_tile", "gpu_blocks")}
        placed = [op for op in lowered.ops if op.directive in ("compute_root", "compute_at")]
        full = {op.stage for op in placed if op.arguments[-1:] in ((), ("level",))}
        for stage in full:
            if {"x", "y"} <= set(lowered.stages.loops[stage]):
                updates = range(lowered.stages.funcs[stage].num_update_definitions())
                assert {stage, *(f"{stage}.update({i})" for i in updates)} <= kernels


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_filter_gives_what_the_same_lowering_gives_on_the_cpu(name, dtype, channels):
    """Which is the plain one, but that sums slide where they do by the CPU's own."""
    call = first_call(name, dtype, channels, "host-opencl")
    found = call.run()
    slides = any("sliding" in note for lowered in for_opencl(call) for note in lowered.notes.values())
    # What slides is chosen by the width of vectors; where nothing does, a CPU without tables in registers will do.
    call = first_call(name, dtype, channels, "host" if slides else "x86-64-linux")
    with trying({} if slides else {each.key: Schedule(PLAIN) for each in programs(call.run)}):
        wanted = call.run()
    for one, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (found, wanted)), strict=True):
        difference = np.abs(one.astype(np.float64) - other)
        if dtype == "uint8":
            assert difference.max() <= 1 and (difference > 0).mean() < 0.01
        else:
            assert difference.max() <= FLOATS * np.ptp(other)


@pytest.mark.skipif(assembler() is None, reason="no ptxas; the wheel that tests install is for Linux on x86-64")
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_no_kernel_for_cuda_spills_registers(name, dtype, channels, tmp_path):
    target = targets.resolve("x86-64-linux-avx2-cuda-cuda_capability_80")
    for program in programs(first_call(name, dtype, channels, "host").run):
        request = {**program.request, "target": target, "show": "device", "name": "code"}
        text = compile.obtain(request, program.label, keep=False)[1].meta["text"]
        for said in assembled(text, tmp_path):
            spills = re.findall(r"(\d+) bytes spill stores", said)
            assert len(spills) == text.count(".visible .entry")
            assert set(spills) == {"0"}


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("border", ["reflect101", "wrap", "constant"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (40, 9)])
def test_pyramids_of_any_size_and_border(shape, border):
    image = np.random.default_rng(5).random(shape, dtype=np.float32)
    options = {"sigma": 0.2, "levels": 3, "border": border, "border_value": 0.3}
    found = filters.local_laplacian(image, target="host-opencl", **options)
    np.testing.assert_allclose(found, filters.local_laplacian(image, **options), atol=1e-4)  # another order of sums


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("extrapolation", ["linear", "none", "curve"])
@pytest.mark.parametrize("criterion", ["l2", "frequency"])
def test_tables_of_small_pixels(criterion, extrapolation):
    image = IMAGES["gray"]
    small = np.ascontiguousarray(image[::4, ::4])
    options = {"criterion": criterion, "extrapolation": extrapolation}
    found = filters.local_lut_upsample(image, small, 255 - small, target="host-opencl", **options)
    wanted = filters.local_lut_upsample(image, small, 255 - small, schedule=Schedule(PLAIN), **options)
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert any("tables of 256 entries in memory" in note for note in dsl.compiled()[-1].notes)


@pytest.mark.gpu
@opencl
@pytest.mark.parametrize("base", ["joint_bilateral", "gaussian", "guided"])
def test_levels_of_guides_are_kernels_one_after_another(base):
    image = IMAGES["gray"]
    guides = [image, np.ascontiguousarray(image[::-1])]
    options = {"sigma_space": 2, "sigma_range": 30.0, "method": "decomposed", "base": base, "guide_levels": 3}
    found = filters.multilateral(image, guides, target="host-opencl", **options)
    notes = [note for each in dsl.compiled() for note in each.notes]
    assert any("level by level (a thread each pixel, opencl)" in note for note in notes)
    assert np.abs(found.astype(int) - filters.multilateral(image, guides, **options)).max() <= 1


def test_the_command_shows_the_code_of_a_device(tmp_path):
    script = tmp_path / "twice.py"
    script.write_text("import dsl\n@dsl.filter\ndef twice(src: dsl.Image) -> dsl.Image:\n    return 2 * src\n")
    run = CliRunner().invoke(commands.app, ["show", str(script), "--as", "device", "--target", "x86-64-linux-opencl"])
    assert run.exit_code == 0, run.output
    assert "__kernel" in run.output


def test_the_runtime_has_a_constructor_for_each_interface():
    machine = "-".join(targets.host().split("-")[:3])
    entry = compile.obtain_runtime(targets.host())
    names = entry.meta["constructors"]
    assert all(any(interface in name for name in names) for interface in targets.interfaces(machine))
    exported = {symbol.name for symbol in elf.symbols(entry.objects[0])}
    assert set(names) <= exported


@pytest.mark.parametrize("name", ["vulkan", "metal", "d3d12compute", "webgpu"])
def test_interfaces_without_a_runtime_are_refused_by_name(name):
    with pytest.raises(TargetError, match=f"no GPU code is made for {name}"):
        native_target(f"x86-64-linux-{name}")
    assert targets.interfaces("x86-64-linux") == ("cuda", "opencl")
