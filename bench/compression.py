"""The kernels of compression beside torch, numpy and ml_dtypes: ``python -m bench.compression`` on a quiet machine.

``--quick`` for few rounds, ``--sections moments,minifloat`` for some. Each kernel is timed on one thread, in turns with
its peers on one thread, and results are compared. Peers that are not installed are left out.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import command
from bench.paired import Array, Effort, Run, measure
from bench.tables import Row, Table, judged
from compress.kernels import Convolution, Format, Moments, decode, encode, errors, norms, pack, round_to

Tables = Iterator[Table]
_EFFORT, _QUICK = Effort(6.0, 7, 60), Effort(0.05, 2, 3)
#: Images, channels, height and width of feature maps: of VGG-16 for 32 x 32, and of first layers.
MAPS = ((32, 64, 32, 32), (64, 128, 16, 16), (128, 256, 8, 8), (8, 32, 112, 112))
#: Convolutions: images, inputs, results, size of the image, size of the kernel, stride. The first layers of VGG-16 for
#: 32 x 32, one of large images, one with a stride, one of a single tap; and layers of widths that pruning leaves.
STANDARD = (
    (16, 3, 64, 32, 3, 1), (16, 64, 64, 32, 3, 1), (16, 128, 128, 16, 3, 1), (16, 256, 256, 8, 3, 1),
    (16, 512, 512, 4, 3, 1), (4, 32, 32, 112, 3, 1), (16, 64, 128, 32, 3, 2), (4, 256, 64, 56, 1, 1),
)  # fmt: skip
PRUNED = ((16, 23, 39, 32, 3, 1), (16, 39, 61, 16, 3, 1), (16, 61, 23, 8, 3, 1), (16, 61, 61, 16, 3, 1))
#: Weights of DBNet's detector, as many as there are: rows of convolutions.
_WEIGHTS = (1160, 1000)
#: Eight bits that torch and ml_dtypes have too, and what one is worth there.
E4M3, SCALE = Format(4, 3, "nan"), 2.0**-6


def _torch() -> Any:
    """Give torch on one thread, or None."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(1)
    return torch


def _one_thread_of_blas() -> Any:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


# ------------------------------------------------------------------------------------------------------------ moments


def moments(effort: Effort) -> Tables:
    """Sums of products of all pairs of channels, from (N, C, H, W)."""
    rows: list[Row] = []
    for shape in MAPS:
        features = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        runs: dict[str, Run] = {"ours": functools.partial(moments_by_us, features)}
        runs["numpy"] = functools.partial(moments_by_numpy, features)
        torch = _torch()
        if torch is not None:
            runs["torch"] = functools.partial(moments_by_torch, torch.from_numpy(features))
        found = moments_by_us(features).gram
        error = max(np.abs(np.asarray(run()) - found).max() for name, run in runs.items() if name != "ours")
        with _one_thread_of_blas():
            times = measure(runs, effort)
        goals = {"torch": (1.3, 1.8), "numpy": (1.2, 1.6) if shape[1] >= 128 else (None, None)}
        for name in runs:
            if name != "ours":
                operations = all_pairs(shape)
                rows.append({
                    "N, C, H, W": "x".join(map(str, shape)), "peer": name, "ours ms": 1e3 * times.middle("ours"),
                    "its ms": 1e3 * times.middle(name), "GFLOP/s of all pairs": operations / times.middle("ours") / 1e9,
                    "relative difference": float(error / np.abs(found).max()),
                    **judged(times.ratio(name, "ours"), *goals[name]),
                })  # fmt: skip
    yield Table("second moments of channels, one thread", rows)


def all_pairs(shape: tuple[int, ...]) -> float:
    """Count products and sums of all pairs of channels, though half of them are enough."""
    return 2.0 * math.prod(shape) * shape[1]


def moments_by_us(features: Array, threads: int = 1) -> Moments:
    """Sum by a kernel."""
    found = Moments(features.shape[1], threads=threads)
    found.add(features)
    return found


