"""``python -m filters kernel``: the kernels it takes, its table against dsl.fitting, its figures, what it refuses."""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dsl import fitting
from filters import commands
from filters.kernel import figure, fits, reading

SCRIPT = """
import math
import numpy as np

scale = 12


def k(r):
    return math.exp(-abs(r / scale) ** 3) / 21.43

def one_sided(r):
    return 0.1 * 0.9 ** r if r >= 0 else 0

def wrong(r):
    return 1 / (r - 3)

def two(r, s): return 1

def complex_(r): return 1j

def constant(r): return 1

def numbers(r): return np.float32(2.0 ** -abs(r))

weights = [1, 2, 4, 2, 1]
word = "gaussian"
"""


@pytest.fixture(autouse=True)
def no_filters(monkeypatch):
    monkeypatch.setattr(commands, "available", lambda: {})
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    return path


def invoke(*args, status=0):
    words = ["kernel", *map(str, args)]
    result = CliRunner().invoke(commands.application(), words, prog_name="python -m filters")
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def error_line(*args, status=2):
    result = invoke(*args, status=status)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def table(*args):
    """Give what is printed, as terms -> (marked, radius, error, PSNR)."""
    found = re.findall(r"^(>?) +(\d) +(\d+) +(exact|\S+ dB) +(exact|\S+ dB) *$", invoke(*args).stdout, re.MULTILINE)
    return {int(terms): (bool(mark), int(radius), *numbers) for mark, terms, radius, *numbers in found}


def grid(radius):
    return np.arange(-radius, radius + 1)


def gaussian(sigma):
    k = np.exp(-(grid(math.ceil(7 * sigma)) ** 2) / (2 * sigma**2))
    return k / k.sum()


