"""Filters with several outputs: the pixels of as many filters with one, in one loop nest."""

import ctypes
import json
import runpy
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from typer.testing import CliRunner

import dsl
from dsl import commands, library
from dsl.ir import Program

RNG = np.random.default_rng(7)
COLOR = (RNG.random((45, 67, 3)) * 255).astype(np.float32)
BATCH = (RNG.random((2, 21, 33, 2)) * 255).astype(np.uint8)


def bank(*functions):
    """Make one filter of what functions of an image (and a number) make, and a filter of each."""
    kind = dsl.Color if "Color" in functions[0].__name__ else dsl.Image

    def single(function):
        def one(src: kind, s: dsl.Scalar = 2.0) -> dsl.Image:
            return function(src, s)

        return dsl.filter(one)

    def several(src: kind, s: dsl.Scalar = 2.0) -> tuple[dsl.Image, ...]:
        return tuple(function(src, s) for function in functions)

    return dsl.filter(several), [single(function) for function in functions]


def _blurred(src, s):
    return dsl.convolve(src, dsl.gaussian(s))


def _rest(src, s):
    return src - _blurred(src, s)


def _wider(src, s):
    return dsl.convolve(src, dsl.gaussian(3 * s + 0.5))


def _largest(src, s):
    return dsl.window(src, 1, "max")


def _closed(src, s):
    return dsl.window(_largest(src, s), (1, 2), "min")


def _same(src, s):
    return src


def _constant(src, s):
    return src * 0 + 7


def _softer(src, s):
    levels = dsl.laplacian_pyramid(src, 2)
    return dsl.collapse([levels[0], levels[1] * s, levels[2]])


def _finest(src, s):
    return dsl.laplacian_pyramid(src, 2)[0] + s


def _gray_of_Color(src, s):  # noqa: N802 (tells bank that the image has colours)
    r, g, b = src.channels
    mean = (r + g + b) / 3
    return dsl.stack(mean, mean, mean)


def _turned(src, s):
    r, g, b = src.channels
    return dsl.stack(g, b, r) + s


BANKS = {
    "a stencil is shared": (_blurred, _rest),
    "two widths": (_blurred, _wider),
    "one is read by another's stencil": (_largest, _closed, _rest),
    "alike": (_largest, _same, _largest, _constant, _constant),
    "a list of one": (_closed,),
    "pyramids": (_softer, _finest),
    "colours": (_gray_of_Color, _turned, _largest, _turned),
}


@pytest.fixture(scope="module")
def made():
    return {name: bank(*functions) for name, functions in BANKS.items()}


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "float32") for name in BANKS), ("a stencil is shared", "uint8"), ("colours", "uint8")]
)
@pytest.mark.parametrize("border", ["reflect101", "constant"])
def test_the_pixels_are_those_of_single_filters(made, name, dtype, border):
    several, singles = made[name]
    image = COLOR.astype(dtype)
    for s in (0.6, 6.0):
        results = several(image, s, border=border, border_value=9)
        assert type(results) is tuple
        assert len(results) == len(singles)
        for result, single in zip(results, singles, strict=True):
            assert (result.shape, result.dtype) == (image.shape, image.dtype)
            assert np.array_equal(result, single(image, s, border=border, border_value=9))


def test_direct_sums_too(made):
    several, singles = made["two widths"]
    schedule = dsl.tracing.Schedule({"convolve": "direct"})
    results = several(COLOR, 1.5, schedule=schedule)
    assert all(map(np.array_equal, results, [single(COLOR, 1.5, schedule=schedule) for single in singles]))


LAYOUTS = {
    "gray": COLOR[..., 0].copy(),
    "strided": COLOR[::2, 3:-5],
    "every other pixel": COLOR[:, ::2],
    "planes": np.moveaxis(np.ascontiguousarray(np.moveaxis(COLOR, -1, 0)), 0, -1),
    "rows reversed": COLOR[::-1],
    "batch": BATCH,
    "batch of planes": np.moveaxis(np.ascontiguousarray(np.moveaxis(BATCH, -1, 1)), 1, -1),
    "no image": BATCH[:0],
}


