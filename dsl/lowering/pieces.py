"""How columns are cut into pieces for Fourier transforms (fourier.py). Plain numbers: known without Halide."""

from __future__ import annotations

from typing import Any

#: Points of a transform: what schedules may choose.
POINTS = (32, 64, 128, 256, 512, 1024)


def most_rows(points: int) -> int:
    """Give the rows of a kernel at most: half a piece may be lost where pieces overlap, and no more."""
    return points // 2 + 1


def results(points: int, rows: Any) -> Any:
    """Give the rows that a piece has results for. Two pieces, one below the other, are transformed at a time."""
    return points - rows + 1


def transformed(height: int, points: int, rows: int) -> int:
    """Give the rows that are transformed for an image of some height."""
    rows_a_pair = 2 * int(results(points, rows))
    return 2 * points * -(-height // rows_a_pair)
