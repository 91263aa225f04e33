"""What happens to the images of a batch; names and parameters are torchvision's where it has them."""

from data.transforms.base import Geometric, Pixelwise, Transform
from data.transforms.chance import RandomApply
from data.transforms.color import ColorJitter, RandomGrayscale
from data.transforms.filtering import Bilateral, Filter, GaussianBlur, LocalLaplacian, Unsharp
from data.transforms.geometry import (
    CenterCrop,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from data.transforms.values import Normalize, ToDtype

__all__ = [
    "Bilateral",
    "CenterCrop",
    "ColorJitter",
    "Filter",
    "GaussianBlur",
    "Geometric",
    "LocalLaplacian",
    "Normalize",
    "Pixelwise",
    "RandomAffine",
    "RandomApply",
    "RandomCrop",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToDtype",
    "Transform",
    "Unsharp",
]
