"""Images of two sizes in one program, and resampling between them: against plain definitions in float64."""

import ctypes
import itertools
import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl.ir import RESAMPLING, DSLError, Program
from filters import reference
from filters.reference.borders import BORDERS, border_index

RNG = np.random.default_rng(11)
#: Pixels of the source along an axis, and weights by distance.
KERNELS = {
    "nearest": (1, np.ones_like),
    "linear": (2, lambda d: 1 - np.abs(d)),
    "cubic": (4, lambda d: np.where(np.abs(d) < 1, _inner(np.abs(d)), _outer(np.abs(d)))),
}
for _count, _name, _sigma in ((2, "4", 0.5), (4, "16", 0.85), (8, "64", 2.0)):
    KERNELS[f"box{_name}"] = _count, np.ones_like
    KERNELS[f"gauss{_name}"] = _count, lambda d, sigma=_sigma: np.exp(-d * d / (2 * sigma**2))


def _inner(d):
    return 1.5 * d**3 - 2.5 * d**2 + 1


def _outer(d):
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2


def matrix(kernel, source, target, border):
    """Give the weights of source pixels (the last: of the border's constant) in target pixels, along an axis."""
    weights = np.zeros((target, source + 1))
    for i in range(target):
        if kernel == "area":
            edges = np.clip(np.arange(source + 1) * target, i * source, (i + 1) * source)
            weights[i, :source] = np.diff(edges) / source
            continue
        if kernel == "triangle":
            distance = np.arange(source) + 0.5 - (i + 0.5) * source / target
            share = np.maximum(1 - np.abs(distance) / max(source / target, 1), 0)
            weights[i, :source] = share / share.sum()
            continue
        count, weight = KERNELS[kernel]
        position = (2 * i + 1) * source - target  # in units of 1 / (2 * target)
        first = (position + target * (count == 1)) // (2 * target) - (count - 1) // 2
        at = np.arange(first, first + count)
        share = weight(at - position / (2 * target)) if count > 1 else np.ones(1)
        np.add.at(weights[i], border_index(at, source, border), share / share.sum())
    return weights


def resized(image, sides, kernel, border="reflect101", border_value=0.0):
    with_constant = np.pad(
        np.float64(image), [(0, 1), (0, 1)] + [(0, 0)] * (image.ndim - 2), constant_values=border_value
    )
    down, across = (matrix(kernel, image.shape[i], sides[i], border) for i in (0, 1))
    return np.einsum("yi,ij...,xj->yx...", down, with_constant, across, optimize=True)


def program(kernel):
    @dsl.filter
    def resize(small: dsl.Small, like: dsl.Image) -> dsl.Image:
        return dsl.resize(small, like, kernel)

    return resize


PROGRAMS = {kernel: program(kernel) for kernel in RESAMPLING}


def image(*shape, dtype=np.float32):
    return RNG.uniform(0, 255, shape).astype(dtype)


def check(result, expected, most=255.0):
    """Compare: to float32 rounding, or to the next whole number."""
    if result.dtype != np.float32:
        expected = np.clip(expected, 0, np.iinfo(result.dtype).max)
        np.testing.assert_allclose(result, expected, atol=0.5 + 1e-3 * most / 255)
    else:
        np.testing.assert_allclose(result, expected, atol=2e-6 * most)


side = st.integers(1, 70)


@pytest.mark.parametrize("kernel", RESAMPLING)
@settings(max_examples=30, deadline=None)
@given(sizes=st.tuples(side, side, side, side), border=st.sampled_from(BORDERS))
def test_pixels_are_those_of_the_definition(kernel, sizes, border):
    small, like = image(*sizes[:2]), np.empty(sizes[2:], np.float32)
    result = PROGRAMS[kernel](small, like, border=border, border_value=300)
    check(result, resized(small, like.shape, kernel, border, 300), most=300)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kernel", ["cubic", "area"])