def moments_by_numpy(features: Array) -> Array:
    """Sum products by BLAS: channels are brought to the front, which copies."""
    rows = np.moveaxis(features, 1, 0).reshape(features.shape[1], -1)
    product: Array = rows @ rows.T
    return product


def moments_by_torch(features: Any) -> Any:
    """Sum products by torch, from a tensor."""
    rows = features.permute(1, 0, 2, 3).reshape(features.shape[1], -1)
    return rows @ rows.T


# -------------------------------------------------------------------------------------------------------------- norms


def channel_norms(effort: Effort) -> Tables:
    """Norms of a million weights in 512 rows: one pass beside three reductions, and beside a copy."""
    weights = np.random.default_rng(0).normal(size=(512, 2048)).astype(np.float32)
    runs: dict[str, Run] = {
        "ours": functools.partial(norms, weights, threads=1),
        "numpy": functools.partial(norms_by_numpy, weights),
    }
    torch = _torch()
    if torch is not None:
        runs["torch"] = functools.partial(norms_by_torch, torch.from_numpy(weights))
    times = measure({**runs, "copy": functools.partial(np.copyto, np.empty_like(weights), weights)}, effort)
    found = norms(weights)
    ours = np.stack([found.l1, found.largest, found.squares])
    rows = []
    for name, run in runs.items():
        if name != "ours":
            rows.append({
                "peer": name, "ours, GB/s": weights.nbytes / times.middle("ours") / 1e9,
                "its": weights.nbytes / times.middle(name) / 1e9,
                "a copy's": 2 * weights.nbytes / times.middle("copy") / 1e9,
                "relative difference": float((abs(np.stack(run()) - ours) / ours).max()),
                "times as fast": times.ratio(name, "ours"),
            })  # fmt: skip
    note = "GB/s of the weights, 4 MB that caches may hold, as if read once; a copy's are read and written"
    yield Table("norms of channels, one thread", rows, (note,))


def norms_by_numpy(weights: Array) -> list[Array]:
    """Give sums of sizes, largest sizes and sums of squares by three reductions."""
    sizes = np.abs(weights)
    return [sizes.sum(axis=1), sizes.max(axis=1), np.einsum("ij,ij->i", weights, weights)]


def norms_by_torch(weights: Any) -> list[Any]:
    """Give the same, of a tensor."""
    sizes = weights.abs()
    return [sizes.sum(1), sizes.amax(1), weights.square().sum(1)]


# ---------------------------------------------------------------------------------------------------------- minifloat


def minifloat(effort: Effort) -> Tables:
    """Rounding of a million numbers to eight bits, there and back; and their codes."""
    values = np.random.default_rng(0).normal(size=(64, 16384)).astype(np.float32)
    yield Table("float32 to float8_e4m3fn and back, one thread", _rounding(values, effort))
    if importlib.util.find_spec("ml_dtypes") is not None:
        yield Table("codes of float8_e4m3fn, one thread", _coding(values, effort))


def _rounding(values: Array, effort: Effort) -> list[Row]:
    ours = functools.partial(round_to, E4M3, values, SCALE, threads=1)
    runs: dict[str, Run] = {"ours": ours, "ours, out=": functools.partial(ours, out=np.empty_like(values))}
    torch = _torch()
    if torch is not None:
        runs["torch"] = functools.partial(rounded_by_torch, torch.from_numpy(values))
    if importlib.util.find_spec("ml_dtypes") is not None:
        runs["ml_dtypes"] = functools.partial(rounded_by_ml_dtypes, values)
    times = measure(runs, effort)
    goals = {"torch": (3, 4), "ml_dtypes": (20, 40)}
    rows = []
    for name, run in runs.items():
        if name != "ours":
            rows.append({
                "peer": name, "ours, million a second": values.size / times.middle("ours") / 1e6,
                "its": values.size / times.middle(name) / 1e6,
                "same bits": bool((np.asarray(run()) == ours()).all()),
                **judged(times.ratio(name, "ours"), *goals.get(name, (None, None))),
            })  # fmt: skip
    return rows


