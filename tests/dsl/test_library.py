"""Native libraries: built from a script, used from C and by ctypes, with the pixels that Python gives."""

import ctypes
import logging
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import dsl
from dsl import commands, library
from schedules.native import archive, elf

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
LIBRARIES = ("-lm", "-lpthread", "-ldl")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
C_TYPES = {"uint8": "uint8_t", "float32": "float"}

unsharp = commands.load(EXAMPLES / "unsharp.py")["unsharp"]


@dsl.filter
def brighten(x: dsl.Image, output: dsl.Scalar, result: dsl.Scalar, t: dsl.Table, t_length: dsl.Scalar) -> dsl.Image:
    """Has parameters that are called as stages, locals and arguments of the entry are."""
    return x + output * t[0] + result * t[1] + t_length


@dsl.filter
def halved(src: dsl.Image, levels: int = 1) -> dsl.Image:
    """Takes one channel a call."""
    pyramid = dsl.laplacian_pyramid(src, levels)
    return dsl.collapse([*pyramid[:-1], pyramid[-1] * 0.5])


@dsl.filter
def gray(src: dsl.Color) -> dsl.Image:
    r, g, b = src.channels
    mean = (r + g + b) / 3
    return dsl.stack(mean, mean, mean)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Give the files of unsharp for each dtype, and those of another library."""
    folder = tmp_path_factory.mktemp("libraries")
    files = {dtype: unsharp.build(folder / dtype, dtype=dtype, channels=3) for dtype in C_TYPES}
    return {**files, "brighten": brighten.build(folder / "other", name="brighten2")}


def compiled(source: Path, output: Path, *arguments: str) -> Path:
    command = [
        COMPILER,
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        str(source),
        "-o",
        str(output),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


def example_image(dtype: str) -> np.ndarray:
    y, i = np.indices((83, 157 * 3))
    return ((7 * i + 13 * y + i * y) % 256).astype(dtype).reshape(83, 157, 3)


# ------------------------------------------------------------------------------------------------------ in C


@needs_compiler
@pytest.mark.parametrize("dtype", C_TYPES)
@pytest.mark.parametrize("kind", ["static", "shared", "object"])
def test_the_c_example_gives_the_pixels_of_python(built, tmp_path, dtype, kind):
    files = built[dtype]
    folder = files["header"].parent
    link = [str(files[kind])] if kind != "shared" else [f"-L{folder}", "-lunsharp", f"-Wl,-rpath,{folder}"]
    flags = (f"-I{folder}", f"-DPIXEL={C_TYPES[dtype]}", *link, *LIBRARIES)
    program = compiled(EXAMPLES / "unsharp.c", tmp_path / "sharpen", *flags)
    image = example_image(dtype)
    for sigma in ("0.7", "5.0", "21.5"):
        subprocess.run([program, sigma, tmp_path / "out.raw"], check=True)
        result = np.fromfile(tmp_path / "out.raw", dtype).reshape(image.shape)
        assert np.array_equal(result, unsharp(image, float(sigma), 1.5))


TWO = """\
#include <stdio.h>
#include "brighten2.h"
#include "unsharp.h"