def test_dtypes_channels_and_batches(kernel, dtype):
    batch = image(2, 33, 20, 3, dtype=dtype)
    result = PROGRAMS[kernel](batch, np.empty((2, 50, 9, 3), dtype))
    assert (result.shape, result.dtype) == ((2, 50, 9, 3), dtype)
    for one, expected in zip(result, batch, strict=True):
        check(one, resized(expected, (50, 9), kernel))
        assert np.array_equal(one, PROGRAMS[kernel](np.asfortranarray(expected), np.empty((50, 9, 3), dtype)))
    whole = np.empty((2, 50, 9, 4), dtype)
    assert np.array_equal(PROGRAMS[kernel](batch, np.empty((2, 50, 9, 3), dtype), out=whole[..., :3]), result)


@pytest.mark.parametrize("kernel", ["nearest", "linear", "cubic", "area"])
def test_equal_sizes_leave_an_image_as_it_is(kernel):
    for shape in ((1, 1), (37, 50)):
        small = image(*shape)
        assert np.array_equal(PROGRAMS[kernel](small, np.empty(shape, np.float32), border="constant"), small)


@pytest.mark.parametrize("kernel", RESAMPLING)
def test_a_constant_stays_what_it_is(kernel):
    small = np.full((13, 5), 77, np.uint8)
    assert np.all(PROGRAMS[kernel](small, np.empty((40, 41), np.uint8)) == 77)


@pytest.mark.parametrize(
    ("kernel", "name", "sizes"),
    [("linear", cv2.INTER_LINEAR, (16, 30, 64, 91)), ("area", cv2.INTER_AREA, (64, 90, 16, 30))],
)
def test_pixels_are_those_of_opencv(kernel, name, sizes):
    small = image(*sizes[:2])
    expected = cv2.resize(small, sizes[:1:-1], interpolation=name)
    result = PROGRAMS[kernel](small, np.empty(sizes[2:], np.float32), border="replicate")
    np.testing.assert_allclose(result, expected, atol=1e-3)


# ------------------------------------------------------------------------------- small images beside the others


@dsl.filter
def edges(like: dsl.Image, small: dsl.Small, other: dsl.Small, amount: dsl.Scalar = 1.0) -> dsl.Image:
    """Add what neighbours of small pixels say."""
    taps = dsl.taps(np.ones((3, 3)))
    mean = dsl.weighted_mean(small[taps], dsl.exp(-0.01 * dsl.distance(other[taps], other)))
    rest = dsl.window(small, 1, "max") - dsl.convolve(other, dsl.gaussian(2.0)) + mean + small[2, -1] * other
    return like + amount * dsl.resize(rest, like, "linear")


@dsl.filter
def rest(like: dsl.Small, small: dsl.Image, other: dsl.Image) -> dsl.Image:
    """Give the same of images that are the only ones of their size."""
    taps = dsl.taps(np.ones((3, 3)))
    mean = dsl.weighted_mean(small[taps], dsl.exp(-0.01 * dsl.distance(other[taps], other)))
    return dsl.window(small, 1, "max") - dsl.convolve(other, dsl.gaussian(2.0)) + mean + small[2, -1] * other


@pytest.mark.parametrize("border", ["reflect101", "wrap", "constant"])
@pytest.mark.parametrize("sizes", [(40, 61, 9, 17), (7, 5, 33, 47), (1, 1, 1, 1)])
def test_stencils_of_small_images_see_their_own_size(border, sizes):
    like, small, other = image(*sizes[:2]), image(*sizes[2:]), image(*sizes[2:])
    alike = rest(np.empty((3, 3), np.float32), small, other, border=border, border_value=7)
    outside = 7 - 7 + 7 + 7 * 7  # what it is of the border's constant
    expected = like + 0.5 * resized(alike, like.shape, "linear", border, outside)
    check(edges(like, small, other, 0.5, border=border, border_value=7), expected, most=2e4)


