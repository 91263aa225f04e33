"""Gaussian blurs of other libraries, one small adapter each: settings from fast to slow, border rule, threads."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import filters
from bench.suites import libraries

Array = np.ndarray[Any, Any]
Run = Callable[[], Array]
#: From an image, where the result may be written, and a number of threads to what is timed and gives the result. All
#: runs that are interleaved have the same number of threads, since most libraries have one setting for the process.
Bind = Callable[[Array, Array, int], Run]


@dataclass(frozen=True)
class Setting:
    """One way to run a peer. Within a family, later settings are slower."""

    label: str
    family: str
    bind: Bind


@dataclass(frozen=True)
class Peer:
    """A library's Gaussian blur.

    Attributes
    ----------
    name, package : str
        What is called, and the distribution that has it.
    dtypes : tuple of str
        What it takes and returns.
    border : str
        Its rule. Where it is not reflect101, accuracy is measured on a padded image whose padding is cut off again.
    threads : str
        How their number is set.
    settings : function
        The settings for a sigma.
    """

    name: str
    package: str
    dtypes: tuple[str, ...]
    border: str
    threads: str
    settings: Callable[[float], list[Setting]]

    def version(self) -> str:
        """Give the version of the package, if it was installed under that name."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return "unknown"


def odd(taps: float) -> int:
    """Round up to an odd number."""
    return 2 * math.ceil((taps - 1) / 2) + 1


def six_sigma(sigma: float) -> int:
    """Give the 6 sigma + 1 taps of OpenCV's GaussianBlur that speeds are quoted for."""
    return odd(6 * sigma + 1)


# ----------------------------------------------------------------------------------------------------------- ours


def _ours(sigma: float) -> list[Setting]:
    def setting(terms: int) -> Setting:
        def bind(image: Array, out: Array, threads: int) -> Run:
            return functools.partial(filters.gaussian, image, sigma, terms=terms, threads=threads, out=out)

        return Setting(f"terms={terms}", "terms", bind)

    return [setting(terms) for terms in range(1, 7)]


OURS = Peer("filters.gaussian", "halide-filters", ("uint8", "float32"), "reflect101", "threads=", _ours)


# --------------------------------------------------------------------------------------------------------- OpenCV


def gaussian_blur(sigma: float, taps: int) -> Setting:
    """Give cv2.GaussianBlur with so many taps; 0 leaves them to OpenCV."""
    import cv2

    def bind(image: Array, out: Array, threads: int) -> Run:
        cv2.setNumThreads(threads)
        return functools.partial(cv2.GaussianBlur, image, (taps, taps), sigma, dst=out)

    return Setting(f"{taps} taps" if taps else "ksize=0", "taps" if taps else "ksize=0", bind)


def box_filter(radius: int) -> Setting:
    """Give cv2.boxFilter."""
    return _boxes([radius])


def _boxes(radii: list[int]) -> Setting:
    import cv2

    def bind(image: Array, out: Array, threads: int) -> Run:
        cv2.setNumThreads(threads)
        between = np.empty_like(image)
        buffers = [(out, between)[(len(radii) - 1 - i) % 2] for i in range(len(radii))]

        def run() -> Array:
            source = image
            for radius, target in zip(radii, buffers, strict=True):
                source = cv2.boxFilter(source, -1, (2 * radius + 1, 2 * radius + 1), dst=target)
            return source

        return run

    return Setting(f"{len(radii)} pass(es)", "passes", bind)


def box_radii(sigma: float, passes: int) -> list[int]:
    """Give radii of boxes that in a row have the variance of a Gaussian, as nearly as may be (Kovesi 2010)."""
    small = (math.isqrt(int(12 * sigma**2 / passes + 1)) - 1) // 2
    missing = sigma**2 - passes * small * (small + 1) / 3
    larger = round(missing / (2 * (small + 1) / 3))
    return [small + 1] * larger + [small] * (passes - larger)


def _stack_blur(sigma: float) -> list[Setting]:
    import cv2

    taps = 2 * max(round(math.sqrt(1 + 6 * sigma**2)) - 1, 1) + 1  # the triangle of the same variance

    def bind(image: Array, out: Array, threads: int) -> Run:
        cv2.setNumThreads(threads)
        return functools.partial(cv2.stackBlur, image, (taps, taps), dst=out)

    return [Setting(f"{taps} taps", "triangle", bind)]


def _opencv() -> list[Peer]:
    importlib.import_module("cv2")
    types = ("uint8", "float32")
    package, threads = "opencv-contrib-python-headless", "cv2.setNumThreads"

    def blurs(sigma: float) -> list[Setting]:
        taps = dict.fromkeys(odd(width * sigma + 1) for width in (4, 5, 6, 7, 8, 10))
        return [*(gaussian_blur(sigma, count) for count in taps), gaussian_blur(sigma, 0)]

    return [
        Peer("cv2.GaussianBlur", package, types, "reflect101", threads, blurs),
        Peer("cv2.stackBlur", package, types, "replicate", threads, _stack_blur),
        Peer(
            "cv2.boxFilter",
            package,
            types,
            "reflect101",
            "none: always one",
            lambda sigma: [_boxes(box_radii(sigma, passes)) for passes in (1, 3)],
        ),
    ]


