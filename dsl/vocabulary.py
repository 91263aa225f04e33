"""The words of the language: what a script calls while it is traced."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dsl import fitting
from dsl.errors import DSLError
from dsl.ir import MAX_COSINES, MAX_TERMS, levels_of, taps_of
from dsl.tap_table import radius_of, tap_table
from dsl.values import (
    Image,
    Kernel,
    Levels,
    Number,
    Operand,
    Scalar,
    Table,
    Tables,
    Taps,
    Value,
    describe,
    image_node,
    make,
    pointwise,
    wrap,
)

# ------------------------------------------------------------------------------------------------- arithmetic


def select(condition: Operand, if_true: Operand, if_false: Operand) -> Any:
    """Take one of two values by a condition, pixel by pixel; both are computed."""
    return pointwise("select", condition, if_true, if_false)


def clamp(value: Operand, low: Operand, high: Operand) -> Any:
    """Bring a value into a range."""
    return minimum(maximum(value, low), high)


def minimum(a: Operand, b: Operand) -> Any:
    """Take the smaller value; NaN if one is NaN, as ``numpy.minimum``."""
    return pointwise("min", a, b)


def maximum(a: Operand, b: Operand) -> Any:
    """Take the larger value; NaN if one is NaN, as ``numpy.maximum``."""
    return pointwise("max", a, b)


def absolute(value: Operand) -> Any:
    """Take the absolute value."""
    return pointwise("abs", value)


def sqrt(value: Operand) -> Any:
    """Take the square root."""
    return pointwise("sqrt", value)


def exp(value: Operand) -> Any:
    """Raise e to a power."""
    return pointwise("exp", value)


def log(value: Operand) -> Any:
    """Take the natural logarithm."""
    return pointwise("log", value)


def sin(value: Operand) -> Any:
    """Take the sine of an angle in radians."""
    return pointwise("sin", value)


def cos(value: Operand) -> Any:
    """Take the cosine of an angle in radians."""
    return pointwise("cos", value)


def atan2(y: Operand, x: Operand) -> Any:
    """Take the angle of a vector."""
    return pointwise("atan2", y, x)


def power(base: Operand, exponent: Operand) -> Any:
    """Raise to a power."""
    return pointwise("pow", base, exponent)


def floor(value: Operand) -> Any:
    """Round down."""
    return pointwise("floor", value)


def ceil(value: Operand) -> Any:
    """Round up."""
    return pointwise("ceil", value)


def rint(value: Operand) -> Any:
    """Round to the nearest whole number, halves to even."""
    return pointwise("round", value)


def cast(dtype: str, value: Operand) -> Any:
    """Convert to ``"uint8"``, ``"uint16"``, ``"int32"`` or ``"float32"``: half to even, saturating.

    Integer arithmetic happens only between values that were cast.
    """
    if dtype not in ("uint8", "uint16", "int32", "float32"):
        raise DSLError(f"cast: dtype must be 'uint8', 'uint16', 'int32' or 'float32', not {dtype!r}")
    return pointwise(f"cast_{dtype}", value)


# ---------------------------------------------------------------------------------------------------- windows


def window(image: Image, radius: int | tuple[int, int], reduce: str = "sum") -> Image:
    """Reduce a window around every pixel.

    Parameters
    ----------
    image : Image
        What to reduce.
    radius : int or (int, int)
        Pixels on each side, down and across; part of the program. For a radius that changes from call to call
        use ``convolve(image, box(radius))``.
    reduce : str
        ``"sum"``, ``"min"`` or ``"max"``.
    """
    ry, rx = _pair(radius)
    if not (isinstance(ry, int) and isinstance(rx, int)):
        raise DSLError(f"window: radius must be an int or two, {describe(ry)} came: use convolve(image, box(radius))")
    return Image(make("window", (reduce, ry, rx), wrap(image_node(image, "window"))))


def taps(weights: Table | ArrayLike, radius: Scalar | Number | None = None) -> Taps:
    """Name neighbours, and the weight of each by where it lies: a spatial kernel.

    Parameters
    ----------
    weights : Table or array_like
        A 2-D array of odd height and width that is part of the program, or a Table given at run time, which
        :func:`tap_table` makes of such an array.
    radius : Scalar or int, optional
        How far from the pixel a tap lies at most, along either axis. Needed with a Table: what lies further is moved
        to there.
    """
    if not isinstance(weights, Table):
        try:
            numbers = tap_table(weights)
        except (TypeError, ValueError) as error:
            raise DSLError(f"taps: {error}") from None
        weights, radius = table(numbers), radius_of(numbers) if radius is None else radius
    if radius is None:
        raise DSLError("taps: a table that is given at run time needs a radius")
    return Taps(make("taps", (), weights, _size(radius, "taps: radius")))


def around(image: Image, like: Image, radius: int = 1, sigma: Scalar | Number = 1.0) -> Taps:
    """Name the pixels of another size around each pixel of ``like``: a window, weighted by a Gaussian of their place.

    ``small[taps]`` then has the size of ``like``, and varies over the pixels of ``small`` around.

    Parameters
    ----------
    image : Image
        Of the size that the neighbours have.
    like : Image
        Of the size that what is made of them has; pixel centres match, as those of :func:`resize`.
    radius : int
        On each side of the nearest pixel, 0 to 8; part of the program.
    sigma : Scalar or float
        Standard deviation of the weights by distance, in pixels of ``image``.
    """
    if isinstance(radius, bool) or not isinstance(radius, int):
        raise DSLError(f"around: radius must be an int, {describe(radius)} came")
    images = [wrap(image_node(each, f"around: {name}")) for name, each in (("image", image), ("like", like))]
    return Taps(make("around", (radius,), *images, _size(sigma, "around: sigma")))


def weighted_mean(values: Image, weights: Operand = 1.0) -> Image:
    """Average over taps: the sum of value times weight, over that of the weights.

    Parameters
    ----------
    values : Image
        What varies over taps: ``image[taps]``, or arithmetic with it.
    weights : Image or Scalar
        A weight that may vary over the same taps, of one channel: for instance
        ``lookup(table, distance(guide[taps], guide))``. The taps' own weights are multiplied to it.

    Returns
    -------
    Image
        Of as many channels as ``values``. How it is computed is a choice of the schedule.
    """
    found = taps_of(image_node(values, "weighted_mean"))
    if len(found) != 1:
        raise DSLError(f"weighted_mean: values must vary over the taps of one dsl.taps, over {len(found)} they do")
    return Image(make("mean", (), wrap(values.node), weights, wrap(found[0])))


def distance(a: Image, b: Image, norm: str = "l1") -> Image:
    """Give the distance between two colours, pixel by pixel: one channel.

    With ``norm="l1"`` the sum of the channels' absolute differences, with ``"l2"`` the square root of that of their
    squares. Of images whose channels are filtered alone it is the absolute difference.
    """
    return Image(make("distance", (norm,), wrap(image_node(a, "distance")), wrap(image_node(b, "distance"))))


def levels(*tables: Table) -> Levels:
    """Name levels of guides' values: all combinations of the entries of tables, one a guide.

    ``levels[k]`` is the value of guide k, an image that varies over the levels; what depends on it does, too, until it
    is interpolated. Levels are gone through one after another, so memory does not grow with their number, which is
    given at run time as the tables are.

    Parameters
    ----------
    *tables : Table
        Values in rising order, of at least one entry.
    """
    return Levels(make("levels", (), *tables))


def interpolate(values: Image, guides: Sequence[Image]) -> Image:
    """Interpolate what varies over levels to where guides' values lie, linearly between neighbouring levels.

    Parameters
    ----------
    values : Image
        What varies over the levels of one :func:`levels`.
    guides : sequence of Image
        One of one channel for each of its tables, whose values are between that table's entries; what lies beyond the
        first or the last is taken for that.
    """
    found = levels_of(image_node(values, "interpolate"))
    if len(found) != 1:
        raise DSLError(f"interpolate: values must vary over the levels of one dsl.levels, over {len(found)} they do")
    operands = [wrap(image_node(guide, "interpolate: a guide")) for guide in guides]
    return Image(make("interpolated", (), wrap(values.node), *operands, wrap(found[0])))


def decompose(
    base: Callable[[Image], Image],
    image: Image,
    guides: Sequence[Image],
    scales: Sequence[Scalar | Number],
    tables: Sequence[Table],
) -> Image:
    """Extend a filter by guides: average what it does, with Gaussian weights by how much the guides differ.

    The weights are taken at levels of the guides' values, where each is a function of one pixel alone: so the base
    filter is run on the weighted image and on the weights, at every level, and the ratios are interpolated. This is
    the decomposition of Nogami et al., "Decomposed multilateral filtering", Sensors 24 (2024).

    Parameters
    ----------
    base : function
        A filter that is linear in its image, and filters channels alike: it is given an image of one channel more than
        ``image``, which is the weight, and gives one of as many.
    image : Image
        What is filtered.
    guides : sequence of Image
        Of one channel each.
    scales : sequence of Scalar
        One over the standard deviation of each guide's Gaussian.
    tables : sequence of Table
        The levels of each guide, in rising order: see :func:`levels`. Steps as large as the standard deviation leave
        an error of some 50 dB, half of that some 60.
    """
    if not guides or not len(guides) == len(scales) == len(tables):
        raise DSLError(
            f"decompose: a scale and a table for each guide are needed; {len(guides)} guides, {len(scales)} scales and "
            f"{len(tables)} tables came"
        )
    at = levels(*tables)
    differences = [scale * (guide - at[k]) for k, (guide, scale) in enumerate(zip(guides, scales, strict=True))]
    weight = exp(-0.5 * minimum(functools.reduce(operator.add, (d * d for d in differences)), _FAR))
    given = stack(weight * image, weight)
    result = base(given)
    image_node(result, "decompose: what the base filter returns")
    count = len(given.channels)
    if len(result.channels) != count:
        raise DSLError(
            f"decompose: the base filter must return {count} channels as it is given, {describe(result)} came"
        )
    *totals, weights = result.channels
    total = totals[0] if len(totals) == 1 else stack(*totals)
    # The ratio total / weights, but the image itself where there is no weight; and exactly what is constant.
    return interpolate(image + (total - image * weights) / maximum(weights, _LITTLE), guides)


#: Squared differences beyond this weigh nothing, but are kept from being so little that arithmetic is slow.
_FAR = 80.0
#: And weights less than this are none.
_LITTLE = 1e-4


def tabulate(
    inputs: Image,
    outputs: Image,
    near: Taps,
    over: tuple[Scalar | Number, Scalar | Number],
    *,
    entries: int = 256,
    keep: str = "last",
    beyond: str = "replicate",
    anchored: bool = False,
    smooth: Scalar | Number = 0,
    slopes: tuple[Scalar | Number, Scalar | Number] = (-math.inf, math.inf),
    ends: tuple[Scalar | Number, Scalar | Number] = (0, 0),
    within: tuple[Scalar | Number, Scalar | Number] = (-math.inf, math.inf),
    curve: tuple[Table, Table] | None = None,
) -> Tables:
    """Make a table for every pixel: from what an input holds there and near by to what an output holds.

    Between entries that are known tables go linearly.

    Parameters
    ----------
    inputs, outputs : Image
        Of one channel each, and of one size.
    near : Taps
        The pixels that a table is made from.
    over : pair of Scalar
        The inputs of the first and the last entry; entries are equally far apart.
    entries : int
        2 to 256; part of the program.
    keep : str
        Which output counts where several meet at an entry: ``"last"``, in the order of the taps; ``"most"``, the one
        that most of the taps' weight speaks for, where outputs count as the same that ``entries`` steps of ``within``
        do not tell apart. Or ``"path"``: those outputs count that lie on a path on which neither inputs nor outputs
        fall, of all such paths that of most weight; each entry that it goes on in one of the two only costs 1.
    beyond : str
        What lies beyond the first and the last entry that is known: ``"replicate"`` them; ``"linear"``, on with the
        slope from the first to the last; lines to ``"ends"``; ``"none"``: the table is not read there, unless no other
        one is; ``"curve"``: on with what ``curve`` says.
    anchored : bool
        Whether tables are moved up or down, after all else, so that each gives for its own pixel's input the output
        that it has.
    smooth : Scalar
        Entries on each side that are averaged, at most 127; towards the ends of a table as many as there are.
    slopes : pair of Scalar
        The least and the greatest slope of ``beyond="linear"`` and ``"curve"``, in units of the output for one of the
        input.
    ends : pair of Scalar
        The outputs of the first and the last entry with ``beyond="ends"``.
    within : pair of Scalar
        The least and the greatest output of a table.
    curve : pair of Table
        Of ``beyond="curve"``, by how many entries one lies behind the last that is known: how outputs change, and how
        many entries of slope, the same as for ``"linear"``, are added to that. Before the first known entry both are
        subtracted. Behind their ends tables are as at their ends.
    """
    if (curve is None) == (beyond == "curve"):
        raise DSLError("tabulate: beyond='curve' takes a curve, and nothing else does")
    numbers = [*(_one_number(each, "tabulate: over") for each in over), _size(smooth, "tabulate: smooth")]
    for name, pair in (("slopes", slopes), ("ends", ends), ("within", within)):
        numbers += [_one_number(_finite(each), f"tabulate: {name}") for each in pair]
    images = [wrap(image_node(image, "tabulate")) for image in (inputs, outputs)]
    changes = curve or (table([0]), table([0]))
    return Tables(make("tabulate", (entries, keep, beyond, int(anchored)), *images, near, *numbers, *changes))


#: Stands for infinity, which programs do not write.
_HUGE = 3e38


def _finite(value: Any) -> Any:
    return value if isinstance(value, Value) else min(max(value, -_HUGE), _HUGE)


def _one_number(value: Any, what: str) -> Any:
    if isinstance(value, Image):
        raise DSLError(f"{what} must be one number for the whole image, {describe(value)} came")
    return value


def stack(*images: Image) -> Image:
    """Put channels side by side."""
    return Image(make("stack", (), *(wrap(image_node(image, "stack")) for image in images)))


def _pair(value: Any) -> tuple[Any, Any]:
    return value if isinstance(value, tuple) and len(value) == 2 else (value, value)


# -------------------------------------------------------------------------------------------- tables, kernels


def table(values: ArrayLike) -> Table:
    """Make a table of numbers that are part of the program."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DSLError(f"table: numbers are needed, {describe(values)} came") from None
    if array.ndim != 1 or array.size == 0:
        raise DSLError(f"table: one row of numbers is needed, an array of shape {array.shape} came")
    if not np.isfinite(array).all():
        raise DSLError("table: every number must be finite")
    return Table(make("table", (tuple(float(v).hex() for v in array),)))


