"""Augmenting batches with other libraries: torchvision's transforms v2 and albumentations, the ways people run them.

Run with ``python -m bench.loading_peers`` on a quiet machine (ten minutes), ``--quick`` to see that it works,
``--cases plain,blur`` or ``--peers albumentations`` for some, ``--stages`` for where the time of a sample goes.

A `Pipeline` is a `Peer` in a `Case`, run in one of `WAYS`: a call takes images of bytes, ``(H, W, 3)``, and gives a
batch ``(N, 3, 224, 224)``. `torchvision_result` and `albumentations_result` apply given `Parameters` instead of random
ones. A library that is not installed is missing, which `load` reports.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.metadata
import importlib.util
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import PIL.Image

import data
from bench.paired import Array, Effort, Times, measure
from bench.tables import Row, Table

SIZE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Of the blur of SimCLR and DINO.
TAPS, SIGMAS = 23, (0.1, 5.0)
SCALES, RATIOS = (0.08, 1.0), (3 / 4, 4 / 3)
#: What `ColorJitter` does, as torchvision numbers it.
JITTERS = ("brightness", "contrast", "saturation", "hue")
#: How a batch is parallelised. *inner*: sample after sample, with threads of the library within each operation.
#: *threads*: threads of Python, each with its part of the batch and one inner thread. *workers*: a DataLoader of torch
#: with processes, persistent and prefetching, each making whole batches. On two cores two workers are the fastest, or
#: within a few per cent of it where threads are; inner threads only help operations of torch.
WAYS = ("inner", "threads", "workers")
#: Heights and widths that are frequent in ImageNet.
SHAPES = ((375, 500), (500, 375), (333, 500), (375, 500), (500, 333), (500, 375))

Sample = Callable[[Array], Any]
Stages = list[tuple[str, Callable[[Any], Any]]]


@dataclass(frozen=True)
class Case:
    """What is done to every image, beside the random crop, resized, and flip: the jitter of hue, blur, normalising."""

    hue: float = 0.1
    blur: bool = False
    normalise: bool = True

    @property
    def dtype(self) -> str:
        """Tell what a batch consists of."""
        return "float32" if self.normalise else "uint8"


CASES = {"plain": Case(), "uint8": Case(normalise=False), "blur": Case(blur=True), "no hue": Case(hue=0.0)}


@dataclass(frozen=True)
class Peer:
    """A library, as its users write a training pipeline with it.

    Attributes
    ----------
    name, package : str
        What is called, and the distribution that has it.
    sampler : function
        From a case and a seed to a random function of an image, which gives an array or tensor ``(3, H, W)``.
    stages : function
        From a case to the steps of the sampler, each with its name.
    collate : function
        Writes samples into an array.
    set_threads : function
        Sets the number of threads within operations, for the process.
    flush : bool
        Whether numbers below 1e-38 are taken for zero, which torch can set. By default they are not, and many weights
        of 23 taps are such numbers: a blur with a sigma below 1.2 takes up to fifteen times as long in torch, with one
        from 0.5 to 0.8 ten times in OpenCV. Peers are at their best here, so this is on where there is torch.
    """

    name: str
    package: str
    sampler: Callable[[Case, int], Sample]
    stages: Callable[[Case], Stages]
    collate: Callable[[list[Any], Array], None]
    set_threads: Callable[[int], None]
    flush: bool = False

    def version(self) -> str:
        """Give the version of the package."""
        return importlib.metadata.version(self.package)

    def begin(self) -> None:
        """Prepare a thread or process that runs nothing else: with one inner thread."""
        self.set_threads(1)
        if self.flush:
            _flush(True)

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Take the smallest numbers for zero in this thread, for a while."""
        if not self.flush:
            yield
            return
        _flush(True)
        try:
            yield
        finally:
            _flush(False)


def _flush(on: bool) -> None:
    import torch

    torch.set_flush_denormal(on)


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


# ---------------------------------------------------------------------------------------------------- torchvision


#: Declarations of operators, which last as long as this holds them.
_DECLARED: list[Any] = []
_UNBUILT = ("nms", "qnms")


