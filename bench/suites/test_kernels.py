"""The kernels of compression beside torch, onnxruntime, numpy and ml_dtypes; held against definitions in float64."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from bench import compression
from bench.compression import E4M3, SCALE, Layer
from bench.suites import onnx_models
from bench.suites.contest import OURS, THREADS, Array, Contender, Contest, Entry, Scale, Task, finite
from compress.kernels import Format, decode, encode, errors, norms, pack, reference, round_to, unpack
from filters.reference import psnr

#: A million numbers, in channels; and fewer to compare, for definitions are slow.
_MANY, _FEW = (64, 16384), (64, 256)
_MILLIONS = 1e-6 * _MANY[0] * _MANY[1]
#: What the search tries: formats, and shares of the largest weight.
_FORMATS, _SHARES = (Format(2, 1), Format(4, 3)), np.array([0.25, 0.5, 0.75, 1.0], np.float32)
_WIDTHS = (3, 4, 6)


def contests(scale: Scale) -> Iterator[Contest]:
    """Give a contest for each kernel, shape and number of threads."""
    kernels = (_moments, _norms, _rounding, _encoding, _decoding, _search, _packing, _unpacking, _convolution)
    for contest in (contest for kernel in kernels for contest in kernel(scale)):
        for threads in THREADS:
            yield dataclasses.replace(contest, threads=threads, effort=scale.effort)


def test_kernels(entry: Entry, benchmark: Any) -> None:
    """Time a contender."""
    entry.replay(benchmark)


# --------------------------------------------------------------------------------------------------------- statistics


def _moments(scale: Scale) -> Iterator[Contest]:
    contenders = (
        _ours("Moments", compression.moments_by_us, lambda found: found.gram),
        _peer("numpy", "transposed, matmul", compression.moments_by_numpy),
        _peer("torch", "permuted, matmul", compression.moments_by_torch),
    )
    for shape in scale.some(compression.MAPS):
        task = _task("second moments", "shape", _named(shape), functools.partial(_normal, shape))
        operations = compression.all_pairs(shape) / 1e9
        yield Contest(task, 1, contenders, _gram, judge=_decibels, unit="GFLOP", amount=operations)


def _gram(features: Array) -> Array:
    return reference.moments(features)[1]


def _norms(scale: Scale) -> Iterator[Contest]:
    contenders = (
        _ours("norms", norms, lambda found: np.stack([found.l1, found.largest, found.squares])),
        _peer("numpy", "three reductions", compression.norms_by_numpy),
        _peer("torch", "three reductions", compression.norms_by_torch, np.stack),
    )
    task = _task("norms of channels", "shape", _named(_MANY), *_both(_normal))
    yield Contest(task, 1, contenders, _stacked_norms, judge=_decibels, unit="Mvalue", amount=_MILLIONS)


def _stacked_norms(weights: Array) -> Array:
    return np.stack(reference.norms(weights))


# ----------------------------------------------------------------------------------------------- small floating point


def _rounding(scale: Scale) -> Iterator[Contest]:
    def written(values: Array, threads: int) -> Callable[[], Array]:
        return functools.partial(round_to, E4M3, values, SCALE, out=np.empty_like(values), threads=threads)

    contenders = (
        _ours("round_to", functools.partial(round_to, E4M3, scale=SCALE)),
        Contender(OURS, "round_to, out", written),
        _peer("torch", "float8_e4m3fn and back", compression.rounded_by_torch),
        _peer("ml_dtypes", "float8_e4m3fn and back", compression.rounded_by_ml_dtypes),
    )
    task = _task("rounding", "format", "e4m3fn", *_both(_normal))
    yield Contest(task, 1, contenders, _rounded, judge=_equality, unit="Mvalue", amount=_MILLIONS)


def _rounded(values: Array) -> Array:
    return reference.round_to(values, E4M3.values, SCALE)


def _encoding(scale: Scale) -> Iterator[Contest]:
    contenders = (
        _ours("encode", functools.partial(encode, E4M3, scale=SCALE)),
        _peer("torch", "to float8_e4m3fn", compression.encoded_by_torch, _bytes_of),
        _peer("ml_dtypes", "to float8_e4m3fn", compression.encoded_by_ml_dtypes, lambda found: found.view(np.uint8)),
    )
    task = _task("encoding", "format", "e4m3fn", *_both(_normal))
    yield Contest(task, 1, contenders, _encoded, judge=_equality, unit="Mvalue", amount=_MILLIONS)


def _encoded(values: Array) -> Array:
    return reference.encode(values, E4M3.values, E4M3.bits, SCALE)


def _bytes_of(codes: Any) -> Array:
    import torch

    found: Array = codes.view(torch.uint8).numpy()
    return found


def _decoding(scale: Scale) -> Iterator[Contest]:
    contenders = (
        _ours("decode", functools.partial(decode, E4M3, scale=SCALE)),
        _peer("torch", "from float8_e4m3fn", compression.decoded_by_torch),
        _peer("ml_dtypes", "from float8_e4m3fn", compression.decoded_by_ml_dtypes),
    )
    task = _task("decoding", "format", "e4m3fn", *_both(lambda shape: encode(E4M3, _normal(shape), SCALE)))
    yield Contest(task, 1, contenders, _decoded, judge=_equality, unit="Mvalue", amount=_MILLIONS)


def _decoded(codes: Array) -> Array:
    return reference.decode(codes, E4M3.exponent, E4M3.mantissa, SCALE)


# ------------------------------------------------------------------------------------------------------------- search


def _search(scale: Scale) -> Iterator[Contest]:
    def bind(weights: Array, threads: int) -> Callable[[], Array]:
        return functools.partial(errors, weights, _FORMATS, _thresholds(weights), threads=threads)

    contenders = (Contender(OURS, "errors", bind), _peer("torch", "rounded by exponents", _errors_by_torch, np.asarray))
    tried = f"{len(_FORMATS)} formats, {len(_SHARES)} thresholds"
    task = _task("errors of rounding", "tried", tried, *_both(_normal))
    amount = len(_FORMATS) * len(_SHARES) * _MILLIONS
    yield Contest(task, 1, contenders, _errors, judge=_decibels, unit="Mvalue", amount=amount)


def _thresholds(weights: Any) -> Array:
    thresholds: Array = np.abs(weights).max(axis=1, keepdims=True) * _SHARES
    return thresholds


def _errors(weights: Array) -> Array:
    return reference.errors(weights, [format.values for format in _FORMATS], _thresholds(weights))


def _errors_by_torch(weights: Any) -> Any:
    import torch

    thresholds = weights.abs().amax(1, keepdim=True) * torch.from_numpy(_SHARES)
    found = [
        [(weights - _rounded_by_torch(weights, format, each[:, None])).square().sum(1) for each in thresholds.T]
        for format in _FORMATS
    ]
    return torch.stack([torch.stack(each, 1) for each in found], 1)


def _rounded_by_torch(weights: Any, format: Format, threshold: Any) -> Any:
    """Round to multiples of what the last bit is worth, which the exponent tells."""
    scale = threshold / format.largest
    sizes = (weights.abs() / scale).clamp(max=format.largest)
    last = (sizes.log2().floor().clamp(min=0) - format.mantissa).exp2()
    return ((sizes / last).round() * last * scale).copysign(weights)


# ------------------------------------------------------------------------------------------------------------ packing


def _packing(scale: Scale) -> Iterator[Contest]:
    for bits in scale.some(_WIDTHS):
        contenders = [_ours("pack", functools.partial(pack, bits=bits)), _peer("numpy", "packbits", _packer(bits))]
        if bits == 4:
            contenders += [_peer(name, "shifts", lambda codes: codes[::2] | codes[1::2] << 4) for name in _ARRAYS]
        task = _task("packing", "bits", bits, *_both(functools.partial(_codes, bits)))
        exact = functools.partial(reference.pack, bits=bits)
        yield Contest(task, 1, tuple(contenders), exact, judge=_equality, unit="Mvalue", amount=_MILLIONS)


#: Libraries whose arrays have the same operators.
_ARRAYS = ("numpy", "torch")


def _packer(bits: int) -> Callable[[Array], Array]:
    def packed(codes: Array) -> Array:
        return np.packbits(np.unpackbits(codes[:, None], axis=1, count=bits, bitorder="little"), bitorder="little")

    return packed


def _unpacking(scale: Scale) -> Iterator[Contest]:
    for bits in scale.some(_WIDTHS):
        ours = _ours("unpack", functools.partial(_unpacked, bits))
        contenders = (ours, _peer("numpy", "unpackbits", _unpacker(bits)))
        task = _task("unpacking", "bits", bits, *_both(functools.partial(_packed, bits)))
        yield Contest(task, 1, contenders, _codes_of(bits), judge=_equality, unit="Mvalue", amount=_MILLIONS)


def _unpacked(bits: int, packed: Array, threads: int) -> Array:
    return unpack(packed, bits, packed.size * 8 // bits, threads=threads)


def _packed(bits: int, shape: tuple[int, ...]) -> Array:
    return _packer(bits)(_codes(bits, shape))


def _unpacker(bits: int) -> Callable[[Array], Array]:
    def unpacked(packed: Array) -> Array:
        each = np.unpackbits(packed, bitorder="little").reshape(-1, bits)
        return np.packbits(each, axis=1, bitorder="little").ravel()

    return unpacked


def _codes_of(bits: int) -> Callable[[Array], Array]:
    return lambda packed: reference.unpack(packed, bits, packed.size * 8 // bits)


# -------------------------------------------------------------------------------------------------------- convolution


def _convolution(scale: Scale) -> Iterator[Contest]:
    contenders = (
        Contender(OURS, "Convolution", lambda one, threads: functools.partial(one.ours(threads), one.features)),
        _of_torch("oneDNN, weights packed", lambda one: one.by_onednn()),
        _of_torch("oneDNN, weights packed, channels last", lambda one: one.by_onednn("channels_last")),
        _of_torch("conv2d, relu", _by_torch),
        Contender("onnxruntime", "Conv, Relu", _by_onnxruntime, "onnxruntime"),
    )
    for shape in scale.some(compression.STANDARD + compression.PRUNED):
        inputs = [functools.partial(compression.layer, each) for each in (shape, (1, *shape[1:]))]
        task = _task("convolution and ReLU", "shape", _named(shape), *inputs)
        operations = compression.layer(shape).operations / 1e9
        yield Contest(task, 1, contenders, _convolved, judge=_decibels, unit="GFLOP", amount=operations)


def _of_torch(setting: str, bind: Callable[[Layer], Callable[[], Any]]) -> Contender:
    return Contender("torch", setting, lambda one, threads: bind(one), "torch")


def _by_torch(one: Layer) -> Callable[[], Any]:
    import torch

    features, weights, bias = map(torch.from_numpy, (one.features, one.weights, one.bias))
    return lambda: torch.nn.functional.conv2d(features, weights, bias, one.stride, one.padding).relu_()


def _by_onnxruntime(one: Layer, threads: int) -> Callable[[], Array]:
    return onnx_models.convolution(one.features, one.weights, one.bias, threads, relu=True, stride=one.stride)


def _convolved(one: Layer) -> Array:
    return reference.convolution(one.features, one.weights, one.bias, stride=one.stride, padding=one.padding, relu=True)


# ----------------------------------------------------------------------------------------- contenders, inputs, verdicts


def _ours(setting: str, kernel: Callable[..., Any], read: Callable[[Any], Array] = np.asarray) -> Contender:
    """Give a kernel of an input and a number of threads."""

    def bind(given: Any, threads: int) -> Callable[[], Any]:
        return functools.partial(kernel, given, threads=threads)

    return Contender(OURS, setting, bind, read=read)


def _peer(
    library: str, setting: str, call: Callable[[Any], Any], read: Callable[[Any], Array] = np.asarray
) -> Contender:
    """Give a library's call of an array, or of a tensor where it is torch."""

    def bind(given: Array, threads: int) -> Callable[[], Any]:
        if library == "torch":
            import torch

            return functools.partial(call, torch.from_numpy(given))
        return functools.partial(call, given)

    return Contender(library, setting, bind, library, read=read)


def _task(kernel: str, sweep: str, value: Any, *inputs: Callable[[], Any]) -> Task:
    return Task("kernels", kernel, sweep, {sweep: value}, *inputs)


def _both(make: Callable[[tuple[int, ...]], Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Give what makes the input that is timed, and the one that is compared."""
    return functools.partial(make, _MANY), functools.partial(make, _FEW)


def _normal(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _codes(bits: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(0).integers(0, 1 << bits, shape, np.uint8).ravel()


def _named(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _decibels(result: Array, exact: Array) -> Mapping[str, Any]:
    """Tell the PSNR; the peak is the largest size."""
    return {"psnr": finite(psnr(result, exact, float(np.abs(exact).max())))}


def _equality(result: Array, exact: Array) -> Mapping[str, Any]:
    return {"equal": bool(np.array_equal(result, exact))}