def lookup(entries: Table, index: Operand) -> Any:
    """Read a table between its entries, linearly; beyond its ends, the end entries."""
    if not isinstance(entries, Table):
        raise DSLError(f"lookup: a Table is needed, {describe(entries)} came")
    return wrap(make("lookup", (), entries, index))


def gaussian(sigma: Scalar | Number) -> Kernel:
    """Make a Gaussian kernel; sigma in pixels, at run time or part of the program; zero means no blur."""
    return Kernel(make("gaussian", (), _size(sigma, "gaussian: sigma")))


def box(radius: Scalar | Number) -> Kernel:
    """Make a box kernel of ``2 * radius + 1`` equal weights."""
    return Kernel(make("box", (), _size(radius, "box: radius")))


def _size(value: Scalar | Number, what: str) -> Scalar | Number:
    """Check a size in pixels, which is one for the whole image."""
    if isinstance(value, Image):
        raise DSLError(f"{what} must be one number for the whole image, {describe(value)} came")
    known = not isinstance(value, (str, bytes)) and hasattr(value, "__float__")
    if not isinstance(value, Scalar) and not (known and 0 <= float(value) < math.inf):
        raise DSLError(f"{what} must be a Scalar or a number from 0 up, {describe(value)} came")
    return value


def identity() -> Kernel:
    """Make the kernel that leaves an axis alone."""
    return Kernel(make("identity", ()))


