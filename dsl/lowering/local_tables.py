"""Tables of small pixels, read at the values of an image of another size: which lowering it is."""

from __future__ import annotations

from dsl.ir import Node
from dsl.lowering import pointwise, tables_in_registers, tables_in_stages
from dsl.lowering.context import Group, Lowering, Reader
from dsl.lowering.tabulated import Tables
from schedules.errors import ScheduleError

METHODS = ("registers", "stages")


def _read(low: Lowering, node: Node, group: Group) -> Reader:
    known = Tables.of(node.args[0])
    label = low.label(node)
    wanted = low.schedule.choice(label, "tables", default="registers")
    if wanted not in METHODS:
        raise ScheduleError(f"{label} = {wanted!r}: tables are read by {' or '.join(map(repr, METHODS))}")
    if wanted == "registers" and not low.plain and tables_in_registers.suits(low, node, known):
        return tables_in_registers.read(low, node, known, group)
    return tables_in_stages.read(low, node, known, group)


pointwise.STENCILS["read"] = _read
