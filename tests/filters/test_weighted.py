"""Averages with weights by look-up, against their float64 definitions."""

from __future__ import annotations

import functools
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import dsl
import filters
from filters import bilateral, joint_bilateral, nonlocal_means, reference, variable_convolve
from filters._weighted import call, forms, planning, prediction
from filters._weighted.functions import RangeFunction
from schedules.schedule import Schedule

AVX2 = "x86-64-linux-avx2"
SSE = "x86-64-linux-sse41"
BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 255.0}


def notes(name: str) -> list[str]:
    """How the kernels of a filter's programs were lowered, the latest last."""
    return [text for found in dsl.compiled() if found.filter == name for text in found.notes]


def gray(photograph: np.ndarray, dtype: str) -> np.ndarray:
    image = photograph * (257 if dtype == "uint16" else 1)
    return np.rint(image).astype(dtype) if dtype != "float32" else image


def colour(photograph: np.ndarray, dtype: str = "uint8") -> np.ndarray:
    return np.stack([gray(photograph, dtype)[:, i : i + 200] for i in (0, 13, 40)], axis=-1)


def agreed(result: np.ndarray, wanted: np.ndarray, peak: float) -> float:
    """PSNR before rounding can only be bounded from below where the result is rounded."""
    return reference.psnr(result, np.rint(wanted) if result.dtype != np.float32 else wanted, peak)


def fewer_bits() -> float:
    """Decibels that weights of seven bits instead of eight cost: they err twice as much."""
    unit = dsl_registers()
    return 6.03 if unit is not None and unit.weight < 255 else 0.0


def least(where_large: float, is_bytes: bool) -> float:
    """PSNR of rounded results: ``where_large`` are tables; else as elsewhere here of bytes, and of floats at 80 dB.

    Those are errors of rms 0.026: normal ones change a part 0.8 * 0.026 of the bytes by one, which is 65 dB.
    """
    unit = dsl_registers()
    if unit is not None and (unit.whole if is_bytes else unit.floats[-1] >= 32):
        return where_large
    return 58 if is_bytes else 65


# ------------------------------------------------------------------------------------------------ which code runs


def test_bytes_run_in_registers_and_reach_seventy_decibels(photograph: np.ndarray) -> None:
    image = gray(photograph, "uint8")
    result = bilateral(image, sigma_space=13 / 3, sigma_range=30)
    unit = dsl_registers()
    note = notes("gray_program")[-1]
    if unit is None:
        assert "selects" in note
        return
    assert note.startswith("mean") and f"({unit.name})" in note and "bytes" in note
    wanted = reference.bilateral(image, sigma_space=13 / 3, sigma_range=30)
    assert agreed(result, wanted, 255) > (69 - fewer_bits() if unit.whole else 58)


def dsl_registers() -> Any:
    from schedules import targets

    return targets.tables_in_registers(targets.host())


@pytest.mark.parametrize(
    ("target", "dtype", "road", "decibels"),
    [
        (AVX2, "uint8", "bytes", 58),
        (AVX2, "float32", "floats", 77),
        (SSE, "uint8", "selects", 58),
        (SSE, "float32", "loop", 110),
        ("x86-64-linux-avx512_skylake", "uint8", "bytes", 58),
        ("x86-64-linux-avx512_skylake", "uint16", "floats", 80),
    ],
)
def test_every_instruction_set_has_its_road(
    photograph: np.ndarray, target: str, dtype: str, road: str, decibels: float
) -> None:
    from schedules import targets

    if not targets.features(targets.resolve(target)) <= targets.features(targets.host()):
        pytest.skip("this CPU lacks it")
    image, scale = gray(photograph, dtype), PEAKS[dtype] / 255
    result = bilateral(image, sigma_space=3, sigma_range=27.5 * scale, target=target)
    assert road in notes("gray_program")[-1]
    wanted = reference.bilateral(image, sigma_space=3, sigma_range=27.5 * scale)
    assert agreed(result, wanted, PEAKS[dtype]) > decibels


