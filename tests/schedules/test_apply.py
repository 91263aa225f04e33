import re

import pytest

from schedules import Op, ScheduleError
from schedules.apply import Stages, apply
from schedules.schedule import DIRECTIVES

hl = pytest.importorskip("halide")


@pytest.fixture
def stages():
    x, y, strip = hl.Var("x"), hl.Var("y"), hl.Param(hl.Int(32), "strip")
    taps = hl.RDom([(0, 12)], "taps")
    pad, total, out = hl.Func("pad"), hl.Func("total"), hl.Func("out")
    pad[x, y] = hl.f32(x) + y
    total[x, y] = 0.0
    total[x, y] += pad[x + taps.x, y]
    out[x, y] = total[x, y]
    plain = {"x": x, "y": y}
    return Stages(
        {"pad": pad, "total": total, "out": out},
        {"pad": plain, "total": {**plain, "taps": taps.x}, "out": plain},
        {"strip": strip},
    )


def op(stage, directive, *arguments):
    return Op(stage, directive, arguments)


def loop_nest(stages, tmp_path):
    path = tmp_path / "stmt"
    out = hl.Pipeline([stages.funcs["out"]])
    arguments = [stages.symbols["strip"]]
    out.compile_to({hl.OutputFileType.conceptual_stmt: str(path)}, arguments, "f", hl.Target("x86-64-linux"))
    return path.read_text()


def test_signature_names_stages_and_loops(stages):
    expected = [("pad", ("x", "y")), ("total", ("x", "y", "taps")), ("out", ("x", "y"))]
    assert stages.signature() == expected


def test_ops_shape_the_loops(stages, tmp_path):
    ops = [
        op("out", "split", "y", "yo", "yi", "strip", "GuardWithIf"),
        op("out", "split", "x", "row", "xi", 8, "GuardWithIf"),
        op("out", "reorder", "xi", "row", "yi", "yo"),
        op("out", "vectorize", "xi"),
        op("out", "parallel", "yo"),
        op("pad", "store_in", "Heap"),
        op("pad", "compute_at", "out", "yo"),
        op("total", "compute_at", "out", "yi"),
        op("total.update(0)", "split", "taps", "taps", "inner", 4),
        op("total.update(0)", "unroll", "inner"),
    ]
    apply(ops, stages)
    text = loop_nest(stages, tmp_path)
    assert re.search(r"parallel \(out\S*\.s0\.y\.yo", text)
    assert re.search(r"for \(out\S*\.s0\.x\.row", text)
    assert re.search(r"for \(total\S*\.s1\.taps\S*taps\S*, 0, 3\)", text)
    assert not re.search(r"for \(\S*inner", text)


def test_the_stages_themselves_stay_as_they_were(stages):
    apply([op("out", "split", "y", "yo", "yi", 4)], stages)
    assert list(stages.loops["out"]) == ["x", "y"]


def test_every_directive_is_one_of_halides(stages):
    func, update = stages.funcs["total"], stages.funcs["total"].update(0)
    assert [name for name in DIRECTIVES if not hasattr(func, name)] == ["rfactor"]
    assert hasattr(update, "rfactor")


def test_partial_sums_are_a_stage(stages, tmp_path):
    ops = [
        op("total.update(0)", "split", "taps", "to", "ti", 4),
        op("total.update(0)", "rfactor", "ti", "lane", "partial"),
        op("partial", "compute_root"),
        op("partial", "vectorize", "lane"),
        op("partial.update(0)", "vectorize", "lane"),
        op("partial.update(0)", "reorder", "lane", "x", "to"),
        op("total", "compute_root"),
    ]
    apply(ops, stages)
    text = loop_nest(stages, tmp_path)
    assert re.search(r"produce total\S*_intm", text) and "x4(0.000000f)" in text


def test_loops_of_reductions_have_halides_names_unless_they_are_named(stages):
    del stages.loops["total"]["taps"]
    assert list(stages.all_loops()["total"]) == ["x", "y", "taps$x"]
    apply([op("total.update(0)", "reorder", "x", "taps$x", "y")], stages)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (op("pat", "compute_root"), r"pat\.compute_root\(\): no stage 'pat'; there is pad, total, out"),
        (op("pad", "vectorize", "z"), "no loop of pad 'z'; there is x, y"),
        (op("pad", "reorder", "x", "z"), "no loop of pad 'z'"),
        (op("pad", "compute_at", "oat", "x"), "no stage 'oat'"),
        (op("pad", "compute_at", "out", "xo"), "no loop of out 'xo'; there is x, y"),
        (op("pad", "split", "x", "xo", "xi", "half"), "no symbol 'half'; there is strip"),
        (
            op("pad", "split", "x", "xo", "xi", 4, "Ragged"),
            "no TailStrategy 'Ragged'; there is .*GuardWithIf",
        ),
        (op("pad", "store_in", "Attic"), "no MemoryType 'Attic'; there is .*Heap"),
        (op("total.update(0)", "compute_root"), "compute_root is for whole stages alone"),
        (op("total.update(7)", "vectorize", "x"), r"total\.update\(7\)"),
        (op("pad.update(0)", "vectorize", "x"), r"pad\.update\(0\)"),
        (op("total.update(0)", "parallel", "taps"), "race"),
        (op("pad", "split", "x", "y", "xi", 4), r"pad\.split\(x, y, xi, 4\)"),
    ],
)
def test_a_schedule_that_does_not_fit(stages, wrong, text):
    with pytest.raises(ScheduleError, match=text):
        apply([wrong], stages)
