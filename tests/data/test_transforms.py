"""Each transform beside the same in float64; what is drawn; and what arguments are accepted."""

import collections
import enum
import itertools

import numpy as np
import pytest

import dsl
import filters
from data import Compose, transforms
from data.transforms import filtering, views
from data.transforms.base import Samples
from tests.data import stepwise

#: Errors are in units of white. float32 has 24 bits, so sums of a few pixels are off by a few times 6e-8.
FEW = 1e-6
#: A dozen operations, of which one divides by the chroma and one takes the mean of thousands of pixels.
COLORS = 5e-6
#: Weights of less than 1e-6 of the largest are left out, at all four ends.
BLUR = 5e-6
#: Places in float32, of up to 90, are off by some 1e-5 of a pixel, and neighbours differ by up to white.
PLACES = 2e-5
#: Gaussians made of cosines have 70 dB: that is the root of the mean square.
GAUSSIANS = 10 ** (-70 / 20)
#: Sums of waves that memory holds in half precision, of 11 bits; what is added differs by where results are rounded.
HALVES = 3e-5

SIZES = [(50, 90), (63, 85), (76, 80), (89, 30), (33, 41), (40, 40)]
PART = transforms.RandomResizedCrop((40, 36))
FLOATS = transforms.ToDtype("float32")


@dsl.filter
def weighted(image: dsl.Image, share: dsl.Scalar, weights: dsl.Table, offset: dsl.Scalar = 3.0, times: int = 1):
    for _ in range(times):
        image = image + share * (dsl.convolve(image, dsl.kernel(weights)) - image)
    return image + offset


@dsl.filter
def swapped(image: dsl.Color, share: dsl.Scalar = 0.5):
    r, g, b = image.channels
    return dsl.stack(share * b, g, r)


FLIPS = [transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()]
AFFINE = {"translate": (0.1, 0.2), "scale": (0.7, 1.4), "shear": (-10, 10, -15, 5)}
WEIGHTS = [0.1, 0.2, 0.5, 0.1, 0.1]
STEPS = {
    "nothing": ([transforms.CenterCrop((30, 28))], 0),
    "crops and flips": ([transforms.RandomCrop((30, 29)), *FLIPS, transforms.CenterCrop((21, 24))], 0),
    "flips and crops": ([*FLIPS, transforms.RandomCrop((29, 28))], 0),
    "resize": ([transforms.Resize((40, 36))], FEW),
    "resize the shorter side": ([transforms.Resize(35), transforms.CenterCrop(33)], FEW),
    "resize the shorter side, at most": ([transforms.Resize(35, max_size=50), transforms.CenterCrop(16)], FEW),
    "resize without antialias": ([transforms.Resize((40, 36), antialias=False)], FEW),
    "resize by nearest": ([transforms.Resize((41, 35), interpolation="nearest")], 0),
    "a part": ([PART], FEW),
    "a part without antialias": ([transforms.RandomResizedCrop(37, antialias=False)], FEW),
    "a part by nearest": ([transforms.RandomResizedCrop(37, (0.01, 1), (0.2, 5), "nearest")], 0),
    "brightness": ([PART, transforms.ColorJitter(brightness=0.7)], FEW),
    "contrast": ([PART, transforms.ColorJitter(contrast=0.7)], COLORS),
    "saturation": ([PART, transforms.ColorJitter(saturation=(0, 3))], COLORS),
    "hue": ([PART, transforms.ColorJitter(hue=0.5)], COLORS),
    "mixtures": ([PART, transforms.ColorJitter(0.5, 0.5, 0.5)], COLORS),
    "colours": ([PART, transforms.ColorJitter(0.5, 0.5, 0.5, 0.3)], COLORS),
    "no colours": ([PART, transforms.ColorJitter()], FEW),
    "grayscale": ([PART, transforms.RandomGrayscale(0.5)], FEW),
    "blur": ([PART, transforms.GaussianBlur(23, (0.1, 2))], BLUR),
    "blur much": ([PART, transforms.GaussianBlur(23, (5, 20))], BLUR),
    "blur along one axis more": ([PART, transforms.GaussianBlur((5, 9), (0.5, 3))], BLUR),
    "bilateral": ([PART, transforms.Bilateral(2, (5, 40))], FEW),
    "colours by a filter": ([PART, transforms.Filter(swapped)], FEW),
    "each channel by a filter": ([PART, transforms.Filter(weighted, share=(-1, 2), weights=WEIGHTS, times=2)], COLORS),
    "affine map": (
        [transforms.RandomAffine(180, **AFFINE, interpolation="bilinear", fill=7), transforms.CenterCrop(28)],
        PLACES,
    ),
    "local Laplacian": ([PART, transforms.LocalLaplacian((20, 60), beta=(0.5, 1.5), levels=1, terms=2)], HALVES),
}