def error(fit, kernel):
    """Give the error in dB of what a fit does to an impulse."""
    size = max(kernel.size // 2, fit.radius + 1)
    samples, weights = (np.pad(a, size - a.size // 2) for a in (fit.samples(), np.asarray(kernel, float)))
    return 10 * math.log10(((samples - weights) ** 2).sum() / (weights**2).sum())


# The table


@pytest.mark.parametrize("type", [1, 3, 5, 7])
def test_its_numbers_are_those_of_the_fits(type):
    kernel = gaussian(4)
    rows = table("gaussian:4", "--type", type)
    assert list(rows) == [1, 2, 3, 4, 5, 6]
    for terms, (marked, radius, relative, guaranteed) in rows.items():
        fit = fitting.fit(kernel, terms, type=type)
        assert marked == (terms == 3)
        assert radius == fit.radius
        assert relative == f"{error(fit, kernel):.1f} dB"
        assert guaranteed == f"{fitting.guaranteed(fit, kernel):.1f} dB"


def test_what_is_guaranteed_holds_for_the_worst_image():
    kernel = gaussian(3)
    fit = fitting.fit(kernel, 2)
    wrong = fits.difference(fit, kernel)
    worst = max(wrong[wrong > 0].sum(), -wrong[wrong < 0].sum())
    assert table("gaussian:3")[2][3] == f"{-20 * math.log10(worst):.1f} dB"


@pytest.mark.parametrize("terms", [1, 6])
def test_terms_mark_a_line(terms):
    assert [n for n, row in table("gaussian:4", "--terms", terms).items() if row[0]] == [terms]


@pytest.mark.parametrize("accuracy", [20, 43, 60, 95])
def test_accuracy_marks_the_first_line_that_has_it(accuracy):
    rows = table("gaussian:4", "--accuracy", accuracy)
    (marked,) = [n for n, row in rows.items() if row[0]]
    assert marked == min(n for n, row in rows.items() if float(row[3].split()[0]) >= accuracy)
    assert marked == fitting.choose(gaussian(4), accuracy).terms


def test_a_box_needs_no_terms():
    assert table("box:9", "--accuracy", 60)[0] == (True, 9, "exact", "exact")
    assert 0 not in table("box:9")
    assert 0 not in table("box:9", "--accuracy", 20, "--type", 3)


# Kernels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gaussian:4", gaussian(4)),
        ("box:9", np.full(19, 1 / 19)),
        ("derivative:3", -grid(21) / 9 * gaussian(3)),
        ("gabor:8,6", np.cos(2 * np.pi * grid(56) / 6) * gaussian(8)),
        ("exponential:10", np.exp(-abs(grid(300)) / 10) * math.tanh(0.05)),
    ],
)
def test_built_in_kernels(text, expected):
    np.testing.assert_allclose(reading.read(text), expected, rtol=0, atol=1e-12)


def test_derivatives_are_of_what_increases_along_an_axis():
    ramp = np.arange(101.0)
    slope = np.convolve(ramp, reading.read("derivative:2"), "valid")
    np.testing.assert_allclose(slope, 1, atol=1e-9)


def test_a_function_of_a_file(script):
    text = f"{script}:k"
    k = np.exp(-((abs(grid(32)) / 12) ** 3)) / 21.43
    np.testing.assert_allclose(reading.read(text), k, rtol=1e-12)
    assert f"{text}: 65 weights, even, sum 1.0001; type 5\n" in invoke(text).stdout
    assert reading.read(text, radius=5).size == 11
    assert "11 weights" in invoke(text, "--radius", 5).stdout
    assert "neither even nor odd" in invoke(f"{script}:one_sided").stdout  # and no emoji
    assert reading.read(f"{script}:numbers").dtype == np.float64


def test_a_file_is_run_as_a_script_is(tmp_path, script, monkeypatch):
    (tmp_path / "beside.py").write_text("length = 3")
    script.write_text("import beside\ndef k(r): return 2.0 ** (-abs(r) / beside.length)")
    monkeypatch.chdir(tmp_path)
    assert "sum 8.6" in invoke("mine.py:k").stdout
    assert not (tmp_path / "__pycache__" / "mine.pyc").exists()


def test_arrays_of_files(tmp_path, script):
    weights = np.array([1, 2, 4, 2, 1])
    np.save(tmp_path / "a.npy", weights.astype(np.uint8))
    (tmp_path / "a.txt").write_text("# mine\n1 2 4\n2 1\n".replace("4\n", "4 "))
    (tmp_path / "b.txt").write_text("1\n2\n4\n2\n1\n")
    (tmp_path / "a.csv").write_text("1,2,4,2,1")
    for name in ("a.npy", "a.txt", "b.txt", "a.csv", "mine.py:weights"):
        read = reading.read(str(tmp_path / name))
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, weights)
    assert "5 weights, even, sum 10; type 5" in invoke(tmp_path / "a.npy").stdout


def test_numbers_keep_their_digits(tmp_path):
    (tmp_path / "a.txt").write_text("0.1 0.7000000000000001 0.2")
    np.testing.assert_array_equal(reading.read(str(tmp_path / "a.txt")), [0.1, 0.7000000000000001, 0.2])


# Figures


@pytest.mark.parametrize("text", ["gaussian:12", "derivative:3", "gabor:8,6", "exponential:10", "box:9"])
def test_a_figure_is_a_readable_picture(tmp_path, text):
    result = invoke(text, tmp_path / "a.PNG", "--terms", 2)
    assert f"The figure is in {tmp_path / 'a.PNG'}" in result.stdout
    with Image.open(tmp_path / "a.PNG") as picture:
        assert picture.size == (1400, 728)
    assert (tmp_path / "a.PNG").stat().st_size < 60_000
    assert [p.name for p in tmp_path.iterdir()] == ["a.PNG"]
    assert result.stderr == ""