int main(void) {
    float image[6] = {1, 2, 3, 4, 5, 6}, result[6], table[2] = {10, 100};
    uint8_t bytes[6] = {7, 7, 7, 7, 7, 7}, sharp[6];
    if (brighten2(image, 3, result, 3, 3, 2, 1, table, 2, 1, 2, 5, 0, 0, 0)) return 1;
    if (unsharp(bytes, 3, sharp, 3, 3, 2, 1, 2, 1, 0, 0, 0)) return 2;
    if (unsharp(NULL, 3, sharp, 3, 3, 2, 1, 2, 1, 0, 0, 0) == 0) return 3;
    if (brighten2_last_error()[0]) return 4;
    printf("%g %g %d %s\\n", result[0], result[5], sharp[5], unsharp_last_error());
    return 0;
}
"""


@needs_compiler
@pytest.mark.parametrize("kind", ["static", "shared", "object"])
@pytest.mark.parametrize("turned", [False, True])
def test_two_libraries_go_into_one_program(built, tmp_path, kind, turned):
    pair = [built["uint8"], built["brighten"]][:: -1 if turned else 1]
    (tmp_path / "two.c").write_text(TWO)
    flags = [f"-I{files['header'].parent}" for files in pair] + [str(files[kind]) for files in pair]
    flags += [f"-Wl,-rpath,{files['header'].parent}" for files in pair]
    program = compiled(tmp_path / "two.c", tmp_path / "two", *flags, *LIBRARIES)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "216 221 7 unsharp: src is NULL\n"


@pytest.mark.skipif(shutil.which("nm") is None, reason="no nm")
def test_only_two_functions_are_exported(built):
    for files, name in ((built["uint8"], "unsharp"), (built["brighten"], "brighten2")):
        if "shared" not in files:
            pytest.skip("no linker")
        listed = subprocess.run(
            ["nm", "-D", "--defined-only", files["shared"]], capture_output=True, text=True, check=True
        )
        assert [line.split()[-1] for line in listed.stdout.splitlines()] == [name, f"{name}_last_error"]


# --------------------------------------------------------------------------------------------- through ctypes


def call(files, image, result, *, sigma=2.0, threads=0, **changed):
    """Call a library with sound arguments but for the changed ones."""
    entry = ctypes.CDLL(files["shared"])
    height, width = image.shape[:2]
    given = {
        "src": image.ctypes.data_as(ctypes.c_void_p),
        "src_stride": ctypes.c_int64(image.strides[0] // image.itemsize),
        "out": result.ctypes.data_as(ctypes.c_void_p),
        "out_stride": ctypes.c_int64(result.strides[0] // result.itemsize),
        "width": width,
        "height": height,
        "channels": image.shape[2] if image.ndim > 2 else 1,
        "sigma": ctypes.c_float(sigma),
        "amount": ctypes.c_float(1.5),
        "border": 0,
        "border_value": ctypes.c_float(0),
        "threads": threads,
    }
    assert set(changed) <= set(given)
    status = entry.unsharp(*{**given, **changed}.values())
    entry.unsharp_last_error.restype = ctypes.c_char_p
    return status, entry.unsharp_last_error().decode()


@pytest.fixture
def loadable(built):
    if "shared" not in built["uint8"]:
        pytest.skip("no linker")
    return built


MISTAKES = {
    "input": ({"src": None}, "unsharp: src is NULL"),
    "output": ({"out": None}, "unsharp: out is NULL"),
    "width": ({"width": 0}, "unsharp: width must be at least 1"),
    "height": ({"height": -3}, "unsharp: height must be at least 1"),
    "channels": ({"channels": 0}, "unsharp: channels must be at least 1"),
    "border": (
        {"border": 5},
        "unsharp: border must be one of 0 reflect101, 1 reflect, 2 replicate, 3 wrap, 4 constant",
    ),
    "negative border": ({"border": -1}, "unsharp: border must be one of 0 reflect101"),
}


@pytest.mark.parametrize(("change", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_give_a_code_and_a_text_and_write_nothing(loadable, change, said):
    image = example_image("uint8")
    result = np.full_like(image, 9)
    status, text = call(loadable["uint8"], image, result, **change)
    assert status == -1
    assert text.startswith(said)
    assert np.all(result == 9)
    assert call(loadable["uint8"], image, result) == (0, "")


def test_any_channels_borders_strides_and_threads(loadable):
    rng = np.random.default_rng(1)
    for channels in (1, 4):
        memory = rng.integers(0, 256, (40, 61, channels), np.uint8)
        image = memory[::-1, 3:-5]  # rows from bottom to top, cropped
        for number, border in enumerate(("reflect101", "reflect", "replicate", "wrap", "constant")):
            result = np.zeros(image.shape, np.uint8)
            change = {"border": number, "border_value": ctypes.c_float(30)}
            # A library does not copy: the crop is told to it as it lies.
            status = call(loadable["uint8"], image, result, threads=1 + number, **change)
            assert status == (0, "")
            assert np.array_equal(result, unsharp(image, 2.0, border=border, border_value=30))


def test_planes_are_filtered_one_by_one_at_any_pitch(tmp_path):
    files = halved.build(tmp_path, channels=3, levels=2)
    assert "1, a call filters one; pixels are 3 elements apart" in files["header"].read_text()
    if "shared" not in files:
        pytest.skip("no linker")
    image = np.random.default_rng(2).random((37, 41, 3), np.float32)
    result = np.zeros_like(image)
    entry = ctypes.CDLL(files["shared"]).halved
    stride, size = ctypes.c_int64(41 * 3), image.itemsize
    for c in range(3):
        source, target = (ctypes.c_void_p(a.ctypes.data + c * size) for a in (image, result))
        assert entry(source, stride, target, stride, 41, 37, 1, 0, ctypes.c_float(0), 0) == 0
    assert np.array_equal(result, halved(image, 2))


def test_colour_leaves_a_fourth_channel_alone(tmp_path):
    files = gray.build(tmp_path, dtype="uint8", channels=4)
    assert "3 are filtered, side by side, pixels 4 elements apart" in files["header"].read_text()
    if "shared" not in files:
        pytest.skip("no linker")
    image = example_image("uint8")[:, :152].reshape(83, 114, 4).copy()
    result = np.full_like(image, 9)
    entry = ctypes.CDLL(files["shared"]).gray
    stride = ctypes.c_int64(114 * 4)
    source, target = (a.ctypes.data_as(ctypes.c_void_p) for a in (image, result))
    assert entry(source, stride, target, stride, 114, 83, 3, 0, ctypes.c_float(0), 0) == 0
    assert np.array_equal(result[..., :3], gray(image)[..., :3])
    assert np.all(result[..., 3] == 9)


# ------------------------------------------------------------------------------------------------------ files


def test_the_header_has_the_names_of_the_parameters(built):
    text = built["uint8"]["header"].read_text()
    for declared in (
        "const uint8_t *src",
        "int64_t src_stride",
        "uint8_t *out",
        "float sigma",
        "float amount",
    ):
        assert declared in text
    assert "Unsharp masking." in text
    assert library.names(brighten)["scalars"] == ["output", "result_", "t_length_"]


@needs_compiler
def test_the_header_is_one_for_c_and_for_cpp(built, tmp_path):
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler")
    for files in built.values():
        source = tmp_path / "header.cpp"
        source.write_text(f'#include "{files["header"].name}"\n')
        include = f"-I{files['header'].parent}"
        subprocess.run(["c++", "-Wall", "-Werror", include, "-c", source, "-o", tmp_path / "h.o"], check=True)


@pytest.mark.parametrize("name", ["", "2d", "a-b", "a b", "größe", "int", "class", "halide_free", "hf_error", "a;b"])
def test_a_name_must_be_one_in_c(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        unsharp.build(tmp_path / "out", name=name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"dtype": "float64"}, ValueError, "dtype must be one of uint8, uint16, float32, not 'float64'"),
        ({"channels": 0}, ValueError, "channels must be an int from 1 to 32, not 0"),
        ({"channels": 3.0}, ValueError, "channels must be an int"),
        ({"target": "x86-64-windows"}, ValueError, "libraries are built for linux and osx"),
        ({"target": "host-vulkan"}, ValueError, "GPU"),
        ({"target": "vax"}, ValueError, "target 'vax'"),
        ({"schedule": "best"}, ValueError, "schedule must be"),
        ({"level": 3}, TypeError, "no structural parameter 'level'; it has none"),
    ],
)
def test_options_that_are_not_accepted(tmp_path, options, kind, said):
    with pytest.raises(kind, match=said):
        unsharp.build(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_parameter_without_a_name_in_c_is_refused(tmp_path):
    @dsl.filter
    def blur(src: dsl.Image, σ: dsl.Scalar) -> dsl.Image:
        return dsl.convolve(src, dsl.gaussian(σ))

    with pytest.raises(ValueError, match="blur: parameter σ has no name in C"):
        blur.build(tmp_path)


MACHINES = {"x86-64-linux-sse41": 62, "x86-64-linux-avx2-fma": 62, "arm-64-linux": 183}


@pytest.mark.parametrize("target", MACHINES)
def test_builds_for_other_machines(tmp_path, target):
    files = unsharp.build(tmp_path, target=target)
    assert {"header", "static", "object"} <= set(files)
    data = files["object"].read_bytes()
    assert elf.is_elf(data)
    assert int.from_bytes(data[18:20], "little") == MACHINES[target]
    assert files["static"].read_bytes().startswith(b"!<arch>\n")
    assert "-".join(target.split("-")[:3]) in files["header"].read_text()


def test_without_a_linker_there_is_a_static_library_and_a_message(tmp_path, monkeypatch, caplog):
    (tmp_path / "libbrighten.so").write_text("of an earlier build")
    monkeypatch.setattr(library.shutil, "which", lambda program: None)
    with caplog.at_level(logging.WARNING, "halide_filters"):
        files = brighten.build(tmp_path)
    assert set(files) == {"header", "static", "object"}
    assert "libbrighten.so was not made" in caplog.text
    assert "no C compiler or linker was found (cc, gcc, clang, ld.lld, ld)" in caplog.text
    parts = {"brighten.o", "brighten_pipeline.o", "brighten_runtime.o", "brighten_hooks.o"}
    assert {file.name for file in tmp_path.iterdir()} == {"brighten.h", "libbrighten.a"} | parts
    monkeypatch.undo()
    if COMPILER:  # with one, the object is whole and the parts are gone
        brighten.build(tmp_path)
        names = {"brighten.h", "libbrighten.a", "libbrighten.so", "brighten.o"}
        assert {file.name for file in tmp_path.iterdir()} == names


def test_nothing_is_left_of_a_build_that_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(library, "_link", fail)
    with pytest.raises(OSError, match="disk full"):
        brighten.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------ objects, archives


@pytest.fixture(scope="module")
def member(built):
    """Give an object from a static library, and its name there."""
    data = built["uint8"]["static"].read_bytes()
    start = data.index(b"\x7fELF")
    size = int(data[start - 12 : start - 2])
    return data[start : start + size]


def test_symbols_of_an_object(member):
    found = {symbol.name: symbol.hidden for symbol in elf.symbols(member)}
    assert found["unsharp_pipeline"]
    assert not {symbol.name for symbol in elf.symbols(elf.hide(member, found)) if not symbol.hidden}


def test_hiding_twice_changes_nothing(member):
    assert elf.hide(member, ()) == member
    assert elf.modern_constructors(member) == member


def test_constructors_run_with_every_linker(built):
    assert b".init_array" in built["uint8"]["static"].read_bytes()
    assert b"\0.ctors\0" not in built["uint8"]["object"].read_bytes()


@pytest.mark.skipif(shutil.which("ar") is None, reason="no ar")
def test_an_archive_is_one_for_ar(member, tmp_path):
    members = {"short.o": member, "a_name_that_is_longer_than_fits_in_a_header.o": member[:-1] + b"\1\2"}
    (tmp_path / "lib.a").write_bytes(archive.pack(members))
    subprocess.run(["ar", "x", "lib.a"], cwd=tmp_path, check=True)
    assert {name: (tmp_path / name).read_bytes() for name in members} == members
    assert archive.pack(members) == archive.pack(dict(members))


def test_what_is_no_elf_object_is_refused():
    with pytest.raises(ValueError, match="ELF"):
        elf.symbols(b"MZ" + bytes(100))
