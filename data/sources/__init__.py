"""Where images come from: folders, arrays, and the files of well-known data sets."""

from data.sources.arrays import ArraySource
from data.sources.cifar import CifarSource
from data.sources.decoding import MAX_PIXELS, decode
from data.sources.errors import ImageError
from data.sources.folder import EXTENSIONS, ImageFolder
from data.sources.idx import FASHION_MNIST, IdxSource
from data.sources.protocol import Source, fingerprint, name_of

__all__ = [
    "EXTENSIONS",
    "FASHION_MNIST",
    "MAX_PIXELS",
    "ArraySource",
    "CifarSource",
    "IdxSource",
    "ImageError",
    "ImageFolder",
    "Source",
    "decode",
    "fingerprint",
    "name_of",
]
