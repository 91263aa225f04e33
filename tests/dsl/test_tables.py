"""Tables of small pixels: made and read as plain loops in float64 do, in memory and in registers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl.errors import DSLError
from dsl.registers.local_tables import network
from filters import reference
from filters.reference.borders import border_index
from schedules import targets
from schedules.errors import ScheduleError
from schedules.schedule import Schedule

#: Rows, columns and weights of neighbours, the farthest first.
NEAR = [
    (dy, dx, (2 - abs(dy)) * (2 - abs(dx)))
    for dy, dx in sorted(((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)), key=lambda at: -(at[0] ** 2 + at[1] ** 2))
]
TAPS = [float(number) for tap in NEAR for number in tap]
#: What lies beyond known entries, by how many: changes, and shares of the slope.
CHANGES, SHARES = [0.0, 3.0, 1.0, 7.0, 9.0, 12.0], [0.0, 0.9, 1.6, 2.0]
COUNTS = {"nearest": 1, "linear": 2, "box4": 2, "gauss4": 2, "box16": 4, "cubic": 4, "gauss16": 4, "gauss64": 8}
#: The result is bytes: tables and it are rounded, and weights have eight bits, which counts where tables are far apart.
BYTES = 2.5
HAS_REGISTERS = 256 in getattr(targets.tables_in_registers(targets.host()), "bytes", ())


@dsl.filter
def tables(
    outputs: dsl.Small,
    inputs: dsl.Small,
    source: dsl.Image,
    low: dsl.Scalar,
    high: dsl.Scalar,
    smooth: dsl.Scalar,
    numbers: dsl.Table,
    keep: str = "last",
    beyond: str = "replicate",
    anchored: bool = False,
    entries: int = 16,
    kernel: str = "linear",
) -> dsl.Image:
    """Tables of which everything is given at run time that can be."""
    made = dsl.tabulate(
        inputs,
        outputs,
        dsl.taps(dsl.table(TAPS), 1),
        (low, high),
        entries=entries,
        keep=keep,
        beyond=beyond,
        anchored=anchored,
        smooth=smooth,
        slopes=(numbers[0], numbers[1]),
        ends=(numbers[2], numbers[3]),
        within=(numbers[4], numbers[5]),
        curve=(dsl.table(CHANGES), dsl.table(SHARES)) if beyond == "curve" else None,
    )
    return made.at(source, kernel)


@dsl.filter
def observed(inputs: dsl.Small, source: dsl.Image, kernel: str = "linear") -> dsl.Image:
    """The share of tables that have seen the values."""
    return dsl.tabulate(inputs, inputs, dsl.taps(dsl.table(TAPS), 1), (0, 255), entries=16).observed(source, kernel)


@dsl.filter
def of_bytes(
    outputs: dsl.Small,
    inputs: dsl.Small,
    source: dsl.Image,
    smooth: dsl.Scalar,
    beyond: str = "linear",
    anchored: bool = False,
    kernel: str = "gauss16",
) -> dsl.Image:
    """Tables of bytes, for which there is a stage in registers."""
    near = dsl.taps(dsl.table(TAPS), 1)
    bounds: dict[str, Any] = {"slopes": (0, 2), "ends": (0, 255), "within": (0, 255), "anchored": anchored}
    bounds |= {"curve": (dsl.table(CHANGES), dsl.table(SHARES))} if beyond == "curve" else {}
    return dsl.tabulate(inputs, outputs, near, (0, 255), beyond=beyond, smooth=smooth, **bounds).at(source, kernel)


@dsl.filter
def of_color(outputs: dsl.SmallColor, inputs: dsl.SmallColor, source: dsl.Color, smooth: dsl.Scalar) -> dsl.Image:
    """The same of each channel."""
    near = dsl.taps(dsl.table(TAPS), 1)
    bounds: dict[str, Any] = {"beyond": "linear", "smooth": smooth, "slopes": (0, 2), "within": (0, 255)}
    planes = zip(inputs.channels, outputs.channels, source.channels, strict=True)
    return dsl.stack(*(dsl.tabulate(a, b, near, (0, 255), **bounds).at(c) for a, b, c in planes))


# --------------------------------------------------------------------------------------------------------- definitions


def kept(pairs, keep, least, most, last):
    """Give the output of each entry that is known, of (entry, output, weight) in order."""
    found: dict[int, float] = {}
    bins = [(entry, round((output - least) * last / (most - least))) for entry, output, _ in pairs]
    score = [sum(w for (_, _, w), other in zip(pairs, bins, strict=True) if other == one) for one in bins]
    if keep == "last":
        return {entry: output for entry, output, _ in pairs}
    if keep == "most":
        best: dict[int, float] = {}
        for (entry, output, _), s in zip(pairs, score, strict=True):
            if s >= best.get(entry, 0.0):
                best[entry], found[entry] = s, output
        return found
    chain, before = list(map(float, score)), [-1] * len(pairs)
    for _ in pairs:
        for i, one in enumerate(bins):
            for j, other in enumerate(bins):
                steps = one[0] - other[0], one[1] - other[1]
                value = score[i] + chain[j] - abs(steps[0] - steps[1])
                if min(steps) >= 0 and max(steps) > 0 and value > chain[i]:
                    chain[i], before[i] = value, j
    path = [chain.index(max(chain))]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    return {pairs[i][0]: pairs[i][1] for i in reversed(path)}


def filled(known, entries, beyond, slopes, ends):
    """Give all entries: lines between the known ones, and beyond them."""
    at = sorted(known)
    first, last = at[0], at[-1]
    values = np.interp(np.arange(entries), at, [known[e] for e in at])
    before = behind = 0.0
    if beyond in ("linear", "curve"):
        slope = (known[last] - known[first]) / (last - first) if last > first else 0.0
        before = behind = min(max(slope, slopes[0]), slopes[1])
    elif beyond == "ends":
        before, behind = (known[first] - ends[0]) / max(first, 1), (ends[1] - known[last]) / max(entries - 1 - last, 1)
    if beyond == "curve":
        for e in (e for e in range(entries) if not first <= e <= last):
            d = max(first - e, e - last)
            change = CHANGES[min(d, len(CHANGES) - 1)] + before * SHARES[min(d, len(SHARES) - 1)]
            values[e] += change if e > last else -change
        return values
    for e in range(entries):
        values[e] += before * min(e - first, 0) + behind * max(e - last, 0)
    return values


def table(pairs, own, o):
    """Give a table, and which entries were seen."""
    known = kept(pairs, o["keep"], *o["within"], o["entries"] - 1)
    step = (o["over"][1] - o["over"][0]) / (o["entries"] - 1)
    values = filled(known, o["entries"], o["beyond"], [s * step for s in o["slopes"]], o["ends"])
    values = np.clip(values, *o["within"])
    reach = [min(o["smooth"], e, len(values) - 1 - e) for e in range(len(values))]
    smooth = np.array([values[e - r : e + r + 1].mean() for e, r in enumerate(reach)])
    if o["anchored"]:
        entry, output = own
        place = min(max(entry, 0.0), o["entries"] - 1.0)
        smooth = np.clip(smooth + output - np.interp(place, np.arange(o["entries"]), smooth), *o["within"])
    return smooth, (min(e for e, _, _ in pairs), max(e for e, _, _ in pairs))


def weights(kernel, source, target):
    """Give the first source pixel and the weights of each target pixel, along an axis."""
    count = COUNTS[kernel]
    at = (2 * np.arange(target) + 1) * source - (target if count > 1 else 0)
    first = at // (2 * target) - (count - 1) // 2
    distance = np.abs(first[:, None] + np.arange(count) - (at / (2 * target))[:, None])
    if kernel == "linear":
        found = 1 - distance
    elif kernel == "cubic":
        outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        found = np.where(distance < 1, (1.5 * distance - 2.5) * distance**2 + 1, outer)
    elif kernel.startswith("gauss"):
        sigma = {"gauss4": 0.5, "gauss16": 0.85, "gauss64": 2.0}[kernel]
        found = np.exp(-0.5 * (distance / sigma) ** 2)
    else:
        found = np.ones_like(distance)
    return first, found / found.sum(1, keepdims=True)


def entry_of(value, o):
    return (float(value) - o["over"][0]) / (o["over"][1] - o["over"][0]) * (o["entries"] - 1)


def expected(inputs, outputs, source, kernel, border="reflect101", what="value", **options):
    """Read tables pixel by pixel, as the docstrings of dsl.tabulate and dsl.Tables say."""
    o = {"keep": "last", "beyond": "replicate", "smooth": 0, "slopes": (-9e9, 9e9), "ends": (0, 255)}
    o |= {"within": (0, 255), "over": (0, 255), "entries": 256, "anchored": False, **options}
    h, w = inputs.shape

    def pair(y, x, weight):
        at = border_index(np.array([y]), h, border)[0], border_index(np.array([x]), w, border)[0]
        place = entry_of(inputs[at], o)
        return min(max(round(place), 0), o["entries"] - 1), float(outputs[at]), weight

    made = {}
    for y, x in np.ndindex(h, w):
        own = entry_of(inputs[y, x], o), float(outputs[y, x])
        made[y, x] = table([pair(y + dy, x + dx, weight) for dy, dx, weight in NEAR], own, o)
    (rows, down), (columns, across) = (weights(kernel, n, m) for n, m in zip((h, w), source.shape, strict=True))
    result = np.zeros(source.shape)
    for (y, x), value in np.ndenumerate(source):
        place = min(max(entry_of(value, o), 0.0), o["entries"] - 1.0)
        total = seen_total = weight_total = 0.0
        for i, j in np.ndindex(down.shape[1], across.shape[1]):
            cell = min(max(rows[y] + i, 0), h - 1), min(max(columns[x] + j, 0), w - 1)
            values, (low, high) = made[cell]
            weight, found = down[y, i] * across[x, j], np.interp(place, np.arange(o["entries"]), values)
            seen = low <= round(place) <= high
            total, seen_total = total + weight * found, seen_total + weight * found * seen
            weight_total += weight * seen
        if what == "observed":
            result[y, x] = weight_total
        else:
            known = o["beyond"] == "none" and weight_total > 0
            result[y, x] = seen_total / weight_total if known else total
    return result


def pair(shape, seed, dtype=np.float32):
    """Give a small image and what some curve and some noise make of it."""
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(0, 255, shape)
    outputs = np.clip(255 * (inputs / 255) ** 0.7 + rng.uniform(-20, 20, shape), 0, 255)
    return inputs.astype(dtype), outputs.astype(dtype)


# --------------------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize(
    ("keep", "beyond", "anchored"),
    [
        ("last", "replicate", False), ("last", "linear", True), ("last", "none", False), ("last", "curve", True),
        ("most", "ends", True), ("path", "none", True), ("path", "linear", False),
    ],
)  # fmt: skip
def test_tables_are_those_of_the_definition(keep, beyond, anchored):
    inputs, outputs = pair((6, 5), 3)
    source = np.random.default_rng(4).uniform(-20, 280, (13, 17)).astype(np.float32)
    numbers = (0.2, 1.7, 20, 240, 5, 250)
    options = {"keep": keep, "beyond": beyond, "anchored": anchored, "entries": 16}
    result = tables(outputs, inputs, source, -4, 260, 1, np.float32(numbers), **options)
    named = {"slopes": numbers[:2], "ends": numbers[2:4], "within": numbers[4:]}
    found = expected(inputs, outputs, source, "linear", over=(-4, 260), smooth=1, **named, **options)
    np.testing.assert_allclose(result, found, atol=2e-3)  # values to 255 in float32, over slopes between entries


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 19)] * 2), st.integers(0, 20), st.data())
def test_any_size_and_border(small, large, smooth, data):
    border = data.draw(st.sampled_from(["reflect101", "reflect", "replicate", "wrap"]))
    inputs, outputs = pair(small, data.draw(st.integers(0, 99)))
    source = np.random.default_rng(5).uniform(0, 255, large).astype(np.float32)
    result = tables(outputs, inputs, source, 0, 255, smooth, np.float32([0, 9, 0, 0, 0, 255]), border=border)
    found = expected(inputs, outputs, source, "linear", border, entries=16, smooth=min(smooth, 15))
    np.testing.assert_allclose(result, found, atol=2e-3)


@pytest.mark.parametrize("kernel", ["nearest", "cubic", "gauss64"])
def test_kernels_weigh_tables_as_they_weigh_pixels(kernel):
    inputs, outputs = pair((5, 7), 8)
    source = np.random.default_rng(6).uniform(0, 255, (12, 11)).astype(np.float32)
    result = tables(outputs, inputs, source, 0, 255, 0, np.float32([0, 9, 0, 0, 0, 255]), kernel=kernel)
    np.testing.assert_allclose(result, expected(inputs, outputs, source, kernel, entries=16), atol=4e-3)


def test_a_pixel_tells_how_much_was_observed():
    inputs, _ = pair((6, 5), 3)
    source = np.random.default_rng(4).uniform(0, 255, (13, 17)).astype(np.float32)
    found = expected(inputs, inputs, source, "linear", what="observed", entries=16)
    np.testing.assert_allclose(observed(inputs, source), found, atol=1e-5)
    assert 0.2 < found.mean() < 0.999


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 70)] * 2), st.integers(0, 127), st.data())
def test_bytes_are_within_their_rounding(small, large, smooth, data):
    inputs, outputs = pair(small, data.draw(st.integers(0, 99)), np.uint8)
    source = np.random.default_rng(7).integers(0, 256, large).astype(np.uint8)
    beyond, anchored = data.draw(st.sampled_from([("linear", True), ("curve", False), ("ends", False)]))
    result = of_bytes(outputs, inputs, source, smooth, beyond=beyond, anchored=anchored)
    options = {"beyond": beyond, "anchored": anchored, "smooth": smooth, "slopes": (0, 2)}
    error = np.abs(result - expected(inputs, outputs, source, "gauss16", **options))
    assert error.max() < BYTES


@pytest.mark.skipif(not HAS_REGISTERS, reason="this machine shuffles no 256 bytes")
def test_bytes_are_read_in_registers_and_tables_in_memory_give_the_same():
    inputs, outputs = pair((20, 31), 9, np.uint8)
    source = np.random.default_rng(7).integers(0, 256, (77, 125)).astype(np.uint8)
    result = of_bytes(outputs, inputs, source, 3)
    assert any("in registers" in note for note in _notes("of_bytes"))
    schedule = Schedule(choices={"tables": "stages"})
    other = of_bytes(outputs, inputs, source, 3, schedule=schedule)
    assert any("in memory" in note for note in _notes("of_bytes"))
    assert np.abs(result.astype(int) - other).max() <= 2
    assert reference.psnr(result, other, 255) > 50


def _notes(name):
    return [note for variant in dsl.compiled() if variant.filter == name for note in variant.notes]


def test_colour_and_planes_give_the_same_and_neither_threads_nor_strides_matter():
    rng = np.random.default_rng(10)
    inputs, source = (rng.integers(0, 256, shape).astype(np.uint8) for shape in ((20, 31, 3), (77, 125, 3)))
    outputs = 255 - inputs
    result = of_color(outputs, inputs, source, 3)
    for c in range(3):
        plane = of_bytes(*(np.ascontiguousarray(each[..., c]) for each in (outputs, inputs, source)), 3)
        np.testing.assert_array_equal(result[..., c], plane)
        np.testing.assert_array_equal(of_bytes(outputs[..., c], inputs[..., c], source[..., c], 3, threads=1), plane)


@pytest.mark.parametrize("count", [1, 2, 3, 9, 25, 49])
def test_the_network_sorts(count):
    for seed in range(20):
        values = np.random.default_rng(seed).integers(0, 12, count)
        exchanged = list(values)
        for i, j in network(count):
            assert i < j < count
            exchanged[i], exchanged[j] = min(exchanged[i], exchanged[j]), max(exchanged[i], exchanged[j])
        assert exchanged == sorted(values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entries": 1}, "entries must be from 2 to 256, not 1"),
        ({"keep": "first"}, "keep must be one of last, most, path, not 'first'"),
        ({"beyond": "nothing"}, "beyond must be one of replicate, linear, ends, none, curve, not 'nothing'"),
        ({"kernel": "area"}, "kernel must be one of nearest, .* not 'area'"),
    ],
)
def test_mistakes_in_a_script_are_named(options, message):
    with pytest.raises(DSLError, match=message):
        tables.trace(options)


def test_images_that_do_not_fit_are_named():
    with pytest.raises(DSLError, match="images of different sizes"):

        @dsl.filter
        def wrong(small: dsl.Small, image: dsl.Image) -> dsl.Image:
            return dsl.tabulate(small, image, dsl.taps(np.ones((3, 3))), (0, 255)).at(image)

        wrong.trace()


def test_a_schedule_that_is_not_known_is_refused():
    image = np.zeros((4, 4), np.uint8)
    with pytest.raises(ScheduleError, match="'registers' or 'stages'"):
        of_bytes(image, image, image, 0, schedule=Schedule(choices={"tables": "paper"}))
