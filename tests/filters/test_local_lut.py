"""Local look-up tables, and functions that they accelerate."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import filters
from data import sample
from dsl.tracing import Filter
from filters import accelerate, downsample, local_lut_upsample, reference, upsample
from filters._upsampling import curves, local_lut, pairs, prediction
from filters.images import read
from filters.reference.local_lut import CRITERIA, curve, window
from schedules import targets

#: Results of bytes: they and, in registers, tables and weights are rounded; of noise, whose tables differ most.
BYTES, BYTES_PSNR = 2.5, 55.0
#: And where tables are in memory only they are: half a step, and what float32 makes of ties.
ROUNDED = 0.501
HAS_REGISTERS = 256 in getattr(targets.tables_in_registers(targets.host()), "bytes", ())


def triple(full=(45, 67), small=(12, 17), channels=(3, 3), dtype=np.uint8):
    """Give a source, a small one, and what some curve and some noise make of that."""
    rng = np.random.default_rng(7)
    source, low = (rng.integers(0, 256, (*size, channels[0])) for size in (full, small))
    result = np.clip(low[..., :1] * 0.7 + rng.integers(0, 60, (*small, channels[1])), 0, 255)
    return tuple(np.squeeze(image, 2) if image.shape[2] == 1 else image for image in map(dtype, (source, low, result)))


def expected(*images, **options):
    return np.clip(reference.local_lut_upsample(*images, **options), 0, 255)


@pytest.fixture(scope="module")
def photo():
    return read(sample("coffee")).array[:300, :400, :3]


# ------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"entries": 40, "lut_radius": 1, "interpolation": "linear"},
        {"criterion": "frequency", "extrapolation": "range", "interpolation": "nearest"},
        {"criterion": "dp", "extrapolation": "none", "entries": 16, "lut_radius": 0},
        {"criterion": "linf", "radius": 2, "extrapolation": "minmax", "offset": False},
        {"extrapolation": "curve", "lut_radius": 5},
        {"extrapolation": "curve", "entries": 100, "radius": 3, "criterion": "frequency"},
        {"extrapolation": "replicate", "interpolation": "cubic", "border": "wrap"},
    ],
    ids=str,
)
def test_results_are_those_of_the_definition(options):
    images = triple(
        channels=(1, 1) if options else (3, 3)
    )  # programs of one channel are compiled in a third of the time
    result = local_lut_upsample(*images, **options)
    error = np.abs(result - expected(*images, **options))
    in_registers = HAS_REGISTERS and not {"entries", "criterion"} & set(options) | {"radius"} & set(options)
    is_exact = options.get("interpolation") == "cubic" or options.get("entries") or not in_registers
    assert error.max() < (ROUNDED if is_exact and "radius" not in options else BYTES)
    assert reference.psnr(result, expected(*images, **options), 255) > BYTES_PSNR


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(1, 60)] * 2), st.tuples(*[st.integers(1, 20)] * 2), st.integers(0, 127), st.data())
def test_any_sizes_ratios_and_borders(full, small, lut_radius, data):
    border = data.draw(st.sampled_from(["reflect101", "reflect", "replicate", "wrap", "constant"]))
    images = triple(full, small, (1, 1))
    options = {"lut_radius": lut_radius, "border": border, "border_value": 9}
    error = np.abs(local_lut_upsample(*images, **options) - expected(*images, **options))
    assert error.max() < BYTES


@pytest.mark.parametrize("channels", [(1, 3), (3, 1), (4, 4), (2, 2)], ids=str)
def test_channels_go_with_their_own_or_with_luminance(channels):
    images = triple(channels=channels)
    result = local_lut_upsample(*images, extrapolation="curve")
    assert result.shape == (45, 67, channels[1])[: 3 if channels[1] > 1 else 2]
    assert np.abs(result - expected(*images, extrapolation="curve")).max() < BYTES


def test_float32_and_uint16_have_ranges_as_measured():
    source, low, result = (image / np.float32(255) * 3 - 1 for image in triple(channels=(1, 1)))
    ranges = {f"{name}_range": (image.min(), image.max()) for name, image in (("source", source), ("result", result))}
    found = local_lut_upsample(source, low, result)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected_floats(source, low, result, **ranges), atol=1e-5)
    found = local_lut_upsample(source, low, result, extrapolation="curve")
    wanted = expected_floats(source, low, result, extrapolation="curve", **ranges)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    source, low, result = (np.uint16(image) * 200 + 50 for image in triple(channels=(1, 1)))
    ranges = {f"{name}_range": (image.min(), image.max()) for name, image in (("source", source), ("result", result))}
    found = local_lut_upsample(source, low, result)
    assert np.abs(found - expected_floats(source, low, result, **ranges, clip=True)).max() < ROUNDED + 0.1


def expected_floats(*images, clip=False, **options):
    return reference.local_lut_upsample(*images, clip=clip, **options)


def test_a_result_of_another_dtype_keeps_it():
    source, low, result = triple(channels=(1, 1))
    found = local_lut_upsample(source, low, result.astype(np.float32))
    assert found.dtype == np.float32
    extent = result.min(), result.max()
    assert np.abs(found - expected_floats(source, low, result, result_range=extent)).max() < 1e-3


@pytest.mark.parametrize("extrapolation", ["linear", "curve"])
@pytest.mark.parametrize("function", [lambda image: image, lambda image: 255 - image], ids=["identity", "negative"])
def test_what_is_a_line_comes_out_as_it_went_in(photo, function, extrapolation):
    small = downsample(photo, scale=4)
    result = local_lut_upsample(photo, small, function(small), extrapolation=extrapolation)
    assert reference.psnr(result, function(photo), 255) > 70


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.integers(1, 150)] * 2), st.integers(0, 99))
def test_curves_are_those_of_the_definition(size, seed):
    rng = np.random.default_rng(seed)
    low, result = rng.integers(0, 256, (2, *size, 1)).astype(np.uint8)
    change, share = curves.beyond(low, result, 64, (0.0, 255.0))
    wanted = curve(low / 255.0 * 63, result.astype(np.float64), 64)
    np.testing.assert_allclose([change, share], wanted, rtol=1e-9, atol=1e-9)


def test_constants_stay():
    low = np.full((5, 6), 77, np.uint8)
    source = np.full((20, 24), 77, np.uint8)
    assert (local_lut_upsample(source, low, np.full_like(low, 31)) == 31).all()


def test_tables_of_bytes_are_in_registers_and_notes_say_where_they_are_not():
    images = triple()
    for options, words in (({}, "in registers" if HAS_REGISTERS else "in memory"), ({"entries": 40}, "in memory")):
        local_lut_upsample(*images, **options)
        notes = [
            variant.notes
            for variant in filters.compiled()
            if variant.filter == "local_lut_color_by_color" and f"entries={options.get('entries', 256)}" in variant.why
        ]
        assert notes
        assert all(words in note for note in notes[0])


def test_luminance_is_read_through_tables_and_colours_follow(photo):
    small = downsample(photo, scale=4)
    result = local_lut_upsample(photo, small, 255 - small, color="luminance")
    assert reference.psnr(result, 255 - photo, 255) > 25  # colours are only as fine as the small image's
    gray = np.repeat(photo[..., :1], 3, axis=2)
    small = downsample(gray, scale=4)
    assert reference.psnr(local_lut_upsample(gray, small, 255 - small, color="luminance"), 255 - gray, 255) > 55


def test_confidence_is_the_share_that_was_observed():
    images = triple(channels=(1, 1))
    result, confidence = local_lut_upsample(*images, return_confidence=True)
    assert confidence.dtype == np.float32
    assert result.shape == confidence.shape
    np.testing.assert_allclose(confidence, expected(*images, confidence=True), atol=1e-5)


def test_pixels_that_are_not_valid_do_not_matter():
    source, low, result = triple()
    valid = np.ones(low.shape[:2], bool)
    valid[3:8, 5:9] = False
    found = [
        local_lut_upsample(source, low, np.where(valid[..., None], result, fill), valid=valid) for fill in (0, 255)
    ]
    np.testing.assert_array_equal(*found)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(1, 12)] * 2), st.integers(0, 99))
def test_the_nearest_valid_pixel_takes_the_place(shape, seed):
    valid = np.random.default_rng(seed).random(shape) < 0.3
    places = np.stack(np.indices(shape), axis=-1).astype(np.float32)
    (found,) = pairs.filled([places], valid)
    if not valid.any():
        np.testing.assert_array_equal(found, places)
        return
    known = np.argwhere(valid)
    nearest = ((places[:, :, None] - known) ** 2).sum(-1).min(-1)
    distance = ((found - places) ** 2).sum(-1)
    assert (distance <= nearest + 2 * np.sqrt(nearest) + 1).all()  # jump flooding is a pixel off at most here
    assert valid[tuple(found.astype(int).T)].all()


def test_a_guide_is_read_instead_of_the_source():
    source, low, result = triple()
    guide = np.random.default_rng(8).integers(0, 256, source.shape[:2]).astype(np.uint8)
    found = local_lut_upsample(source, low, result, guide=guide)
    small = downsample(guide, low.shape[:2])
    np.testing.assert_array_equal(found, local_lut_upsample(guide, small, result))


def test_batches_threads_strides_and_out():
    images = triple()
    result = local_lut_upsample(*images)
    batch = local_lut_upsample(*(np.stack([image, image[::-1]]) for image in images))
    np.testing.assert_array_equal(batch[0], result)
    assert batch.shape == (2, *result.shape)
    out = np.empty((45, 67, 4), np.uint8)[..., :3]
    assert local_lut_upsample(*images, out=out, threads=1) is out
    np.testing.assert_array_equal(out, result)
    mirrored = local_lut_upsample(*(np.ascontiguousarray(image[:, ::-1])[:, ::-1] for image in images))
    np.testing.assert_array_equal(mirrored, result)


def test_windows_are_those_of_the_definition():
    for radius, criterion in itertools.product((0, 1, 2, 3), CRITERIA):
        places, weights = window(radius, criterion)
        numbers = np.reshape(local_lut.taps(radius, criterion), (-1, 3))
        np.testing.assert_array_equal(numbers[:, :2], places)
        np.testing.assert_array_equal(numbers[:, 2], weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entries": 8}, "entries must be from 16 to 256, not 8"),
        ({"radius": 9}, "radius must be from 0 to 7"),
        ({"criterion": "l3"}, "criterion must be one of 'l1', 'l2'"),
        ({"value_range": (5, 5)}, "value_range must rise"),
        ({"valid": np.ones((3, 3), bool)}, "valid has shape"),
        ({"guide": np.ones((3, 3), np.uint8)}, "guide has shape"),
    ],
    ids=str,
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        local_lut_upsample(*triple(), **options)
    with pytest.raises(TypeError, match="valid must be an array of bool"):
        local_lut_upsample(*triple(), valid=np.ones((12, 17)))


# ------------------------------------------------------------------------------------------------- upsample, accelerate


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(0, 999))
def test_no_other_mixture_has_less_error(count, seed):
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(count, 30)) * rng.uniform(0.1, 5, (count, 1)) + rng.normal(size=30)
    products = errors @ errors.T
    found = prediction.least_of_mixtures(products)
    others = rng.dirichlet(np.full(count, 0.3), 200)
    least = np.einsum("ni,ij,nj->n", others, products, others).min()
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)
    assert found @ products @ found <= least * (1 + 1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_auto_mixes_what_finds_the_small_pair_again(photo, dtype):
    photo = photo[..., 0].astype(dtype)
    small = downsample(photo, scale=4)
    result = np.where(small > 90, small, 0.3 * small).astype(dtype)
    shares = prediction.shares(photo, small, result, upsample=upsample, downsample=downsample)
    assert sum(shares.values()) == pytest.approx(1)
    each = {method: upsample(photo, small, result, method=method) for method in shares}
    mixed = sum(share * each[method].astype(np.float64) for method, share in shares.items())
    out = np.empty_like(photo)
    assert upsample(photo, small, result, out=out) is out
    assert out.dtype == dtype
    assert np.abs(out - mixed).max() <= (0.51 if dtype == np.uint8 else 1e-3)


def test_auto_runs_all_it_does_on_the_target_and_threads_of_the_call(photo, monkeypatch):
    photo = photo[:32, :32, 0]
    small = downsample(photo, scale=4)
    ran = []
    run = Filter.run
    monkeypatch.setattr(
        Filter,
        "run",
        lambda *given, **options: (ran.append((options["target"], options["threads"])), run(*given, **options))[1],
    )
    upsample(photo, small, small, target="host-strict_float", threads=1)
    assert set(ran) == {("host-strict_float", 1)}
    assert len(ran) > len(prediction.METHODS)


def test_tables_serve_where_nothing_is_found_again(photo):
    photo = photo[..., 0].astype(np.float32)
    small = downsample(photo, scale=4)
    result = small.copy()
    result[5, 5] = np.nan
    assert prediction.shares(photo, small, result, upsample=upsample, downsample=downsample) == {"local_lut": 1.0}


def test_auto_is_about_as_good_as_the_best_of_all(photo):
    photo = photo[..., 0]
    small = downsample(photo, scale=4)
    result = np.uint8(255 * (small / 255.0) ** 0.5)
    auto = upsample(photo, small, result)
    truth = 255 * (photo / 255.0) ** 0.5
    found = {m: upsample(photo, small, result, method=m) for m in prediction.METHODS}
    np.testing.assert_array_equal(found["local_lut"], local_lut_upsample(photo, small, result, extrapolation="curve"))
    best = max(reference.psnr(each, truth, 255) for each in found.values())
    assert reference.psnr(auto, truth, 255) > best - 0.5  # what is found again is not all that is there


def slow(image, radius=8.0, side=9, area=64.0, *, strength=2):
    slow.given = image.shape, radius, side, area, strength
    return 255 - image


def test_a_function_is_run_small_with_parameters_that_fit(photo):
    scaled = {"radius": "spatial", "side": "odd", "area": "area", "strength": lambda value, scale: value + scale}
    fast = accelerate(slow, 4, scale_parameters=scaled)
    result = fast(photo, 6.0)
    assert slow.given == ((75, 100, 3), 1.5, 3, 4.0, 6.0)
    assert reference.psnr(result, 255 - photo, 255) > 70
    assert fast.__wrapped__ is slow
    assert fast.__name__ == "slow"
    fast(photo, side=21, radius=1.0)
    assert slow.given[1:3] == (0.25, 5)
    accelerate(slow, (2, 4), scale_parameters={0: "spatial"}, method="guided")(photo, 8)
    assert slow.given[:2] == ((150, 100, 3), 3)


def test_a_decorator_and_its_mistakes(photo):
    @accelerate(scale=3, color="luminance")
    def half(image):
        return image // 2

    assert reference.psnr(half(photo), photo // 2, 255) > 30
    with pytest.raises(ValueError, match="the function's result has shape"):
        accelerate(lambda image: image[1:])(photo)
    with pytest.raises(ValueError, match=r"scale_parameters\['d'\] must be one of"):
        accelerate(slow, scale_parameters={"d": "pixels"})
    with pytest.raises(TypeError, match="the function's parameters are radius, side, area, strength"):
        accelerate(slow, scale_parameters={"d": "odd"})(photo)
    with pytest.raises(TypeError, match="function must be a function"):
        accelerate(4)
    with pytest.raises(ValueError, match="scale must be finite and at least 1"):
        accelerate(slow, 0.5)


def test_programs_pickle_by_name():
    for result, source in itertools.product((1, 3), (1, 3)):
        program = local_lut.program(result, source)
        assert pickle.loads(pickle.dumps(program)) is program
