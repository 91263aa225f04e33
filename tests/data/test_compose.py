"""Pipelines: transforms together beside one after the other, where images lie, what is refused, what copies are."""

import copy
import functools
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import dsl
import filters
from data import Compose, transforms
from tests.data import stepwise
from tests.dsl.test_devices import opencl

#: Errors are in units of white: of float32 through a resampling, a dozen operations on colours and a blur.
FLOATS = 1e-5
#: Places of pixels in float32, of up to 90, are off by some 1e-5 of a pixel, and neighbours differ by up to white.
PLACES = 3e-5
#: And the last rounding, in units of the dtype: half a step of whole numbers, half a unit of 11 bits.
ROUNDED = {"uint8": 0.5, "uint16": 0.5, "float16": 0, "float32": 0}
RELATIVE = {"float16": 2.0**-11}

SIZES = [(50, 90), (63, 85), (76, 80), (89, 30), (33, 41), (40, 40)]
PART = transforms.RandomResizedCrop((40, 36))
FLIP, UPSIDE_DOWN = transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()
RESIZE, MIDDLE = transforms.Resize((30, 28)), transforms.CenterCrop((21, 24))
JITTER, BLUR = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1), transforms.GaussianBlur(23)
BRIGHTNESS, CONTRAST = transforms.ColorJitter(brightness=0.4), transforms.ColorJitter(contrast=0.4)
AFFINE = transforms.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), (-10, 10, -5, 5), "bilinear", fill=9)
DETAILS = transforms.LocalLaplacian((20, 60), levels=1, terms=2)
BYTES, FLOAT, SHARES = (transforms.ToDtype(*each) for each in [("uint8", True), ("float32",), ("float32", True)])
NORMAL = transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


@dsl.filter
def swapped(image: dsl.Color, share: dsl.Scalar = 0.5):
    r, g, b = image.channels
    return dsl.stack(share * b, g, r)


def usual(*, side=(40, 36), jitter=JITTER, blur=BLUR, scale=(0.08, 1), ratio=(3 / 4, 4 / 3)):
    """Give what self-supervised training takes: random crops, flips, colours and blurs."""
    return [
        transforms.RandomResizedCrop(side, scale, ratio),
        FLIP,
        transforms.RandomApply([jitter], 0.8),
        transforms.RandomGrayscale(0.2),
        transforms.RandomApply([blur], 0.5),
    ]


@functools.cache
def training(layout="NCHW"):
    return Compose([*usual(), SHARES, NORMAL], layout=layout)


def batch():
    return stepwise.images(*SIZES, *SIZES)


def assert_as_one_by_one(pipeline, images, error, **options):
    found, wanted = stepwise.results(pipeline, images, **options)
    dtype = found.dtype.name
    whole = np.iinfo(dtype).max if found.dtype.kind == "u" else None
    wanted = wanted if whole is None else np.clip(wanted, 0, whole)
    tolerance = error * (whole or 1) + ROUNDED[dtype]
    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=RELATIVE.get(dtype, 0), atol=tolerance)


# Transforms together


@pytest.mark.parametrize(
    ("dtype", "channels", "last", "layout"),
    [
        ("uint8", 3, [SHARES, NORMAL], "NCHW"),
        ("uint8", 3, [transforms.ToDtype("float16", True), NORMAL], "NCHW"),
        ("uint8", 3, [], "NHWC"),
        ("uint8", 1, [SHARES, transforms.Normalize(0.5, 0.25)], "NCHW"),
        ("uint16", 3, [SHARES], "NHWC"),
        ("uint16", 1, [BYTES], "NCHW"),
        ("float32", 3, [BYTES], "NCHW"),
        ("float32", 1, [], "NHWC"),
    ],
)
def test_what_trains_is_the_same_step_after_step(dtype, channels, last, layout):
    pipeline = Compose([*usual(), *last], layout=layout)
    images = stepwise.images(*SIZES, *SIZES, channels=channels, dtype=dtype)
    for seed in range(3):
        # Of what is normalised, a unit is 0.2 of white at least.
        assert_as_one_by_one(pipeline, images, 5 * FLOATS, seed=seed, epoch=seed)


