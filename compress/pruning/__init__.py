"""Pruning of channels: how many are needed, which of them stay, and what the others did."""

from __future__ import annotations

from compress.pruning.initial import prune_at_initialization
from compress.pruning.prune import prune
from compress.pruning.report import Layer, Pruned, Report

__all__ = ["Layer", "Pruned", "Report", "prune", "prune_at_initialization"]