@functools.cache
def torchvision_v2() -> Any:
    """Import torchvision's transforms v2, also where its compiled operators do not fit this torch: they use none."""
    import torch

    try:
        from torchvision.transforms import v2
    except RuntimeError:  # operator torchvision::nms does not exist
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in _UNBUILT:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _DECLARED.append(library)
        from torchvision.transforms import v2
    return v2


def _torchvision() -> list[Peer]:
    import torch

    def collate(samples: list[Any], out: Array) -> None:
        torch.stack(samples, out=torch.from_numpy(out))

    torchvision_v2()
    rest = (collate, torch.set_num_threads, True)
    return [
        Peer("torchvision", "torchvision", functools.partial(_of_tensors, _tensor_stages), _tensor_stages, *rest),
        Peer("torchvision PIL", "torchvision", functools.partial(_of_tensors, _pil_stages), _pil_stages, *rest),
    ]


def _of_tensors(stages: Callable[[Case], Stages], case: Case, seed: int) -> Sample:
    import torch

    torch.manual_seed(seed)
    (_, source), *transforms = stages(case)
    transform = torchvision_v2().Compose([each for _, each in transforms])
    return lambda image: transform(source(image))


def _tensor_stages(case: Case) -> Stages:
    """Give the transforms of a tensor of bytes, as its documentation recommends."""
    crop, *rest = _transforms(case)
    return [("tensor", _tensor), *_named([crop, *rest])]


def _pil_stages(case: Case) -> Stages:
    """Give the transforms of a Pillow image, which becomes a tensor as late as may be; normalising likes it planar."""
    v2 = torchvision_v2()
    transforms = _transforms(case)
    pixels = [each for each in transforms if not isinstance(each, v2.ToDtype | v2.Normalize)]
    numbers = transforms[len(pixels) :]
    return [("fromarray", _pillow), *_named(pixels), ("tensor", _planar), *_named(numbers)]


def _transforms(case: Case) -> list[Any]:
    import torch

    v2 = torchvision_v2()
    transforms = [
        v2.RandomResizedCrop(SIZE, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.4, 0.4, 0.4, case.hue),
    ]
    if case.blur:
        transforms.append(v2.GaussianBlur(TAPS, SIGMAS))
    if case.normalise:
        transforms += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)]
    return transforms


def _named(transforms: list[Any]) -> Stages:
    return [(type(each).__name__, each) for each in transforms]


def _tensor(image: Array) -> Any:
    import torch

    return torch.from_numpy(image).permute(2, 0, 1)


def _pillow(image: Any) -> PIL.Image.Image:
    return image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)


def _planar(image: Any) -> Any:
    return torchvision_v2().functional.pil_to_tensor(image).contiguous()


# -------------------------------------------------------------------------------------------------- albumentations


def _albumentations() -> list[Peer]:
    _import_albumentations()
    import cv2

    def collate(samples: list[Any], out: Array) -> None:
        for target, sample in zip(out, samples, strict=True):
            target[:] = sample

    def peer(name: str, area: str | None) -> Peer:
        stages = functools.partial(_array_stages, area)
        sampler = functools.partial(_of_arrays, area)
        return Peer(name, "albumentations", sampler, stages, collate, cv2.setNumThreads, _has_torch())

    # Its resizing does not average where it makes smaller, unless it is asked for OpenCV's "area".
    return [peer("albumentations", None), peer("albumentations area", "image")]


@functools.cache
def _import_albumentations() -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network
    import albumentations

    return albumentations


def _of_arrays(area: str | None, case: Case, seed: int) -> Sample:
    compose = _import_albumentations().Compose(_augmentations(area, case), seed=seed)
    return lambda image: compose(image=image)["image"].transpose(2, 0, 1)


def _array_stages(area: str | None, case: Case) -> Stages:
    def stage(augmentation: Any) -> Callable[[Any], Any]:
        return lambda image: augmentation(image=image)["image"]

    return [(type(each).__name__, stage(each)) for each in _augmentations(area, case)]