def kernel(samples: Table | ArrayLike | Callable[[int], float], radius: int | None = None) -> Kernel:
    """Make a kernel of one's own.

    Parameters
    ----------
    samples : Table, array or function
        An odd number of weights, the middle one for the pixel itself; or a function of the distance in
        pixels, which is called for ``-radius .. radius``.
    radius : int, optional
        Needed with a function.
    """
    if isinstance(samples, Table):
        return Kernel(make("samples", (), samples))
    if callable(samples):
        if not isinstance(radius, int) or radius < 0:
            raise DSLError(f"kernel: a function needs radius=, an int from 0 up, {radius!r} came")
        samples = [float(samples(r)) for r in range(-radius, radius + 1)]
    return Kernel(make("samples", (), table(samples)))


def fit(
    samples: ArrayLike | Callable[[int], float], terms: int = 3, *, type: int = 5, radius: int | None = None
) -> Kernel:
    """Make a kernel of one's own that slides: approximated by a few cosines and sines over a window.

    Convolving with it costs the same at any radius. It still has its samples, for direct sums.

    Parameters
    ----------
    samples : array or function
        An odd number of weights, the middle one for the pixel itself; or a function of the distance in pixels.
    terms : int
        Cosines, and sines if the kernel is not symmetric: what accuracy is bought with.
    type : int
        Of the cosine transform whose frequencies are taken: 1, 3, 5 or 7. See :class:`dsl.fitting.Fit`.
    radius : int, optional
        As far as a function is sampled; by default until it has decayed.
    """
    try:
        weights = fitting.sampled(samples, radius=radius) if callable(samples) else samples
        fitted = fitting.fit(weights, terms, type=type)
    except (TypeError, ValueError) as error:
        raise DSLError(f"fit: {error}") from None
    parts = table(list(np.asarray(weights, np.float64))), table(list(fitted.numbers()))
    return oscillators(*parts, fitted.radius, terms=fitted.terms, type=fitted.type, parity=fitted.parity)


