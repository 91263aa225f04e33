"""Levels of guides: any base filter goes through them, and what comes out is what numpy's loops give."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import dsl
from filters import reference
from schedules.schedule import Schedule

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
RULE = {"border": "reflect101", "border_value": 0.0}
BINOMIAL = np.array([0.0625, 0.25, 0.375, 0.25, 0.0625])
DISC = np.array([[0.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 0.0]])
#: Values 0 to 255 of float32, in sums of some dozens of products.
CLOSE = 2e-4

rng = np.random.default_rng(6)
IMAGE, DEPTH, OTHER = (rng.uniform(0, 255, (37, 51)).astype(np.float32) for _ in range(3))
COLOUR = rng.uniform(0, 255, (37, 51, 3)).astype(np.float32)
FIRST, SECOND = np.float32([20, 90, 130, 220]), np.float32([10, 240])

#: A linear filter of planes, which are so much outside under "constant".
Base = Callable[[Any, float], Any]


def decomposed(
    image: Any, guides: Sequence[Any], sigmas: Sequence[float], levels: Sequence[Any], base: Base, outside: float = 0.0
) -> Any:
    """The definition in dsl.decompose's docstring, one combination of levels after another, in float64."""
    image, total = image.astype(np.float64), np.zeros(image.shape)
    for at in itertools.product(*(range(len(each)) for each in levels)):
        weight, beyond, share = np.ones(image.shape[:2]), 1.0, np.ones(image.shape[:2])
        for guide, sigma, each, i in zip(guides, sigmas, levels, at, strict=True):
            weight *= np.exp(-((guide - each[i]) ** 2) / (2 * sigma**2))
            beyond *= np.exp(-((outside - each[i]) ** 2) / (2 * sigma**2))
            share *= np.interp(guide, each, np.eye(len(each))[i])
        planes = image.reshape(*image.shape[:2], -1)
        for c in range(planes.shape[2]):
            totals, weights = base(weight * planes[..., c], beyond * outside), base(weight, beyond)
            found = planes[..., c] + (totals - planes[..., c] * weights) / np.maximum(weights, 1e-4)
            total.reshape(planes.shape)[..., c] += share * found
    return total


def smooth(image: dsl.Image) -> dsl.Image:
    return dsl.convolve(image, dsl.kernel(BINOMIAL))


def pyramid(image: dsl.Image) -> dsl.Image:
    first, *_, last = dsl.gaussian_pyramid(image, 2)
    return dsl.up(dsl.up(last, dsl.down(first)), first)


def disc(image: dsl.Image) -> dsl.Image:
    return dsl.weighted_mean(image[dsl.taps(DISC)])


def sharp(image: dsl.Image) -> dsl.Image:
    """Stencils of two kinds one after another, with arithmetic between."""
    mean = dsl.convolve(image, dsl.box(2))
    return 0.5 * dsl.window(mean, 1, "sum") / 9 + 0.5 * mean[0, 1]


def by_smooth(plane: Any, outside: float, border: str = "reflect101") -> Any:
    return reference.convolve(plane, BINOMIAL, border=border, border_value=outside)


def by_pyramid(plane: Any, outside: float, border: str = "reflect101") -> Any:
    rule = {"border": border, "border_value": outside}
    once = reference.down(plane, **rule)
    return reference.up(reference.up(reference.down(once, **rule), once.shape, **rule), plane.shape, **rule)


def by_disc(plane: Any, outside: float, border: str = "reflect101") -> Any:
    return reference.convolve(plane, DISC / DISC.sum(), border=border, border_value=outside)


def by_sharp(plane: Any, outside: float, border: str = "reflect101") -> Any:
    rule = {"border": border, "border_value": outside}
    mean = reference.box(plane, 2, **rule)
    shifted = reference.convolve(mean, np.array([[1.0, 0, 0]]), **rule)
    return 0.5 * reference.box(mean, 1, **rule) + 0.5 * shifted


BASES: dict[str, tuple[Any, Any]] = {
    "smooth": (smooth, by_smooth),
    "pyramid": (pyramid, by_pyramid),
    "disc": (disc, by_disc),
    "sharp": (sharp, by_sharp),
}