def _augmentations(area: str | None, case: Case) -> list[Any]:
    albumentations = _import_albumentations()
    augmentations = [
        albumentations.RandomResizedCrop(size=(SIZE, SIZE), area_for_downscale=area),
        albumentations.HorizontalFlip(p=0.5),
        albumentations.ColorJitter(0.4, 0.4, 0.4, case.hue, p=1),
    ]
    if case.blur:
        augmentations.append(albumentations.GaussianBlur(blur_limit=(TAPS, TAPS), sigma_limit=SIGMAS, p=1))
    if case.normalise:
        augmentations.append(albumentations.Normalize(MEAN, DEVIATION))
    return augmentations


_ADAPTERS = {"torchvision": _torchvision, "albumentations": _albumentations}


@functools.cache
def load() -> tuple[dict[str, Peer], dict[str, str]]:
    """Give the peers there are by name, and why others are missing."""
    found: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    for name, adapter in _ADAPTERS.items():
        try:
            found |= {peer.name: peer for peer in adapter()}
        except (ImportError, OSError, RuntimeError) as error:
            missing[name] = str(error)
    return found, missing


# ------------------------------------------------------------------------------------------------------ pipelines


class Pipeline:
    """A peer in a case, with so many threads or processes in one of `WAYS`; close it, or use it in ``with``.

    A call gives a batch, an array. It makes `batches` of them from the same images: one, but with workers as many as
    keep them busy, of which the last is given. With workers, the first call starts them, with its images; later calls
    must have the same list.

    ``reuse`` writes every batch into the memory of the one before, which no usual loader does: new memory costs as much
    as a few operations. It changes nothing for workers, which fill shared memory.
    """

    def __init__(self, peer: Peer, case: Case, way: str, threads: int, *, reuse: bool = False) -> None:
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.batches = 4 * threads if way == "workers" else 1
        self._peer, self._case, self._threads, self._reuse = peer, case, threads, reuse
        self._make = {"inner": self._inner, "threads": self._parts, "workers": self._loaded}[way]
        self._resources = ExitStack()
        self._batch: Array | None = None
        self._loader: tuple[Sequence[Array], Any] | None = None
        self._samplers: list[Sample] = []
        if way != "workers":
            self._samplers = [peer.sampler(case, seed) for seed in range(threads)]
        if way == "threads":
            # The number of torch is that of the thread that sets it.
            pool = ThreadPoolExecutor(threads, initializer=peer.begin)
            self._pool = self._resources.enter_context(pool)

    def __call__(self, images: Sequence[Array]) -> Array:
        """Make the batches."""
        with self._peer.flushing():
            return self._make(images)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End threads and processes."""
        self._loader = None
        self._resources.close()

    def _out(self, count: int) -> Array:
        if self._batch is None or not self._reuse or len(self._batch) != count:
            self._batch = np.empty((count, 3, SIZE, SIZE), self._case.dtype)
        return self._batch

    def _inner(self, images: Sequence[Array]) -> Array:
        self._peer.set_threads(self._threads)
        out = self._out(len(images))
        self._peer.collate([self._samplers[0](image) for image in images], out)
        return out

    def _parts(self, images: Sequence[Array]) -> Array:
        self._peer.set_threads(1)
        out = self._out(len(images))

        def part(index: int) -> None:
            some = slice(len(images) * index // self._threads, len(images) * (index + 1) // self._threads)
            self._peer.collate([self._samplers[index](image) for image in images[some]], out[some])

        list(self._pool.map(part, range(self._threads)))
        return out

    def _loaded(self, images: Sequence[Array]) -> Array:
        if self._loader is None:
            self._peer.set_threads(1)  # there must be no threads when it forks
            self._loader = images, _loader(self._peer, self._case, images, self._threads, self.batches)
            self._resources.callback(_shut, self._loader[1])
        elif self._loader[0] is not images:
            raise ValueError("workers have the images of the first call; make another pipeline for others")
        for batch in self._loader[1]:
            last = batch
        return last.numpy()


def _loader(peer: Peer, case: Case, images: Sequence[Array], workers: int, batches: int) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(
        _Samples(peer, case, images),
        batch_size=len(images),
        sampler=list(range(len(images))) * batches,
        num_workers=workers,
        worker_init_fn=_begin,
        persistent_workers=True,
        prefetch_factor=2,
    )


def _shut(loader: Any) -> None:
    if loader._iterator is not None:
        loader._iterator._shutdown_workers()


class _Samples:
    """A data set of torch: images in memory, augmented."""

    def __init__(self, peer: Peer, case: Case, images: Sequence[Array]) -> None:
        self.peer, self.case, self.images = peer, case, images
        self.sampler: Sample | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        assert self.sampler is not None
        return _as_tensor(self.sampler(self.images[index]))


def _begin(worker: int) -> None:
    from torch.utils.data import get_worker_info

    samples = get_worker_info().dataset
    samples.peer.begin()
    samples.sampler = samples.peer.sampler(samples.case, worker)


def _as_tensor(sample: Any) -> Any:
    import torch

    return torch.as_tensor(sample)


# ------------------------------------------------------------------------------------------------ given parameters


@dataclass(frozen=True)
class Parameters:
    """What is done to an image, in this order; what is None, False or empty is left out.

    Attributes
    ----------
    crop : tuple of int
        Top, left, height and width of what is resized to `SIZE`.
    flip : bool
        Exchange left and right.
    jitter : tuple
        Operations of `JITTERS` with their factors, in their order: ``(("hue", -0.05), ("contrast", 1.2))``.
    sigma : float
        Of a Gaussian blur with `TAPS`.
    """

    crop: tuple[int, int, int, int] | None = None
    flip: bool = False
    jitter: tuple[tuple[str, float], ...] = ()
    sigma: float | None = None


def draw(generator: np.random.Generator, shape: tuple[int, ...], case: Case) -> Parameters:
    """Draw parameters for an image of a shape with the distributions of torchvision."""
    factors = [float(generator.uniform(0.6, 1.4)) for _ in range(3)] + [float(generator.uniform(-case.hue, case.hue))]
    names = generator.permutation(4 if case.hue else 3)
    return Parameters(
        crop=draw_crop(generator, *shape[:2]),
        flip=bool(generator.random() < 0.5),
        jitter=tuple((JITTERS[index], factors[index]) for index in names),
        sigma=float(generator.uniform(*SIGMAS)) if case.blur else None,
    )


def draw_crop(generator: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
    """Draw top, left, height and width as `RandomResizedCrop` does."""
    for _ in range(10):
        area = height * width * generator.uniform(*SCALES)
        ratio = math.exp(generator.uniform(*np.log(RATIOS)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(generator.integers(height - h + 1)), int(generator.integers(width - w + 1)), h, w
    w = min(width, round(height * RATIOS[1]))
    h = min(height, round(width / RATIOS[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def torchvision_result(
    image: Array, parameters: Parameters, arithmetic: str = "uint8", *, normalise: bool = False
) -> Array:
    """Apply parameters with torchvision's functions: ``(3, H, W)``.

    Parameters
    ----------
    image : array
        Bytes ``(H, W, 3)``.
    parameters : Parameters
        What is done.
    arithmetic : str
        ``"uint8"``: a tensor of bytes, rounded after each operation. ``"float32"``: a tensor of numbers from 0 to 1,
        which is also what is returned. ``"pil"``: a Pillow image.
    normalise : bool
        Whether mean and deviation of ImageNet are taken out in the end: float32.
    """
    import torch

    functional = torchvision_v2().functional
    if arithmetic == "pil":
        found: Any = _planar(_torchvision_applied(functional, PIL.Image.fromarray(image), parameters))
    elif arithmetic == "uint8":
        found = _torchvision_applied(functional, _tensor(image), parameters)
    elif arithmetic == "float32":
        tensor = functional.to_dtype(_tensor(image), torch.float32, scale=True)
        found = _torchvision_applied(functional, tensor, parameters)
    else:
        raise ValueError(f"arithmetic must be uint8, float32 or pil, not {arithmetic!r}")
    if normalise:
        found = functional.normalize(functional.to_dtype(found, torch.float32, scale=True), MEAN, DEVIATION)
    return np.ascontiguousarray(found.numpy())


def _torchvision_applied(functional: Any, image: Any, parameters: Parameters) -> Any:
    if parameters.crop is not None:
        image = functional.resized_crop(image, *parameters.crop, [SIZE, SIZE], antialias=True)
    if parameters.flip:
        image = functional.horizontal_flip(image)
    for name, factor in parameters.jitter:
        image = getattr(functional, f"adjust_{name}")(image, factor)
    if parameters.sigma is not None:
        image = functional.gaussian_blur(image, TAPS, parameters.sigma)
    return image


def albumentations_result(
    image: Array,
    parameters: Parameters,
    arithmetic: str = "uint8",
    *,
    normalise: bool = False,
    area: bool = False,
) -> Array:
    """Apply parameters with the functions that albumentations' classes call: ``(3, H, W)``.

    Its resizing is OpenCV's linear one, which takes four pixels whatever the scale; ``area`` averages where the crop is
    larger than the result. Hue of bytes has 180 values. The rest is as in `torchvision_result`.
    """
    if arithmetic not in ("uint8", "float32"):
        raise ValueError(f"arithmetic must be uint8 or float32, not {arithmetic!r}")
    if arithmetic == "float32":
        image = image.astype(np.float32) / np.float32(255)
    found = _albumentations_applied(image, parameters, "image" if area else None)
    if normalise:
        largest = 255.0 if found.dtype == np.uint8 else 1.0
        found = _import_albumentations().Normalize(MEAN, DEVIATION, max_pixel_value=largest).apply(found)
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def _albumentations_applied(image: Array, parameters: Parameters, area: str | None) -> Array:
    albumentations = _import_albumentations()
    from albumentations.augmentations.blur import functional as blur
    from albumentations.augmentations.pixel import functional as pixel

    if parameters.crop is not None:
        top, left, height, width = parameters.crop
        crop = albumentations.RandomResizedCrop(size=(SIZE, SIZE), area_for_downscale=area)
        image = crop.apply(image, crop_coords=(left, top, left + width, top + height))
    if parameters.flip:
        image = albumentations.HorizontalFlip().apply(image)
    for name, factor in parameters.jitter:
        image = getattr(pixel, f"adjust_{name}_torchvision")(image, factor)
    if parameters.sigma is not None:
        image = pixel.separable_convolve(image, blur.create_gaussian_kernel_1d(parameters.sigma, TAPS))
    return image


# --------------------------------------------------------------------------------------------------------- images


def pictures(count: int = 64) -> list[Array]:
    """Give images of bytes with sizes like those of ImageNet: the photographs of the package, resized."""
    photographs = [PIL.Image.fromarray(iio.imread(data.sample(name))) for name in data.samples()]
    return [_picture(photographs[i % len(photographs)], *SHAPES[i % len(SHAPES)], i) for i in range(count)]


def _picture(photograph: PIL.Image.Image, height: int, width: int, index: int) -> Array:
    """Cut out a part of the wanted form, another one each time, and resize it."""
    scale = min(photograph.width / width, photograph.height / height) * (1 - index % 7 / 20)
    left, top = (photograph.width - width * scale) / 2, (photograph.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    resized = photograph.resize((width, height), PIL.Image.Resampling.BICUBIC, box=box)
    return np.array(resized)


def jpegs(folder: Path, count: int) -> list[Path]:
    """Write such images into a folder, in four of its own, as it were classes."""
    paths = [folder / f"class{i % 4}" / f"{i}.jpg" for i in range(count)]
    for path, picture in zip(paths, pictures(count), strict=True):
        path.parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(picture).save(path, quality=90)
    return paths


class Files(Sequence[Any]):
    """Images of files, read whenever they are wanted, in the way of a peer's users: by OpenCV or by Pillow."""

    def __init__(self, peer: Peer, paths: Sequence[Path]) -> None:
        self._peer, self._paths = peer, paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Files(self._peer, self._paths[index])
        if self._peer.package == "albumentations":
            import cv2

            return cv2.cvtColor(cv2.imread(str(self._paths[index])), cv2.COLOR_BGR2RGB)
        with PIL.Image.open(self._paths[index]) as image:
            pixels = image.convert("RGB")
        return pixels if self._peer.name.endswith("PIL") else np.array(pixels)