ORDERS = {
    "pixels before a part": [BRIGHTNESS, PART, FLIP],
    "long arithmetic before a part": [transforms.ColorJitter(0.4, 0, 0.4, 0.1), UPSIDE_DOWN, PART],
    "a blur before a size": [FLIP, BLUR, RESIZE, UPSIDE_DOWN],
    "a mean and a blur before a size": [FLIP, JITTER, BLUR, RESIZE, MIDDLE],
    "a mean between a map and a size": [BRIGHTNESS, AFFINE, JITTER, RESIZE, FLIP, MIDDLE],
    "a mean between a size and a map": [RESIZE, FLIP, JITTER, AFFINE, UPSIDE_DOWN],
    "another filter before a size": [transforms.Filter(swapped, share=(0, 1)), FLIP, RESIZE],
    "edges kept before a size": [transforms.Bilateral(2, (5, 40)), RESIZE],
    "details before a size": [MIDDLE, DETAILS, FLIP, RESIZE],
    "parts of parts": [transforms.RandomCrop(29), FLIP, transforms.RandomCrop(27), PART, UPSIDE_DOWN, MIDDLE],
}


@pytest.mark.parametrize("steps", ORDERS.values(), ids=ORDERS)
def test_steps_may_come_in_other_orders(steps):
    pipeline = Compose([*steps, FLOAT])
    for seed in range(3):
        assert_as_one_by_one(pipeline, batch(), 255 * PLACES, seed=seed)


def test_what_a_map_fills_with_is_in_units_of_the_image():
    steps = [SHARES, transforms.RandomAffine(45, interpolation="bilinear", fill=0.25), MIDDLE]
    assert_as_one_by_one(Compose(steps), batch(), PLACES)


def test_all_that_moves_pixels_is_one_resampling():
    """Its numbers differ from sequence to sequence; the programs are five."""
    moves = [PART, RESIZE, transforms.Resize(35), MIDDLE, transforms.RandomCrop((25, 27)), FLIP, UPSIDE_DOWN, AFFINE]
    images = stepwise.images(*SIZES)

    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(moves), max_size=5), st.integers(0, 1000))
    def check(steps, seed):
        try:
            pipeline = Compose([*steps, transforms.CenterCrop((20, 22)), FLOAT])
            assert_as_one_by_one(pipeline, images, 255 * PLACES, seed=seed)
        except ValueError as error:  # steps that are refused, for their order or for sizes
            assert "must come before" in str(error) or "comes after" in str(error) or "put a Resize" in str(error)
            assume(False)

    check()


def test_images_may_be_of_any_size_and_numbers_of_any_value():
    """One program: all of this is numbers."""
    some, factor = st.integers(1, 40), st.floats(0, 2)
    ranges = st.tuples(factor, factor).map(sorted)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(
        sizes=st.lists(st.tuples(some, some), min_size=1, max_size=3),
        side=st.tuples(some, some),
        factors=st.tuples(ranges, ranges, ranges),
        hue=st.floats(0.01, 0.5),
        kernel=st.integers(0, 15),
        sigma=st.floats(0.01, 20),
        scale=st.floats(0.01, 1),
        ratio=st.floats(0.1, 1),
        seed=st.integers(0, 2**64 - 1),
        indices=st.integers(0, 2**62),
    )
    def check(sizes, side, factors, hue, kernel, sigma, scale, ratio, seed, indices):
        assume([1, 1] not in factors)  # which is no change, and another program
        jitter = transforms.ColorJitter(*factors, hue)
        blur = transforms.GaussianBlur(2 * kernel + 1, (0.01, sigma))
        steps = usual(side=side, jitter=jitter, blur=blur, scale=(scale, 1), ratio=(ratio, 1 / ratio))
        pipeline, images = Compose([*steps, SHARES, NORMAL]), stepwise.images(*sizes)
        numbers = range(indices, indices + len(images))
        # Contrast and saturation make up to twice of a difference each, and so of an error.
        assert_as_one_by_one(pipeline, images, 4 * 5 * FLOATS, seed=seed, indices=numbers)

    check()