@pytest.mark.parametrize("method", ["bytes", "floats", "selects", "loop"])
def test_every_lowering_computes_one_thing(photograph: np.ndarray, method: str) -> None:
    """The same program and table, by each road: with a table so plain that none of them needs to shrink it."""
    image = gray(photograph, "uint8")
    taps = dsl.tap_table(reference.disc(3, 2.0))
    table = np.maximum(0, 1 - np.arange(129) / 128)  # a line: eight entries of means are as good as any
    run = functools.partial(filters._weighted.programs.gray_program, image, taps, 3, table, 1.0)
    exact = run(schedule=Schedule({"mean": "loop"}))
    result = run(schedule=Schedule({"mean": method}))
    assert any(method in note for note in notes("gray_program"))
    assert reference.psnr(result, exact, 255) > 50


def test_what_cannot_be_of_bytes_is_refused_with_the_reason(photograph: np.ndarray) -> None:
    with pytest.raises(Exception, match="not uint8"):
        bilateral(photograph, sigma_space=1, sigma_range=20, schedule=Schedule({"mean": "bytes"}))
    with pytest.raises(Exception, match="entries for differences below"):
        bilateral(gray(photograph, "uint8"), sigma_space=1, sigma_range=20, schedule=Schedule({"entries": 77}))
    with pytest.raises(Exception, match="nonsense"):
        bilateral(photograph, sigma_space=1, sigma_range=20, schedule=Schedule({"mean": "nonsense"}))