@pytest.mark.parametrize(
    ("name", "layout"), [*(("a stencil is shared", layout) for layout in LAYOUTS), ("pyramids", "batch")]
)
def test_any_layout_of_images_and_results(made, name, layout):
    several, singles = made[name]
    image = LAYOUTS[layout]
    expected = [single(image) for single in singles]
    assert all(map(np.array_equal, several(image), expected))
    padded = [np.full((*image.shape[:-1], image.shape[-1] + i), 9, image.dtype) for i in range(len(singles))]
    outs = tuple(array[..., : image.shape[-1]] for array in padded)  # each lies otherwise
    results = several(image, out=outs)
    assert all(result is out for result, out in zip(results, outs, strict=True))
    assert all(map(np.array_equal, results, expected))
    assert all(np.all(array[..., image.shape[-1] :] == 9) for array in padded)


@pytest.mark.parametrize("planar", [False, True])
def test_colours_leave_other_channels_alone_in_every_output(made, planar):
    several, singles = made["colours"]
    image = np.concatenate([COLOR, COLOR[..., :1]], axis=-1)
    image = np.moveaxis(np.ascontiguousarray(np.moveaxis(image, -1, 0)), 0, -1) if planar else image
    for out in (None, [np.empty(image.shape, image.dtype) for _ in singles]):
        for result, single in zip(several(image, out=out), singles, strict=True):
            assert np.array_equal(result, single(image))
            assert np.array_equal(result[..., 3], image[..., 3])


# ------------------------------------------------------------------------------------------------------ out


def test_results_may_lie_among_one_another_if_they_do_not_overlap(made):
    several, singles = made["a stencil is shared"]
    memory = np.zeros((45, 67, 6), np.float32)
    several(COLOR, out=(memory[..., :3], memory[..., 3:]))
    assert np.array_equal(memory, np.concatenate([single(COLOR) for single in singles], axis=-1))


def _filled(count=2, shape=COLOR.shape, dtype=np.float32):
    return [np.full(shape, 7, dtype) for _ in range(count)]


def _overlapping():
    memory = np.full((46, 67, 3), 7, np.float32)
    return memory[1:], memory[:-1]


OUTS = {
    "an array": (TypeError, lambda: _filled()[0], "out must be a tuple of 2 numpy arrays, not ndarray"),
    "too few": (ValueError, lambda: _filled(1), "out has 1 arrays; 2 are needed"),
    "not all arrays": (TypeError, lambda: [_filled()[0], [7]], r"out\[1\] must be a numpy array, not list"),
    "shape": (ValueError, lambda: _filled(shape=(45, 67)), r"out\[0\] has shape \(45, 67\)"),
    "dtype": (ValueError, lambda: _filled(1) + _filled(1, dtype=np.uint8), r"out\[1\] has .* dtype uint8"),
    "twice": (ValueError, lambda: _filled(1) * 2, r"out\[0\] and out\[1\] overlap"),
    "overlapping": (ValueError, _overlapping, r"out\[0\] and out\[1\] overlap"),
    "the input": (ValueError, lambda: [*_filled(1), COLOR], r"out\[1\] overlaps an input"),
}


@pytest.mark.parametrize(("kind", "make", "said"), OUTS.values(), ids=OUTS)
def test_a_wrong_out_is_refused_and_left_as_it_is(made, kind, make, said):
    outs = make()
    with pytest.raises(kind, match=said):
        made["a stencil is shared"][0](COLOR, out=outs)
    assert all(np.all(np.asarray(out) == 7) for out in outs if out is not COLOR)


# ------------------------------------------------------------------------------------------------- programs


def test_programs_print_and_go_to_json_and_back(made):
    several, singles = made["a stencil is shared"]
    program = several.trace().program
    assert several.source().splitlines()[-1] == "return %3, %4"
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert (again, again.digest()) == (program, program.digest())
    assert program.digest() != singles[0].trace().program.digest()
    assert made["alike"][0].trace().program.outputs == (1, 0, 1, 5, 5)
    assert made["a list of one"][0].trace().program == made["a list of one"][1][0].trace().program


