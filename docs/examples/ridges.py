"""A filter, and a schedule for it by hand: see docs/schedules.md."""

import dsl
from schedules import Schedule
from schedules.schedule import Recorder


@dsl.filter
def ridges(src: dsl.Image) -> dsl.Image:
    """Tell how an image changes from column to column, and from row to row."""
    return abs(src[0, 1] - src[0, -1]) + abs(src[1, 0] - src[-1, 0])


def by_hand() -> Schedule:
    """Strips of 16 rows in parallel, rows in vectors of 8; padded rows are kept while a strip needs them."""
    record = Recorder()
    for stage in ("row0", "column0"):  # which pixels the border rule reads
        record[stage].compute_root()
    out = record["output"].split("y", "yo", "y", 16, "GuardWithIf").parallel("yo")
    out.split("x", "x", "xi", 8, "GuardWithIf").vectorize("xi")
    padded = record["pad_input0_output"].split("x", "x", "xi", 8, "RoundUp").vectorize("xi")
    padded.store_at("output", "yo").compute_at("output", "y")
    return Schedule(ops=record.ops)