def oscillators(
    samples: Table, numbers: Table, radius: Scalar | Number, *, terms: int, type: int = 5, parity: str = "both"
) -> Kernel:
    """Make a kernel of a fit given at run time: of ``numbers()`` and ``radius`` of :class:`dsl.fitting.Fit`.

    Parameters
    ----------
    samples : Table
        The kernel itself, for direct sums.
    numbers : Table
        What the fit found.
    radius : Scalar
        Of its window.
    terms, type, parity
        Of the fit; they are part of the program. A fit of parity ``"even"`` or ``"odd"`` may be given as ``"both"``.
    """
    return Kernel(make("oscillators", (type, terms, parity), samples, numbers, _size(radius, "oscillators: radius")))


def convolve(image: Image, kernel_y: Kernel, kernel_x: Kernel | None = None, *, terms: int = 3) -> Image:
    """Convolve down the columns with one kernel and along the rows with another, or the same.

    Parameters
    ----------
    image : Image
        What to convolve.
    kernel_y, kernel_x : Kernel
        From :func:`gaussian`, :func:`box`, :func:`kernel`, :func:`fit` or :func:`identity`.
    terms : int
        Cosines of a sliding Gaussian (a fit has its own): what its accuracy is bought with. Three give more than
        70 dB, five 100 dB. Which lowering is taken, sliding or direct, is a choice of the schedule.
    """
    kernel_x = kernel_y if kernel_x is None else kernel_x
    for one in (kernel_y, kernel_x):
        if not isinstance(one, Kernel):
            raise DSLError(f"convolve: a Kernel is needed, {describe(one)} came; for numbers use dsl.kernel(...)")
    if isinstance(terms, bool) or not isinstance(terms, int) or not 1 <= terms <= MAX_COSINES:
        raise DSLError(f"convolve: terms must be an int from 1 to {MAX_COSINES}, {describe(terms)} came")
    return Image(make("convolve", (terms,), wrap(image_node(image, "convolve")), kernel_y, kernel_x))


