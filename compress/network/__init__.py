"""Networks as graphs: which channels belong together, smaller copies, files that need no class."""

from __future__ import annotations

from compress.network.channels import Channels, Group, UnsupportedError, trace
from compress.network.costs import Costs, costs, costs_without
from compress.network.layers import add_constant, layers_of
from compress.network.surgery import shrunk

__all__ = [
    "Channels",
    "Costs",
    "Group",
    "UnsupportedError",
    "add_constant",
    "costs",
    "costs_without",
    "layers_of",
    "shrunk",
    "trace",
]