def test_nothing_is_read_that_was_not_written():
    """Memory that calls use again is full of NaN, and sums over few pixels are shorter than a vector."""
    pipeline = Compose([transforms.Resize((30, 28))])
    for height, width in ((90, 100), (3, 1), (1, 2), (2, 5), (40, 6)):
        pipeline([np.full((90, 100, 3), np.nan, np.float32)])
        image = np.full((height, width, 3), 0.5, np.float32)
        np.testing.assert_allclose(pipeline([image]), 0.5, rtol=1e-6)


@opencl
def test_a_pipeline_runs_on_a_device():
    """All of it: resampling, colours with the mean of the image, a map, direct sums, filters with pyramids."""
    steps = [*usual()[:3], transforms.RandomApply([transforms.GaussianBlur(7, (0.1, 3))], 0.5), DETAILS, SHARES, NORMAL]
    images = batch()
    found, wanted = (Compose(steps, target=target)(images, seed=3) for target in ("host-opencl", "host"))
    assert any("opencl" in each.target for each in filters.compiled() if each.filter == "pipeline")
    # Waves of pyramids are kept in half precision by CPUs, of 11 bits, and not by devices.
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2.0**-12 / min(NORMAL.std))


def test_steps_are_taken_together_or_left_out_together():
    steps = [
        PART,
        transforms.RandomApply([BRIGHTNESS, transforms.Bilateral(2, 30)], 0.5),
        SHARES,
        transforms.RandomApply([transforms.Normalize(0.5, 0.25)], 0.3),
    ]
    assert_as_one_by_one(Compose(steps), stepwise.images(*SIZES, *SIZES, channels=1), 4 * FLOATS)


@pytest.mark.parametrize("inner", [[JITTER, transforms.RandomGrayscale(1)], [transforms.Unsharp()], [BLUR]])
def test_what_is_left_out_leaves_values_beyond_white_alone(inner):
    image = np.random.default_rng(0).uniform(-1, 2, (20, 30, 3 if JITTER in inner else 1)).astype(np.float32)
    found = Compose([transforms.RandomApply(inner, 0)], layout="NHWC")([image])[0]
    np.testing.assert_array_equal(found, image)


def test_a_pipeline_of_nothing_copies():
    images = stepwise.images((20, 30), (20, 30))
    np.testing.assert_array_equal(Compose([], layout="NHWC")(images), images)
    np.testing.assert_array_equal(Compose([])(images), np.moveaxis(images, -1, 1))


def test_dtypes_may_differ_if_results_have_one():
    images = [
        stepwise.images(size, dtype=dtype)[0]
        for size, dtype in zip(SIZES, ["uint8", "uint16", "float32"] * 2, strict=True)
    ]
    assert_as_one_by_one(Compose([RESIZE, SHARES]), images, FLOATS)


def test_sizes_and_dtypes_are_told_without_images():
    assert training().size() == (40, 36)
    assert training().dtype("uint8") == "float32"
    evaluation = Compose([transforms.Resize(40), FLIP])
    assert evaluation.size() is None
    assert evaluation.size((80, 60)) == (53, 40)
    assert Compose([transforms.Resize(40), MIDDLE]).size() == (21, 24)
    assert Compose([RESIZE]).dtype("uint16") == "uint16"


# The same, bit by bit


def test_results_are_the_same_whatever_the_threads():
    images = batch()
    once = training()(images, threads=1)
    np.testing.assert_array_equal(training()(images, threads=2), once)
    np.testing.assert_array_equal(training()(images), once)
    with ThreadPoolExecutor(4) as pool:
        for each in pool.map(lambda _: training()(images), range(8)):
            np.testing.assert_array_equal(each, once)


def test_a_sample_is_the_same_in_any_batch():
    images = batch()
    together = training()(images, seed=5, epoch=3)
    for i, image in enumerate(images):
        np.testing.assert_array_equal(training()([image], indices=[i], seed=5, epoch=3)[0], together[i])
    order = np.random.default_rng(0).permutation(len(images))
    found = training()([images[i] for i in order], indices=order, seed=5, epoch=3)
    np.testing.assert_array_equal(found, together[order])


