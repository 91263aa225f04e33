"""What compression computes, as native code: moments, norms, small floating point, convolutions of inference."""

from compress.kernels.convolution import Convolution
from compress.kernels.minifloat import Format, decode, encode, round_to
from compress.kernels.moments import Moments
from compress.kernels.norms import Norms, norms
from compress.kernels.packing import pack, unpack
from compress.kernels.search import errors

__all__ = [
    "Convolution",
    "Format",
    "Moments",
    "Norms",
    "decode",
    "encode",
    "errors",
    "norms",
    "pack",
    "round_to",
    "unpack",
]
