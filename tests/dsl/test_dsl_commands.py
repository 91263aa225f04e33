"""``python -m dsl``: the commands, and how mistakes in a script and in a command are told."""

import subprocess
import sys
import textwrap
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from typer.testing import CliRunner

import dsl
from dsl import commands

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "unsharp.py"

SEVERAL = '''\
import dsl
from helper import offset
from unsharp_copy import unsharp  # not this script's own

@dsl.filter
def add(src: dsl.Image, amount: dsl.Scalar = 1.0, times: int = 1, twice: bool = False) -> dsl.Image:
    """Adds."""
    for _ in range(2 * times if twice else times):
        src = src + amount + offset
    return src

@dsl.filter
def weigh(src: dsl.Image, other: dsl.Image, curve: dsl.Table, mode: str = "plus") -> dsl.Image:
    return src + other * curve[0] if mode == "plus" else src - other * curve[1]
'''


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "helper.py").write_text("offset = 0\n")
    (tmp_path / "unsharp_copy.py").write_text(EXAMPLE.read_text())
    path = tmp_path / "several.py"
    path.write_text(SEVERAL)
    yield path
    for name in ("helper", "unsharp_copy"):
        sys.modules.pop(name, None)


@pytest.fixture
def photo(tmp_path):
    image = np.random.default_rng(3).integers(0, 256, (24, 31, 3), np.uint8)
    imageio.imwrite(tmp_path / "in.png", image)
    return tmp_path / "in.png", image


def invoke(*arguments):
    return CliRunner().invoke(commands.app, [str(argument) for argument in arguments])


def succeed(*arguments) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def fail(status: int, *arguments) -> str:
    done = invoke(*arguments)
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    assert done.stdout == ""
    return done.stderr.strip()