def test_what_is_drawn_depends_on_index_seed_and_epoch():
    image = batch()[0]
    same = training()([image] * 3, indices=[7, 7, 8])
    np.testing.assert_array_equal(same[0], same[1])
    others = [same[2], *training()([image], indices=[7], seed=1), *training()([image], indices=[7], epoch=1)]
    for one, other in itertools.combinations([same[0], *others], 2):
        assert (one != other).any()


def test_layouts_hold_the_same():
    planes, packed = training()(batch()), training("NHWC")(batch())
    np.testing.assert_array_equal(np.moveaxis(planes, 1, -1), packed)


# Where images lie


def unaligned(image):
    memory = np.empty(image.nbytes + 1, np.uint8)
    memory[1:] = np.frombuffer(image.tobytes(), np.uint8)
    return memory[1:].view(image.dtype).reshape(image.shape)


def padded(image):
    wide = np.zeros((image.shape[0], image.shape[1] + 5, *image.shape[2:]), image.dtype)
    wide[:, : image.shape[1]] = image
    return wide[:, : image.shape[1]]


VIEWS = {
    "rows upside down": lambda image: image[::-1],
    "columns from the right": lambda image: image[:, ::-1],
    "every third row": lambda image: image[::3],
    "every second column": lambda image: image[:, ::2],
    "a part": lambda image: image[3:-2, 4:-1],
    "a part of odd stride": lambda image: image[:, 1:],
    "rows apart": padded,
    "transposed": lambda image: image.swapaxes(0, 1),
    "in Fortran's order": np.asfortranarray,
    "one row repeated": lambda image: np.broadcast_to(image[:1], image.shape),
    "unaligned": unaligned,
    "not to be written": lambda image: np.frombuffer(image.tobytes(), image.dtype).reshape(image.shape),
    "a list": lambda image: np.ma.masked_array(image),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("uint16", 1), ("float32", 3)])
def test_images_may_lie_anywhere(view, dtype, channels):
    pipeline = Compose([transforms.RandomCrop(9), FLIP, SHARES])
    images = [view(image) for image in stepwise.images((31, 40), (35, 33), channels=channels, dtype=dtype)]
    np.testing.assert_array_equal(pipeline(images), pipeline([np.array(image) for image in images]))


def test_channels_may_be_in_another_order_or_one():
    pipeline = Compose([RESIZE, SHARES])
    image = stepwise.images((31, 40))[0]
    np.testing.assert_array_equal(pipeline([image[..., ::-1]]), pipeline([image[..., ::-1].copy()]))
    np.testing.assert_array_equal(pipeline([image[..., 1]]), pipeline([image[..., 1:2]]))
    assert pipeline([image[..., 1]]).shape == (1, 1, 30, 28)


def test_an_array_is_a_list_of_images():
    images = np.stack(stepwise.images(*[(50, 60)] * 6))
    wanted = training()(list(images))
    np.testing.assert_array_equal(training()(images), wanted)
    np.testing.assert_array_equal(training()(images[::-1], indices=range(5, -1, -1)), wanted[::-1])
    planes = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    np.testing.assert_array_equal(training()(np.moveaxis(planes, 1, -1)), wanted)


def test_results_are_written_where_they_shall_be():
    images = batch()
    room = np.full((14, 3, 40, 36), 7, np.float32)
    out = room[1:-1]
    assert training()(images, out=out) is out
    np.testing.assert_array_equal(out, training()(images))
    assert (room[[0, -1]] == 7).all()


