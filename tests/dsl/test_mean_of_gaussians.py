"""Averages by Gaussians of several guides: against float64, on every road, and which programs are such averages."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import dsl
from dsl.ir import Node
from dsl.lowering import by_gaussians
from dsl.registers.gaussians_bytes import STEPS
from dsl.registers.machine import machine
from filters._multilateral.exact import program
from schedules import Schedule, ScheduleError, targets

UNIT = targets.tables_in_registers(targets.host())
ROADS = ("bytes", "floats", "loop") if UNIT is not None else ("loop",)
PAD_MODES: dict[str, Any] = {
    "reflect101": "reflect", "reflect": "symmetric", "replicate": "edge", "wrap": "wrap", "constant": "constant",
}  # fmt: skip
#: Channels of images and guides: what is compiled.
KINDS = ((1, (1, 1)), (1, (3, 1, 1)), (3, (3, 1)))


def reference(
    image: np.ndarray, guides: Sequence[np.ndarray], weights: np.ndarray, scales: Sequence[float], border: str
) -> np.ndarray:
    """The definition, in float64."""
    reach, (height, width) = len(weights) // 2, image.shape[:2]

    def padded(array: np.ndarray) -> np.ndarray:
        sides = [(reach, reach)] * 2 + [(0, 0)]
        planes = array.astype(np.float64).reshape(height, width, -1)
        keywords = {"constant_values": 7.0} if border == "constant" else {}
        return np.pad(planes, sides, PAD_MODES[border], **keywords)

    values, around = padded(image), [padded(guide) for guide in guides]
    total, whole = np.zeros((height, width, values.shape[2])), np.zeros((height, width, 1))
    for (j, i), spatial in np.ndenumerate(weights):
        there = np.s_[j : j + height, i : i + width]
        exponent = np.zeros((height, width, 1))
        for guide, each, scale in zip(guides, around, scales, strict=True):
            difference = (each[there] - guide.astype(np.float64).reshape(height, width, -1)) * scale
            exponent += (difference**2).sum(axis=2, keepdims=True)
        weight = spatial * np.exp(-0.5 * exponent)
        total, whole = total + weight * values[there], whole + weight
    return (total / whole).reshape(image.shape)


def picture(rng: np.random.Generator, shape: tuple[int, int], channels: int) -> np.ndarray:
    """Waves, an edge and noise: bytes."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    planes = []
    for _ in range(channels):
        a, b, c, place = rng.uniform(0.02, 0.2, 4)
        wave = 60 * np.sin(a * x + b * y) + 40 * np.cos(c * x) + 70 * (x > 200 * place) + 80
        planes.append(wave + rng.normal(0, 5, shape))
    stacked = np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)
    return stacked[..., 0] if channels == 1 else stacked


def disc(radius: int, sigma: float) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.where(x * x + y * y <= radius * radius, np.exp(-(x * x + y * y) / (2 * sigma * sigma)), 0)


