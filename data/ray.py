"""For those who have Ray: images as a Ray data set, and the pipeline in Ray's own actors.

A sample is the one that :class:`data.FilterLoader` gives for the same seed, epoch and index, whatever Ray's blocks,
batches and actors are. Blocks, order, memory and failures are Ray's.

Examples
--------
>>> import data.ray  # doctest: +SKIP
>>> from data import transforms
>>> images = data.ray.read_images("imagenet/train")  # doctest: +SKIP
>>> for epoch in range(90):  # doctest: +SKIP
...     batches = images.random_shuffle(seed=epoch).map_batches(
...         data.ray.Pipeline,
...         fn_constructor_args=([transforms.RandomResizedCrop(224), transforms.ToDtype("float32", scale=True)],),
...         fn_constructor_kwargs={"seed": 0, "epoch": epoch},
...         concurrency=4,
...         batch_size=64,
...     )
...     for batch in batches.iter_torch_batches(batch_size=64):
...         step(batch["image"], batch["label"])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow
import ray
import ray.data
from numpy.typing import NDArray

from data.compose import Compose
from data.loader import composed
from data.sources import MAX_PIXELS, ImageFolder, decode
from data.sources.decoding import Mode
from data.sources.paths import AnyPath
from data.transforms import Transform
from dsl.arguments import whole
from schedules import options

__all__ = ["Pipeline", "read_images"]

#: Images of a block: so many that there are a few hundred blocks, within these limits.
_BLOCKS = 200
_FEWEST, _MOST = 16, 256


def read_images(
    path: AnyPath,
    *,
    include_labels: bool = True,
    include_paths: bool = False,
    mode: Mode = "RGB",
    max_pixels: int = MAX_PIXELS,
) -> ray.data.Dataset:
    """Read the images of a folder, in Ray's tasks; nothing is read before it is needed.

    Parameters
    ----------
    path : path
        A folder of folders, one for each class, as :class:`data.ImageFolder` takes it; every machine must have it.
    include_labels : bool
        Whether rows have a ``label``: the number of the class.
    include_paths : bool
        Whether rows have a ``path``.
    mode, max_pixels
        As of :class:`data.ImageFolder`, which gives the same pixels.

    Returns
    -------
    ray.data.Dataset
        Rows with ``image``, an array of (H, W, 3) or (H, W), and ``index``, the place in the :class:`data.ImageFolder`.
        :class:`Pipeline` draws by it.
    """
    folder = ImageFolder(path, mode=mode, max_pixels=max_pixels)
    paths, labels = zip(*folder.samples, strict=True)
    columns = {"path": list(paths), "index": np.arange(len(folder))}
    if include_labels:
        columns["label"] = np.array(labels)
    table = pyarrow.table(columns)
    size = min(max(-(-len(folder) // _BLOCKS), _FEWEST), _MOST)
    blocks = [table.slice(first, size) for first in range(0, len(folder), size)]

    def read(row: dict[str, Any]) -> dict[str, Any]:
        name = row["path"] if include_paths else row.pop("path")
        return {"image": decode(name, mode, max_pixels=max_pixels), **row}

    return ray.data.from_arrow(blocks).map(read)


class Pipeline:
    """What ``ray.data.Dataset.map_batches`` makes actors of: a pipeline, compiled once, one native call a batch.

    Actors hold their processors: leave one at least to Ray's reading, or it waits for ever.

    Parameters
    ----------
    transform : Compose or sequence of Transform
        What happens to images.
    seed, epoch : int
        What random numbers depend on, besides the index of the sample.
    image, index : str
        The columns of images and of their indices; images are of any sizes. Other columns are passed on.
    threads : int, optional
        Threads of native code; by default as many as the actor has processors, ``num_cpus`` of ``map_batches``.
    """

    def __init__(
        self,
        transform: Compose | Sequence[Transform],
        *,
        seed: int = 0,
        epoch: int = 0,
        image: str = "image",
        index: str = "index",
        threads: int | None = None,
    ) -> None:
        self.transform = composed(transform)
        self.seed, self.epoch = whole(seed, "seed", 0), whole(epoch, "epoch", 0)
        self.image, self.index = image, index
        self.threads = _threads() if threads is None else options.checked_threads(threads)

    def __call__(self, batch: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Transform a batch.

        Raises
        ------
        ValueError
            If there are no indices: random numbers depend on them.
        """
        for name in (self.image, self.index):
            if name not in batch:
                raise ValueError(f"batch has no column {name!r}; its columns are {', '.join(batch)}")
        images = self.transform(
            list(batch[self.image]),
            indices=batch[self.index],  # type: ignore[arg-type]
            seed=self.seed,
            epoch=self.epoch,
            threads=self.threads,
        )
        return {**batch, self.image: images}


def _threads() -> int:
    """Give the processors of the actor that this is in; elsewhere the default of filters."""
    if not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        return options.threads()
    found = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)
    return min(max(int(found), 1), options.MAX_THREADS)