# What is refused


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([RESIZE, transforms.Resize(20)], r"Resize\(.*\) comes after Resize\(.*images are resampled once; take one"),
        ([RESIZE, PART], r"RandomResizedCrop\(.*\) comes after Resize\(.*images are resampled once; take one"),
        ([AFFINE, AFFINE], r"RandomAffine\(.*\) comes after RandomAffine\(.*images are resampled once"),
        ([BLUR, PART], r"RandomResizedCrop\(.*GaussianBlur\(.*cannot change places: .*near the edges; put it before"),
        ([RESIZE, CONTRAST, MIDDLE], r"CenterCrop\(.*ColorJitter\(.*cannot change places: .*near the edges; put it"),
        ([RESIZE, DETAILS, FLIP], r"RandomHorizontalFlip\(.*LocalLaplacian.*cannot change places: a mirrored image"),
        ([DETAILS, UPSIDE_DOWN], r"RandomVerticalFlip\(.*LocalLaplacian.*cannot change places: .*; put it before"),
        ([FLIP, DETAILS, RESIZE], r"RandomHorizontalFlip\(.*LocalLaplacian.*cannot change places"),
        ([transforms.Filter(swapped), FLIP], r"RandomHorizontalFlip\(.*Filter\(swapped.*cannot change places"),
        ([AFFINE, MIDDLE, RESIZE], r"CenterCrop\(.* must come before RandomAffine"),
        ([RESIZE, AFFINE, MIDDLE], r"CenterCrop\(.* must come before RandomAffine"),
        ([AFFINE, PART], r"RandomResizedCrop\(.* must come before RandomAffine"),
        ([transforms.RandomApply([FLIP])], r"RandomApply\(.*RandomHorizontalFlip\(p=0.5\) moves pixels"),
        ([transforms.RandomApply([SHARES])], r"RandomApply\(.*ToDtype\(.*\) moves pixels, changes their type"),
        ([transforms.RandomApply([transforms.RandomApply([BLUR])])], r"RandomApply\(.* or is no step"),
    ],
)
def test_orders_that_cannot_be_had_are_told(steps, said):
    with pytest.raises(ValueError, match=said):
        Compose(steps)


def test_other_things_than_transforms_are_refused():
    with pytest.raises(TypeError, match=r"transforms must be of data\.transforms, not function"):
        Compose([lambda image: image])
    with pytest.raises(ValueError, match="layout must be 'NCHW' or 'NHWC', not 'CHWN'"):
        Compose([], layout="CHWN")


COLOR, GRAY = np.zeros((50, 40, 3), np.uint8), np.zeros((50, 40), np.uint8)
SMALL = np.zeros((20, 23, 3), np.uint8)
REFUSED = {
    "integers": ([RESIZE], [np.int64(COLOR)], TypeError, r"image 0 has dtype int64; .* convert it"),
    "doubles": ([RESIZE], [COLOR, np.float64(COLOR)], TypeError, r"image 1 has dtype float64; .* convert it"),
    "four channels": ([RESIZE], [np.zeros((50, 40, 4), np.uint8)], ValueError, r"image 0 has shape \(50, 40, 4\); \(H"),
    "channels first": ([RESIZE], [np.zeros((3, 50, 40), np.uint8)], ValueError, r"image 0 .*looks like channels first"),
    "no axes": ([RESIZE], [np.zeros(9, np.uint8)], ValueError, r"image 0 has shape \(9,\)"),
    "batches": ([RESIZE], [np.zeros((2, 5, 4, 3), np.uint8)], ValueError, r"image 0 has shape \(2, 5, 4, 3\); \(H"),
    "no pixels": ([RESIZE], [np.zeros((0, 4, 3), np.uint8)], ValueError, r"image 0 .*no side may be zero"),
    "one image": ([RESIZE], COLOR, ValueError, r"images has shape \(50, 40, 3\); a list of images or \(N, H, W, C\)"),
    "none": ([RESIZE], [], ValueError, r"images are none"),
    "too small": (
        [MIDDLE],
        [COLOR, SMALL],
        ValueError,
        r"CenterCrop.*sample 1 .* height 20 and width 23 .*put a Resize",
    ),
    "too small, of two dtypes": (
        [MIDDLE],
        [COLOR, np.uint16(SMALL)],
        ValueError,
        r"sample 1 has height 20",
    ),
    "too narrow": (
        [transforms.RandomCrop((50, 41))],
        [COLOR],
        ValueError,
        r"RandomCrop.* width 40 there; put a Resize",
    ),
    "sizes": ([], [COLOR, SMALL], ValueError, r"results have sizes 50 x 40 and 20 x 23; end with a size, such as"),
    "gray and colours": ([RESIZE], [COLOR, GRAY], ValueError, r"uint8 of 3 channels and uint8 of 1 channels; results"),
    "dtypes": ([RESIZE], [COLOR, np.float32(COLOR)], ValueError, r"uint8 of 3 .* and float32 of 3 .* have one dtype"),
    "bytes normalised": ([NORMAL], [COLOR], ValueError, r"Normalize.*images are uint8 there; put ToDtype\('float32'"),
    "two means": ([SHARES, transforms.Normalize((1, 2), 1)], [COLOR], ValueError, r"images have 3 channels, not 2"),
    "three means": ([SHARES, NORMAL], [GRAY], ValueError, r"Normalize.*images have 1 channels, not 3"),
    "a filter of colours": (
        [SHARES, transforms.Filter(swapped)],
        [GRAY],
        ValueError,
        r"Filter\(swapped.*images have one",
    ),
}


