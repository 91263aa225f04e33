"""Pruning of channels: how many are needed, which of them stay, and what the others did."""

from __future__ import annotations

from compress.pruning.prune import Layer, Pruned, Report, prune

__all__ = ["Layer", "Pruned", "Report", "prune"]