# ---------------------------------------------------------------------------------------------------- the definition


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(data=st.data())
def test_images_of_every_size_border_and_channels(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 150))
    channels = data.draw(st.sampled_from([None, 1, 2, 3, 4]))
    dtype = data.draw(st.sampled_from(["uint8", "float32"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    shape = (height, width) if channels is None else (height, width, channels)
    image = rng.integers(0, 256, shape).astype(dtype)
    border = data.draw(st.sampled_from(BORDERS))
    options = {
        "sigma_space": data.draw(st.floats(0.5, 4)),
        "sigma_range": data.draw(st.floats(8, 34)),
        "border": border,
        "border_value": data.draw(st.sampled_from([0.0, 77.0, 255.0])),
    }
    wanted = by_planes(image, lambda part: reference.bilateral(part, **options))
    exact = bilateral(image, method="exact", **options)
    assert np.abs(exact - wanted).max() < (0.502 if dtype == "uint8" else 2e-3)
    # Weights of eight bits err by up to 1/510: of a pixel unlike all others, that may be a part of all of theirs.
    taps = np.pi * max(round(1.5 * options["sigma_space"]), 1) ** 2
    assert np.abs(bilateral(image, **options) - wanted).max() < 1 + 255 * taps / (510 + taps)


def by_planes(image: np.ndarray, function: Any) -> np.ndarray:
    """Three channels together, others copied; fewer each alone."""
    if image.ndim == 2:
        return function(image)
    if image.shape[-1] < 3:
        return np.stack([function(image[..., c]) for c in range(image.shape[-1])], axis=-1)
    return np.concatenate([function(image[..., :3]), image[..., 3:]], axis=-1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_colours(photograph: np.ndarray, dtype: str, norm: str) -> None:
    image, scale = colour(photograph, dtype), PEAKS[dtype] / 255
    options = {"sigma_space": 2.5, "sigma_range": 33.0 * scale, "norm": norm}
    wanted = reference.bilateral(image, **options)
    bound = 80 if dtype != "uint8" else least(66, is_bytes=norm == "l1")
    assert agreed(bilateral(image, **options), wanted, PEAKS[dtype]) > bound
    differently = bilateral(image, **{**options, "sigma_range": 5.0 * scale})
    assert reference.psnr(differently, wanted, PEAKS[dtype]) < 45  # the metric sees a difference


@pytest.mark.parametrize(
    ("image_form", "guide_form"),
    [("uint8", "uint8"), ("float32", "uint8"), ("uint8", "uint16"), ("uint8 x3", "uint8"), ("uint8", "uint8 x3"),
     ("float32 x3", "uint8 x3"), ("uint8 x5", "uint8"), ("uint16 x1", "float32 x2")],
)  # fmt: skip
def test_a_guide_of_another_kind(photograph: np.ndarray, image_form: str, guide_form: str) -> None:
    def made(form: str, flip: int) -> np.ndarray:
        dtype, *channels = form.split(" x")
        planes = [np.roll(gray(photograph, dtype), 3 * i, axis=1)[::flip] for i in range(int((channels or ["1"])[0]))]
        return np.stack(planes, -1) if channels else planes[0]

    image, guide = made(image_form, 1), made(guide_form, -1)
    peak, unit = PEAKS[str(image.dtype)], PEAKS[str(guide.dtype)] / 255
    options = {"sigma_space": 2.0, "sigma_range": 30.0 * unit}
    result = joint_bilateral(image, guide, **options)
    assert result.shape == image.shape and result.dtype == image.dtype
    is_bytes = image.dtype == guide.dtype == np.uint8
    bound = least(63 if is_bytes else 71, is_bytes) if image.dtype == np.uint8 else 71
    assert agreed(result, reference.joint_bilateral(image, guide, **options), peak) > bound


@pytest.mark.parametrize(
    "function",
    [{"exponent": 1.0}, {"exponent": 3.5}, {"range_function": "tukey"}, {"range_function": "huber"},
     {"range_function": np.array([1.0, 0.9, 0.2, 0.6, 0.0])}],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_other_range_functions(photograph: np.ndarray, dtype: str, function: dict[str, Any]) -> None:
    image = gray(photograph, dtype)
    options = {"sigma_space": 2.2, "sigma_range": 21.0, **function}
    wanted = reference.bilateral(image, **options)
    assert agreed(bilateral(image, **options), wanted, 255) > (66 - fewer_bits() if dtype == "uint8" else 77)
    assert agreed(bilateral(image, method="exact", **options), wanted, 255) > (80 if dtype == "uint8" else 105)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_any_table_and_kernel(photograph: np.ndarray, dtype: str) -> None:
    image = gray(photograph, dtype)
    rng = np.random.default_rng(5)
    kernel = rng.random((5, 7))
    for entries in (3, 17, 40, 256):
        table = 0.05 + rng.random(entries)
        options = {"table": table, "table_range": 200.0, "spatial_kernel": kernel}
        wanted = reference.variable_convolve(image, image[::-1], **options)
        assert agreed(variable_convolve(image, image[::-1], **options), wanted, 255) > (56 if dtype == "uint8" else 70)
    constant = variable_convolve(photograph, photograph, table=[2.0], spatial_kernel=kernel)
    assert agreed(constant, reference.convolve(photograph, kernel / kernel.sum()), 255) > 120
    negative = {"table": [1.0, -0.2, 0.1], "table_range": 60.0, "spatial_kernel": np.ones((3, 3))}
    wanted = reference.variable_convolve(photograph, photograph, **negative)
    assert agreed(variable_convolve(photograph, photograph, **negative), wanted, 255) > 90


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_formulas_are_computed_in_registers(photograph: np.ndarray, norm: str) -> None:
    """Gaussians are by their formula, and as exact as float32 is: differences of colours by either distance."""
    for image, program in ((photograph, "gray_program"), (colour(photograph, "float32"), "color_program")):
        options = {"sigma_space": 2.2, "sigma_range": 19.0, "norm": norm}
        result = bilateral(image, method="exact", **options)
        assert agreed(result, reference.bilateral(image, **options), 255) > 120
        unit = dsl_registers()
        road = f"1 guide ({unit.name})" if unit is not None else "loop over taps"
        assert any(note.endswith(road) for note in notes(program))


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("function", ["gaussian", "tukey", "huber"])
def test_distances_between_colours_are_larger_than_the_range_of_values(photograph, function, norm) -> None:
    """By l1 three times as large: tables go as far."""
    image = colour(photograph, "float32")[:60, :80]
    image = (image - image.min()) * np.float32(255 / np.ptp(image))
    options = {"sigma_space": 2.0, "sigma_range": 70.0, "norm": norm, "range_function": function}
    wanted = reference.bilateral(image, **options)
    assert reference.psnr(bilateral(image, method="exact", **options), wanted, 255) > 110
    assert reference.psnr(bilateral(image, **options), wanted, 255) > 78


def test_exact_is_exact(photograph: np.ndarray) -> None:
    cv2 = pytest.importorskip("cv2")
    for image in (photograph, colour(photograph, "float32")):
        result = bilateral(image, sigma_space=13 / 3, sigma_range=30, radius=6, method="exact")
        assert reference.psnr(result, cv2.bilateralFilter(image, 13, 30, 13 / 3), 255) > 90
    for image in (gray(photograph, "uint8"), colour(photograph)):
        result = bilateral(image, sigma_space=13 / 3, sigma_range=30, radius=6, method="exact")
        theirs = cv2.bilateralFilter(image, 13, 30, 13 / 3)
        assert np.abs(result.astype(int) - theirs.astype(int)).max() <= 1


# ------------------------------------------------------------------------------------------------------- prediction


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize(("radius", "sigma"), [(3, 12.0), (6, 41.0)])
def test_predicted_errors_are_those_of_colours(photograph: np.ndarray, norm: str, radius: int, sigma: float) -> None:
    image = colour(photograph, "float32")[:120]
    wanted = reference.bilateral(image, sigma_space=radius / 1.5, sigma_range=sigma, radius=radius, norm=norm)
    function, kernel = RangeFunction("gaussian", sigma), planning.disc(radius, radius / 1.5)
    for form in forms.for_floats(function, kernel.rings, 255.0, planning.resolved(None), norm):
        predicted = prediction.psnr(function, form.weights, kernel.rings, 255.0, norm)
        run = filters._weighted.programs.color_program.run
        result = run([image], (radius, form.scale), (kernel.taps, form.table), {"norm": norm}, choices=form.choices)
        assert reference.psnr(result, wanted, 255) > min(predicted - 3, 95)


@pytest.mark.parametrize("sigma", [4.0, 11.0, 30.0, 76.0])
@pytest.mark.parametrize("radius", [3, 8])
def test_predicted_errors_are_those_of_photographs(photograph: np.ndarray, sigma: float, radius: int) -> None:
    """To three decibels, and seldom much better: contrast differs from photograph to photograph."""
    options = {"sigma_space": radius / 1.5, "sigma_range": sigma, "radius": radius}
    wanted = reference.bilateral(photograph, **options)
    function, kernel = RangeFunction("gaussian", sigma), planning.disc(radius, radius / 1.5)
    for form in forms.for_floats(function, kernel.rings, 255.0, planning.resolved(None)):
        predicted = prediction.psnr(function, form.weights, kernel.rings, 255.0)
        run = filters._weighted.programs.gray_program.run
        result = run([photograph], (radius, form.scale), (kernel.taps, form.table), {}, choices=form.choices)
        found = reference.psnr(result, wanted, 255)
        assert found > min(predicted - 3, 95)  # from there on float32 counts
        assert found < predicted + 25


def test_more_accuracy_is_bought_by_larger_tables(photograph: np.ndarray) -> None:
    image = gray(photograph, "uint8")
    options = {"sigma_space": 2.0, "sigma_range": 24.0}
    wanted = reference.bilateral(photograph, **options)
    found = []
    for accuracy in (40.0, 75.0, 95.0, 120.0):
        result = bilateral(photograph, accuracy=accuracy, **options)
        found.append(reference.psnr(result, wanted, 255))
        assert found[-1] > accuracy - 3
    assert found == sorted(found) and found[-1] > found[0] + 20
    assert bilateral(image, accuracy=40.0, **options).dtype == np.uint8


def test_small_tables_are_for_small_differences() -> None:
    """Where an entry stands for several differences, a narrow function has its table for few of them."""
    found = {}
    for sigma in (5.0, 30.0, 90.0):
        wanted = planning.Wanted(True, 1, "l1", None, 255.0, AVX2)
        found[sigma] = dict(planning.by_table(RangeFunction("gaussian", sigma), planning.disc(6, 4.0), wanted).choices)
    assert found[5.0]["span"] < found[30.0]["span"] < found[90.0]["span"]


# ---------------------------------------------------------------------------------------------------- constant time


@pytest.mark.parametrize(("radius", "sigma", "dtype"), [(13, 30.0, "uint8"), (50, 27.0, "float32")])
def test_large_windows_in_constant_time(photograph: np.ndarray, radius: int, sigma: float, dtype: str) -> None:
    image = gray(photograph, dtype)
    options = {"sigma_space": radius / 1.5, "sigma_range": sigma, "radius": radius}
    wanted = reference.bilateral(image, **options)
    assert agreed(bilateral(image, method="constant_time", **options), wanted, 255) > 49
    assert notes("smooth_gray")[-1].endswith("convolution")


@pytest.mark.parametrize("border", BORDERS)
def test_constant_time_at_every_border(photograph: np.ndarray, border: str) -> None:
    image = gray(photograph, "uint8")[:71, :93]
    options = {"sigma_space": 9, "sigma_range": 40, "radius": 13, "border": border, "border_value": 90.0}
    result = bilateral(image, method="constant_time", **options)
    assert agreed(result, reference.bilateral(image, **options), 255) > 49


def test_auto_takes_constant_time_for_large_windows_only() -> None:
    image, function = np.zeros((10, 10), np.uint8), RangeFunction("gaussian", 33.0)
    wanted = planning.Wanted(True, 1, "l1", None, 255.0, None)
    for radius, is_large in ((3, False), (90, True)):
        kernel = planning.disc(radius, radius / 1.5)
        plan = call._plan(image, image, kernel, function, ("auto", None), wanted)
        assert isinstance(plan, call.ConstantTime) == is_large


def test_constant_time_is_refused_where_it_is_none(photograph: np.ndarray) -> None:
    for options in (
        {"sigma_range": 0.5, "radius": 20},
        {"sigma_range": 30, "radius": 2},
        {"sigma_range": 30, "radius": 20, "accuracy": 90},
    ):
        with pytest.raises(ValueError, match="'constant_time' is for one channel"):
            bilateral(photograph, sigma_space=9, method="constant_time", **options)
    with pytest.raises(ValueError, match="'constant_time' is for one channel"):
        bilateral(colour(photograph), sigma_space=9, sigma_range=30, radius=20, method="constant_time")
    broken = photograph.copy()
    broken[3, 4] = np.inf
    with pytest.raises(ValueError, match="needs finite values"):
        bilateral(broken, sigma_space=9, sigma_range=30, radius=20, method="constant_time")
    assert np.isfinite(bilateral(broken, sigma_space=20, sigma_range=30)).sum() > 1000


# -------------------------------------------------------------------------------------------------- non-local means


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(("search", "patch", "noise"), [(3, 1, 0.0), (5, 3, 6.0)])
def test_nonlocal_means(photograph: np.ndarray, dtype: str, search: int, patch: int, noise: float) -> None:
    rng, scale = np.random.default_rng(3), PEAKS[dtype] / 255
    noisy = gray(np.clip(photograph + rng.normal(0, 8, photograph.shape), 0, 255).astype(np.float32), dtype)[:90, :150]
    options = {"strength": 8.0 * scale, "search_radius": search, "patch_radius": patch, "noise": noise * scale}
    wanted = reference.nonlocal_means(noisy, **options)
    assert agreed(nonlocal_means(noisy, **options), wanted, PEAKS[dtype]) > (65 if dtype == "uint8" else 80)
    unit = dsl_registers()
    if unit is not None:
        weights = "32 lines in registers" if 32 in unit.floats else "an exponential"
        assert any(f"patches, {weights} ({unit.name})" in note for note in notes("patches_program"))
    exact = nonlocal_means(noisy, method="exact", **options)
    assert agreed(exact, wanted, PEAKS[dtype]) > (80 if dtype == "uint8" else 100)
    if unit is not None:
        assert any(f"patches, an exponential ({unit.name})" in note for note in notes("patches_program"))


@pytest.mark.parametrize("target", [AVX2, SSE, f"{SSE}-reproducible"])
def test_nonlocal_means_gives_no_weight_to_what_is_far_from_alike(target: str) -> None:
    image = np.zeros((32, 32), np.float32)
    image[16, 16] = 200
    result = nonlocal_means(image, strength=5, search_radius=10, patch_radius=1, target=target)
    assert result[16, 16] == pytest.approx(200, abs=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("target", [AVX2, SSE])
def test_nonlocal_means_of_colours_on_other_machines(photograph: np.ndarray, target: str, dtype: str) -> None:
    image = colour(photograph, dtype)[:60, :70]
    options = {"strength": 12.0, "search_radius": 2, "patch_radius": 2}
    wanted = reference.nonlocal_means(image, **options)
    assert agreed(nonlocal_means(image, target=target, **options), wanted, 255) > (65 if dtype == "uint8" else 75)
    assert ("patches" if target == AVX2 else "tile by tile") in notes("patches_color_program")[-1]


@hypothesis.settings(max_examples=15, deadline=None, derandomize=True)
@hypothesis.given(
    height=st.integers(1, 40), width=st.integers(1, 140), border=st.sampled_from(BORDERS), search=st.integers(1, 12)
)
def test_nonlocal_means_of_every_size_and_border(height: int, width: int, border: str, search: int) -> None:
    image = np.random.default_rng(height).uniform(0, 40, (height, width)).astype(np.float32)
    options = {"strength": 9.0, "search_radius": search, "patch_radius": 1, "border": border, "border_value": 20.0}
    wanted = reference.nonlocal_means(image, **options)
    assert np.abs(nonlocal_means(image, method="exact", **options) - wanted).max() < 2e-3
    assert np.abs(nonlocal_means(image, **options) - wanted).max() < 0.6


def test_nonlocal_means_as_every_filter(photograph: np.ndarray) -> None:
    options = {"strength": 9.0, "search_radius": 3, "patch_radius": 1}
    whole = nonlocal_means(photograph, threads=1, **options)
    assert np.array_equal(whole, nonlocal_means(photograph, threads=2, **options))
    assert nonlocal_means.halo(radius=3, patch=1) == (4, 4)
    assert nonlocal_means.halo(radius=3, patch=1)[0] == 4
    two = np.stack([photograph, photograph[::-1]], axis=-1)
    assert np.array_equal(nonlocal_means(two, **options)[..., 0], whole)
    broken = photograph.copy()
    broken[50, 60] = np.nan
    bad = np.argwhere(~np.isfinite(nonlocal_means(broken, **options)))
    assert len(bad) and np.abs(bad - (50, 60)).max() <= 4
    with pytest.raises(ValueError, match="patch_radius must be from 0 to 10"):
        nonlocal_means(photograph, strength=9.0, patch_radius=11)
    with pytest.raises(ValueError, match="strength must be"):
        nonlocal_means(photograph, strength=0)


# ------------------------------------------------------------------------------------------------- as every filter


def test_results_do_not_depend_on_threads_batches_or_tiles(photograph: np.ndarray) -> None:
    for image in (gray(photograph, "uint8"), photograph):
        options = {"sigma_space": 2.0, "sigma_range": 24.0}
        whole = bilateral(image, threads=1, **options)
        assert np.array_equal(whole, bilateral(image, threads=2, **options))
        batch = np.stack([image, image[::-1]])[..., None]
        assert np.array_equal(bilateral(batch, **options)[0, ..., 0], whole)
        reach, _ = bilateral.halo(radius=3)
        assert reach == 3
        tile = bilateral(image[40 - reach : 90 + reach], **options)[reach:-reach]
        assert np.array_equal(tile, whole[40:90])


def test_what_is_not_finite_stays_near(photograph: np.ndarray) -> None:
    image = photograph.copy()
    image[50, 60] = np.nan
    result = bilateral(image, sigma_space=2.0, sigma_range=24.0)
    bad = np.argwhere(~np.isfinite(result))
    assert len(bad) and np.abs(bad - (50, 60)).max() <= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_range": 0}, "sigma_range must be"),
        ({"sigma_space": -1}, "sigma_space must be"),
        ({"radius": -1}, "radius must be from 0 to 200"),
        ({"sigma_space": 1000}, "radius of 1500"),
        ({"norm": "l3"}, "norm must be one of 'l1', 'l2'"),
        ({"method": "fast"}, "method must be one of"),
        ({"range_function": "cosine"}, "range_function must be one of"),
        ({"range_function": np.zeros(4)}, "range_function must not be zero everywhere"),
        ({"accuracy": 0}, "accuracy must be"),
    ],
)
def test_bad_arguments_are_named(photograph: np.ndarray, options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        bilateral(photograph, **{"sigma_space": 2.0, "sigma_range": 20.0, **options})


def test_bad_guides_and_kernels_are_named(photograph: np.ndarray) -> None:
    options = {"sigma_space": 2.0, "sigma_range": 20.0}
    with pytest.raises(ValueError, match=r"guide has shape \(10, 10\)"):
        joint_bilateral(photograph, photograph[:10, :10], **options)
    with pytest.raises(TypeError, match="guide has dtype float64"):
        joint_bilateral(photograph, photograph.astype(np.float64), **options)
    with pytest.raises(ValueError, match="spatial_kernel must be 2-D"):
        variable_convolve(photograph, photograph, table=[1.0], spatial_kernel=np.ones((2, 3)))
    with pytest.raises(ValueError, match="spatial_kernel: weights must not all be zero"):
        variable_convolve(photograph, photograph, table=[1.0], spatial_kernel=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="table must be one row"):
        variable_convolve(photograph, photograph, table=[[1.0]], spatial_kernel=np.ones((3, 3)))
    out = np.zeros_like(photograph)
    with pytest.raises(ValueError, match="overlaps an input"):
        joint_bilateral(photograph, out, out=out, **options)
    assert not out.any()