@pytest.mark.parametrize(("steps", "images", "error", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_images_are_told_and_nothing_is_written(steps, images, error, said):
    pipeline = Compose(steps)
    channels = 1 if len(images) == 1 and images[0] is GRAY else 3
    out = np.full((len(images), channels, *pipeline.size((50, 40))), 7, pipeline.dtype("float32"))
    with pytest.raises(error, match=said):
        pipeline(images, out=out)
    assert (out == 7).all()


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"indices": [1]}, ValueError, r"indices must be 2 ints, one an image, not \[1\]"),
        ({"indices": [0.5, 1]}, ValueError, r"indices must be 2 ints, one an image, not \[0.5, 1\]"),
        ({"seed": -1}, ValueError, r"seed must be from 0 to 2\*\*64 - 1, not -1"),
        ({"epoch": -1}, ValueError, r"epoch must be from 0 to 2\*\*32 - 1, not -1"),
        ({"threads": 0}, ValueError, r"threads must be from 1 to"),
        ({"out": [1]}, TypeError, r"out must be a numpy array, not list"),
        ({"out": np.zeros((2, 30, 28, 3), np.uint8)}, ValueError, r"out has shape .*; \(2, 3, 30, 28\) and uint8 are"),
        (
            {"out": np.zeros((2, 3, 30, 28), np.float32)},
            ValueError,
            r"out has .* dtype float32; .* and uint8 are needed",
        ),
        ({"out": np.zeros((2, 30, 28, 3), np.uint8).transpose(0, 3, 1, 2)}, ValueError, r"out must be C-contiguous"),
        ({"out": np.broadcast_to(np.uint8(0), (2, 3, 30, 28))}, ValueError, r"out is read-only"),
    ],
)
def test_bad_options_are_named(options, error, said):
    with pytest.raises(error, match=said):
        Compose([transforms.RandomCrop((30, 28))])([COLOR, COLOR], **options)


def test_results_are_not_written_over_images():
    images = np.zeros((2, 3, 30, 28), np.uint8)
    with pytest.raises(ValueError, match="out overlaps an input"):
        Compose([RESIZE])([image.reshape(30, 28, 3) for image in images], out=images)


# Copies, and what tells pipelines apart


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_do_the_same(duplicate):
    pipeline = Compose([*usual(), transforms.Filter(swapped), SHARES, NORMAL], layout="NHWC")
    same = duplicate(pipeline)
    assert repr(same) == repr(pipeline)
    assert same.fingerprint == pipeline.fingerprint
    assert (same.layout, same.target, same.schedule) == (pipeline.layout, pipeline.target, pipeline.schedule)
    same = duplicate(training())
    np.testing.assert_array_equal(same(batch()), training()(batch()))