# -------------------------------------------------------------------------------------------------------- libvips


def _libvips() -> list[Peer]:
    import pyvips

    pyvips.cache_set_max(0)  # the operation cache would answer from the second run on
    formats = {"uint8": "uchar", "float32": "float"}

    def image_of(array: Array) -> Any:
        height, width, bands = (*array.shape, 1)[:3]
        return pyvips.Image.new_from_memory(array.data, width, height, bands, formats[array.dtype.name])

    def setting(sigma: float, precision: str, amplitude: float) -> Setting:
        def bind(image: Array, out: Array, threads: int) -> Run:
            pyvips.concurrency_set(threads)
            source, target = image_of(image), image_of(out)

            def run() -> Array:
                blurred = source.gaussblur(sigma, min_ampl=amplitude, precision=precision)
                if blurred.format != target.format:  # float precision gives floats
                    blurred = blurred.rint().cast(target.format)
                blurred.write(target)
                return out

            return run

        return Setting(f"{precision} {amplitude:g}", precision, bind)

    def settings(sigma: float) -> list[Setting]:
        amplitudes = (0.2, 0.1, 0.05, 0.03, 0.02, 0.011, 0.006, 0.003, 0.001)
        return [setting(sigma, *how) for how in itertools.product(("integer", "float", "approximate"), amplitudes)]

    types = tuple(formats)
    return [Peer("libvips", "pyvips-binary", types, "replicate", "pyvips.concurrency_set", settings)]


# --------------------------------------------------------------------------------------------------------- zignal


def _zignal() -> list[Peer]:
    import zignal

    # It makes as many threads as there are cores when it is first used, and has no setting.
    zignal.Image.from_numpy(np.zeros((512, 512, 1), np.uint8)).gaussian_blur(2.0)

    def setting(sigma: float, method: str) -> Setting:
        def bind(image: Array, out: Array, threads: int) -> Run:
            source = zignal.Image.from_numpy(image.reshape(*image.shape[:2], -1))
            how = getattr(zignal.GaussianMethod, method)

            def run() -> Array:
                with libraries.cores(threads):
                    return source.gaussian_blur(sigma, method=how).to_numpy().reshape(image.shape)

            return run

        return Setting(method, method, bind)

    return [
        Peer(
            "zignal",
            "zignal-processing",
            ("uint8",),
            "FIR reflect101, IIR replicate",
            "none: a thread a core, so the process is pinned to as many cores while it runs",
            lambda sigma: [setting(sigma, method) for method in ("FIR", "IIR")],
        )
    ]


# ---------------------------------------------------------------------------------------------------- information


def _truncated(sigma: float, blur: Callable[[Array, float, Array], Array]) -> list[Setting]:
    def setting(truncate: float) -> Setting:
        def bind(image: Array, out: Array, threads: int) -> Run:
            return functools.partial(blur, image, truncate, out)

        return Setting(f"truncate={truncate:g}", "truncate", bind)

    return [setting(truncate) for truncate in (3.0, 4.0, 5.0)]


def _scipy() -> list[Peer]:
    from scipy import ndimage

    def settings(sigma: float) -> list[Setting]:
        def blur(image: Array, truncate: float, out: Array) -> Array:
            ndimage.gaussian_filter(image, sigma, mode="mirror", truncate=truncate, output=out, axes=(0, 1))
            return out

        return _truncated(sigma, blur)

    return [Peer("scipy", "scipy", ("uint8", "float32"), "reflect101", "none: always one", settings)]


def _skimage() -> list[Peer]:
    from skimage import filters as skimage

    def settings(sigma: float) -> list[Setting]:
        def blur(image: Array, truncate: float, out: Array) -> Array:
            result: Array = skimage.gaussian(image, sigma, mode="mirror", truncate=truncate, preserve_range=True)
            return result

        return _truncated(sigma, blur)

    return [Peer("scikit-image", "scikit-image", ("float32",), "reflect101", "none: always one", settings)]


_ADAPTERS = {"OpenCV": _opencv, "libvips": _libvips, "zignal": _zignal, "scipy": _scipy, "scikit-image": _skimage}
#: Peers that only show where common libraries stand: too slow to be rivals.
INFORMATION = ("scipy", "scikit-image")


@functools.cache
def load() -> tuple[dict[str, Peer], dict[str, str]]:
    """Give the peers there are by name, and why others are missing."""
    found: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name, adapter in _ADAPTERS.items():
        try:
            found |= {peer.name: peer for peer in adapter()}
        except (ImportError, OSError) as error:
            missing[name] = str(error)
    return found, missing


def rivals() -> list[Peer]:
    """Give the peers there are, without those for information."""
    return [peer for name, peer in load()[0].items() if name not in INFORMATION]