def batches(steps):
    """Give results and what they are to be, a few times, drawn anew."""
    pipeline, given = Compose([*steps, FLOATS]), stepwise.images(*SIZES)
    for seed in range(4):
        yield stepwise.results(pipeline, given, seed=seed, indices=range(10 * seed, 10 * seed + len(given)))


@pytest.mark.parametrize(("steps", "error"), STEPS.values(), ids=STEPS)
def test_results_are_those_of_one_step_after_the_other(steps, error):
    for found, wanted in batches(steps):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=255 * error)


def test_an_affine_map_by_nearest_reads_the_pixels_that_places_lie_in():
    for found, wanted in batches([transforms.RandomAffine(180, **AFFINE), transforms.CenterCrop(28)]):
        # Of places this near to an edge, PLACES and less, there is one in ten thousand.
        assert (found != wanted).any(-1).mean() < 1e-3


@pytest.mark.parametrize(
    "step", [transforms.GaussianBlur(None, (0.3, 12)), transforms.Unsharp((0.5, 8), (-1, 1))], ids=["blur", "unsharp"]
)
def test_whole_gaussians_are_as_accurate_as_those_of_the_filters(step):
    for found, wanted in batches([PART, step]):
        # The filters' own Gaussians are made so, too: both err.
        assert np.sqrt(np.square(found - wanted).mean()) < 255 * 2 * GAUSSIANS


def test_levels_of_a_local_laplacian_are_as_many_as_the_size_gives(monkeypatch):
    """Of sizes from one pixel on, in one program; which has two, so that it compiles sooner."""
    monkeypatch.setattr(filtering, "_MOST_LEVELS", 2)
    step = transforms.LocalLaplacian(40.0, terms=2)
    pipeline = Compose([step, transforms.Resize((8, 8)), FLOATS])
    found, wanted = stepwise.results(pipeline, stepwise.images((1, 1), (1, 40), (3, 5), (6, 4), channels=1))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=255 * HALVES)
    large = Samples(np.zeros((3, 2)), np.ones(2, bool), np.array([7, 500]), np.array([400, 300]))
    np.testing.assert_array_equal(step.numbers(large, 255.0)["active"], [1, 2])


@pytest.mark.parametrize(
    ("sigma", "detail", "terms"), [(30, 1.0, 3), ((10, 40), (-0.5, 1.5), 4), (5, 1, 5), (0.1, 9, 12)]
)
def test_terms_of_a_local_laplacian_are_as_many_as_a_gray_value_takes(sigma, detail, terms):
    assert transforms.LocalLaplacian(sigma, detail)._terms(255.0) == terms


def test_a_local_laplacian_errs_by_a_gray_value():
    image, options = stepwise.images((64, 64))[0], {"sigma": 30.0, "detail": 1.0, "levels": 3}
    found = Compose([transforms.LocalLaplacian(**options)], layout="NHWC")([image])[0].astype(float)
    exact = filters.local_laplacian(np.float32(image), **options, value_range=(0, 255), method="exact")
    assert np.sqrt(np.square(found - np.clip(exact, 0, 255)).mean()) < 1


# What is drawn


def drawn(step, count, seed=0):
    return np.random.default_rng(seed).uniform(size=(step.draws, count))