def convolve_2d(image: Image, weights: Table | ArrayLike, columns: Scalar | Number | None = None) -> Image:
    """Convolve with weights that are no product of a column and a row, by direct sums of both dimensions.

    What is a sum of few such products costs less as a sum of :func:`convolve`. With
    ``Schedule({"convolve_2d": "fourier", "points": 128})`` it is by Fourier transforms, which cost less for large
    kernels, of up to half as many rows as there are points (32 to 1024).

    Parameters
    ----------
    image : Image
        What to convolve.
    weights : Table or array_like
        A 2-D array of odd height and width that is part of the program, or a Table given at run time that holds one
        row by row. The middle one is for the pixel itself.
    columns : Scalar or int, optional
        The width of the array. Needed with a Table.
    """
    if not isinstance(weights, Table):
        try:
            array = np.asarray(weights, dtype=np.float64)
        except (TypeError, ValueError):
            raise DSLError(f"convolve_2d: numbers are needed, {describe(weights)} came") from None
        if array.ndim != 2 or any(side % 2 == 0 for side in array.shape):
            raise DSLError(f"convolve_2d: weights of odd height and width are needed, shape {array.shape} came")
        weights, columns = table(array.ravel()), array.shape[1]
    if columns is None:
        raise DSLError("convolve_2d: a table that is given at run time needs columns")
    return Image(
        make("convolve_2d", (), wrap(image_node(image, "convolve_2d")), weights, _size(columns, "convolve_2d: columns"))
    )