def rounded_by_torch(values: Any) -> Any:
    """Cast a tensor to eight bits and back."""
    import torch

    return encoded_by_torch(values).to(torch.float32)


def encoded_by_torch(values: Any) -> Any:
    """Cast a tensor to eight bits."""
    import torch

    return values.to(torch.float8_e4m3fn)


def decoded_by_torch(codes: Any) -> Any:
    """Cast a tensor of bytes, taken for numbers of eight bits, to floats."""
    import torch

    return codes.view(torch.float8_e4m3fn).to(torch.float32)


def rounded_by_ml_dtypes(values: Array) -> Array:
    """Cast an array to eight bits and back."""
    return encoded_by_ml_dtypes(values).astype(np.float32)


def encoded_by_ml_dtypes(values: Array) -> Array:
    """Cast an array to eight bits."""
    import ml_dtypes

    return values.astype(ml_dtypes.float8_e4m3fn)


def decoded_by_ml_dtypes(codes: Array) -> Array:
    """Cast an array of bytes, taken for numbers of eight bits, to floats."""
    import ml_dtypes

    return codes.view(ml_dtypes.float8_e4m3fn).astype(np.float32)


def _coding(values: Array, effort: Effort) -> list[Row]:
    codes = encode(E4M3, values, SCALE)
    pairs: dict[str, tuple[Run, Run]] = {
        "encode": (
            functools.partial(encode, E4M3, values, SCALE, threads=1),
            lambda: encoded_by_ml_dtypes(values).view(np.uint8),
        ),
        "decode": (
            functools.partial(decode, E4M3, codes, SCALE),
            functools.partial(decoded_by_ml_dtypes, codes),
        ),
    }
    rows = []
    for name, (run, its) in pairs.items():
        times = measure({"ours": run, "ml_dtypes": its}, effort)
        rows.append({
            "kernel": name, "ours, million a second": values.size / times.middle("ours") / 1e6,
            "ml_dtypes'": values.size / times.middle("ml_dtypes") / 1e6,
            "same bits": bool((np.asarray(run()) == its()).all()),
            "times as fast": times.ratio("ml_dtypes", "ours"),
        })  # fmt: skip
    return rows


def search(effort: Effort) -> Tables:
    """The error of all splits of 3 to 8 bits at 32 thresholds, of 1.16 million weights."""
    weights = np.random.default_rng(0).standard_t(4, _WEIGHTS).astype(np.float32)
    formats = [Format(e, bits - 1 - e) for bits, e in itertools.product(range(3, 9), range(1, 6)) if e <= bits - 2]
    thresholds = norms(weights).largest[:, None] * np.linspace(0.2, 1, 32)
    rows = []
    for threads in (1, 2):
        run = functools.partial(errors, weights, formats, thresholds, threads=threads)
        seconds = measure({"ours": run}, effort).middle("ours")
        tried = len(formats) * 32 * weights.size
        rows.append({
            "threads": threads, "formats": len(formats), "roundings, billion a second": tried / seconds / 1e9,
            **judged(seconds, 1.0, 0.3, larger=False),
        })  # fmt: skip
    yield Table("the error of every format and threshold, seconds", rows)


def packing(effort: Effort) -> Tables:
    """Packing of ten million codes, beside numpy's copy of as many bytes."""
    codes = np.random.default_rng(0).integers(0, 8, 10_000_000, np.uint8)
    runs: dict[str, Run] = {f"{bits}": functools.partial(pack, codes, bits, threads=1) for bits in (3, 4, 6)}
    times = measure({**runs, "copy": codes.copy}, effort)
    rows = []
    for name in runs:
        rate, copies = codes.size / times.middle(name) / 1e6, times.ratio(name, "copy")
        rows.append({"bits": name, "million a second": rate, "times as long as a copy": copies})
    yield Table("packing, one thread", rows)