def test_a_figure_shows_kernel_fit_difference_and_all_types(script):
    kernel = reading.read(f"{script}:one_sided")
    chosen = fits.rows(kernel, 7)[3]
    drawn = figure.figure("$mine_$:k", kernel, chosen)
    panels = {axes.get_label(): axes for axes in drawn.axes}
    lines = {line.get_label(): line for line in panels["fit"].lines}
    np.testing.assert_array_equal(dict(zip(*lines["kernel"].get_data(), strict=True))[0], 0.1)
    r, fitted = lines["fit"].get_data()
    np.testing.assert_array_equal(fitted[abs(r) <= chosen.fit.radius + 1], chosen.fit.samples())
    (wrong,) = [line for line in panels["difference"].lines if len(line.get_xdata()) > 2]
    np.testing.assert_allclose(wrong.get_ydata(), (fitted - lines["kernel"].get_ydata()) * 1000, atol=1e-9)
    assert "% of largest weight" in panels["difference"].get_ylabel()
    errors = {line.get_label(): line.get_ydata() for line in panels["errors"].lines}
    for type in (1, 3, 5, 7):
        expected = [error(fitting.fit(kernel, terms, type=type), kernel) for terms in range(1, 7)]
        np.testing.assert_allclose(errors[f"type {type}"], expected)
    assert errors["chosen"] == pytest.approx([chosen.error])
    drawn.canvas.draw()  # a name is no formula


def test_small_differences_have_a_power_of_ten():
    kernel = reading.read("gaussian:12")
    drawn = figure.figure("gaussian:12", kernel, fits.rows(kernel, 5)[5])
    (label,) = [axes.get_ylabel() for axes in drawn.axes if axes.get_label() == "difference"]
    assert "$10^{-5}$ of largest weight" in label


def test_figures_are_the_same_every_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        invoke("gaussian:3", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_a_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    out = tmp_path / "a.png"
    out.write_bytes(b"before")

    class Full(figure.io.BytesIO):
        def getbuffer(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "_smaller", lambda png: Full())
    assert error_line("gaussian:3", out, status=1) == f"error: {out}: cannot be written: No space left on device"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert out.read_bytes() == b"before"
    error_line("gaussian:3", tmp_path / "no" / "a.png", status=1)
    (tmp_path / "b.png").mkdir()
    assert "folder" in error_line("gaussian:3", tmp_path / "b.png", status=1)


def test_nothing_is_written_where_something_is_refused(tmp_path):
    error_line("gaussian:3", tmp_path / "a.png", "--terms", 3, "--accuracy", 50)
    error_line("gaussian:3", tmp_path / "a.png", "--accuracy", 150)
    error_line("gaussian:-3", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_the_table_needs_no_matplotlib_and_a_figure_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    invoke("gaussian:3")
    said = error_line("gaussian:3", tmp_path / "a.png", status=1)
    assert "a figure needs matplotlib" in said
    assert "pip install 'halide-filters[plot]'" in said
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_imported_for_figures_only():
    code = (
        "import sys; from filters import commands; from filters.kernel import report; "
        "report.run('gaussian:3'); assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# Mistakes


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["gauss:3"], "KERNEL takes FILE.py:NAME, FILE.npy, FILE.txt, FILE.csv, gaussian:SIGMA, box:RADIUS, "),
        (["gauss:3"], "not 'gauss:3'"),
        (["mine.py"], "not 'mine.py'"),
        (["gaussian"], "KERNEL gaussian:SIGMA takes a number above 0, SIGMA at most 2340, not 'gaussian'"),
        (["gaussian:x"], "not 'gaussian:x'"),
        (["gaussian:0"], "above 0"),
        (["gaussian:nan"], "above 0"),
        (["gaussian:2341"], "at most 2340"),
        (["gaussian:1,2"], "not 'gaussian:1,2'"),
        (["gabor:3"], "KERNEL gabor:SIGMA,WAVELENGTH takes 2 numbers above 0, SIGMA at most 2340, not 'gabor:3'"),
        (["derivative:0.01"], "the sum of squared weights must be finite and above 0; the largest is 0.0"),
        (["no.npy"], "KERNEL no.npy: No such file"),
        (["no.txt"], "KERNEL no.txt: no.txt not found"),
        (["no.py:k"], "KERNEL no.py:k: there is no file no.py"),
        (["gaussian:3", "--terms", "7"], "--terms must be from 1 to 6, not 7"),
        (["gaussian:3", "--terms", "0"], "--terms must be from 1 to 6, not 0"),
        (["gaussian:3", "--terms", "x"], "--terms"),
        (["gaussian:3", "--type", "4"], "'4' is not one of '1', '3', '5', '7'"),
        (["gaussian:3", "--accuracy", "nan"], "--accuracy must be finite, in dB, not nan"),
        (["gaussian:3", "--accuracy", "120"], "--accuracy must be at most 104 dB for gaussian:3 with type 5"),
        (["gaussian:3", "--terms", "2", "--accuracy", "40"], "--terms 2 and --accuracy 40 are both given"),
        (["gaussian:3", "--radius", "-1"], "--radius must be from 0 to 16384, not -1"),
        (["gaussian:3", "--radius", "20000"], "not 20000"),
        (["gaussian:3", "out.pdf"], "OUT must end in .png or .svg, not 'out.pdf'"),
        (["gaussian:3", "out"], "OUT must end in .png or .svg, not 'out'"),
        ([], "Missing argument"),
    ],
)
def test_a_refused_argument_is_one_line_and_status_2(tmp_path, monkeypatch, typed, said):
    monkeypatch.chdir(tmp_path)
    assert said in error_line(*typed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("z", "defines no 'z', but math, np, scale, k, one_sided"),
        ("two", "missing 1 required positional argument"),
        ("complex_", "must be a number, not complex"),
        ("constant", "must decay"),
        ("word", "must be an array of real numbers"),
        ("scale", "must have one axis and an odd number of weights, not shape ()"),
    ],
)
def test_a_refused_name_of_a_file(script, name, said):
    line = error_line(f"{script}:{name}")
    assert line.startswith(f"error: KERNEL {script}:{name}: ")
    assert said in line