# --------------------------------------------------------------------------------------------------- pyramids


def down(image: Image, stored: str = "float32") -> Image:
    """Halve an image: blur by 1 4 6 4 1, keep the even pixels; an odd size rounds up.

    With ``stored="float16"`` memory holds the result in half precision: 11 bits of values up to 65504, in half the
    memory, which is what limits a pyramid of many channels. Arithmetic is in float32 as everywhere.
    """
    return Image(make("down", (stored,), wrap(image_node(image, "down"))))


def up(image: Image, like: Image) -> Image:
    """Double an image to the size of another one: zeros between, blur by 1 4 6 4 1, gain one everywhere."""
    return Image(make("up", (), wrap(image_node(image, "up")), wrap(image_node(like, "up"))))


def gaussian_pyramid(image: Image, levels: int, stored: str = "float32") -> list[Image]:
    """Give an image and its halves, ``levels + 1`` images; ``stored`` as in :func:`down`."""
    _check_levels(levels)
    pyramid = [image]
    for _ in range(levels):
        pyramid.append(down(pyramid[-1], stored))
    return pyramid


def laplacian_pyramid(image: Image, levels: int) -> list[Image]:
    """Give what each level of a Gaussian pyramid adds to the next, and the last level itself."""
    pyramid = gaussian_pyramid(image, levels)
    return [fine - up(coarse, fine) for fine, coarse in itertools.pairwise(pyramid)] + pyramid[-1:]


def collapse(pyramid: Sequence[Image]) -> Image:
    """Put a Laplacian pyramid together again."""
    if not pyramid:
        raise DSLError("collapse: a list of images from laplacian_pyramid is needed, an empty one came")
    result = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        result = detail + up(result, detail)
    return result


def _check_levels(levels: int) -> None:
    if isinstance(levels, bool) or not isinstance(levels, int) or not 0 <= levels <= 24:
        raise DSLError(
            f"levels must be an int from 0 to 24, {describe(levels)} came; a parameter of the filter is one "
            "if it is annotated int"
        )


# --------------------------------------------------------------------------------------------------- resizing


def resize(
    image: Image,
    like: Image,
    kernel: str = "cubic",
    *,
    window: Sequence[Scalar | Number] | None = None,
    mirrored: Sequence[Scalar | Number] | None = None,
) -> Image:
    """Resample an image to the size of another one, along each axis by its own ratio.

    Parameters
    ----------
    image : Image
        What to resample.
    like : Image
        Whose size the result has; its pixels are not looked at.
    kernel : str
        How pixels are made of those of ``image`` around their position, whose centres match:
        ``"nearest"``; ``"box4"``, ``"box16"``, ``"box64"`` (equal weights of the 2x2, 4x4, 8x8 nearest); ``"gauss4"``,
        ``"gauss16"``, ``"gauss64"`` (of the same by distance); ``"linear"``; ``"cubic"`` (Keys, a = -0.5); ``"area"``
        (the mean over what a pixel covers: for a smaller size; where it grows by a whole factor as ``"nearest"``);
        ``"triangle"`` (linear where it grows, without aliases where it shrinks). What lies outside follows the border
        rule; of ``"triangle"`` it counts for nothing, and with a window or mirrored it is the nearest pixel.
    window : (height, width, top, left), optional
        The size that the image is resampled to, of which the result is a part: from that row and column on.
    mirrored : (rows, columns), optional
        What is not zero turns the result about that axis: rows upside down, columns from right to left.
    """
    operands = wrap(image_node(image, "resize")), wrap(image_node(like, "resize: like"))
    if window is None and mirrored is None:
        return Image(make("resize", (kernel,), *operands))
    sizes = (0, 0, 0, 0) if window is None else tuple(window)  # a height and width of 0: those of the result
    turned = (0, 0) if mirrored is None else tuple(mirrored)
    for name, given, count in (("window", sizes, 4), ("mirrored", turned, 2)):
        if len(given) != count:
            raise DSLError(f"resize: {name} is {count} numbers, {len(given)} came")
    return Image(make("resample", (kernel,), *operands, *(_one_number(each, "resize") for each in (*sizes, *turned))))