def test_the_commands_run_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "dsl", "show", EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == commands.load(EXAMPLE)["unsharp"].source()
    help_text = subprocess.run(
        [sys.executable, "-m", "dsl", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(word in help_text.stdout for word in ("build", "run", "show"))


# ------------------------------------------------------------------------------------------------------- show


def test_show_ir_with_structural_parameters(script):
    shown = succeed("show", script, "--filter", "add", "--set", "times=2", "--set", "twice=yes")
    assert shown.count("= add") == 8
    assert shown.rstrip().splitlines()[-1].startswith("return %")


@pytest.mark.parametrize(
    ("form", "seen"),
    [
        ("schedule", ".parallel("),
        ("stmt", "amount_argument"),
        ("halide", "amount_argument"),
        ("assembly", "add_pipeline:"),
    ],
)
def test_show_what_becomes_of_a_filter(script, form, seen):
    assert seen in succeed("show", script, "--filter", "add", "--as", form, "--dtype", "uint8")


def test_show_for_another_machine(script):
    shown = succeed("show", script, "--filter", "add", "--as", "assembly", "--target", "arm-64-linux")
    assert "fadd" in shown


# ------------------------------------------------------------------------------------------------------ build


def test_build_writes_the_files_and_names_them(script, tmp_path):
    folder = tmp_path / "made" / "here"
    listed = succeed("build", script, "--filter", "add", "-o", folder, "--dtype", "uint16", "--set", "times=3")
    files = [Path(line) for line in listed.splitlines()]
    assert all(file.is_file() for file in files)
    assert {"add.h", "libadd.a", "add.o"} <= {file.name for file in files}
    assert "const uint16_t *src" in (folder / "add.h").read_text()


# -------------------------------------------------------------------------------------------------------- run


def test_run_filters_a_file(script, photo, tmp_path):
    source, image = photo
    succeed("run", script, source, tmp_path / "out.png", "--filter", "add", "--amount", "5.5", "--times=2")
    expected = np.clip(np.rint(image + 11.0), 0, 255)
    assert np.array_equal(imageio.imread(tmp_path / "out.png"), expected)


def test_run_reads_and_writes_float_tiff(script, tmp_path):
    image = np.random.default_rng(5).random((9, 11, 3), np.float32)
    imageio.imwrite(tmp_path / "in.tif", image)
    succeed("run", script, tmp_path / "in.tif", tmp_path / "out.tif", "--filter", "add", "--amount", "0.5")
    assert np.array_equal(imageio.imread(tmp_path / "out.tif"), image + np.float32(0.5))


def test_run_takes_more_images_tables_and_the_options_of_every_filter(script, photo, tmp_path):
    source, image = photo
    options = ["--other", source, "--curve", "0.5,1", "--mode", "minus", "--border", "wrap", "--threads", "1"]
    succeed("run", script, source, tmp_path / "out.png", "--filter", "weigh", *options)
    assert np.all(imageio.imread(tmp_path / "out.png") == 0)
    succeed("run", script, source, tmp_path / "out.png", "--filter", "weigh", *options[:4])
    assert np.array_equal(imageio.imread(tmp_path / "out.png"), np.clip(np.rint(image * np.float32(1.5)), 0, 255))


@pytest.mark.parametrize(("shape", "dtype"), [((9, 11), "uint8"), ((9, 11), "uint16"), ((9, 11, 4), "uint8")])
def test_run_keeps_the_kind_of_image_and_its_transparency(script, tmp_path, shape, dtype):
    image = np.random.default_rng(4).integers(0, np.iinfo(dtype).max - 9, shape).astype(dtype)
    imageio.imwrite(tmp_path / "in.png", image)
    succeed("run", script, tmp_path / "in.png", tmp_path / "out.png", "--filter", "add", "--amount", "3")
    result = imageio.imread(tmp_path / "out.png")
    expected = image + np.array(3, dtype)
    if len(shape) == 3:
        expected[..., 3] = image[..., 3]
    assert result.dtype == image.dtype
    assert np.array_equal(result, expected)


# --------------------------------------------------------------------------------------------------- mistakes

HEAD = "import dsl\n@dsl.filter\ndef f(src: dsl.Image, sigma: dsl.Scalar = 1.0) -> dsl.Image:\n"
SCRIPTS = {
    "syntax": ("import dsl\ndef f(:\n", "2: invalid syntax"),
    "its own error": ("import dsl\n\nvalue = 1 / 0\n", "3: ZeroDivisionError: division by zero"),
    "import": (
        "import dsl\nimport no_such_module\n",
        "2: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "an unknown word": (
        HEAD + "    return dsl.sharpen(src)\n",
        "4: AttributeError: module 'dsl' has no attribute 'sharpen'",
    ),
    "in the language": (
        HEAD + "\n    return src + 'x'\n",
        "5: an Image, a Scalar or a number is needed, 'x' (str) came",
    ),
    "no return": (HEAD + "    src + 1\n", "2: f returns nothing: it must return an Image"),
    "annotation": (
        "import dsl\n\n@dsl.filter\ndef f(src):\n    return src\n",
        "3: f: parameter src must be annotated",
    ),
}


@pytest.mark.parametrize(("text", "said"), SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("command", ["show", "build", "run"])
def test_mistakes_in_a_script_are_told_with_file_and_line(tmp_path, photo, monkeypatch, command, text, said):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "mistaken.py"
    path.write_text(text)
    more = {"show": [], "build": ["-o", tmp_path / "made"], "run": [photo[0], tmp_path / "out.png"]}[command]
    assert fail(1, command, path, *more).splitlines()[-1].startswith(f"{path}:{said}")
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "out.png").exists()


def test_mistakes_in_a_command(script, photo, tmp_path):
    source, _ = photo
    empty = tmp_path / "empty.py"
    empty.write_text("import dsl\n")
    deep = tmp_path / "deep.png"  # its head is all that is looked at
    deep.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x10\2\0\0\0")
    run = ("run", script, source, tmp_path / "out.png", "--filter")
    told = {
        ("show", tmp_path / "none.py"): f"there is no file {tmp_path / 'none.py'}",
        ("show", empty): "defines no filter: decorate a function with @dsl.filter",
        ("show", script): "defines add, weigh: choose one with --filter",
        ("show", script, "--filter", "unsharp"): "defines no filter unsharp, but add, weigh",
        (
            "show",
            script,
            "--filter",
            "add",
            "--set",
            "time=3",
        ): "NAME a structural parameter (times, twice), not time=3",
        ("show", script, "--filter", "add", "--set", "times"): "--set takes NAME=VALUE",
        ("show", script, "--filter", "add", "--set", "times=x"): "times must be a whole number, not 'x'",
        ("show", script, "--filter", "add", "--set", "twice=x"): "twice must be true or false, not 'x'",
        (
            *run,
            "add",
            "--amont",
            "3",
        ): "add has no option --amont; it has --amount, --times, --twice, --border,",
        (*run, "add", "--amount"): "--amount needs a value",
        (*run, "add", "--amount", "much"): "amount must be a number, not 'much'",
        (*run, "weigh", "--curve", "1;2"): "curve must be numbers with commas between, not '1;2'",
        (*run, "weigh", "--other", "no.png"): "there is no file no.png",
        ("run", script, empty, tmp_path / "out.png", "--filter", "add"): "cannot be read as an image",
        ("run", script, source, tmp_path / "out.xyz", "--filter", "add"): "must end in one of .png, .jpg",
        (*run, "weigh", "--other", deep): "is a PNG of 16 bits a colour",
    }
    for arguments, said in told.items():
        message = fail(2, *arguments).splitlines()[-1]
        assert message.startswith("error: ")
        assert said in message


def test_what_the_filter_refuses_is_told_in_one_line(script, photo, tmp_path):
    source, _ = photo
    said = fail(1, "run", script, source, tmp_path / "out.png", "--filter", "add", "--border", "mirror")
    assert said == "error: border must be one of reflect101, reflect, replicate, wrap, constant, not 'mirror'"
    said = fail(1, "build", script, "--filter", "add", "-o", tmp_path / "made", "--dtype", "float64")
    assert said == "error: dtype must be one of uint8, uint16, float32, not 'float64'"
    said = fail(1, "show", script, "--filter", "add", "--as", "stmt", "--target", "host-warp")
    assert said.startswith("error: target 'host-warp': unknown feature 'warp'")


def test_load_runs_a_script_as_a_module_and_not_as_the_program(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "numpy.py"  # the name of another module does no harm
    path.write_text(
        textwrap.dedent("""\
        import dsl

        assert __name__ != "__main__"

        @dsl.filter
        def same(src: dsl.Image) -> dsl.Image:
            return src
        """)
    )
    assert list(commands.load(path)) == ["same"]
    assert isinstance(commands.load(path)["same"], dsl.Filter)
    assert sys.modules["numpy"] is np
