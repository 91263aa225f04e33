"""Sizes that kernels and those who call them agree on; the former need Halide, the latter do not."""

from __future__ import annotations

#: Moments where positions lie side by side: channels of a square, and of its tiles.
SIDE, TILE = 16, 4
#: Where channels lie side by side: rows of a tile, and vectors of its columns, of which there are as many in a square.
ROWS, VECTORS = 8, 2
#: Scales that the error of rounding is computed of together.
SCALES = 32
#: Vectors of positions of a convolution's tile.
ACROSS = 2