def moved(step, count=4000, height=60, width=80, seed=0):
    found = views.Views(np.full(count, height), np.full(count, width), np.arange(count))
    step.move(found, drawn(step, count, seed))
    return found


def test_parts_keep_to_their_areas_and_shapes():
    found = moved(transforms.RandomResizedCrop(8, (0.2, 0.6), (0.5, 2)), height=600, width=800)
    height, width = found.source_height, found.source_width
    area, ratio = height * width / 480000, np.log(width / height)
    # Sides are rounded: each to half a pixel of more than 200.
    assert area.min() > 0.2 * 0.995
    assert area.max() < 0.6 * 1.005
    assert np.abs(ratio).max() < np.log(2) + 0.005
    # Means of 4000 uniform numbers, five deviations wide. All shapes fit but the widest and the tallest.
    assert abs(area.mean() - 0.4) < 5 * 0.4 / np.sqrt(12 * 4000) + 0.01
    assert abs(ratio.mean()) < 5 * 2 * np.log(2) / np.sqrt(12 * 4000) + 0.03
    assert (found.source_top >= 0).all()
    assert (found.source_left >= 0).all()
    assert (found.source_top + height <= 600).all()
    assert (found.source_left + width <= 800).all()
    assert abs((found.source_top / (600 - height + 1)).mean() - 0.5) < 5 / np.sqrt(12 * 4000) + 0.01


@pytest.mark.parametrize(("height", "width"), [(300, 10), (10, 300), (1, 1), (1, 7), (50, 60)])
def test_parts_are_torchvisions_for_images_of_any_shape(height, width):
    step = transforms.RandomResizedCrop(8)
    found, numbers = moved(step, 300, height, width), drawn(step, 300)
    parts = np.stack([found.source_top, found.source_left, found.source_height, found.source_width], -1)
    wanted = [stepwise.part(step, height, width, numbers[:, i]) for i in range(300)]
    np.testing.assert_array_equal(parts, wanted)


def test_the_middle_is_taken_where_no_part_fits():
    found = moved(transforms.RandomResizedCrop(8, (0.5, 1)), 10, 300, 10)
    np.testing.assert_array_equal(found.source_height, 13)  # 10 / (3 / 4), rounded
    np.testing.assert_array_equal(found.source_width, 10)
    np.testing.assert_array_equal(found.source_top, 143)


def test_each_place_of_a_crop_is_as_likely():
    found = moved(transforms.RandomCrop((57, 79)), 8000)
    counts = np.histogram2d(found.source_top, found.source_left, bins=[range(5), range(3)])[0]
    assert counts.sum() == 8000
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


@pytest.mark.parametrize("p", [0, 0.3, 1])
def test_flips_are_as_frequent_as_they_shall_be(p):
    for step, side in [(transforms.RandomHorizontalFlip(p), "columns"), (transforms.RandomVerticalFlip(p), "rows")]:
        flipped = getattr(moved(step), side)
        assert abs(flipped.mean() - p) <= 5 * np.sqrt(p * (1 - p) / 4000)


def test_affine_maps_keep_to_their_ranges():
    angles = moved(transforms.RandomAffine((10, 30)))
    turned = np.rad2deg(np.arctan2(angles.matrix[0, 1], angles.matrix[0, 0]))
    assert (turned.min() - 10, 30 - turned.max()) == pytest.approx((0, 0), abs=0.1)
    shifts = moved(transforms.RandomAffine(0, translate=(0.1, 0.2))).matrix[:2, 2]
    np.testing.assert_array_equal(shifts, np.rint(shifts))
    assert [(each.min(), each.max()) for each in shifts] == [(-8, 8), (-12, 12)]
    sizes = 1 / moved(transforms.RandomAffine(0, scale=(0.5, 3))).matrix[0, 0]
    assert (sizes.min() - 0.5, 3 - sizes.max()) == pytest.approx((0, 0), abs=0.01)
    shears = np.rad2deg(np.arctan(moved(transforms.RandomAffine(0, shear=20)).matrix[0, 1]))
    assert (shears.min() + 20, 20 - shears.max()) == pytest.approx((0, 0), abs=0.1)


