"""Averages over taps in the language: what it refuses, how they are lowered, the code of every instruction set."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dsl
from dsl.ir import Program
from schedules import Schedule, targets

ROOT = Path(__file__).parents[2]
KERNEL = np.array([[0, 1, 0], [1, 2, 1], [0, 1, 0.0]])


@dsl.filter
def smooth(src: dsl.Image, weights: dsl.Table) -> dsl.Image:
    near = dsl.taps(KERNEL)
    return dsl.weighted_mean(src[near], dsl.lookup(weights, dsl.distance(src[near], src)))


def test_a_mean_prints_and_goes_to_json_and_back() -> None:
    text = smooth.source()
    for line in ("= taps", "= near", "= distance l1", "= mean"):
        assert line in text
    program = smooth.trace().program
    assert Program.from_json(program.to_json()) == program
    assert smooth.halo() == (1, 1)


def test_taps_are_grouped_by_weight() -> None:
    rows = dsl.tap_table(KERNEL).reshape(-1, 3)
    assert rows[0].tolist() == [0, 0, 2]
    assert sorted(map(tuple, rows[1:, :2])) == [(-1, 0), (0, -1), (0, 1), (1, 0)]
    filled = dsl.tap_table([[0, 3, 0], [0, 1, 5], [0, 0, 5.0]]).reshape(-1, 3)
    assert filled[:, 2].tolist() == [1, 3, 0, 0, 0, 5, 5, 0, 0]  # fours of one weight, filled up
    with pytest.raises(ValueError, match="odd height and width"):
        dsl.tap_table(np.ones((2, 3)))


def _bad(function: Any) -> None:
    dsl.filter(function).trace()


def test_what_is_no_mean_is_refused_in_the_words_of_the_script() -> None:
    def varies(src: dsl.Image) -> dsl.Image:
        return src[dsl.taps(KERNEL)]

    def nothing(src: dsl.Image) -> dsl.Image:
        return dsl.weighted_mean(src)

    def two(src: dsl.Image) -> dsl.Image:
        return dsl.weighted_mean(src[dsl.taps(KERNEL)], src[dsl.taps(np.ones((1, 3)))])

    def twice(src: dsl.Image) -> dsl.Image:
        near = dsl.taps(KERNEL)
        return dsl.weighted_mean((2 * src[near])[near])

    def blurred(src: dsl.Image) -> dsl.Image:
        return dsl.convolve(src[dsl.taps(KERNEL)], dsl.gaussian(1.0))

    def colours(src: dsl.Color) -> dsl.Image:
        near = src[dsl.taps(KERNEL)]
        return dsl.weighted_mean(near, near)

    def no_radius(src: dsl.Image, table: dsl.Table) -> dsl.Image:
        return dsl.weighted_mean(src[dsl.taps(table)])

    def even(src: dsl.Image) -> dsl.Image:
        return dsl.weighted_mean(src[dsl.taps(np.ones((2, 2)))])

    def unknown(src: dsl.Image) -> dsl.Image:
        return dsl.weighted_mean(src[dsl.taps(KERNEL)], dsl.distance(src, src, "l7"))

    for function, message in (
        (varies, "take dsl.weighted_mean of it"),
        (nothing, "values must vary over the taps of one"),
        (two, "over other taps as well"),
        (twice, "takes no pixels that vary over taps"),
        (blurred, "takes no pixels that vary over taps"),
        (colours, "one weight for all channels"),
        (no_radius, "needs a radius"),
        (even, "odd height and width"),
        (unknown, "norm must be 'l1' or 'l2'"),
    ):
        with pytest.raises(dsl.DSLError, match=message) as raised:
            _bad(function)
        assert raised.value.filename == __file__


def test_any_weight_that_the_language_can_say() -> None:
    rng = np.random.default_rng(1)
    image = rng.uniform(0, 9, (23, 31)).astype(np.float32)

    @dsl.filter
    def odd(src: dsl.Image, pull: dsl.Scalar = 0.3) -> dsl.Image:
        near = src[dsl.taps(KERNEL)]
        return src - dsl.weighted_mean(near * near, dsl.select(near > src, 1.0, pull))

    result = odd(image, pull=0.7)
    padded = np.pad(image.astype(np.float64), 1, mode="reflect")
    total, weights = np.zeros(image.shape), np.zeros(image.shape)
    for (j, i), spatial in np.ndenumerate(KERNEL):
        near = padded[j : j + 23, i : i + 31]
        found = spatial * np.where(near > image, 1.0, 0.7)
        total, weights = total + found * near**2, weights + found
    assert np.abs(result - (image - total / weights)).max() < 1e-4


def test_a_mean_without_weights_is_a_convolution() -> None:
    rng = np.random.default_rng(2)
    image = rng.uniform(0, 9, (23, 31, 3)).astype(np.float32)

    @dsl.filter
    def blur(src: dsl.Color) -> dsl.Image:
        return dsl.weighted_mean(src[dsl.taps(KERNEL)])

    padded = np.pad(image, [(1, 1), (1, 1), (0, 0)], mode="reflect")
    wanted = sum(s * padded[j : j + 23, i : i + 31] for (j, i), s in np.ndenumerate(KERNEL)) / KERNEL.sum()
    assert np.abs(blur(image) - wanted).max() < 1e-5


# ---------------------------------------------------------------------------------------------------------- look-ups


@dsl.filter
def toned(src: dsl.Image, curve: dsl.Table, scale: dsl.Scalar = 1.0) -> dsl.Image:
    return dsl.lookup(curve, scale * src) + 1


@pytest.mark.parametrize("entries", [1, 2, 5, 17, 33, 34, 300])
def test_look_ups_of_any_length_in_registers_and_by_loads(entries: int) -> None:
    rng = np.random.default_rng(entries)
    curve = rng.uniform(-3, 3, entries)
    for shape in ((1, 1), (3, 7), (41, 133, 3)):
        image = rng.uniform(-2, entries + 2, shape).astype(np.float32)
        wanted = np.interp(0.9 * image.astype(np.float64), np.arange(entries), curve) + 1
        results = [toned(image, curve, 0.9, schedule=Schedule({"lookup": road})) for road in ("registers", "loads")]
        assert max(np.abs(result - wanted).max() for result in results) < 2e-4  # the index has 24 bits, too
    roads = {note.split(": ")[1] for found in dsl.compiled() if found.filter == "toned" for note in found.notes}
    unit = targets.tables_in_registers(targets.host())
    assert "loads" in roads and (unit is None or any(unit.name in road for road in roads))


def test_look_ups_of_blurred_and_of_colour_images() -> None:
    @dsl.filter
    def after(src: dsl.Image, curve: dsl.Table) -> dsl.Image:
        return dsl.lookup(curve, dsl.convolve(src, dsl.box(1)))

    @dsl.filter
    def before(src: dsl.Image, curve: dsl.Table) -> dsl.Image:
        return dsl.convolve(dsl.lookup(curve, src), dsl.box(1))

    image = np.random.default_rng(1).uniform(0, 9, (12, 40)).astype(np.float32)
    curve = np.arange(10.0) * 2  # linear, so both are the same
    assert np.abs(after(image, curve) - before(image, curve)).max() < 1e-4


# ------------------------------------------------------------------------------------------------- instruction sets

_SETS = {
    "x86-64-linux-avx512_zen4": (("vpermi2b", "vpermt2b"), ("vpdpbusd",), ("vpermps", "vpermt2ps", "vpermi2ps")),
    "x86-64-linux-avx512_cannonlake": (("vpermi2b", "vpermt2b"), ("vpmaddubsw",), ("vpermps", "vpermt2ps")),
    "x86-64-linux-avx512_skylake": (("vpshufb",), ("vpmaddubsw",), ("vpermps", "vpermt2ps", "vpermi2ps")),
    "x86-64-linux-avx2-avxvnni": (("vpshufb",), ("vpdpbusd",), ("vpermps", "vpermd")),
    "x86-64-linux-avx2": (("vpshufb",), ("vpmaddubsw",), ("vpermps", "vpermd")),
    "arm-64-linux-arm_dot_prod": (("tbl",), ("udot",), ("tbl",)),
    "arm-64-osx-arm_dot_prod": (("tbl",), ("udot",), ("tbl",)),
}


@pytest.mark.parametrize("target", list(_SETS))
def test_tables_are_read_by_shuffles(target: str) -> None:
    """The loop of every instruction set has its look-up and its products, and no load by index."""
    from dsl.registers.machine import machine
    from dsl.registers.mean_bytes import MeanOfBytes
    from dsl.registers.mean_floats import MeanOfFloats
    from dsl.registers.mean_patches import MeanOfPatches

    resolved = targets.resolve(target)
    unit = machine(resolved)
    assert unit is not None
    look_up, products, floats = _SETS[target]
    for span in (128, 256):
        entries = unit.tables(span)[-1]
        code = _assembly(MeanOfBytes(unit, 1, 1, True, entries, span, True).write("hf_test"), resolved)
        assert any(name in code for name in look_up) and any(name in code for name in products)
    lines = unit.registers.floats[-1]
    for spec in (MeanOfFloats(unit, 3, 1, False, lines, "l2"), MeanOfPatches(unit, 1, 3, 3, lines)):
        assert any(name in _assembly(spec.write("hf_test"), resolved) for name in floats)


def _assembly(text: str, target: str) -> str:
    import llvmlite.binding as llvm

    from schedules.native.worker import _TRIPLES

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    triple, cpu = _TRIPLES["-".join(target.split("-")[:3])]
    module = llvm.parse_assembly(text)
    module.triple = triple
    module.verify()
    features = targets.llvm_features(target)
    backend = llvm.Target.from_triple(triple).create_target_machine(opt=2, cpu=cpu, features=features, reloc="pic")
    return str(backend.emit_assembly(module))


def test_a_machine_without_tables_is_told_so() -> None:
    image = np.zeros((4, 4), np.uint8)
    with pytest.raises(Exception, match="registers hold no tables"):
        smooth(image, [1.0, 0.5], target="x86-64-linux-sse41", schedule=Schedule({"mean": "bytes"}))


# ---------------------------------------------------------------------------------------------------------- libraries


def test_a_library_brings_its_tables_along(tmp_path: Path) -> None:
    path = ROOT / "docs/examples/bilateral.py"
    spec = importlib.util.spec_from_file_location("bilateral_example", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    schedule = Schedule({"mean": "bytes"}) if targets.tables_in_registers(targets.host()) else "manual"
    files = module.smooth.build(tmp_path, dtype="uint8", schedule=schedule)
    if "shared" not in files:
        pytest.skip("there is no linker")
    library = ctypes.CDLL(str(files["shared"]))
    image = np.random.default_rng(4).integers(0, 256, (70, 201)).astype(np.uint8)
    out, weights = np.empty_like(image), np.exp(-(np.arange(256.0) ** 2) / 1800).astype(np.float32)
    pointer, stride, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    status = library.smooth(
        pointer(image.ctypes.data), stride(201), pointer(out.ctypes.data), stride(201), 201, 70, 1,
        pointer(weights.ctypes.data), weights.size, number(1.0), 0, number(0.0), 0,
    )  # fmt: skip
    assert status == 0
    assert np.array_equal(out, module.smooth(image, weights, schedule=schedule))
    assert len(np.unique(out)) > 20