def convolution(effort: Effort) -> Tables:
    """Convolution and ReLU beside oneDNN, whose weights are packed before too; it takes channels first or last."""
    if _torch() is None:
        return
    for title, shapes, goals in (("standard", STANDARD, (0.9, 1.0)), ("pruned", PRUNED, (1.1, 1.3))):
        rows = [_beside_onednn(shape, goals, effort) for shape in shapes]
        yield Table(f"convolution and ReLU, {title} widths, one thread", rows)


@dataclass(frozen=True)
class Layer:
    """A convolution of noise: its input, (N, C, H, W), and weights, (O, C, J, I)."""

    features: Array
    weights: Array
    bias: Array
    stride: int

    @property
    def padding(self) -> int:
        """Give how many zeros are around an image: it keeps its size, but for the stride."""
        return self.weights.shape[2] // 2

    @property
    def operations(self) -> float:
        """Count products and sums."""
        count, _, height, width = self.features.shape
        positions = -(-height // self.stride) * -(-width // self.stride)
        return 2 * count * positions * self.weights.size

    def ours(self, threads: int = 1) -> Convolution:
        """Give our kernel, with a ReLU."""
        return Convolution(
            self.weights, self.bias, stride=self.stride, padding=self.padding, relu=True, threads=threads
        )

    def by_onednn(self, layout: str = "contiguous_format") -> Run:
        """Give oneDNN's convolution with a ReLU, its weights packed before, of a layout of torch."""
        import torch

        given = torch.from_numpy(self.features).to(memory_format=getattr(torch, layout))
        weights, bias = torch.from_numpy(self.weights), torch.from_numpy(self.bias)
        geometry = [self.padding] * 2, [self.stride] * 2, [1, 1], 1
        packed = torch.ops.mkldnn._reorder_convolution_weight(weights, *geometry, list(given.shape))

        def run() -> Any:
            with torch.no_grad():
                return torch.ops.mkldnn._convolution_pointwise(given, packed, bias, *geometry, "relu", [], "")

        return run


def layer(shape: tuple[int, ...]) -> Layer:
    """Give a layer of one of the shapes above."""
    count, channels, results, size, kernel, stride = shape
    rng = np.random.default_rng(0)
    drawn = [
        rng.normal(size=each).astype(np.float32)
        for each in ((count, channels, size, size), (results, channels, kernel, kernel), (results,))
    ]
    return Layer(*drawn, stride)


def _beside_onednn(shape: tuple[int, ...], goals: tuple[float, float], effort: Effort) -> Row:
    one = layer(shape)
    ours, first = one.ours(), one.by_onednn()
    runs: dict[str, Run] = {
        "ours": functools.partial(ours, one.features),
        "channels first": first,
        "channels last": one.by_onednn("channels_last"),
    }
    right = np.asarray(first())
    times = measure(runs, effort)
    best = min(("channels first", "channels last"), key=times.middle)
    operations = one.operations / 1e9
    return {
        "N, C, O, size, kernel, stride": "x".join(map(str, shape)),
        "ours, GFLOP/s": operations / times.middle("ours"),
        "oneDNN's": operations / times.middle(best),
        "its best layout": best,
        "relative difference": float(abs(ours(one.features) - right).max() / abs(right).max()),
        **judged(times.ratio(best, "ours"), *goals),
    }


SECTIONS: dict[str, Callable[[Effort], Tables]] = {
    "moments": moments,
    "norms": channel_norms,
    "minifloat": minifloat,
    "search": search,
    "packing": packing,
    "convolution": convolution,
}


if __name__ == "__main__":
    command.run("bench.compression", __doc__, SECTIONS, _EFFORT, _QUICK)