@dsl.filter
def by_depth(src: dsl.Image, depth: dsl.Image, scale: dsl.Scalar, levels: dsl.Table, base: str = "smooth") -> dsl.Image:
    return dsl.decompose(BASES[base][0], src, [depth], [scale], [levels])


@dsl.filter
def by_two(src: dsl.Color, a: dsl.Image, b: dsl.Image, scales: dsl.Table, la: dsl.Table, lb: dsl.Table) -> dsl.Image:
    return dsl.decompose(smooth, src, [a, b], [scales[0], scales[1]], [la, lb])


@dsl.filter
def by_pyramids(
    src: dsl.Image, a: dsl.Image, b: dsl.Image, c: dsl.Image, scales: dsl.Table, la: dsl.Table, lb: dsl.Table,
    lc: dsl.Table,
) -> dsl.Image:  # fmt: skip
    return dsl.decompose(pyramid, src, [a, b, c], [scales[0], scales[1], scales[2]], [la, lb, lc])


# ------------------------------------------------------------------------------------------------------- decompose


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("base", BASES)
def test_a_base_of_ones_own(base: str, border: str) -> None:
    rule = {"border": border, "border_value": 77.0}
    for size in (np.s_[:, :], np.s_[:1, :1], np.s_[:2, :9]):
        image, depth = (np.ascontiguousarray(each[size]) for each in (IMAGE, DEPTH))
        for levels in (FIRST, FIRST[1:2]):  # their number is given at run time; beyond the outermost are these
            found = by_depth(image, depth, 1 / 40, levels, base=base, **rule)
            by = BASES[base][1]
            wanted = decomposed(image, [depth], [40], [levels], lambda p, v, by=by: by(p, v, border), 77.0)
            assert np.abs(found - wanted).max() < CLOSE, (size, levels)


def test_two_guides_beside_a_colour() -> None:
    for scales in ((1 / 40, 1 / 60), (1 / 40, 0)):  # a scale of nought: a guide that does not count
        found = by_two(COLOUR, DEPTH, OTHER, scales, FIRST, SECOND)
        sigmas = [1 / max(scale, 1e-9) for scale in scales]
        wanted = decomposed(COLOUR, [DEPTH, OTHER], sigmas, [FIRST, SECOND], by_smooth)
        assert np.abs(found - wanted).max() < CLOSE
    one = by_two(COLOUR, DEPTH, OTHER, (1 / 40, 1 / 60), FIRST, SECOND, threads=1)
    assert np.array_equal(by_two(COLOUR, DEPTH, OTHER, (1 / 40, 1 / 60), FIRST, SECOND, threads=2), one)


@pytest.mark.parametrize("border", ["reflect101", "reflect", "wrap", "constant"])
def test_several_tiles_and_batches_of_levels(border: str) -> None:
    """Of an image that is many tiles large, whose pixels lie next to few of more levels than are kept in memory."""
    height, width = 131, 613
    image = rng.uniform(0, 255, (height, width)).astype(np.float32)
    across, down = np.linspace(0, 250, width), np.linspace(0, 250, height)[:, None]
    guides = [(ramp + rng.uniform(0, 5, image.shape)).astype(np.float32) for ramp in (across, down, 250 - across)]
    levels = [np.linspace(low, 255, count, dtype=np.float32) for low, count in ((0, 7), (10, 5), (40, 2))]
    rule = {"border": border, "border_value": 77.0}
    found = by_pyramids(image, *guides, (1 / 40, 1 / 60, 1 / 90), *levels, **rule)
    wanted = decomposed(image, guides, [40, 60, 90], levels, lambda p, v: by_pyramid(p, v, border), 77.0)
    assert np.abs(found - wanted).max() < CLOSE
    assert np.array_equal(by_pyramids(image, *guides, (1 / 40, 1 / 60, 1 / 90), *levels, threads=1, **rule), found)


def test_a_constant_stays() -> None:
    for base in BASES:
        flat = np.full_like(IMAGE, 200)
        rule = {"border": "constant", "border_value": 200.0}
        # Of running sums, as that of boxes, what was far away leaves its rounding where weights are tiny.
        close = 0.05 if base == "sharp" else 1e-3
        assert np.abs(by_depth(flat, DEPTH, 1 / 5, FIRST, base=base, **rule) - 200).max() < close


