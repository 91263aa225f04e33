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
    before = {}  # stages that the first one reads
    body = BODIES[program["body"]]
    first[x, y] = body(image, factor, x, y, before) if body is _window else body(image, factor, x, y)
    output[x, y] = first[x, y] + schedule.choice("offset", default=0)
    funcs = {**before, "first": first, "output": output}
    stages = Stages(funcs, {name: {"x": x, "y": y} for name in funcs}, {"rows": image.height() / 2})
    record = Recorder()
    record["first"].compute_root()
    record["output"].parallel("y")
    images = (
        sig.Image("image", "float32", sig.Layout(1)),
        sig.Image("result", "float32", sig.Layout(1), True),
    )
    signature = sig.Signature(images, (), ("factor",))
    externs = dict.fromkeys(program.get("externs", ()), "")
    return Lowered([image, factor, *rest], [output], stages, record.ops, signature, externs)


def _tell(program):
    if "log" in program:
        with open(program["log"], "a") as file:
            file.write("compiled\n")
    if os.path.exists(program.get("started", "")):
        open(program["started"], "w").close()
        open(program["go"]).close()


def _scale(image, factor, x, y):
    return image[x, y] * factor


def _window(image, factor, x, y, stages):
    size = [hl.max(image.dim(i).extent() - 1, 0) for i in range(2)]
    inside, total = hl.Func("inside"), hl.Func("total")
    inside[x, y] = image[hl.clamp(x, 0, size[0]), hl.clamp(y, 0, size[1])]
    taps = hl.RDom([(-2, 5)], "taps")
    total[x, y] = hl.f32(0)
    total[x, y] += inside[x + taps.x, y]
    stages.update(inside=inside, total=total)
    return total[x, y - 1] + total[x, y + 1]


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
    "window": _window,
    "positive": _positive,
    "shift": _shift,
    "huge": _huge,
    "bug": _bug,
    "refused": _refused,
    "abort": _abort,
}
