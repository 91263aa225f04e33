"""The experiments of the report, with its tables' shapes: what ``python -m compress`` runs, and benchmarks use.

They train, so they need a loader and data sets: this folder alone of the package imports :mod:`data`.
"""

from __future__ import annotations

from schedules import siblings

siblings.check("compress", "data")

from compress.experiments.datasets import DataSet, read
from compress.experiments.experiment import Experiment, Plan, Trained
from compress.experiments.pruning import pruning
from compress.experiments.quantization import quantization
from compress.experiments.results import Results, spread
from compress.experiments.staging import staging

__all__ = [
    "DataSet",
    "Experiment",
    "Plan",
    "Results",
    "Trained",
    "pruning",
    "quantization",
    "read",
    "spread",
    "staging",
]
