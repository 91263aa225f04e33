"""How many rows a task goes through where a scan runs down the columns. Plain numbers: known without Halide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A chunk starts with sums over its first window, so few are cheap; but each is one task, so there must be several.
#: It depends on the image's height alone, never on the threads or the machine: results would too. Multiples of the
#: longest vector.
_TASKS, _LEAST, _MOST, _MULTIPLE = 8, 64, 256, 16


def chunk_rows(height: Any, least: Callable[..., Any] = min, most: Callable[..., Any] = max) -> Any:
    """Give the rows of a chunk; with Halide's min and max for an expression of the height."""
    share = (height + _TASKS * _MULTIPLE - 1) // (_TASKS * _MULTIPLE) * _MULTIPLE
    return least(most(share, _LEAST), _MOST)
