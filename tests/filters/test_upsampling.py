"""Downsampling, and upsampling by the full source: against plain definitions in float64."""

import ctypes
import functools
import itertools
import pickle

import numpy as np
import pytest

import dsl
import filters
from filters import _guides, downsample, reference, upsample
from filters.reference.borders import border_index

RNG = np.random.default_rng(3)
METHODS = ("cubic", "joint_bilateral", "guided", "bilateral_guided")
#: What float32 arithmetic leaves of 255; of lines the more, the less ``eps`` is beside what is squared.
FLOATS = {"cubic": 1e-4, "joint_bilateral": 1e-3, "guided": 0.02, "bilateral_guided": 0.2}
EPS, FLOATS_OF_EPS = {"eps": 10.0}, 5e-3


def photo(*shape, dtype=np.float32):
    """Give an image with edges and slopes."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape[:2])
    waves = np.stack([np.sin(9 * x + c) + (np.sin(7 * y - 5 * x + c) > 0) for c in range(3)], axis=-1)
    image = np.clip(60 * (waves + 1) + RNG.normal(0, 3, waves.shape), 0, 255)
    image = np.concatenate([image] * 2, axis=-1)[..., : shape[2]] if len(shape) > 2 else image[..., 0]
    return np.ascontiguousarray(np.rint(image).astype(dtype))


def filtered(small):
    """Do something to a small image that is no function of pixels alone."""
    return np.clip(small + 0.6 * (small - reference.gaussian(small, 1.5)), 0, 255).astype(small.dtype)


# ----------------------------------------------------------------------------------------------- the definitions


def resized(image, sides, kernel, border="reflect101"):
    if kernel == "area":
        return reference.downsample(image, sides)
    return reference.resize(image, sides, kernel, border=border)


def joint_bilateral(source, low_source, low_result, border, extent, *, radius=2, sigma_space=1.0, sigma_range=None):
    sigma_range = (extent[1] - extent[0]) / 17 if sigma_range is None else sigma_range
    at = []
    for size, target in zip(low_source.shape, source.shape[:2], strict=False):
        at.append(((2 * np.arange(target) + 1) * size // (2 * target), (np.arange(target) + 0.5) * size / target - 0.5))
    (rows, y), (columns, x) = at
    total, weights = 0.0, 0.0
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            down, across = (
                border_index(i + d, n, border)
                for i, d, n in zip((rows, columns), (dy, dx), low_source.shape, strict=False)
            )
            near = np.ix_(down, across)
            place = ((rows + dy - y) ** 2)[:, None] + (columns + dx - x) ** 2
            squared = np.sum((low_source[near] - source) ** 2, axis=-1) / sigma_range**2
            weight = np.exp(-place / (2 * sigma_space**2) - np.minimum(squared, 80) / 2)[..., None]
            total, weights = total + weight * low_result[near], weights + weight
    return total / weights


def lines(guide, image, means, eps):
    """Fit slopes and offset of every channel of an image by a guide: (..., channels of the image, of the guide + 1)."""
    center, level = means(guide), means(image)
    squares = means(guide[..., :, None] * guide[..., None, :]) - center[..., :, None] * center[..., None, :]
    products = means(guide[..., :, None] * image[..., None, :]) - center[..., :, None] * level[..., None, :]
    slopes = np.linalg.solve(squares + eps * np.eye(guide.shape[-1]), products)
    return np.moveaxis(
        np.concatenate([slopes, (level - np.einsum("...gc,...g->...c", slopes, center))[..., None, :]], axis=-2), -1, -2
    )


def along(found, guide):
    return np.einsum("...cg,...g->...c", found[..., :-1], guide) + found[..., -1]


def flat(function):
    """Let a function of (H, W, C) take any further axes."""
    return lambda image: (lambda found: found.reshape(*found.shape[:2], *image.shape[2:]))(
        function(image.reshape(*image.shape[:2], -1))
    )


def guided(source, low_source, low_result, border, extent, *, radius=1, eps=None):
    eps = ((extent[1] - extent[0]) / 800) ** 2 if eps is None else eps
    means = flat(lambda image: reference.box(image, radius, border=border))
    grown = flat(lambda image: resized(image, source.shape, "linear", border))
    return along(grown(means(lines(low_source, low_result, means, eps))), source)


def bilateral_guided(source, low_source, low_result, border, extent, *, eps=None, bins=8, cell=2):
    eps = ((extent[1] - extent[0]) / 400) ** 2 if eps is None else eps
    luma = np.array([1.0] if source.shape[-1] == 1 else [0.25, 0.5, 0.25])
    own = np.eye(3) if source.shape[-1] == low_result.shape[-1] == 3 else np.tile(luma, (low_result.shape[-1], 1))
    levels, result = np.linspace(*extent, bins), source @ own.T
    sides = low_source.shape[:2]
    for _ in range(cell.bit_length() - 1):
        sides = tuple((side + 1) // 2 for side in sides)
    for level in levels:
        steps = (low_source @ luma - level) / (levels[1] - levels[0])
        weight = np.exp(-0.5 * np.minimum((steps / 0.4) ** 2, 80))[..., None]

        def sums(image):
            kernel = np.array([0.25, 0.5, 0.25])
            return reference.convolve(resized(image, sides, "area"), kernel, border=border)

        means = flat(lambda image, weight=weight: sums(weight * image) / sums(weight))
        found = lines(low_source, low_result - low_source @ own.T, means, eps)
        grown = flat(lambda image: resized(image, source.shape, "linear", border))(found)
        share = np.maximum(1 - np.abs((np.clip(source @ luma, *extent) - level) / (levels[1] - levels[0])), 0)
        result = result + share[..., None] * along(grown, source)
    return result


def expected(method, source, low_source, low_result, border="reflect101", **options):
    whole = low_source.dtype.kind == "u" or options.pop("whole", False)
    extent = (0, 255) if whole else (low_source.min(), low_source.max())
    source, low_source, low_result = (
        np.float64(a if a.ndim > 2 else a[..., None]) for a in (source, low_source, low_result)
    )
    source, low_source = (
        np.pad(a, [(0, 0), (0, 0), (0, 1)]) if a.shape[-1] == 2 else a[..., :3] for a in (source, low_source)
    )
    if method == "cubic":
        return resized(low_result, source.shape, "cubic", border)
    make = {"joint_bilateral": joint_bilateral, "guided": guided, "bilateral_guided": bilateral_guided}[method]
    return make(source, low_source, low_result, border, extent, **options)


def check(result, wanted, method):
    wanted = wanted.reshape(result.shape)
    if result.dtype == np.float32:
        assert np.abs(result - wanted).max() < FLOATS[method]
    else:
        peak = np.iinfo(result.dtype).max
        assert np.abs(result - np.clip(wanted, 0, peak)).max() < 0.5 + FLOATS[method] * peak / 255


# -------------------------------------------------------------------------------------------------- upsampling


@functools.cache
def pair(sides=(40, 57), low_sides=(12, 15), channels=(3, 3), dtype=np.float32):
    given, made = channels
    source = photo(*sides, *([given] if given else []), dtype=dtype)
    low_source = downsample(source, low_sides)
    result = filtered(
        photo(*low_sides, *([made] if made else []), dtype=np.float32) * 0.5
        + 0.5 * (low_source if low_source.ndim == 2 else low_source[..., 0])[(..., *([None] if made else []))]
    )
    return source, low_source, np.float32(result)


@pytest.mark.parametrize("channels", [(0, 0), (3, 3), (3, 0), (1, 4), (4, 2), (2, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_pixels_are_those_of_the_definition(method, channels):
    images = pair(channels=channels)
    check(upsample(*images, method=method), expected(method, *images), method)
    if "guided" in method:
        result = upsample(*images, method=method, **EPS)
        assert np.abs(result - expected(method, *images, **EPS).reshape(result.shape)).max() < FLOATS_OF_EPS


@pytest.mark.parametrize(
    "sizes", [((37, 50), (37, 50)), ((9, 70), (9, 3)), ((20, 20), (30, 25)), ((5, 4), (1, 1)), ((1, 1), (1, 1))]
)
@pytest.mark.parametrize("method", METHODS)
def test_any_ratio_and_size(method, sizes):
    images = pair(*sizes)
    options = EPS if "guided" in method else {}
    check(upsample(*images, method=method, **options), expected(method, *images, **options), method)


@pytest.mark.parametrize("border", ["reflect", "replicate", "wrap"])
@pytest.mark.parametrize("method", METHODS)
def test_borders_are_those_of_the_small_images(method, border):
    images = pair()
    check(upsample(*images, method=method, border=border), expected(method, *images, border), method)


OPTIONS = {
    "joint_bilateral": {"radius": 1, "sigma_space": 0.7, "sigma_range": 8.0},
    "guided": {"radius": 3, "eps": 500.0},
    "bilateral_guided": {"eps": 300.0, "bins": 5, "cell": 4},
}


@pytest.mark.parametrize(("method", "options"), OPTIONS.items())
def test_options_mean_what_they_say(method, options):
    images = pair(channels=(0, 0))
    check(upsample(*images, method=method, **options), expected(method, *images, **options), method)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("method", METHODS)
def test_whole_numbers_and_their_ranges(method, dtype):
    """Of uint16 the range is wider: the defaults follow it."""
    factor = 257 if dtype == np.uint16 else 1
    source, low_source, low_result = (np.rint(image).astype(dtype) * dtype(factor) for image in pair(channels=(0, 0)))
    wanted = expected(method, *(image / factor for image in (source, low_source, low_result)), whole=True) * factor
    result = upsample(source, low_source, low_result, method=method)
    assert result.dtype == dtype
    check(result, wanted, method)
    floats = upsample(source, low_source, low_result.astype(np.float32), method=method)
    assert np.abs(np.float64(result) - np.clip(np.rint(floats), 0, factor * 255)).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_batches_and_layouts_give_what_images_alone_give(method):
    images = pair()
    alone = upsample(*images, method=method)
    others = [np.float32(image[::-1, ::-1] * 0.7) for image in images]
    batch = [np.stack([image, other]) for image, other in zip(images, others, strict=True)]
    into = np.empty((2, 80, 57, 4), np.float32)[:, ::2, :, :3]
    result = upsample(*batch, method=method, out=into)
    assert result is into
    assert np.array_equal(result[0], alone)
    assert np.array_equal(result[1], upsample(*others, method=method))
    assert np.array_equal(upsample(*map(np.asfortranarray, images), method=method), alone)
    assert upsample(*(image[:0] for image in batch), method=method).shape == (0, 40, 57, 3)


@pytest.mark.parametrize(("method", "decibels"), [("joint_bilateral", 26), ("guided", 38), ("bilateral_guided", 60)])
def test_what_changes_nothing_gives_the_source_back(method, decibels):
    source = photo(96, 128, 3)
    small = downsample(source, scale=4)
    assert reference.psnr(upsample(source, small, small, method=method), source, 255) > decibels


def test_the_source_brings_edges_back():
    """Every way with the source is better than the one without."""
    source = photo(160, 160, 3)
    whole, small = filtered(source), downsample(source, scale=4)
    found = {
        method: reference.psnr(upsample(source, small, filtered(small), method=method), whole, 255)
        for method in METHODS
    }
    assert all(found[method] > found["cubic"] + 3 for method in METHODS[2:]), found


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_stays_what_it_is(method):
    source = np.full((30, 40), 100, np.uint8)
    assert np.all(upsample(source, source[:7, :9], source[:7, :9] // 2, method=method) == 50)


def test_images_that_are_not_finite_need_what_follows_their_range():
    source, low_source, low_result = (image.copy() for image in pair())
    low_source[3, 4], low_result[0, 0] = np.nan, np.inf
    for method, name in (
        ("joint_bilateral", "sigma_range"),
        ("guided", "eps"),
        ("bilateral_guided", "'bilateral_guided'"),
    ):
        with pytest.raises(ValueError, match=f"low_source holds NaN or infinity, from which .*{name} has no range"):
            upsample(source, low_source, low_result, method=method)
    for method, options in (("cubic", {}), ("joint_bilateral", {"sigma_range": 20.0}), ("guided", {"eps": 10.0})):
        result = upsample(source, low_source, low_result, method=method, **options)
        wanted = upsample(*pair(), method=method, **options)
        assert not np.isfinite(result).all()
        assert np.abs(result - wanted)[24:].max() < 1e-2  # far from there nothing changes


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"low_source": pair()[1].astype(np.uint8)}, TypeError, "low_source has dtype uint8, source float32"),
        ({"low_source": pair()[1][..., 0]}, ValueError, r"low_source has shape \(12, 15\), source .* equal channels"),
        ({"low_result": pair()[2][:5]}, ValueError, r"low_result has shape \(5, 15, 3\), low_source .* equal sizes"),
        ({"low_result": pair()[2][None]}, ValueError, "equal sizes and batches are needed"),
        ({"low_result": pair()[2].astype(float)}, TypeError, "low_result has dtype float64"),
        ({"source": 3}, TypeError, "source has dtype int64"),
        ({"method": "nearest"}, ValueError, "method must be one of 'auto', 'local_lut'"),
        ({"radius": 9}, ValueError, "radius must be from 0 to 8, not 9"),
        ({"cell": 3}, ValueError, "cell must be one of 1, 2, 4, 8, not 3"),
        ({"bins": 1}, ValueError, "bins must be from 2 to 64, not 1"),
        ({"eps": 0}, ValueError, "eps must be"),
        ({"sigma_space": "wide"}, TypeError, "sigma_space must be a number, not str"),
        ({"out": np.empty((40, 57, 4), np.float32)}, ValueError, r"\(40, 57, 3\) and float32 are needed"),
        ({"out": pair()[0]}, ValueError, "out overlaps an input"),
        ({"border": "none"}, ValueError, "border must be one of"),
    ],
)
def test_errors_name_the_argument(change, kind, said):
    images = dict(zip(("source", "low_source", "low_result"), pair(), strict=True))
    with pytest.raises(kind, match=said):
        upsample(**{**images, **change})


# -------------------------------------------------------------------------------------------------- downsampling


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("sides", [(10, 14), (40, 1), (13, 57), (1, 1), (40, 57)])
def test_small_pixels_are_means_over_areas(dtype, sides):
    image = photo(40, 57, 3, dtype=dtype)
    result = downsample(image, sides)
    assert (result.shape, result.dtype) == ((*sides, 3), dtype)
    check(result, resized(np.float64(image), sides, "area"), "cubic")
    assert np.array_equal(downsample(image[..., 0], sides), result[..., 0])
    assert np.array_equal(downsample(np.stack([image, image]), sides), np.stack([result, result]))


def test_a_scale_gives_the_size():
    image = photo(40, 57)
    assert np.array_equal(downsample(image, scale=4), downsample(image, (10, 14)))
    assert np.array_equal(downsample(image, scale=(2.5, 300)), downsample(image, (16, 1)))
    assert np.array_equal(downsample(image, scale=1), image)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({}, TypeError, "size or scale is needed"),
        ({"size": (3, 4), "scale": 2}, ValueError, r"size=\(3, 4\) and scale=2 are both given"),
        ({"size": (3, 0)}, ValueError, "size must be from 1"),
        ({"size": (3.5, 2)}, TypeError, "size must be an int, not float"),
        ({"scale": 0.5}, ValueError, "scale must be finite and at least 1, not 0.5"),
        ({"scale": (1, 2, 3)}, ValueError, "scale must be one value or two"),
    ],
)
def test_errors_of_downsampling_name_the_argument(options, kind, said):
    with pytest.raises(kind, match=said):
        downsample(photo(8, 9), **options)


# ------------------------------------------------------------------------------------------- programs, libraries


def test_a_library_averages_over_areas(tmp_path):
    files = downsample.build(tmp_path, dtype="uint8")
    assert "small_width, small_height: the size of image." in files["header"].read_text()
    if "shared" not in files:
        pytest.skip("no linker")
    image, like, result = photo(40, 57, dtype=np.uint8), np.zeros((10, 14), np.uint8), np.zeros((10, 14), np.uint8)
    given = [(ctypes.c_void_p(a.ctypes.data), ctypes.c_int64(a.shape[1])) for a in (image, like, result)]
    entry = ctypes.CDLL(files["shared"]).downsample
    assert entry(*itertools.chain(*given), 14, 10, 1, 57, 40, 0, ctypes.c_float(0), 0) == 0
    assert np.array_equal(result, downsample(image, scale=4))


def test_programs_are_found_by_name_and_compiled_once():
    from filters._upsampling import programs

    for filter in (programs.program("guided", 3, 1), programs.averaged):
        assert pickle.loads(pickle.dumps(filter)) is filter
    upsample(*pair(), method="guided")
    names = [variant.filter for variant in dsl.compiled()]
    upsample(*pair(sides=(41, 50), low_sides=(20, 9)), method="guided", border="wrap", eps=3.0)
    assert [variant.filter for variant in dsl.compiled()] == names
    assert "upsampled_guided_color_by_color" in names
    assert all(isinstance(getattr(filters, name), filters.Filter) for name in ("downsample", "upsample"))
    assert _guides.told(np.zeros((2, 3, 2))).shape == (2, 3, 3)