@dsl.filter
def tinted(small: dsl.SmallColor, src: dsl.Color, plane: dsl.Image, small_plane: dsl.Small) -> dsl.Image:
    """Mix colours and planes of two sizes."""
    r, g, b = small.channels
    grown = dsl.resize(dsl.stack(g, b - small_plane, r), src, "cubic")
    return grown + 0.5 * src + plane * dsl.resize(small_plane, plane, "nearest")


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_colours_and_planes_of_two_sizes(dtype, batch):
    small, src = image(*batch, 11, 14, 3, dtype=np.float32), image(*batch, 40, 50, 4, dtype=dtype)
    plane, small_plane = image(*batch, 40, 50), image(*batch, 11, 14, dtype=dtype)
    result = tinted(small, src, plane, small_plane)
    assert (result.shape, result.dtype) == ((*batch, 40, 50, 3), np.float32)
    for each in np.ndindex(batch):
        turned = small[each][..., [1, 2, 0]] - np.float64(small_plane[each][..., None]) * [0, 1, 0]
        by_plane = plane[each] * resized(small_plane[each], (40, 50), "nearest")
        expected = resized(turned, (40, 50), "cubic") + 0.5 * src[each][..., :3] + by_plane[..., None]
        check(result[each], expected, most=7e4)


@dsl.filter
def between(src: dsl.Image, small: dsl.Small) -> tuple[dsl.Image, dsl.Image]:
    """Go to the small size and back, and to a level of a pyramid of small images."""
    coarse = dsl.resize(src, small, "area")
    halved = dsl.down(coarse - small)
    return dsl.resize(coarse, src, "cubic"), src - dsl.resize(halved - dsl.up(dsl.down(halved), halved), src, "linear")


def test_sizes_go_both_ways_and_through_pyramids():
    src, small = image(70, 45), image(17, 23)
    first, second = between(src, small)
    coarse = resized(src, small.shape, "area")
    check(first, resized(coarse, src.shape, "cubic"))
    halved = reference.down(coarse - small)
    level = halved - reference.up(reference.down(halved), halved.shape)
    check(second, src - resized(level, src.shape, "linear"))


# ------------------------------------------------------------------------------------ pixels of another size around


def means_around(radius, color=False):
    kind, small_kind = (dsl.Color, dsl.SmallColor) if color else (dsl.Image, dsl.Small)

    @dsl.filter
    def joint(values: small_kind, src: kind, small: small_kind, sigma: dsl.Scalar, scale: dsl.Scalar) -> dsl.Image:
        """Average small pixels around, with less weight for what differs more from the pixel itself."""
        at = dsl.around(small, src, radius, sigma)
        difference = (small[at] - src).channels
        return dsl.weighted_mean(values[at], 1 / (1 + scale * sum(d * d for d in difference)))

    return joint


JOINT = {(radius, color): means_around(radius, color) for radius, color in ((0, False), (1, False), (2, True))}