def variants():
    """Give pipelines that each differ from all others."""
    t = transforms
    yield from (
        [t.Resize(8, **more)] for more in ({}, {"max_size": 9}, {"antialias": False}, {"interpolation": "nearest"})
    )
    yield from ([each] for each in (t.Resize((8, 8)), t.CenterCrop(8), t.RandomCrop(8), t.RandomCrop((8, 9))))
    parts = ({}, {"scale": (0.1, 1)}, {"ratio": (1, 1)}, {"interpolation": "nearest"}, {"antialias": False})
    yield from ([t.RandomResizedCrop(8, **more)] for more in parts)
    yield from (
        [kind(p)] for kind in (t.RandomHorizontalFlip, t.RandomVerticalFlip, t.RandomGrayscale) for p in (0.1, 0.2)
    )
    maps = ({}, {"translate": (0, 0.1)}, {"scale": (1, 2)}, {"shear": 1}, {"shear": (0, 0, 0, 1)})
    yield from ([t.RandomAffine(9, **more)] for more in (*maps, {"interpolation": "bilinear"}, {"fill": 1}))
    yield from ([t.RandomAffine(8)], [t.RandomAffine((-9, 8))])
    yield from ([t.ColorJitter(*(0.1 * (i == k) for i in range(4)))] for k in range(5))
    yield from ([t.GaussianBlur(*each)] for each in ((3,), (5,), ((3, 5),), (None,), (3, 1), (3, (1, 2))))
    yield from ([t.Unsharp(*each)] for each in ((), (1,), (1, 2)))
    yield from ([t.Bilateral(*each)] for each in ((1, 1), (2, 1), (1, 2), (1, 1, 5)))
    details = ({}, {"detail": 1}, {"beta": 2}, {"levels": 2}, {"terms": 3})
    yield from ([t.LocalLaplacian(1, **more)] for more in details)
    yield from ([each] for each in (SHARES, FLOAT, BYTES, t.ToDtype("float16")))
    yield from ([FLOAT, t.Normalize(*each)] for each in ((0, 1), (0, 2), (1, 1), ((0, 0, 0), 1)))
    yield from ([t.RandomApply(*each)] for each in (([],), ([BLUR],), ([BLUR], 0.1), ([BLUR, JITTER],)))
    yield from ([BLUR, JITTER], [JITTER, BLUR], [])
    yield from ([t.Filter(each, **more)] for each in lookalikes() for more in ({}, {"share": 1}, {"share": (0, 1)}))
    yield from ([t.Filter(each, weights=[1], times=2)] for each in lookalikes())
    yield from ([t.RandomApply([t.Filter(each)])] for each in lookalikes())


@functools.cache
def lookalikes():
    """Give two filters that differ in what they do alone."""

    def made(sign):
        @dsl.filter
        def filtered(image: dsl.Image, share: dsl.Scalar = 0.5, weights: dsl.Table = (1.0, 2.0, 1.0), times: int = 1):
            return image + sign * times * share * dsl.convolve(image, dsl.kernel(weights))

        return filtered

    return made(1), made(-1)


def test_fingerprints_tell_pipelines_apart():
    pipelines = [Compose(steps) for steps in variants()] + [Compose([], layout="NHWC")]
    assert len({each.fingerprint for each in pipelines}) == len(pipelines) > 70
    again = [Compose(steps) for steps in variants()] + [Compose([], layout="NHWC", target="host", schedule="manual")]
    assert [each.fingerprint for each in again] == [each.fingerprint for each in pipelines]


def test_all_parameters_are_shown():
    shown = repr(Compose([*usual(), transforms.Filter(swapped, share=(0, 1)), SHARES, NORMAL], layout="NHWC"))
    for part in (
        "RandomResizedCrop(shape=(40, 36), scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333), "
        "interpolation='triangle')",
        "RandomHorizontalFlip(p=0.5)",
        "RandomApply(transforms=[ColorJitter(brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), "
        "hue=(-0.1, 0.1))], p=0.8)",
        "RandomApply(transforms=[GaussianBlur(shape=(23, 23), sigma=(0.1, 2.0))], p=0.5)",
        "Filter(swapped, share=(0.0, 1.0))",
        "ToDtype(name='float32', scale=True), Normalize(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))",
        "layout='NHWC'",
    ):
        assert part in shown