def test_an_array_has_its_radius(script):
    assert "--radius is for functions" in error_line(f"{script}:weights", "--radius", 3)


def test_mistakes_in_a_file_are_told_at_their_line(tmp_path, script):
    assert error_line(f"{script}:wrong", status=1) == f"error: {script}:15: ZeroDivisionError: division by zero"
    script.write_text("def k(r): return 1 +")
    assert error_line(f"{script}:k", status=1) == f"error: {script}:1: invalid syntax"
    script.write_text("\nimport nothing_of_that_name")
    assert f"{script}:2: ModuleNotFoundError" in error_line(f"{script}:k", status=1)
    script.write_text("raise SystemExit(0)")
    assert f"{script}:1: SystemExit" in error_line(f"{script}:k", status=1)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1, 2], "odd number of weights, not shape (2,)"),
        ([], "odd number of weights, not shape (0,)"),
        ([[1, 2, 1]] * 3, "must have one axis"),
        ([1, np.nan, 1], "kernel[1] is nan"),
        ([0, 0, 0], "above 0; the largest is 0.0"),
        ([1e200, 1, 1], "must be finite and above 0; the largest is 1e+200"),
        ([1e-200, 0, 0], "above 0"),
        ([1j, 1, 1], "real numbers, not of complex128"),
    ],
)
def test_refused_weights(tmp_path, weights, said):
    path = tmp_path / "a.npy"
    np.save(path, np.array(weights))
    line = error_line(path)
    assert line.startswith(f"error: KERNEL {path}: ")
    assert said in line


def test_files_that_are_no_numbers(tmp_path):
    for name, content in (
        ("a.npy", b""),
        ("b.npy", b"nonsense"),
        ("a.txt", b"1 x 3"),
        ("b.txt", b""),
        ("c.csv", b"1;2"),
    ):
        (tmp_path / name).write_bytes(content)
        assert error_line(tmp_path / name).startswith(f"error: KERNEL {tmp_path / name}: ")
    np.save(tmp_path / "d.npy", np.array([{}]), allow_pickle=True)
    assert "pickle" in error_line(tmp_path / "d.npy")


def test_debug_shows_the_exception():
    with pytest.raises(reading.RefusedError, match="gauss:3"):
        CliRunner().invoke(commands.application(), ["kernel", "gauss:3", "--debug"], catch_exceptions=False)


def test_the_picture_of_the_docs_is_small():
    path = Path(__file__).parents[2] / "docs" / "kernel.png"
    assert path.stat().st_size < 60_000


def test_the_kernel_of_the_docs(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(text.split("```python\n# mine.py\n")[1].split("```")[0])
    assert reading.read(f"{tmp_path / 'mine.py'}:k").sum() == pytest.approx(1, abs=1e-3)
