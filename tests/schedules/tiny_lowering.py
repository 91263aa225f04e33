"""Lowers pipelines small enough to compile in a moment, so that these tests need no language.

A program is ``{"body": NAME, ...}``. ``log`` names a file that gets a line for every compilation. While the
pipe ``started`` exists, lowering opens it, and then waits at the pipe ``go``.
"""

import os

import halide as hl

from schedules.apply import Stages
from schedules.native import signature as sig
from schedules.native.worker import Lowered
from schedules.schedule import Recorder


def lower(program, schedule, target):
    _tell(program)
    x, y = hl.Var("x"), hl.Var("y")
    image = hl.ImageParam(hl.Float(32), 2, "image")
    factor = hl.Param(hl.Float(32), "factor")
    rest = [hl.Param(hl.Int(32), "channels"), hl.Param(hl.Int(32), "border")]
    rest.append(hl.Param(hl.Float(32), "border_value"))
    first, output = hl.Func("first"), hl.Func("output")
    first[x, y] = BODIES[program["body"]](image, factor, x, y)
    output[x, y] = first[x, y] + schedule.choice("offset", default=0)
    stages = Stages(
        {"first": first, "output": output},
        {"first": {"x": x, "y": y}, "output": {"x": x, "y": y}},
        {"rows": image.height() / 2},
    )
    record = Recorder()
    record["first"].compute_root()
    record["output"].parallel("y")
    images = (
        sig.Image("image", "float32", sig.Layout(1)),
        sig.Image("result", "float32", sig.Layout(1), True),
    )
    signature = sig.Signature(images, (), ("factor",))
    return Lowered([image, factor, *rest], [output], stages, record.ops, signature)


def _tell(program):
    if "log" in program:
        with open(program["log"], "a") as file:
            file.write("compiled\n")
    if os.path.exists(program.get("started", "")):
        open(program["started"], "w").close()
        open(program["go"]).close()


def _scale(image, factor, x, y):
    return image[x, y] * factor


def _positive(image, factor, x, y):
    return hl.require(factor > 0, image[x, y] * factor, factor)


def _shift(image, factor, x, y):
    return image[x + 1, y]


def _huge(image, factor, x, y):
    table, k = hl.Func("table"), hl.Var("k")
    table[k] = hl.f32(k)
    table.compute_root().store_in(hl.MemoryType.Heap)
    return image[x, y] + table[hl.i32(factor)] + table[0]


def _bug(image, factor, x, y):
    return {}["missing"]


def _refused(image, factor, x, y):
    return hl.Func("undefined")[x, y] + image[x, y]


def _abort(image, factor, x, y):
    os.abort()


BODIES = {
    "scale": _scale,
    "positive": _positive,
    "shift": _shift,
    "huge": _huge,
    "bug": _bug,
    "refused": _refused,
    "abort": _abort,
}