def test_bytes() -> None:
    image = np.rint(IMAGE).astype(np.uint8)
    found = by_depth(image, np.rint(DEPTH).astype(np.uint8), 1 / 40, FIRST)
    wanted = decomposed(image, [np.rint(DEPTH)], [40], [FIRST], by_smooth)
    assert found.dtype == np.uint8
    assert np.abs(found - wanted).max() < 0.5 + CLOSE


def test_chains_of_windows_at_levels_are_fused_or_separate() -> None:
    @dsl.filter
    def twice(src: dsl.Image, depth: dsl.Image, radius: dsl.Scalar, levels: dsl.Table) -> dsl.Image:
        def base(image: dsl.Image) -> dsl.Image:
            return dsl.convolve(0.5 * dsl.convolve(image, dsl.box(radius)) + 0.5 * image, dsl.box(radius))

        return dsl.decompose(base, src, [depth], [1 / 40], [levels])

    def base(plane: Any, outside: float) -> Any:
        return reference.box(0.5 * reference.box(plane, 2) + 0.5 * plane, 2)

    wanted = decomposed(IMAGE, [DEPTH], [40], [FIRST], base)
    for method in ("fused", "separate"):
        found = twice(IMAGE, DEPTH, 2, FIRST, schedule=Schedule({"windows": method}))
        assert np.abs(found - wanted).max() < CLOSE
    said = [text for kernel in dsl.compiled() if kernel.filter == "twice" for text in kernel.notes]
    assert any("windows fused" in text for text in said) and any("level by level" in text for text in said)


# -------------------------------------------------------------------------------------------- levels, interpolate


def test_levels_used_twice() -> None:
    """Two interpolations over one set of levels, one of which also takes part in the other's arithmetic."""

    @dsl.filter
    def both(src: dsl.Image, depth: dsl.Image, levels: dsl.Table) -> dsl.Image:
        at = dsl.levels(levels)
        near = dsl.interpolate(abs(src - at[0]), [depth])
        return near + dsl.interpolate(dsl.convolve(src * at[0], dsl.box(1)), [near])

    image = IMAGE.astype(np.float64) / 255
    near = between([np.abs(image - level) for level in FIRST], DEPTH)
    wanted = near + between([reference.box(image * level, 1) for level in FIRST], near)
    found = both(IMAGE / np.float32(255), DEPTH, FIRST)
    assert np.abs(found - wanted).max() < CLOSE


def test_what_two_interpolations_share() -> None:
    """Each goes through the levels by itself, with what both need."""

    @dsl.filter
    def ratio(src: dsl.Image, depth: dsl.Image, other: dsl.Image, levels: dsl.Table) -> dsl.Image:
        at = dsl.levels(levels)
        weight = dsl.exp(-0.5 * ((depth - at[0]) / 40) * ((depth - at[0]) / 40))
        mean = disc(smooth(weight * src))
        return dsl.interpolate(mean, [depth]) + 2 * dsl.interpolate(smooth(mean), [other])

    weights = [np.exp(-((DEPTH - level) ** 2) / (2 * 40.0**2)) for level in FIRST]
    means = [by_disc(by_smooth(weight * IMAGE, 0), 0) for weight in weights]
    wanted = between(means, DEPTH) + 2 * between([by_smooth(mean, 0) for mean in means], OTHER)
    assert np.abs(ratio(IMAGE, DEPTH, OTHER, FIRST) - wanted).max() < CLOSE


def between(values: Sequence[Any], guide: Any) -> Any:
    """Interpolate linearly between what is given for each of the first levels."""
    return sum(np.interp(guide, FIRST, row) * each for row, each in zip(np.eye(len(FIRST)), values, strict=True))