# -------------------------------------------------------------------------------------------------------- measuring


def ways() -> list[tuple[str, int]]:
    """Give the ways to run that are compared, with their numbers of threads or processes."""
    found = [("inner", 1), ("inner", 2), ("threads", 2)]
    return [*found, ("workers", 2)] if _has_torch() else found


def speeds(peers: Sequence[Peer], case: Case, images: Sequence[Array], effort: Effort) -> dict[str, Row]:
    """Give images a second, of the fastest run, for each way and peer."""
    with ExitStack() as stack:
        pipelines = {
            (peer.name, *way): stack.enter_context(Pipeline(peer, case, *way)) for peer in peers for way in ways()
        }
        for key, pipeline in pipelines.items():
            if key[1] == "workers":
                pipeline(images)  # the processes start before there are threads
        times: Times = measure(
            {repr(key): functools.partial(pipeline, images) for key, pipeline in pipelines.items()}, effort
        )
        found: dict[str, Row] = {peer.name: {} for peer in peers}
        for (name, way, threads), pipeline in pipelines.items():
            seconds = times.best(repr((name, way, threads)))
            found[name][f"{way} {threads}"] = pipeline.batches * len(images) / seconds
    return found


def stages(peer: Peer, case: Case, images: Sequence[Array], effort: Effort) -> dict[str, float]:
    """Give the microseconds an image of every step, with one thread; the batch that is collated has its memory."""
    peer.set_threads(1)
    current: list[Any] = list(images)
    found: dict[str, float] = {}

    def run(step: Callable[[Any], Any]) -> list[Any]:
        with peer.flushing():
            return [step(image) for image in current]

    for name, step in peer.stages(case):
        found[name] = measure({name: functools.partial(run, step)}, effort).best(name) * 1e6 / len(images)
        current = run(step)
    out = np.empty((len(current), 3, SIZE, SIZE), case.dtype)
    planar = [each if each.shape[0] == 3 else each.transpose(2, 0, 1) for each in current]
    collate = functools.partial(peer.collate, planar, out)
    return found | {"collate": measure({"": collate}, effort).best("") * 1e6 / len(images)}


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.loading_peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few images and rounds: shows that it works")
    parser.add_argument("--stages", action="store_true", help="where the time of a sample goes, instead")
    parser.add_argument("--no-flush", action="store_true", help="with the slow numbers below 1e-38, as libraries are")
    parser.add_argument("--cases", default=",".join(CASES), help="some of: %(default)s")
    parser.add_argument("--peers", default=",".join(load()[0]), help="some of: %(default)s")
    options = parser.parse_args(arguments)
    cases = _chosen(parser, CASES, options.cases)
    found, missing = load()
    peers = list(_chosen(parser, found, options.peers).values())
    if options.no_flush:
        peers = [dataclasses.replace(peer, flush=False) for peer in peers]
    effort = Effort(0.01, 2, 2) if options.quick else Effort(8.0, 5, 15)
    images = pictures(8 if options.quick else 64)
    for peer in peers:
        print(f"{peer.name}: {peer.package} {peer.version()}")
    for name, reason in missing.items():
        print(f"{name} is missing: {reason}")
    for name, case in cases.items() if peers else ():
        if options.stages:
            for peer in peers:
                steps: Row = {key: round(value) for key, value in stages(peer, case, images, effort).items()}
                print(Table(f"{name}, {peer.name}: microseconds an image, one thread", [steps]), flush=True)
        else:
            rows: list[Row] = [
                {"": peer, **{way: round(value) for way, value in row.items()}}
                for peer, row in speeds(peers, case, images, effort).items()
            ]
            print(Table(f"{name}: images a second, way and threads", rows), flush=True)


def _chosen(parser: argparse.ArgumentParser, found: dict[str, Any], names: str) -> dict[str, Any]:
    chosen = [name for name in names.split(",") if name]
    if unknown := sorted(set(chosen) - set(found)):
        parser.error(f"no such case or peer: {', '.join(unknown)}")
    return {name: found[name] for name in chosen}


if __name__ == "__main__":
    main(sys.argv[1:])
