"""Filters of batches: one native call for images of any sizes, each with numbers of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl import arrays, variants
from dsl.tracing import Filter
from dsl.values import Image, Scalar, Table
from schedules.native.signature import WORD
from schedules.schedule import Schedule

#: numpy's types of the arguments of a native call, by LLVM's.
_NUMPY = {"ptr": "u8", "i64": "i8", "i32": "i4", "float": "f4"}
#: A call is one thread's and its images are small: of fewer rows at a time less is kept, so it stays nearer.
_BY_HAND = Schedule({"strip": 16})


class Batch:
    """A filter compiled for batches: every row of a table is a call, and rows are filtered in parallel.

    Its first image may be small (``dsl.Small``): of a size of its own in every row. Results have a dtype and order in
    memory of their own.

    Parameters
    ----------
    filter : Filter
        Whose images all have the dtype of the first, and one channel or three.
    dtype, out_dtype : str
        Of images, and of results; the latter may be ``"float16"``, too.
    planar : bool
        Whether channels of results lie in planes of their own, instead of side by side.
    structural : mapping
        Values of the filter's int, str and bool parameters.
    """

    def __init__(
        self,
        filter: Filter,
        *,
        dtype: str,
        out_dtype: str,
        planar: bool,
        target: str = "host",
        schedule: Any = "manual",
        structural: Mapping[str, Any] | None = None,
    ) -> None:
        traced = filter.trace(structural)
        colors = traced.mode == "color"
        placement = arrays.Placement(3 if colors else 1)
        out = arrays.Placement(1, planar=True) if colors and planar else placement
        dtypes = [dtype] * len(traced.program.images) + [out_dtype] * len(traced.program.outputs)
        chosen = _BY_HAND if schedule == "manual" else schedule
        request = filter.request(traced, placement, dtypes, target, chosen, out=out) | {"kind": "batch"}
        why = f"{traced.label}, batches, {dtype} to {out_dtype}, {'planar' if planar else 'packed'}"
        self.kernel = variants.kernel(request, filter.__name__, why, schedule if isinstance(schedule, str) else "given")
        renamed = _renamed(filter)
        self._fields = [(renamed.get(name, name), llvm) for _, llvm, name in self.kernel.signature.parameters()]

    def table(self, count: int) -> NDArray[Any]:
        """Make the arguments of so many calls, all zero.

        Its fields are, in bytes and elements: of each image ``NAME`` (its address), ``NAME_stride`` (from row to row),
        of planes also ``NAME_plane_stride``; of the result the same of ``result``; ``width`` and ``height`` of the
        result, ``channels``, ``small_width`` and ``small_height`` of small images; of each table ``NAME`` and
        ``NAME_length``; each number; ``border`` and ``border_value``.
        """
        names = [name for name, _ in self._fields]
        layout = {
            "names": names,
            "formats": [_NUMPY[llvm] for _, llvm in self._fields],
            "offsets": [WORD * i for i in range(len(names))],
            "itemsize": WORD * len(names),
        }
        return np.zeros(count, np.dtype(layout))  # type: ignore[call-overload]

    def run(self, table: NDArray[Any], threads: int) -> None:
        """Filter all rows, on so many threads at most; the GIL is released meanwhile."""
        if len(table):
            self.kernel(threads, len(table), table.ctypes.data)


def _renamed(filter: Filter) -> dict[str, str]:
    """Give the names of a filter's parameters by those of the kernel's arguments."""
    found: dict[str, str] = {}
    kinds: Sequence[tuple[type, str, Sequence[str]]] = (
        (Image, "image", ("", "_stride", "_plane_stride")),
        (Table, "table", ("", "_length")),
        (Scalar, "scalar", ("",)),
    )
    for kind, word, endings in kinds:
        names = [p.name for p in filter.parameters if issubclass(p.kind, kind)]
        found |= {f"{word}{i}{ending}": name + ending for i, name in enumerate(names) for ending in endings}
    return found