def test_the_halo_is_the_largest(made):
    several, singles = made["two widths"]
    assert several.halo(s=2.0) == singles[1].halo(s=2.0) > singles[0].halo(s=2.0)

    @dsl.filter
    def crossed(src: dsl.Image) -> tuple[dsl.Image, ...]:
        return src[3, 0], src[0, 2]

    assert crossed.halo() == (3, 2)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda src: (), "f returns nothing: it must return an Image"),
        (lambda src: (src, None), "f returns nothing"),
        (lambda src: [src, 1], r"f must return an Image, 1 \(int\) came"),
        (lambda src: dsl.gaussian_pyramid(src, 1), "an image of its input's size, an Image at pyramid level 1 came"),
        (lambda src: (src, dsl.stack(src, src)), "no channels like its first image, an Image with 2 channels came"),
    ],
)
def test_mistakes_are_told_as_for_one_output(result, said):
    def f(src: dsl.Image) -> tuple[dsl.Image, ...]:
        return result(src)

    with pytest.raises(dsl.DSLError, match=said):
        dsl.filter(f).trace()


# ------------------------------------------------------------------------------------- libraries, commands

SCRIPT = """\
import dsl

@dsl.filter
def parted(src: dsl.Image, out1: dsl.Scalar = 2.0) -> tuple[dsl.Image, ...]:
    smooth = dsl.convolve(src, dsl.gaussian(out1))
    return smooth, src - smooth + 128
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_a_library_gives_all_outputs(script, tmp_path):
    parted = commands.load(script)["parted"]
    files = parted.build(tmp_path, dtype="uint8")
    assert library.names(parted, 2)["scalars"] == ["out1_"]
    text = " ".join(files["header"].read_text().split())
    assert "uint8_t *out0, int64_t out0_stride, uint8_t *out1, int64_t out1_stride, int32_t width" in text
    if "shared" not in files:
        pytest.skip("no linker")
    image = COLOR.astype(np.uint8)
    entry = ctypes.CDLL(files["shared"])
    results = [np.zeros_like(image), np.zeros_like(image)]
    stride, numbers = ctypes.c_int64(67 * 3), (67, 45, 3, ctypes.c_float(4), 0, ctypes.c_float(0), 0)
    source, first, second = (ctypes.c_void_p(a.ctypes.data) for a in (image, *results))
    assert entry.parted(source, stride, first, stride, second, stride, *numbers) == 0
    assert all(map(np.array_equal, results, parted(image, 4.0)))
    assert entry.parted(source, stride, first, stride, None, stride, *numbers) == -1
    entry.parted_last_error.restype = ctypes.c_char_p
    assert entry.parted_last_error() == b"parted: out1 is NULL"


@pytest.mark.parametrize("channels", [3, 4])
def test_run_writes_a_numbered_file_for_each(script, tmp_path, channels):
    image = np.concatenate([COLOR, COLOR[..., :1]], axis=-1)[..., :channels].astype(np.uint8)
    imageio.imwrite(tmp_path / "in.png", image)
    done = CliRunner().invoke(commands.app, ["run", str(script), str(tmp_path / "in.png"), str(tmp_path / "o.png")])
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [str(tmp_path / f"o_{i}.png") for i in (0, 1)]
    for i, expected in enumerate(commands.load(script)["parted"](image[..., :3])):
        written = imageio.imread(tmp_path / f"o_{i}.png")
        assert np.array_equal(written[..., :3], expected)
        assert np.array_equal(written[..., 3:], image[..., 3:])
    assert not (tmp_path / "o.png").exists()


def test_the_gradient_of_the_docs():
    """The example is what the page shows, and gives the slope of a smooth image."""
    docs = Path(__file__).parents[2] / "docs"
    code = (docs / "examples" / "gradient.py").read_text(encoding="utf-8")
    assert f"```python\n{code[code.index('import math') :].strip()}\n```" in (docs / "kernels.md").read_text(
        encoding="utf-8"
    )
    names = runpy.run_path(str(docs / "examples" / "gradient.py"))
    y, x = np.mgrid[:90, :80].astype(np.float32)
    down, across = names["gradient"](3 * x - 2 * y + 200, border="replicate")
    inside = np.s_[25:-25, 25:-25]
    # A ramp keeps its slope: a fit keeps the first moment of an odd kernel, and the sum of an even one, whose weights
    # as written sum to 1 but for 1e-8; float32 leaves some 1e-6 of 200.
    np.testing.assert_allclose(down[inside], -2, atol=2e-3)
    np.testing.assert_allclose(across[inside], 3, atol=2e-3)
