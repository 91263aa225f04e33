"""Networks made smaller: pruning of channels, weights of few bits, and the kernels that both are computed by.

    import compress

    found = compress.prune(model, batches, target={"params": 0.45})
    print(found.report)
    found.save("smaller.safetensors")
    model = compress.load("smaller.safetensors").model      # needs no class
    found.export("smaller.onnx")

Whatever concerns networks needs torch, which is imported at its first use; :mod:`compress.kernels` does without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from schedules import siblings

siblings.check(__name__, "dsl", "schedules")

if TYPE_CHECKING:
    from compress.loading import load
    from compress.measuring import latency
    from compress.network import UnsupportedError
    from compress.pruning import Pruned, prune, prune_at_initialization
    from compress.quantization import Quantized, quantize
    from compress.sparsity import Sparsify
    from compress.stages import Staged, staged

__all__ = [
    "Pruned",
    "Quantized",
    "Sparsify",
    "Staged",
    "UnsupportedError",
    "latency",
    "load",
    "prune",
    "prune_at_initialization",
    "quantize",
    "staged",
]
_HOMES = {
    "Pruned": "pruning",
    "Quantized": "quantization",
    "Sparsify": "sparsity",
    "Staged": "stages",
    "UnsupportedError": "network",
    "latency": "measuring",
    "load": "loading",
    "prune": "pruning",
    "prune_at_initialization": "pruning",
    "quantize": "quantization",
    "staged": "stages",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
