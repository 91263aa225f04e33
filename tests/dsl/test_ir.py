"""Programs as data: printed, hashed, written to JSON and read back, checked."""

import copy
import json

import pytest

import dsl
from dsl.ir import OPS, POINTWISE, Node, Program


@dsl.filter
def unsharp(src: dsl.Image, sigma: dsl.Scalar = 3.0, amount: dsl.Scalar = 1.5) -> dsl.Image:
    return src + amount * (src - dsl.convolve(src, dsl.gaussian(sigma)))


GOLDEN = """\
%0 = input 0 0
%1 = parameter 1
%2 = parameter 0
%3 = gaussian %2
%4 = convolve 3 %0 %3 %3
%5 = sub %0 %4
%6 = mul %1 %5
%7 = add %0 %6
return %7"""


@dsl.filter
def everything(src: dsl.Color, guide: dsl.Image, low: dsl.Small, sigma: dsl.Scalar, curve: dsl.Table) -> dsl.Image:
    """Uses every kind of node that has attributes."""
    levels = dsl.laplacian_pyramid(src, 2)
    levels[-1] = dsl.lookup(dsl.table([0.0, 0.1, 1 / 3]), levels[-1])
    smooth = dsl.convolve(dsl.collapse(levels), dsl.kernel([0.25, 0.5, 0.25]), dsl.box(sigma))
    cosines, sines = dsl.harmonics(guide, 2)
    wave = dsl.dot([curve[0], sigma], cosines) + dsl.window(sines.channel(1), (1, 2), "max")
    mixed = dsl.stack(*(c * wave for c in smooth.channels))
    near = src[dsl.taps([[0, 1, 0], [1, 2, 1], [0, 1, 0]])]
    alike = dsl.weighted_mean(near, dsl.lookup(curve, dsl.distance(near, src, "l2")))
    alike = alike + dsl.weighted_mean(low[dsl.around(low, src)]) + dsl.convolve_2d(src, curve, sigma)
    alike = alike + dsl.tabulate(low, low, dsl.taps([[1]]), (0, sigma)).at(guide)
    wide = dsl.oscillators(curve.part(0, 2), curve.part(1, 2), sigma, terms=3, parity="even")
    split = dsl.decompose(lambda image: dsl.convolve(image, dsl.box(sigma)), mixed, [guide], [sigma], [curve])
    return dsl.select(
        src
        > guide[1, -2]
        + dsl.resize(low, guide)
        + dsl.resize(low, guide, mirrored=(0, 1))
        - dsl.average(guide) * dsl.warp(low, guide, (1, 0, 0, 0, 1, 0)),
        split + alike,
        dsl.convolve(src, wide, dsl.gaussian(2)) + dsl.convolve(src, dsl.identity()),
    )


def program(f=unsharp) -> Program:
    return f.trace().program


def test_golden_text():
    assert unsharp.source() == str(program()) == GOLDEN


def test_every_operation_is_in_the_second_program_or_pointwise():
    used = {op for op, _, _ in program(everything).lines}
    assert set(OPS) <= used
    assert used <= set(OPS) | set(POINTWISE)


@pytest.mark.parametrize("f", [unsharp, everything])
def test_json_round_trip(f):
    text = json.dumps(program(f).to_json())
    again = Program.from_json(json.loads(text))
    assert again == program(f)
    assert again.digest() == program(f).digest()
    assert json.dumps(again.to_json()) == text
    assert [str(node.type) for node in again.nodes()] == [str(node.type) for node in program(f).nodes()]


def test_names_and_lines_do_not_change_the_hash():
    @dsl.filter
    def other(photo: dsl.Image, a: dsl.Scalar, b: dsl.Scalar) -> dsl.Image:
        blurred = dsl.convolve(photo, dsl.gaussian(a))

        return photo + b * (photo - blurred)

    assert program(other).digest() == program().digest()


def _times(factor):
    def times(src: dsl.Image) -> dsl.Image:
        return src * factor

    return times


@pytest.mark.parametrize("factor", [0.1, 1 / 3, 1e-40, 3, 2.5e30])
def test_numbers_are_written_exactly(factor):
    data = dsl.filter(_times(factor)).trace().program.to_json()
    constants = [attributes[0] for op, attributes, _ in data["lines"] if op == "constant"]
    assert constants == [float(factor).hex()]
    assert float.fromhex(constants[0]) == factor


def test_numbers_that_differ_in_the_last_bit_are_different_programs():
    digests = {dsl.filter(_times(f)).trace().program.digest() for f in (1.0, 1.0 + 2**-52, 2.0)}
    assert len(digests) == 3