def numbers_of(step, count=4000, height=60, width=80):
    samples = Samples(drawn(step, count), np.ones(count, bool), np.full(count, height), np.full(count, width))
    return step.numbers(samples, 255.0)


@pytest.mark.parametrize(
    ("step", "ranges"),
    [
        (transforms.Unsharp((1, 2), (-0.5, 0.5)), {"sigma": (1, 2), "amount": (-0.5, 0.5)}),
        (transforms.Bilateral(2, (5, 40)), {"sigma_range": (5, 40)}),
        (transforms.GaussianBlur(None, (0.1, 2)), {"sigma": (0.1, 2)}),
        (
            transforms.LocalLaplacian((20, 60), (-1, 1), (0.5, 2)),
            {"sigma": (20, 60), "detail": (-1, 1), "beta": (0.5, 2)},
        ),
        (transforms.Filter(weighted, share=(2, 4), weights=WEIGHTS), {"share": (2, 4), "offset": (3, 3)}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_numbers_fill_their_ranges(step, ranges):
    found = numbers_of(step)
    for name, (low, high) in ranges.items():
        assert low <= found[name].min() <= low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) <= found[name].max() <= high
        assert abs(found[name].mean() - (low + high) / 2) <= 5 * (high - low) / np.sqrt(12 * 4000)


def test_colours_are_changed_in_all_orders_as_often():
    step = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    numbers = Compose([step]).draw(np.arange(4800), 0, 0)
    orders = collections.Counter(tuple(stepwise.jitter_order(step, each)) for each in numbers.T)
    assert set(orders) == set(itertools.permutations(["brightness", "contrast", "saturation", "hue"]))
    assert max(abs(count - 200) for count in orders.values()) < 5 * np.sqrt(200)


def test_samples_are_gray_as_often_as_they_shall_be():
    assert abs(numbers_of(transforms.RandomGrayscale(0.2))["share"].mean() - 0.2) < 5 * np.sqrt(0.16 / 4000)


def test_weights_of_a_blur_that_is_cut_off_add_up_to_one():
    rows = numbers_of(transforms.GaussianBlur(5, (0.01, 10)))["both"]
    assert (rows.first + rows.length <= 5).all()
    for values, first, length in zip(rows.values, rows.first, rows.length, strict=True):
        assert values[first : first + length].sum() == pytest.approx(1, abs=5e-6)
    assert rows.length.min() == 1  # of a sigma of 0.01 next to nothing is left beside the middle
    assert rows.length.max() == 5


# Arguments


class Interpolation(enum.Enum):
    """As torchvision has it."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


@pytest.mark.parametrize(
    ("step", "attributes"),
    [
        (transforms.ColorJitter(0.4, 1.5, (0.2, 3), 0.1), {"brightness": (0.6, 1.4), "contrast": (0, 2.5)}),
        (transforms.ColorJitter(0.4, 1.5, (0.2, 3), 0.1), {"saturation": (0.2, 3), "hue": (-0.1, 0.1)}),
        (transforms.Resize(7), {"shape": (7,), "interpolation": "triangle"}),
        (transforms.Resize([7, 8], Interpolation.NEAREST), {"shape": (7, 8), "interpolation": "nearest"}),
        (transforms.RandomResizedCrop(7, interpolation=Interpolation.NEAREST_EXACT), {"interpolation": "nearest"}),
        (transforms.RandomResizedCrop(7, antialias=False), {"interpolation": "linear", "shape": (7, 7)}),
        (transforms.CenterCrop([7]), {"shape": (7, 7)}),
        (transforms.GaussianBlur(5, 2), {"shape": (5, 5), "sigma": (2, 2)}),
        (transforms.RandomAffine(10, shear=5), {"degrees": (-10, 10), "shear": ((-5, 5), (0, 0)), "scale": (1, 1)}),
        (transforms.RandomAffine((0, 10), shear=(1, 2, 3, 4)), {"degrees": (0, 10), "shear": ((1, 2), (3, 4))}),
        (transforms.RandomAffine(0, interpolation=Interpolation.BILINEAR), {"interpolation": "linear"}),
        (transforms.Normalize(0.5, np.float32([0.25, 0.5, 1])), {"mean": (0.5,), "std": (0.25, 0.5, 1)}),
        (transforms.ToDtype(np.float16), {"name": "float16"}),
        (transforms.ToDtype(np.dtype("uint8")), {"name": "uint8"}),
        (transforms.Bilateral(4, 10), {"radius": 6, "sigma_range": (10, 10)}),
        (transforms.RandomApply(transforms.RandomGrayscale(1), 0.25), {"p": 0.25}),
    ],
)
def test_arguments_mean_what_they_do_in_torchvision(step, attributes):
    assert {name: getattr(step, name) for name in attributes} == attributes


@dsl.filter
def of_two(image: dsl.Image, other: dsl.Image):
    return image + other


@dsl.filter
def in_two(image: dsl.Image):
    return image, -image


BAD = [
    (lambda: transforms.Resize(0), ValueError, "size must be at least 1, not 0"),
    (lambda: transforms.Resize((1, 2, 3)), ValueError, "size must be an int or two, 3 came"),
    (lambda: transforms.Resize(7.5), TypeError, "size must be an int, not float"),
    (lambda: transforms.Resize(True), TypeError, "size must be an int, not bool"),
    (
        lambda: transforms.Resize(8, "bicubic"),
        ValueError,
        "interpolation must be 'bilinear' or 'nearest', not 'bicubic'",
    ),
    (lambda: transforms.Resize(8, Interpolation.BICUBIC), ValueError, "interpolation must be .*, not 'bicubic'"),
    (lambda: transforms.Resize(8, max_size=8), ValueError, "max_size must be larger than size 8, not 8"),
    (lambda: transforms.Resize((8, 8), max_size=9), ValueError, "max_size is for a size of one number"),
    (lambda: transforms.Resize(8, antialias=None), TypeError, "antialias must be a bool, not NoneType"),
    (lambda: transforms.CenterCrop(-1), ValueError, "size must be at least 1, not -1"),
    (lambda: transforms.RandomResizedCrop(8, (0.5, 0.1)), ValueError, "scale must be .* the smaller number first"),
    (lambda: transforms.RandomResizedCrop(8, (-1, 1)), ValueError, "scale must be finite and at least 1e-09, not -1"),
    (
        lambda: transforms.RandomResizedCrop(8, ratio=(0, 1)),
        ValueError,
        "ratio must be finite and at least 1e-09, not 0",
    ),
    (lambda: transforms.RandomResizedCrop(8, (0.1, 0.2, 0.3)), ValueError, "scale must be .* two, 3 numbers came"),
    (lambda: transforms.RandomHorizontalFlip(1.5), ValueError, "p must be from 0 to 1, not 1.5"),
    (lambda: transforms.RandomVerticalFlip("0.5"), TypeError, "p must be a number, not str"),
    (lambda: transforms.RandomGrayscale(float("nan")), ValueError, "p must be from 0 to 1, not nan"),
    (lambda: transforms.RandomApply([], -0.1), ValueError, "p must be from 0 to 1, not -0.1"),
    (lambda: transforms.ColorJitter(-0.1), ValueError, "brightness must be finite and at least 0, not -0.1"),
    (
        lambda: transforms.ColorJitter(contrast=(-0.1, 1)),
        ValueError,
        "contrast must be finite and at least 0, not -0.1",
    ),
    (lambda: transforms.ColorJitter(saturation="x"), TypeError, "saturation must be a number, not str"),
    (lambda: transforms.ColorJitter(hue=0.6), ValueError, "hue must be from 0 to 0.5, not 0.6"),
    (lambda: transforms.ColorJitter(hue=(-0.6, 0)), ValueError, "hue must be from -0.5 to 0.5, not -0.6"),
    (lambda: transforms.GaussianBlur(4), ValueError, "kernel_size must be an odd int, two or None, not 4"),
    (lambda: transforms.GaussianBlur((3, 5, 7)), ValueError, "kernel_size must be an odd int, two or None"),
    (lambda: transforms.GaussianBlur(0), ValueError, "kernel_size must be at least 1, not 0"),
    (lambda: transforms.GaussianBlur(5, 0), ValueError, "sigma must be from 0.001 to 2000, not 0"),
    (lambda: transforms.Unsharp(-1), ValueError, "sigma must be from 0 to 2000, not -1"),
    (lambda: transforms.Bilateral(0, 1), ValueError, "sigma_space must be finite and at least 0.001, not 0"),
    (lambda: transforms.Bilateral(2, 0), ValueError, "sigma_range must be finite and at least 1e-06, not 0"),
    (lambda: transforms.Bilateral(2, 1, 201), ValueError, "radius must be from 0 to 200, not 201"),
    (lambda: transforms.LocalLaplacian(0), ValueError, "sigma must be finite and at least 1e-06, not 0"),
    (lambda: transforms.LocalLaplacian(1, levels=17), ValueError, "levels must be from 0 to 16, not 17"),
    (lambda: transforms.LocalLaplacian(1, terms=13), ValueError, "terms must be from 1 to 12, not 13"),
    (lambda: transforms.RandomAffine(-1), ValueError, "degrees must be finite and at least 0, not -1"),
    (lambda: transforms.RandomAffine(0, (0.1, 2)), ValueError, "translate must be from 0 to 1, not 2"),
    (lambda: transforms.RandomAffine(0, 0.1), ValueError, "translate must be two numbers from 0 to 1, not 0.1"),
    (lambda: transforms.RandomAffine(0, scale=(0, 1)), ValueError, "scale must be finite and at least 1e-09, not 0"),
    (lambda: transforms.RandomAffine(0, shear=(1, 2, 3)), ValueError, "shear must be a number or a range of two, 3"),
    (lambda: transforms.RandomAffine(0, fill=(1, 2, 3)), TypeError, "fill must be a number, not tuple"),
    (lambda: transforms.ToDtype("int8"), ValueError, "dtype must be 'float32', 'float16' or 'uint8', not 'int8'"),
    (lambda: transforms.ToDtype("float32", 1), TypeError, "scale must be a bool, not int"),
    (lambda: transforms.Normalize([], 1), ValueError, "mean must be one number, or one a channel; none came"),
    (lambda: transforms.Normalize(0, [1, 0, 1]), ValueError, "std must not be zero"),
    (lambda: transforms.Normalize("abc", 1), TypeError, "mean must be a number, not str"),
    (lambda: transforms.Filter(np.sin), TypeError, "filter must be a dsl.Filter, made by @dsl.filter, not ufunc"),
    (lambda: transforms.Filter(of_two), ValueError, "of_two has 2 images; a step of a pipeline has one"),
    (lambda: transforms.Filter(in_two), ValueError, "in_two returns several images; a step of a pipeline gives one"),
    (lambda: transforms.Filter(swapped, image=1), TypeError, "swapped has no parameter 'image' .*; it has share"),
    (lambda: transforms.Filter(swapped, shaer=1), TypeError, "swapped has no parameter 'shaer' .*; it has share"),
    (lambda: transforms.Filter(weighted, weights=[1]), TypeError, "weighted: share is missing"),
    (lambda: transforms.Filter(weighted, share=1), TypeError, "weighted: weights is missing"),
    (lambda: transforms.Filter(weighted, share="1", weights=[1]), TypeError, "share must be a number, not str"),
    (lambda: transforms.Filter(weighted, share=1, weights=[1], times=1.5), TypeError, "times must be int, not float"),
]


@pytest.mark.parametrize(("make", "error", "said"), BAD, ids=[said for _, _, said in BAD])
def test_bad_arguments_are_named(make, error, said):
    with pytest.raises(error, match=said):
        make()