def filtered(
    images: Sequence[np.ndarray], weights: np.ndarray, scales: Sequence[float], road: str, **options: Any
) -> np.ndarray:
    image, *guides = (3 if each.ndim == 3 else 1 for each in images)
    found: np.ndarray = program(image, tuple(guides)).run(
        images,
        (float(len(weights) // 2),),
        (dsl.tap_table(weights), scales),
        choices=(("mean", road), *options.pop("choices", ())),
        **options,
    )
    return found


def note(name: str) -> str:
    return [text for found in dsl.compiled() if found.filter == name for text in found.notes][-1]


# ------------------------------------------------------------------------------------------------------- all roads


@pytest.mark.parametrize("kind", KINDS)
@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(1, 1), (1, 9), (13, 1), (3, 5), (17, 33), (40, 63), (31, 131)]),
    border=st.sampled_from(list(PAD_MODES)),
    radius=st.integers(0, 4),
    sigmas=st.lists(st.floats(4, 120), min_size=3, max_size=3),
)
def test_roads_agree_with_float64(
    kind: tuple[int, tuple[int, ...]], seed: int, shape: tuple[int, int], border: str, radius: int, sigmas: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    images = [picture(rng, shape, channels) for channels in (kind[0], *kind[1])]
    if kind[1][0] == kind[0] and seed % 2:
        images[1] = images[0]
    weights, scales = disc(radius, 0.6 * radius + 0.5), [1 / sigma for sigma in sigmas[: len(kind[1])]]
    wanted = reference(images[0], images[1:], weights, scales, border)
    common: dict[str, Any] = {"border": border, "border_value": 7.0}
    for road in ROADS[:2]:
        result = filtered(images, weights, scales, road, **common)
        error = np.abs(result - wanted)
        # Weights of 1 / 255 of the most, and in steps of 1 / 20 of the exponent: of few neighbours that is not nothing.
        most, rms = most_of_bytes(len(kind[1]), np.count_nonzero(weights)) if road == "bytes" else (0.501, 0.35)
        assert error.max() <= most
        assert image_is_small(shape) or np.sqrt((error**2).mean()) <= rms
    for road in ROADS[1:] or ROADS:
        result = filtered([each.astype(np.float32) for each in images], weights, scales, road, **common)
        assert np.abs(result - wanted).max() < 5e-4


def image_is_small(shape: tuple[int, int]) -> bool:
    return shape[0] * shape[1] < 500


@pytest.mark.parametrize("road", ROADS)
def test_notes_tell_the_road(road: str) -> None:
    images = [picture(np.random.default_rng(3), (9, 9), 1).astype(np.uint8 if road == "bytes" else np.float32)] * 3
    filtered(images, disc(1, 1.0), [0.1, 0.2], road)
    expected = {"bytes": "bytes, 2 guides, ", "floats": "floats, 2 guides ", "loop": "loop over taps"}
    notes = {text for found in dsl.compiled() if found.filter == "gray_by_gray_gray" for text in found.notes}
    assert any(f": {expected[road]}" in text for text in notes)


needs_registers = pytest.mark.skipif(UNIT is None, reason="no registers hold tables here")


@needs_registers
def test_floats_are_what_is_taken_where_nothing_is_said() -> None:
    image = picture(np.random.default_rng(3), (9, 9), 1)
    program(1, (1, 1, 1)).run([image] * 4, (1.0,), (dsl.tap_table(disc(1, 1.0)), [0.1, 0.2, 0.3]))
    notes = [text for found in dsl.compiled() if found.filter == "gray_by_gray_gray_gray" for text in found.notes]
    assert any(f"floats, 3 guides ({machine(targets.host())})" in text for text in notes)


@needs_registers
@pytest.mark.parametrize("target", ["host", "x86-64-linux-avx2", "x86-64-linux-avx512_skylake"])
def test_bytes_are_accurate_for_any_sigma(target: str) -> None:
    resolved = targets.resolve(target)
    try:
        targets.check_runnable(resolved)
    except targets.TargetError:
        pytest.skip("this CPU cannot run it")
    rng = np.random.default_rng(5)
    images = [picture(rng, (96, 200), 1) for _ in range(3)]
    for sigma in (5, 15, 30, 45, 60):
        scales = [1 / sigma, 2 / sigma]
        wanted = reference(images[0], images[1:], disc(5, 3.0), scales, "reflect101")
        result = filtered(images, disc(5, 3.0), scales, "bytes", target=target)
        before_rounding = ((result - wanted) ** 2).mean() - 1 / 12  # about: rounding is independent of it
        whole = machine(resolved).registers.whole  # type: ignore[union-attr]
        assert 10 * np.log10(255**2 / max(before_rounding, 1e-4)) > (62 if whole else 52)
        result = filtered([each.astype(np.float32) for each in images], disc(5, 3.0), scales, "floats", target=target)
        assert np.abs(result - wanted).max() < 3e-4


def most_of_bytes(guides: int, taps: int) -> tuple[float, float]:
    """The largest error, and that of most pixels, for values 255 apart."""
    if UNIT is None or UNIT.whole:
        return 6.0, 1.0
    # A mean moves by a quarter of that for each part of a weight; and of a pixel unlike all others, half a unit of each
    # weight may be a part of all of theirs.
    rounding = taps / (2 * UNIT.weight + taps)
    return 0.6 + 255 * (error_of_weights(guides) / 4 + rounding), 2.0


def error_of_weights(guides: int) -> float:
    """How far weights of bytes are from the true ones, in parts of these: every guide's steps are rounded.

    And where registers hold short tables, an entry is the mean of several steps.
    """
    assert UNIT is not None
    together = STEPS / (STEPS if UNIT.whole else max(UNIT.bytes))
    steps = guides / 2 + (together - 1) / 2
    return math.expm1(steps / by_gaussians.steps_of_one(UNIT.weight))


@needs_registers
def test_spans_are_chosen_by_the_scales_of_a_call() -> None:
    """Differences of 140: beyond a span of 128, whose last entry is for the middle of what is beyond it."""
    image = np.where(np.arange(90) % 2, 140, 0).astype(np.uint8)[None].repeat(8, 0)
    weights, scales = disc(2, 2.0), [1 / 100, 0.0]
    wanted = reference(image, [image] * 2, weights, scales, "wrap")
    # Of two values that are 140 apart, a mean moves by a quarter of that for a weight that is so many times as large.
    is_whole = UNIT is not None and UNIT.whole
    allowed = 1.5 if is_whole else 0.65 + 140 / 4 * error_of_weights(1)
    assert np.abs(filtered([image] * 3, weights, scales, "bytes", border="wrap") - wanted).max() < allowed
    narrow = filtered([image] * 3, weights, scales, "bytes", border="wrap", choices=(("span", 128),))
    assert np.abs(narrow - wanted).max() > 5


# ---------------------------------------------------------------------------------------------------- odd numbers


def test_what_is_not_finite_stays_where_it_is() -> None:
    rng = np.random.default_rng(8)
    image, guide = (picture(rng, (24, 80), 1).astype(np.float32) for _ in range(2))
    image[3, 60], guide[12, 20], guide[18, 70] = np.nan, np.nan, np.inf
    weights, scales = disc(2, 2.0), [0.05, 0.02]
    results = [filtered([image, guide, image], weights, scales, road) for road in ROADS[1:] or ROADS]
    for result in results:
        assert np.array_equal(np.isnan(result), np.isnan(results[-1]))
        assert np.isnan(result).sum() == 13 + 2  # a disc about a pixel, and where a guide knows no distance
        assert np.nanmax(np.abs(result - results[-1])) < 5e-4


@pytest.mark.parametrize("road", ROADS)
def test_scales_of_nothing_and_without_end(road: str) -> None:
    image, other = (picture(np.random.default_rng(seed), (20, 70), 1) for seed in (9, 13))
    if road != "bytes":
        image, other = image.astype(np.float32), other.astype(np.float32)
    weights = disc(2, 2.0)
    plain = reference(image, [], weights, [], "reflect101")
    assert np.abs(filtered([image, other, image], weights, [0.0, 0.0], road) - plain).max() < 1.1
    result = filtered([image, image, other], weights, [1e9, 0.1], road)
    assert np.isfinite(result).all() and np.array_equal(np.rint(result), image)


@pytest.mark.parametrize("road", ROADS)
def test_channels_are_filtered_each_alone(road: str) -> None:
    rng = np.random.default_rng(12)
    images = [np.stack([picture(rng, (11, 40), 1) for _ in range(2)], axis=-1) for _ in range(3)]
    images = images if road == "bytes" else [each.astype(np.float32) for each in images]
    run = program(1, (1, 1)).run
    rest = ((2.0,), (dsl.tap_table(disc(2, 2.0)), [0.04, 0.02]))
    together = run(images, *rest, choices=(("mean", road),))
    for channel in range(2):
        alone = run([each[..., channel] for each in images], *rest, choices=(("mean", road),))
        assert np.array_equal(together[..., channel], alone)


@needs_registers
def test_guides_that_are_computed() -> None:
    @dsl.filter
    def by_root(src: dsl.Image) -> dsl.Image:
        near, guide = dsl.taps(disc(3, 2.0)), dsl.sqrt(src)
        d, e = dsl.distance(guide[near], guide), dsl.distance(src[near], src)
        return dsl.weighted_mean(src[near], dsl.exp(-0.5 * (d * d + 0.004 * e * e)))

    image = picture(np.random.default_rng(11), (37, 90), 1).astype(np.float32)
    result, wanted = by_root(image), by_root(image, schedule=Schedule({"mean": "loop"}))
    assert "floats, 2 guides" in next(text for c in dsl.compiled() if c.filter == "by_root" for text in c.notes)
    assert np.abs(result - wanted).max() < 5e-4 and np.abs(result - image).max() > 1


@needs_registers
def test_weights_below_zero_and_of_whole_numbers_of_sixteen_bits() -> None:
    rng = np.random.default_rng(10)
    images = [picture(rng, (21, 50), 1) for _ in range(2)]
    weights = np.array([[0, -1, 0], [2, 9, 1], [0, 3, 0.0]])
    for dtype, peak in (("float32", 1), ("uint16", 257)):
        given = [each.astype(dtype) * np.dtype(dtype).type(peak) for each in images]
        wanted = reference(given[0], given[1:], weights, [0.04 / peak], "reflect101")
        result = filtered(given, weights, [0.04 / peak], "floats")
        assert np.abs(result - np.clip(wanted, 0, 65535)).max() < (0.6 if dtype == "uint16" else 5e-4)


# --------------------------------------------------------------------------------------------------- recognition


def _weight(write: Callable[[Any, Any, Any], Any]) -> Node:
    """The mean whose weight is written for two distances and a number."""

    def some(src: dsl.Image, first: dsl.Color, second: dsl.Color, s: dsl.Scalar, t: dsl.Table) -> dsl.Image:
        near = dsl.taps(np.ones((3, 3)))
        distances = (dsl.distance(each[near], each, "l2") for each in (first, second))
        return dsl.weighted_mean(src[near], write(*distances, t[1] * s))

    found = dsl.filter(some).trace().program
    return found.nodes()[found.outputs[0]]


def test_products_of_gaussians_are_recognised_however_they_are_written() -> None:
    for count, write in (
        (1, lambda d, e, s: dsl.exp(-0.5 * d * d)),
        (1, lambda d, e, s: dsl.exp(-((s * d) * (s * d)))),
        (1, lambda d, e, s: dsl.exp(s * s * (d * d) * -2.0)),
        (2, lambda d, e, s: dsl.exp(-0.5 * (d * d + e * e))),
        (2, lambda d, e, s: dsl.exp((s * d * (s * d) + e * e) * -0.5)),
        (3, lambda d, e, s: dsl.exp(-0.5 * (d * d + (e * e + 0.25 * d * d)))),
    ):
        found = by_gaussians.recognise(_weight(write))
        assert found is not None and len(found.terms) == count
    for write in (
        lambda d, e, s: dsl.exp(0.5 * d * d),
        lambda d, e, s: dsl.exp(-0.5 * d),
        lambda d, e, s: dsl.exp(-0.5 * d * e),
        lambda d, e, s: dsl.exp(-s * d * d),
        lambda d, e, s: dsl.exp(-0.5 * (d * d + s)),
        lambda d, e, s: dsl.exp(-0.5 * d * d) + 1,
    ):
        assert by_gaussians.recognise(_weight(write)) is None


def test_what_a_road_does_not_take_is_said() -> None:
    floats = [np.zeros((5, 5), np.float32)] * 3
    for images, choices, message in (
        (floats, {"mean": "bytes"}, "its images are not uint8 as they came"),
        (floats, {"mean": "selects"}, "from the table of one guide"),
        ([each.astype(np.uint8) for each in floats], {"mean": "bytes", "span": 100}, "differences below 100"),
    ):
        if UNIT is None and choices["mean"] != "selects":
            continue
        with pytest.raises(ScheduleError, match=message):
            filtered(images, disc(1, 1.0), [1.0, 1.0], "floats", schedule=Schedule(choices))
    with pytest.raises(ScheduleError, match="'loop' does without"):
        filtered(floats, disc(1, 1.0), [1.0, 1.0], "floats", target="x86-64-linux-sse41")


def test_programs_are_pickled_by_name() -> None:
    found = program(3, (1, 3))
    assert found.__name__ == "color_by_gray_color" and pickle.loads(pickle.dumps(found)) is found


# ----------------------------------------------------------------------------------------------- instruction sets


@pytest.mark.parametrize(
    ("target", "look_up", "products"),
    [
        ("x86-64-linux-avx512_zen4", ("vpermi2b", "vpermt2b"), "vpdpbusd"),
        ("x86-64-linux-avx512_cannonlake", ("vpermi2b", "vpermt2b"), "vpmaddubsw"),
        ("x86-64-linux-avx512_skylake", ("vpshufb",), "vpmaddubsw"),
        ("x86-64-linux-avx2-avxvnni", ("vpshufb",), "vpdpbusd"),
        ("x86-64-linux-avx2", ("vpshufb",), "vpmaddubsw"),
        ("arm-64-linux-arm_dot_prod", ("tbl",), "udot"),
    ],
)
def test_every_instruction_set_has_its_code(target: str, look_up: tuple[str, ...], products: str) -> None:
    from dsl.registers.gaussians_bytes import STEPS, GaussiansOfBytes
    from dsl.registers.gaussians_floats import GaussiansOfFloats

    resolved = targets.resolve(target)
    unit = machine(resolved)
    assert unit is not None
    spans = tuple((unit.tables(span)[-1], span) for span in (128, 256))
    code = _assembly(GaussiansOfBytes(unit, (1, 1), (0, 1), unit.tables(STEPS)[-1], spans, True), resolved)
    assert any(name in code for name in look_up) and products in code
    code = _assembly(GaussiansOfFloats(unit, (3, 1), (0, 1), ("l1", "l2")), resolved)
    assert any(name in code for name in ("vfmadd", "fmla")) and "expf" not in code


def _assembly(spec: Any, target: str) -> str:
    import llvmlite.binding as llvm

    from schedules.native.worker import _TRIPLES

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    triple, cpu = _TRIPLES["-".join(target.split("-")[:3])]
    module = llvm.parse_assembly(spec.write("hf_test"))
    module.triple = triple
    module.verify()
    features = targets.llvm_features(target)
    backend = llvm.Target.from_triple(triple).create_target_machine(opt=2, cpu=cpu, features=features, reloc="pic")
    return str(backend.emit_assembly(module))