def test_equal_nodes_stand_once():
    @dsl.filter
    def twice(src: dsl.Image, sigma: dsl.Scalar) -> dsl.Image:
        return dsl.convolve(src, dsl.gaussian(sigma)) * 2 + dsl.convolve(src, dsl.gaussian(sigma)) * 2

    lines = program(twice).lines
    assert len(set(lines)) == len(lines)
    assert sorted(op for op, _, _ in lines) == sorted(
        ["input", "parameter", "gaussian", "convolve", "constant", "mul", "add"]
    )


def test_what_is_not_used_is_not_in_the_program():
    @dsl.filter
    def wasteful(src: dsl.Image, sigma: dsl.Scalar) -> dsl.Image:
        dsl.convolve(src, dsl.gaussian(sigma))
        return src + 1

    assert [op for op, _, _ in program(wasteful).lines] == ["input", "constant", "add"]


def test_long_tables_are_abridged_in_print():
    @dsl.filter
    def curve(src: dsl.Image) -> dsl.Image:
        return dsl.lookup(dsl.table(range(256)), dsl.lookup(dsl.table([0, 0.5]), src))

    assert "table [256 numbers]" in curve.source()
    assert "table [0, 0.5]" in curve.source()


def _with(change):
    data = copy.deepcopy(program().to_json())
    change(data)
    return data


MALFORMED = {
    "no such operation": (lambda d: d["lines"].append(["blur", [], [0]]), "no operation 'blur'"),
    "later node": (lambda d: d["lines"][3].__setitem__(2, [4]), "earlier nodes"),
    "itself": (lambda d: d["lines"][3].__setitem__(2, [3]), "earlier nodes"),
    "negative": (lambda d: d["lines"][3].__setitem__(2, [-1]), "earlier nodes"),
    "not a node": (lambda d: d["lines"][3].__setitem__(2, ["2"]), "earlier nodes"),
    "operands": (lambda d: d["lines"][5].__setitem__(2, [0]), "takes 2 operands, 1 came"),
    "operand kind": (lambda d: d["lines"][5].__setitem__(2, [0, 3]), "a Kernel came"),
    "attributes": (lambda d: d["lines"][4].__setitem__(1, []), "attributes must be int"),
    "attribute type": (lambda d: d["lines"][4].__setitem__(1, ["3"]), "attributes must be int"),
    "too many terms": (lambda d: d["lines"][4].__setitem__(1, [99]), "terms must be from 1 to"),
    "more terms than lowering has": (lambda d: d["lines"][4].__setitem__(1, [7]), "terms must be from 1 to 6"),
    "no terms": (lambda d: d["lines"][4].__setitem__(1, [0]), "terms must be from 1 to 6"),
    "constant": (lambda d: d["lines"].append(["constant", ["one"], []]), "float.hex, 'one' came"),
    "table": (lambda d: d["lines"].append(["table", [[0.5]], []]), "float.hex, 0.5 came"),
    "image": (lambda d: d["lines"][0].__setitem__(1, [1, 0]), "no argument 1; there are 1"),
    "channels": (lambda d: d["lines"][0].__setitem__(1, [0, 3]), "has 0 channels, not 3"),
    "scalar": (lambda d: d.__setitem__("scalars", 1), "no argument 1; there are 1"),
    "output": (lambda d: d.__setitem__("outputs", [8]), "must be one of 8 nodes, not 8"),
    "output number": (lambda d: d.__setitem__("outputs", [7, True]), "must be one of 8 nodes, not True"),
    "output kind": (lambda d: d.__setitem__("outputs", [7, 3]), "must be an Image, a Kernel came"),
    "output size": (
        lambda d: d["lines"].append(["down", ["float32"], [0]]) or d["outputs"].append(8),
        "outputs differ in size",
    ),
    "no output": (lambda d: d.__setitem__("outputs", []), "there must be an output"),
    "no list of outputs": (lambda d: d.__setitem__("outputs", 7), "not a program: TypeError"),
    "missing": (lambda d: d.pop("lines"), "not a program: KeyError"),
    "lines": (lambda d: d.__setitem__("lines", [["input"]]), "not a program: ValueError"),
}


@pytest.mark.parametrize(("change", "said"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_programs_are_refused(change, said):
    with pytest.raises(dsl.DSLError) as caught:
        Program.from_json(_with(change))
    assert said in str(caught.value)
    assert ":0:" not in str(caught.value)  # no file, no line: nothing was traced


def test_a_node_is_frozen_and_checked_when_it_is_made():
    node = Node("input", (0, 0))
    with pytest.raises(AttributeError):
        node.op = "down"
    with pytest.raises(dsl.DSLError, match="no operation"):
        Node("nothing")