def warp(
    image: Image,
    like: Image,
    matrix: Sequence[Scalar | Number],
    *,
    kernel: str = "linear",
    fill: Scalar | Number = 0.0,
) -> Image:
    """Read an image where an affine map says.

    Parameters
    ----------
    image : Image
        What to read.
    like : Image
        Whose size the result has; its pixels are not looked at.
    matrix : six numbers
        ``(a, b, c, d, e, f)``: the pixel with its centre at column x and row y of the result lies at column
        ``a x + b y + c`` and row ``d x + e y + f`` of ``image``. The first pixel's centre is at 0.5.
    kernel : str
        ``"nearest"`` or ``"linear"``.
    fill : number
        What lies outside of ``image``.
    """
    if len(matrix) != 6:
        raise DSLError(f"warp: the matrix is six numbers, {len(matrix)} came")
    operands = wrap(image_node(image, "warp")), wrap(image_node(like, "warp: like"))
    return Image(make("warp", (kernel,), *operands, *(_one_number(each, "warp") for each in (*matrix, fill))))


def average(image: Image) -> Image:
    """Give the mean over all pixels, of each channel: an image that is the same everywhere."""
    return Image(make("average", (), wrap(image_node(image, "average"))))


# ------------------------------------------------------------------------------------------ Fourier expansion


def harmonics(angle: Image, terms: int) -> tuple[Image, Image]:
    """Give cosines and sines of 1 .. ``terms`` times an angle, each an image of ``terms`` channels.

    They are what a range function is expanded in: f(a - b) = sum_k b_k sin(k w (a - b)) splits into products
    of a function of a and one of b. One sine and one cosine are computed; the others follow by recurrence.
    """
    if isinstance(terms, bool) or not isinstance(terms, int) or not 1 <= terms <= MAX_TERMS:
        raise DSLError(f"harmonics: terms must be an int from 1 to {MAX_TERMS}, {describe(terms)} came")
    waves = Image(make("harmonics", (terms,), wrap(image_node(angle, "harmonics"))))
    return split(waves, terms)


def split(image: Image, first: int) -> tuple[Image, Image]:
    """Part the channels of an image in two: the first so many, and the others."""
    channels = image.channels
    if not 0 < first < len(channels):
        raise DSLError(f"split: from 1 to {len(channels) - 1} channels, {first} came")
    return stack(*channels[:first]), stack(*channels[first:])


def dot(weights: Sequence[Scalar], image: Image) -> Image:
    """Add up the channels of an image, each with its weight."""
    channels = image.channels
    if len(weights) != len(channels):
        raise DSLError(f"dot: {len(weights)} weights for {len(channels)} channels")
    total: Image = weights[0] * channels[0]
    for weight, channel in zip(weights[1:], channels[1:], strict=True):
        total = total + weight * channel
    return total


__all__ = [
    "absolute",
    "around",
    "atan2",
    "average",
    "box",
    "cast",
    "ceil",
    "clamp",
    "collapse",
    "convolve",
    "convolve_2d",
    "cos",
    "decompose",
    "distance",
    "dot",
    "down",
    "exp",
    "fit",
    "floor",
    "gaussian",
    "gaussian_pyramid",
    "harmonics",
    "identity",
    "interpolate",
    "kernel",
    "laplacian_pyramid",
    "levels",
    "log",
    "lookup",
    "maximum",
    "minimum",
    "oscillators",
    "power",
    "resize",
    "rint",
    "select",
    "sin",
    "split",
    "sqrt",
    "stack",
    "table",
    "tabulate",
    "tap_table",
    "taps",
    "up",
    "warp",
    "weighted_mean",
    "window",
]