def around(values, src, small, radius, sigma, scale, border, border_value):
    values, src, small = (np.float64(a if a.ndim > 2 else a[..., None]) for a in (values, src, small))
    total, weights, at = 0.0, 0.0, []
    for size, target in zip(small.shape, src.shape[:2], strict=False):
        position = (np.arange(target) + 0.5) * size / target - 0.5
        at.append((position, ((2 * np.arange(target) + 1) * size) // (2 * target)))
    (y, rows), (x, columns) = at

    def read(image, dy, dx):
        index = (
            border_index(i + d, n, border) for i, d, n in zip((rows, columns), (dy, dx), image.shape, strict=False)
        )
        down, across = index
        found = image[down[:, None], across]
        found[down < 0] = border_value
        found[:, across < 0] = border_value
        return found

    for dy, dx in itertools.product(range(-radius, radius + 1), repeat=2):
        place = np.exp(-((rows + dy - y) ** 2)[:, None] / (2 * sigma**2) - (columns + dx - x) ** 2 / (2 * sigma**2))
        weight = place / (1 + scale * np.sum((read(small, dy, dx) - src) ** 2, axis=-1))
        total, weights = total + weight[..., None] * read(values, dy, dx), weights + weight
    return total / weights[..., None]


@pytest.mark.parametrize(("radius", "color"), JOINT)
@pytest.mark.parametrize("sizes", [(40, 61, 9, 17), (7, 5, 33, 47), (1, 1, 1, 1), (50, 40, 50, 40)])
@pytest.mark.parametrize("border", ["reflect101", "constant"])
def test_means_are_over_pixels_of_another_size(radius, color, sizes, border):
    channels = (3,) if color else ()
    values, small = (image(*sizes[2:], *channels) for _ in range(2))
    src = image(*sizes[:2], *channels, dtype=np.uint8)
    result = JOINT[radius, color](values, src, small, 0.8, 0.01, border=border, border_value=50)
    expected = around(values, src, small, radius, 0.8, 0.01, border, 50)
    check(result, expected.reshape(result.shape))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("src[dsl.around(small, src)]", "the neighbours are those of a small Image, an Image came"),
        ("dsl.around(small, src, 9)", "radius must be from 0 to 8, not 9"),
        ("dsl.around(small, src, 1.0)", r"around: radius must be an int, 1.0 \(float\) came"),
        ("dsl.around(1, src)", r"around: image: an Image is needed, 1 \(int\) came"),
        ("dsl.around(small, src, 1, src)", "around: sigma must be one number for the whole image"),
        ("small[dsl.around(small, src)]", "f must return an image, an Image that varies over taps came"),
        ("dsl.window(small[dsl.around(small, src)], 1)", "takes no pixels of another size"),
        ("dsl.weighted_mean(small[dsl.around(small, src)], small)", "taps and a small Image; dsl.resize changes"),
    ],
)
def test_mistakes_with_neighbours_of_another_size_are_told(body, said):
    def f(src: dsl.Image, small: dsl.Small) -> dsl.Image:
        return eval(body)

    with pytest.raises(dsl.DSLError, match=said):
        dsl.filter(f).trace()


def _decomposed(image, guide, table):
    return dsl.decompose(lambda given: dsl.convolve(given, dsl.gaussian(2.0)), image, [guide], [0.02], [table])


@dsl.filter
def decomposed_small(small: dsl.Small, guide: dsl.Small, like: dsl.Image, table: dsl.Table) -> dsl.Image:
    """Go through levels of small images."""
    return dsl.resize(_decomposed(small, guide, table), like, "linear")


@dsl.filter
def decomposed(src: dsl.Image, guide: dsl.Image, table: dsl.Table) -> dsl.Image:
    """Go through levels."""
    return _decomposed(src, guide, table)


@dsl.filter
def decomposed_large(large: dsl.Small, like: dsl.Image, table: dsl.Table) -> dsl.Image:
    """Go through levels of images that shrink."""
    difference = large - dsl.levels(table)[0]
    return dsl.interpolate(dsl.resize(difference * difference, like, "area"), [like])


def test_means_over_areas_may_vary_over_levels():
    large, like, table = image(70, 50), image(23, 31), np.linspace(0, 255, 3)
    squares = np.stack([resized((large - level) ** 2, like.shape, "area") for level in table])
    place = like / 127.5
    below = np.minimum(place.astype(int), 1)
    lower, upper = (np.take_along_axis(squares, below[None] + i, 0)[0] for i in (0, 1))
    check(decomposed_large(large, like, table), lower + (place - below) * (upper - lower), most=255**2)


def test_levels_are_of_any_size():
    small, guide, table = image(23, 31), image(23, 31), np.linspace(0, 255, 5)
    expected = resized(decomposed(small, guide, table), (70, 50), "linear")
    check(decomposed_small(small, guide, np.empty((70, 50), np.float32), table), expected)


def test_a_map_has_the_size_of_results():
    @dsl.filter
    def scaled(small: dsl.Small, like: dsl.Image, gain: dsl.Scalar) -> dsl.Image:
        return gain * dsl.resize(small, like, "linear")

    small, gain = image(5, 6), image(20, 31) / 255
    check(scaled(small, np.empty((20, 31), np.float32), gain), gain * resized(small, (20, 31), "linear"))


# ---------------------------------------------------------------------------------------- programs, libraries


