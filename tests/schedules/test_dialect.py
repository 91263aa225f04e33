"""What autoschedulers print becomes ops."""

import pytest

from schedules import ScheduleError
from schedules.automatic.dialect import Names, parse

NAMES = Names(
    {"blur": "blur$1", "blur_sum": "blur_sum", "output": "output"},
    {
        "blur": {"x": "x", "y": "y"},
        "blur_sum": {"x": "x", "y": "y", "taps": "window$x"},
        "output": {"x": "x", "y": "y"},
    },
    ["image0"],
)

MULLAPUDI = """
Var x_i("x_i");
Var x_i_vi("x_i_vi");
Func blur_1 = pipeline.get_func(1);
Func output = pipeline.get_func(3);
{
    Var x = blur_1.args()[0];
    RVar window$x(blur_sum.update(0).get_schedule().rvars()[0].var);
    blur_1
        .compute_at(output, x_o)
        .split(x, x_vo, x_vi, 16)
        .vectorize(x_vi);
    blur_sum.update(0)
        .reorder(x, window$x, y)
        .split(x, x_vo, x_vi, 16, TailStrategy::GuardWithIf);
}
{
    Var x = output.args()[0];
    output
        .compute_root()
        .split(x, x_o, x_i, 256)
        .parallel(x_o);
}
"""
ADAMS = """
Func output = pipeline.get_func(3);
Var x(output.get_schedule().dims()[0].var);
RVar window_x(blur_sum.update(0).get_schedule().dims()[0].var);
RVar window_xi("window$xi");
output
    .split(x, x, xi, 64, TailStrategy::ShiftInwards)
    .vectorize(xi)
    .compute_root()
    .reorder({xi, x, y})
    .parallel(y);
blur_1
    .store_in(MemoryType::Stack)
    .compute_at(output, x)
    .store_at(output, y)
    .reorder_storage(y, x);
blur_sum.update(0)
    .split(window_x, window_x, window_xi, 4, TailStrategy::GuardWithIf)
    .unroll(window_xi);
output.update(0);
"""
LI = """image0_im.compute_root()
    .vectorize(_0)
;
output.compute_root()
    .split(x,v12,v13,32,ShiftInwards)
    .fuse(v12,y,v12)
    .reorder(v13,v12)
    .parallel(v12,264,ShiftInwards)
    .vectorize(v13)
;
blur_sum_intm = blur_sum.update(0)
    .rfactor({{window$x,v18}})
    .compute_root()
    .vectorize(v18)
blur_sum_intm.update()
    .atomic()
    .parallel(window$x)
;
"""
MULLAPUDI_GPU = """
auto pipeline = get_pipeline();
{
    output
        .compute_root()
        .tile(x, y, x_o, y_o, x_i, y_i, 32, 16)
        .gpu_blocks(x_o, y_o);
    blur_1
        .compute_root()
        .split(x, x_vo, x_vi, 32)gpu(x_vo, x_vi);
    blur_sum.update(0)
        .r_gpu_threads(window$x)
        .unscheduled();
}
"""


def lines(text):
    return [str(op) for op in parse(text, NAMES)]


def test_mullapudi2016_and_placements_come_last():
    assert lines(MULLAPUDI) == [
        "blur.split(x, x_vo, x_vi, 16)",
        "blur.vectorize(x_vi)",
        "blur_sum.update(0).reorder(x, taps, y)",
        "blur_sum.update(0).split(x, x_vo, x_vi, 16, GuardWithIf)",
        "output.compute_root()",
        "output.split(x, x_o, x_i, 256)",
        "output.parallel(x_o)",
        "blur.compute_at(output, x_o)",
    ]


def test_adams2019_names_loops_of_reductions():
    assert lines(ADAMS) == [
        "output.split(x, x, xi, 64, ShiftInwards)",
        "output.vectorize(xi)",
        "output.compute_root()",
        "output.reorder(xi, x, y)",
        "output.parallel(y)",
        "blur.store_in(Stack)",
        "blur.reorder_storage(y, x)",
        "blur_sum.update(0).split(taps, taps, window_xi, 4, GuardWithIf)",
        "blur_sum.update(0).unroll(window_xi)",
        "blur.compute_at(output, x)",
        "blur.store_at(output, y)",
    ]


def test_li2018_makes_tasks_and_stages_of_partial_sums():
    assert lines(LI) == [
        "output.compute_root()",
        "output.split(x, v12, v13, 32, ShiftInwards)",
        "output.fuse(v12, y, v12)",
        "output.reorder(v13, v12)",
        "output.split(v12, v12, v12_0, 264, ShiftInwards)",
        "output.parallel(v12)",
        "output.vectorize(v13)",
        "blur_sum.update(0).rfactor(taps, v18, blur_sum_intm)",
        "blur_sum_intm.compute_root()",
        "blur_sum_intm.vectorize(v18)",
        "blur_sum_intm.update(0).atomic()",
        "blur_sum_intm.update(0).parallel(taps)",
    ]


def test_schedules_for_devices():
    assert lines(MULLAPUDI_GPU) == [
        "output.compute_root()",
        "output.split(x, x_o, x_i, 32)",
        "output.split(y, y_o, y_i, 16)",
        "output.reorder(x_i, y_i, x_o, y_o)",
        "output.gpu_blocks(x_o, y_o)",
        "blur.compute_root()",
        "blur.split(x, x_vo, x_vi, 32)",
        "blur.gpu(x_vo, x_vi)",
        "blur_sum.update(0).gpu_threads(taps)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharp.compute_root();", "no stage is called 'sharp'; there is blur, blur_sum, output"),
        ("output.explode(x);", r"output\.explode\(x\): no such directive"),
        ("output.vectorize(x", "no chain of directives: 'output.vectorize"),
        ("output.compute_root(x);", r"output\.compute_root\(x\): 0 arguments expected"),
        ("output.split(x, xo);", "4 or 5 arguments expected, 2 came"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(ScheduleError, match=message):
        parse(text, NAMES)