def test_levels_within_levels() -> None:
    """What was interpolated is an image like others: it may be decomposed again."""

    @dsl.filter
    def again(src: dsl.Image, depth: dsl.Image, levels: dsl.Table, others: dsl.Table) -> dsl.Image:
        once = dsl.decompose(smooth, src, [depth], [1 / 40], [levels])
        return dsl.decompose(disc, once, [depth], [1 / 60], [others])

    for border in BORDERS:
        rule = {"border": border, "border_value": 77.0}

        def smoothed(plane: Any, outside: float, border: str = border) -> Any:
            return by_smooth(plane, outside, border)

        def averaged(plane: Any, outside: float, border: str = border) -> Any:
            # What is outside of the first result: the first filter of what is outside.
            beyond = decomposed(np.full((1, 1), 77.0), [np.full((1, 1), 77.0)], [40], [FIRST], smoothed, 77.0)
            return by_disc(plane, outside / 77.0 * beyond.item() if outside > 1 else outside, border)

        once = decomposed(IMAGE, [DEPTH], [40], [FIRST], smoothed, 77.0)
        wanted = decomposed(once, [DEPTH], [60], [SECOND], averaged, 77.0)
        assert np.abs(again(IMAGE, DEPTH, FIRST, SECOND, **rule) - wanted).max() < CLOSE


def test_a_coordinate_alone_is_the_guide() -> None:
    """Linear interpolation gives a line back, within the levels."""

    @dsl.filter
    def back(src: dsl.Image, levels: dsl.Table) -> dsl.Image:
        return dsl.interpolate(2 * dsl.levels(levels)[0] + 0 * src, [src])

    assert np.abs(back(IMAGE, FIRST) - 2 * np.clip(IMAGE, 20, 220)).max() < CLOSE


# --------------------------------------------------------------------------------------------------------- mistakes

#: Body of a filter f(src, guide, sigma, curve), line 3 of its script, and what must be said about it.
BODIES = {
    "no table": ("return src * dsl.levels()[0]", "levels: "),
    "an image for a table": ("return src * dsl.levels(src)[0]", "levels: "),
    "no coordinate": ("return dsl.interpolate(dsl.levels(curve)[1] * src, [guide])", "coordinate 1 of levels"),
    "no int": ("return src * dsl.levels(curve)['a']", "a coordinate of levels is levels[k] with an int"),
    "a negative coordinate": (
        "return dsl.interpolate(dsl.levels(curve)[-1] * src, [guide])",
        "coordinate -1 of levels",
    ),
    "levels as an operand": ("return src + dsl.levels(curve)", "an Image or a Scalar is needed, "),
    "what varies is returned": ("return src * dsl.levels(curve)[0]", "that varies over levels"),
    "nothing varies": (
        "return dsl.interpolate(src, [guide])",
        "interpolate: values must vary over the levels of one dsl.levels, over 0 they do",
    ),
    "two sets": (
        "return dsl.interpolate(src * dsl.levels(curve)[0] * dsl.levels(curve.part(0, 2))[0], [guide])",
        "over 2 they do",
    ),
    "too few guides": ("return dsl.interpolate(dsl.levels(curve, curve)[0] * src, [guide])", "2 guides are needed"),
    "too many guides": ("return dsl.interpolate(dsl.levels(curve)[0] * src, [guide, src])", "1 guides are needed"),
    "a guide that varies": (
        "at = dsl.levels(curve); return dsl.interpolate(at[0] * src, [at[0] + guide])",
        "guides have one channel and do not vary over levels",
    ),
    "a coarse guide": (
        "return dsl.interpolate(dsl.levels(curve)[0] * src, [dsl.down(guide)])",
        "different sizes",
    ),
    "a number for a guide": ("return dsl.interpolate(dsl.levels(curve)[0] * src, [3])", "interpolate: a guide"),
    "no guides": ("return dsl.decompose(lambda i: i, src, [], [], [])", "decompose: a scale and a table for each"),
    "no scale": (
        "return dsl.decompose(lambda i: i, src, [guide], [], [curve])",
        "1 guides, 0 scales and 1 tables came",
    ),
    "a base that gives no Image": (
        "return dsl.decompose(lambda i: 3, src, [guide], [sigma], [curve])",
        "decompose: what the base filter returns: an Image is needed, 3 (int) came",
    ),
    "a base that drops a channel": (
        "return dsl.decompose(lambda i: i.channels[0], src, [guide], [sigma], [curve])",
        "decompose: the base filter must return 2 channels as it is given, an Image",
    ),
}