def test_programs_say_whose_size_images_have():
    program = PROGRAMS["linear"].trace().program
    assert PROGRAMS["linear"].source().splitlines()[0] == "%0 = small 0 0"
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert (again, again.digest(), again.grids) == (program, program.digest(), (1, 0))

    @dsl.filter
    def plain(src: dsl.Image) -> dsl.Image:
        return src + 1

    assert "grids" not in plain.trace().program.to_json()  # the digests of programs of one size stay
    for grids, said in ([0, 0], "argument 0 is an input"), ([1, 1], "at least one image"), ([2, 0], "0 or 1"):
        with pytest.raises(DSLError, match=said):
            Program.from_json(program.to_json() | {"grids": grids})


def test_a_library_takes_two_sizes(tmp_path):
    files = edges.build(tmp_path, dtype="uint8")
    text = files["header"].read_text()
    assert "small_width, small_height: the size of small, other." in text
    if "shared" not in files:
        pytest.skip("no linker")
    like, small, other = image(40, 61, dtype=np.uint8), *image(2, 9, 17, dtype=np.uint8)
    result = np.zeros_like(like)
    arrays = [(ctypes.c_void_p(a.ctypes.data), ctypes.c_int64(a.shape[1])) for a in (like, small, other, result)]
    entry = ctypes.CDLL(files["shared"]).edges
    sides = (61, 40, 1, 17, 9)
    assert entry(*itertools.chain(*arrays), *sides, ctypes.c_float(0.01), 0, ctypes.c_float(0), 0) == 0
    assert np.array_equal(result, edges(like, small, other, 0.01))
    assert entry(*itertools.chain(*arrays), *sides[:3], 0, 9, ctypes.c_float(0.01), 0, ctypes.c_float(0), 0) == -1


def test_a_halo_depends_on_the_sizes():
    with pytest.raises(ValueError, match="depends on the sizes that images are resampled between"):
        PROGRAMS["linear"].halo()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("small + src", "images of different sizes: a small Image and an Image; dsl.resize changes it"),
        ("dsl.stack(src, small).channel(0)", "images of different sizes"),
        ("dsl.up(dsl.down(small), src)", "from a small Image at pyramid level 1 to an Image is not one"),
        ("small", "f must return no small image, a small Image came: take dsl.resize of it"),
        ("dsl.resize(small, src, 'lanczos')", "kernel must be one of nearest, box4, .*, triangle, not 'lanczos'"),
        ("dsl.resize(small, 2)", r"resize: like: an Image is needed, 2 \(int\) came"),
    ],
)
def test_mistakes_are_told(body, said):
    def f(src: dsl.Image, small: dsl.Small) -> dsl.Image:
        return eval(body)

    with pytest.raises(dsl.DSLError, match=said):
        dsl.filter(f).trace()


def test_an_image_that_gives_the_size_is_needed():
    with pytest.raises(dsl.DSLError, match=r"at least one dsl.Image is needed, whose size results have"):

        @dsl.filter
        def f(small: dsl.Small) -> dsl.Image:
            return small


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: edges(image(4, 5), image(2, 3), image(3, 3)),
            r"other has shape \(3, 3\), small \(2, 3\); equal sizes",
        ),
        (lambda: edges(image(4, 5, 2), image(2, 3), image(2, 3)), r"small has shape \(2, 3\), like .* equal channels"),
        (lambda: edges(image(2, 4, 5, 1), *image(2, 3, 2, 3, 1)), "equal channels and batches are needed"),
        (lambda: tinted(image(2, 3, 4), image(4, 5, 3), image(4, 5), image(2, 3)), "3 channels are needed"),
        (lambda: tinted(image(2, 3, 3), image(2, 4, 5, 3), image(2, 4, 5), image(2, 3)), "equal batches are needed"),
        (lambda: PROGRAMS["area"](image(4, 4), image(2, 2), out=image(4, 4)), r"\(2, 2\) and float32 are needed"),
    ],
)
def test_errors_name_the_argument(call, said):
    with pytest.raises(ValueError, match=said):
        call()
