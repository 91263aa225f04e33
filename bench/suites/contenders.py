"""How contenders are called: ours, and those of other libraries, with what they need of an image made beforehand."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bench.suites import libraries, pictures
from bench.suites.contest import OURS, THREADS, Array, Contender, Contest, Scale, Work

#: Kinds of image on which parameters are swept, and those that are measured at the middle parameter only.
SWEPT = (("uint8", 3), ("float32", 1))
OTHERS = (("uint8", 1), ("uint16", 3), ("float32", 3))
#: Layouts of pyvips.
_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}


def works(
    filter: str, scale: Scale, parameter: str, values: Sequence[float], middle: float, *,
    swept: Sequence[tuple[str, int]] = SWEPT, others: Sequence[tuple[str, int]] = OTHERS,
    sample_shape: tuple[int, int] = pictures.SAMPLE, quick: bool = False, **fixed: Any,
) -> Iterator[Work]:  # fmt: skip
    """Give the steps of three sweeps: of a parameter, of the size of images of the first kind, and of their kind.

    Parameters
    ----------
    filter : str
        The suite.
    scale : Scale
        How much is measured.
    parameter, values, middle
        What is swept, and its value while something else is.
    swept, others : sequence of pairs
        Dtypes and channels of what is swept, and of what is measured at the middle.
    sample_shape : (int, int)
        Of the photograph on which results are compared.
    quick : bool
        Whether no contender takes long for large images.
    **fixed
        Other parameters.
    """
    sizes = scale.sizes + (scale.largest if quick else ())
    if scale.every and not scale.kinds:
        swept, others = swept[:1], swept[1:2]
    for dtype, channels in scale.some(swept):
        kind: dict[str, Any] = {"dtype": dtype, "channels": channels, "sample_shape": sample_shape}
        for value in scale.some(values):
            usual = value == middle and (dtype, channels) == swept[0]
            yield Work(filter, parameter, {parameter: value, **fixed}, megapixels=scale.megapixels, usual=usual, **kind)
        for size in sizes if (dtype, channels) == swept[0] else ():
            yield Work(filter, "size", {parameter: middle, **fixed}, megapixels=size, **kind)
    for dtype, channels in others if scale.every else ():
        yield Work(filter, "kind", {parameter: middle, **fixed}, dtype, channels, scale.megapixels, sample_shape)


def contests_of(
    steps: Iterator[Work], scale: Scale, contenders: Callable[[Work], Iterator[Contender]],
    exact: Callable[[Work], Callable[[Array], Array]] | None = None, margin: Callable[[Work], int] = lambda work: 0,
) -> Iterator[Contest]:  # fmt: skip
    """Give a contest for each step, on one thread; and on two for the first kind of image, or some steps of it."""
    first: str | None = None
    for work in steps:
        those = tuple(contenders(work))
        first = first or work.kind
        on_all = work.kind == first and (scale.kinds or work.usual or work.sweep == "size")
        for threads in THREADS if on_all else THREADS[:1]:
            weighed = work.usual and threads == 1
            definition = exact(work) if exact else None
            yield Contest(work, threads, those, definition, margin(work), weighed=weighed, effort=scale.effort)


def alone(image: Array) -> tuple[Array]:
    """Give what a filter of one image takes."""
    return (image,)


def ours(
    setting: str, function: Callable[..., Any], *arguments: Any, make: Callable[[Array], Sequence[Any]] = alone,
    into: Callable[[Array], Array] = np.empty_like, most: float = math.inf, **options: Any,
) -> Contender:  # fmt: skip
    """Give a filter of ours, written into an array that is there.

    Parameters
    ----------
    setting : str
        For people.
    function : function
        The filter.
    *arguments, **options
        What it takes besides.
    make, into : function
        From the image to what the filter takes first, and to where it writes.
    most : float, optional
        As `Contender` takes it.
    """

    def bind(image: Array, threads: int) -> Callable[[], Any]:
        return functools.partial(function, *make(image), *arguments, out=into(image), threads=threads, **options)

    return Contender(OURS, setting, bind, most=most)


def peer(
    library: str, setting: str, call: Callable[[Any, Array], Any], *, needs: str | None = None,
    make: Callable[[Array], Any] = lambda image: image, into: Callable[[Array], Array] = np.empty_like, **more: Any,
) -> Contender:  # fmt: skip
    """Give a call of a library.

    Parameters
    ----------
    library, setting, needs, **more
        As `Contender` takes them.
    call : function
        From what was made of the image, and an array for the result that it need not use.
    make, into : function
        From the image to what the library takes, and to where it may write; not timed.
    """

    def bind(image: Array, threads: int) -> Callable[[], Any]:
        return functools.partial(call, make(image), into(image))

    return Contender(library, setting, bind, needs, **more)


def opencv(setting: str, call: Callable[[Array, Array], Any], **more: Any) -> Contender:
    """Give a call of OpenCV."""
    return peer("OpenCV", setting, call, needs="cv2", **more)


def vips(setting: str, call: Callable[[Any], Any], **more: Any) -> Contender:
    """Give an operation of libvips, from an image in memory to one; results of other formats are rounded."""

    def made(image: Array) -> tuple[Any, str]:
        return _in_memory(image), _FORMATS[image.dtype.name]

    def run(source: tuple[Any, str], out: Array) -> Array:
        image, layout = source
        result = call(image)
        if result.format != layout:
            result = (result if layout == "float" else result.rint()).cast(layout)
        if (result.height, result.width) != out.shape[:2]:  # writing would go beyond the array
            raise ValueError(f"a result of {out.shape[:2]} is wanted, libvips gives {(result.height, result.width)}")
        result.write(_in_memory(out))
        return out

    return peer("libvips", setting, run, needs="pyvips", make=made, **more)


def _in_memory(array: Array) -> Any:
    """Give an array as an image of libvips, to be read from and written to."""
    import pyvips

    height, width, bands = (*array.shape, 1)[:3]
    return pyvips.Image.new_from_memory(array.data, width, height, bands, _FORMATS[array.dtype.name])


def pillow(setting: str, name: str, *arguments: Any, **more: Any) -> Contender:
    """Give a filter of Pillow."""

    def made(image: Array) -> Any:
        from PIL import Image, ImageFilter

        return Image.fromarray(image), getattr(ImageFilter, name)(*arguments)

    return peer("Pillow", setting, lambda made, out: made[0].filter(made[1]), needs="PIL", make=made, **more)


def zignal(setting: str, call: Callable[[Any], Any], **more: Any) -> Contender:
    """Give a call of zignal, on as many cores as there are to be threads."""

    def bind(image: Array, threads: int) -> Callable[[], Any]:
        import zignal as library

        source = library.Image.from_numpy(image.reshape(*image.shape[:2], -1))

        def run() -> Any:
            with libraries.cores(threads):
                return call(source)

        return run

    return Contender("zignal", setting, bind, "zignal", read=lambda result: np.asarray(result.to_numpy()), **more)


def planar(image: Array) -> Array:
    """Give an image as a batch of one, its channels in planes: (1, C, H, W)."""
    return np.ascontiguousarray(np.moveaxis(image.reshape(*image.shape[:2], -1), 2, 0)[None])


def interleaved(planes: Array) -> Array:
    """Give the first image of a batch of planes, its channels side by side: (H, W, C)."""
    return np.moveaxis(planes[0], 0, 2)


def torch(library: str, setting: str, call: Callable[[Any], Any], *, needs: str = "torch", **more: Any) -> Contender:
    """Give a function of planar tensors, of torch or what builds on it; floats for all but torchvision's."""

    def made(image: Array) -> Any:
        import torch as framework

        planes = framework.from_numpy(planar(image))
        return planes if needs == "torchvision" else planes.to(framework.float32)

    def read(result: Any) -> Array:
        return interleaved(result.numpy())

    return peer(library, setting, lambda planes, out: call(planes), needs=needs, make=made, read=read, **more)


def numba(
    setting: str, name: str, *arguments: Any, make: Callable[[Array], Sequence[Any]] = alone, **more: Any
) -> Contender:
    """Give a function of `by_numba`, which is compiled when it is first wanted; ``make`` is as that of `ours`."""

    def made(image: Array) -> Any:
        from bench.suites import by_numba

        return functools.partial(getattr(by_numba, name), *make(image), *arguments)

    return peer("numba", setting, lambda run, out: run(), needs="numba", make=made, **more)