@pytest.mark.parametrize(("body", "said"), BODIES.values(), ids=BODIES)
def test_mistakes_are_told_with_their_line(body: str, said: str) -> None:
    script = f"""\
        @dsl.filter
        def f(src: dsl.Image, guide: dsl.Image, sigma: dsl.Scalar, curve: dsl.Table) -> dsl.Image:
            {body}
        """
    names: dict[str, Any] = {"dsl": dsl}
    exec(compile(textwrap.dedent(script), "script.py", "exec"), names)
    with pytest.raises(dsl.DSLError) as caught:
        names["f"].trace()
    assert caught.value.filename == "script.py"
    assert caught.value.lineno == (2 if "returned" in said else 3) or said == "that varies over levels"
    assert said in str(caught.value)


# ----------------------------------------------------------------------------------------------------------- library


def test_a_library_gives_the_pixels_of_python(tmp_path: Any) -> None:
    files = by_depth.build(tmp_path, dtype="uint8", base="disc")
    if "shared" not in files or shutil.which("cc") is None:
        pytest.skip("no linker")
    image, depth = (np.rint(each).astype(np.uint8) for each in (IMAGE, DEPTH))
    result = np.zeros_like(image)
    pitch, (height, width) = ctypes.c_int64(image.strides[0]), image.shape
    source, guide, out = (each.ctypes.data_as(ctypes.c_void_p) for each in (image, depth, result))
    for border, number in (("reflect101", 0), ("constant", 4)):
        for levels in (FIRST, SECOND):
            table = levels.ctypes.data_as(ctypes.c_void_p)
            status = ctypes.CDLL(str(files["shared"])).by_depth(
                source, pitch, guide, pitch, out, pitch, width, height, 1, ctypes.c_float(1 / 40), table, len(levels),
                number, ctypes.c_float(30), 2,
            )  # fmt: skip
            assert status == 0
            wanted = by_depth(image, depth, 1 / 40, levels, base="disc", border=border, border_value=30.0)
            assert np.array_equal(result, wanted)


# ------------------------------------------------------------------------------------- convolutions at coarser levels


@dsl.filter
def coarse(src: dsl.Image, sigma: dsl.Scalar, kind: str = "gaussian", levels: int = 1) -> dsl.Image:
    kernels = {"gaussian": dsl.gaussian(sigma), "box": dsl.box(sigma), "taps": dsl.kernel(BINOMIAL)}
    *finer, last = dsl.gaussian_pyramid(src, levels)
    last = dsl.convolve(last, kernels[kind])
    for each in reversed(finer):
        last = dsl.up(last, each)
    return last


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(
    ("kind", "method", "levels"),
    [("box", "direct", 1), ("box", "sliding", 2), ("gaussian", "sliding", 1), ("gaussian", "direct", 1),
     ("taps", "direct", 2)],
)  # fmt: skip
def test_convolutions_at_coarser_levels(kind: str, method: str, levels: int, border: str) -> None:
    rule = {"border": border, "border_value": 50.0}
    for height, width in ((37, 51), (1, 1), (2, 33), (64, 3), (150, 97)):
        image = np.random.default_rng(height).uniform(0, 255, (height, width)).astype(np.float32)
        for size in (1.0, 3.0, 12.0):
            sizes, small = [], image.astype(np.float64)
            for _ in range(levels):
                sizes.append(small.shape)
                small = reference.down(small, **rule)
            if kind == "box":
                small = reference.box(small, int(size), **rule)
            else:
                samples = BINOMIAL if kind == "taps" else gaussian_samples(size)
                small = reference.convolve(small, samples, **rule)
            for shape in reversed(sizes):
                small = reference.up(small, shape, **rule)
            choices = Schedule({"convolve": method})
            found = coarse(image, size, kind=kind, levels=levels, schedule=choices, **rule)
            # Sliding Gaussians of three terms are some 55 dB from the sampled one, direct ones are cut as early.
            close = (1.0 if method == "sliding" else 0.1) if kind == "gaussian" else 1e-3
            assert np.abs(found - small).max() < close, (height, width, size)


def gaussian_samples(sigma: float) -> Any:
    samples = np.exp(-0.5 * (np.arange(-int(6 * sigma), int(6 * sigma) + 1) / sigma) ** 2)
    return samples / samples.sum()
