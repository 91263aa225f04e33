import logging
import subprocess
import sys
import time
import typing
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from typer.testing import CliRunner

from filters import arguments, batch, commands, doctor, images, warming

CALLS = []
REAL = commands.available


def shift(
    image,
    amount: float | tuple[float, float],
    *,
    steps: int | None = None,
    method: Literal["auto", "slow"] = "auto",
    wrap: bool = False,
    weights: np.ndarray | None = None,
    border: Literal["reflect101", "wrap"] = "reflect101",
    border_value: float = 0.0,
    out: np.ndarray | None = None,
    target: str | None = None,
    schedule: object = "manual",
    threads: int | None = None,
):
    """Brighten an image [a lot].

    More about it.

    Parameters
    ----------
    image : ndarray
        The image.
    amount : float or (float, float)
        What to add, in units of
        the image [0, 255].
    method : {"auto", "slow"}
        How.

    Returns
    -------
    ndarray
        The brighter image.
    """
    CALLS.append({k: v for k, v in locals().items() if k != "image"})
    if np.max(amount) < 0:
        raise ValueError(f"amount must not be negative, not {amount}")
    if image.shape[0] == 13:
        raise RuntimeError("13 rows\nand more")
    return image + np.asarray(np.max(amount), image.dtype)


def plain(image, radius: int = 1):
    """Do nothing."""
    return image.copy()


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    CALLS.clear()
    monkeypatch.setattr(commands, "available", lambda: {"shift": shift, "plain_copy": plain})
    yield
    log = logging.getLogger("halide_filters")
    log.handlers, log.propagate = [], True


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    images.write(path, np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    return path


def invoke(*args, status=0):
    result = CliRunner().invoke(commands.application(), [str(a) for a in args], prog_name="python -m filters")
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def error_line(*args, status=2):
    result = invoke(*args, status=status)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


# One file


def test_a_filter_runs_on_a_file(tmp_path, photo):
    result = invoke("shift", photo, tmp_path / "out.png", "--amount", "3")
    assert result.output == ""
    np.testing.assert_array_equal(images.read(tmp_path / "out.png").array, images.read(photo).array + 3)


@pytest.mark.parametrize(
    ("typed", "passed"),
    [
        (["--amount", "3"], {"amount": 3.0}),
        (["--amount", "3,5.5"], {"amount": (3.0, 5.5)}),
        (["--amount=0", "--steps", "7"], {"amount": 0.0, "steps": 7}),
        (["--amount", "0", "--steps", "none", "--wrap"], {"steps": None, "wrap": True}),
        (["--amount", "0", "--method", "slow", "--border", "wrap"], {"method": "slow", "border": "wrap"}),
        (["--amount", "0", "--border-value", "-2", "--threads", "2"], {"border_value": -2.0, "threads": 2}),
        (
            ["--amount", "0", "--schedule", "a.json", "--target", "host"],
            {"schedule": "a.json", "target": "host"},
        ),
    ],
)
def test_options_arrive_as_values(tmp_path, photo, typed, passed):
    invoke("shift", photo, tmp_path / "out.png", *typed)
    assert {name: CALLS[-1][name] for name in passed} == passed
    assert all(type(CALLS[-1][name]) is type(value) for name, value in passed.items())


def test_arrays_are_typed_or_read_from_files(tmp_path, photo):
    def weights(text):
        invoke("shift", photo, tmp_path / "out.png", "--amount", "0", "--weights", text)
        return CALLS[-1]["weights"]

    np.testing.assert_array_equal(weights("1,2,1"), [1, 2, 1])
    np.testing.assert_array_equal(weights("1,2;3,4"), [[1, 2], [3, 4]])
    np.save(tmp_path / "w.npy", np.eye(3))
    np.testing.assert_array_equal(weights(tmp_path / "w.npy"), np.eye(3))
    np.savetxt(tmp_path / "w.csv", np.eye(3), delimiter=",")
    np.testing.assert_array_equal(weights(tmp_path / "w.csv"), np.eye(3))
    np.testing.assert_array_equal(weights(photo), images.read(photo).array)


def test_names_may_have_hyphens(tmp_path, photo):
    invoke("plain-copy", photo, tmp_path / "out.png")
    invoke("plain_copy", photo, tmp_path / "out.jpg")


def test_alpha_is_kept(tmp_path):
    array = np.full((4, 5, 4), 10, np.uint8)
    images.write(tmp_path / "a.png", array)
    invoke("shift", tmp_path / "a.png", tmp_path / "b.png", "--amount", "5")
    np.testing.assert_array_equal(images.read(tmp_path / "b.png").array, array + np.array([5, 5, 5, 0], np.uint8))


def test_sixteen_bits_are_kept(tmp_path):
    array = np.arange(60, dtype=np.uint16).reshape(4, 5, 3) * 1000
    images.write(tmp_path / "a.png", array)
    invoke("shift", tmp_path / "a.png", tmp_path / "b.png", "--amount", "1")
    np.testing.assert_array_equal(images.read(tmp_path / "b.png").array, array + 1)


# Many files


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    for index, name in enumerate(["a.png", "b.jpg", "c.tif", "D.PNG"]):
        images.write(path / name, np.full((4, 5 + index), 7, np.uint8))
    (path / "notes.txt").write_text("not taken for an image")
    return path


def test_a_folder_goes_into_a_folder(tmp_path, folder):
    invoke("shift", folder, tmp_path / "new" / "out", "--amount", "1")
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == [
        "D.PNG",
        "a.png",
        "b.jpg",
        "c.tif",
    ]


def test_patterns_files_and_repetitions(tmp_path, folder):
    invoke("shift", folder / "*.png", folder / "a.png", folder / "c.tif", tmp_path / "out", "--amount", "1")
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"a.png", "c.tif"}
    assert "b.jpg" not in {p.name for p in (tmp_path / "out").iterdir()}


def test_one_file_into_a_folder(tmp_path, photo):
    invoke("shift", photo, tmp_path / "out", "--amount", "1")
    assert (tmp_path / "out" / "photo.png").is_file()
    (tmp_path / "there.png").mkdir()
    invoke("shift", photo, tmp_path / "there.png", "--amount", "1")
    assert (tmp_path / "there.png" / "photo.png").is_file()


def test_what_cannot_be_written_in_its_own_format_becomes_png(tmp_path, folder):
    from PIL import Image

    Image.new("L", (4, 4)).save(folder / "e.gif")
    invoke("shift", folder / "e.gif", tmp_path / "out", "--amount", "1")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["e.png"]


def test_a_failing_file_stops_no_other_and_is_told(tmp_path, folder):
    (folder / "a.png").write_bytes(b"broken")
    images.write(folder / "b.png", np.zeros((13, 4), np.uint8))
    result = invoke("shift", folder, tmp_path / "out", "--amount", "1", status=1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["D.PNG", "b.jpg", "c.tif"]
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"error: {folder / 'a.png'}: ")
    assert lines[1] == f"error: {folder / 'b.png'}: 13 rows"
    assert lines[2:] == ["error: 2 of 5 images failed"]


def test_an_input_is_replaced_only_when_asked(folder):
    before = (folder / "a.png").read_bytes()
    assert "--in-place" in error_line("shift", folder, folder, "--amount", "1")
    assert "--in-place" in error_line("shift", folder / "a.png", folder / ".." / "photos" / "a.png", "--amount", "1")
    assert (folder / "a.png").read_bytes() == before
    invoke("shift", folder, folder, "--amount", "1", "--in-place")
    np.testing.assert_array_equal(images.read(folder / "a.png").array, np.full((4, 5), 8))


def test_plans_that_cannot_be(tmp_path, folder):
    (tmp_path / "other").mkdir()
    images.write(tmp_path / "other" / "a.png", np.zeros((4, 4), np.uint8))
    assert "both be written" in error_line("shift", folder, tmp_path / "other", tmp_path / "out", "--amount", "1")
    assert "name a folder" in error_line("shift", folder, tmp_path / "out.png", "--amount", "1")
    assert "nothing matches" in error_line("shift", folder / "*.bmp", tmp_path / "out", "--amount", "1")
    (tmp_path / "empty").mkdir()
    assert "no images" in error_line("shift", tmp_path / "empty", tmp_path / "out", "--amount", "1")
    assert not CALLS


# Mistakes


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "Missing option '--amount'"),
        (["--amount", "x"], "--amount takes a number or 2 numbers with commas between, not 'x'"),
        (["--amount", "1,2,3"], "not '1,2,3'"),
        (["--amount", "1", "--steps", "2.5"], "--steps takes a whole number or none, not '2.5'"),
        (["--amount", "1", "--method", "fast"], "--method takes auto | slow, not 'fast'"),
        (["--amount", "1", "--weights", "no.npy"], "no.npy: No such file"),
        (["--amount", "1", "--weights", "1,2;3"], "different lengths"),
        (["--amount", "1", "--amuont", "2"], "No such option"),
        (["--amount", "-1"], "amount must not be negative, not -1.0"),
    ],
)
def test_a_refused_option_is_one_line_and_status_2(tmp_path, photo, typed, said):
    assert said in error_line("shift", photo, tmp_path / "out.png", *typed)
    assert not (tmp_path / "out.png").exists()


def test_refused_by_every_image_is_told_once(tmp_path, folder):
    assert error_line("shift", folder, tmp_path / "out", "--amount", "-1").count("negative") == 1


def test_usage(photo):
    assert "Missing argument" in error_line("shift", photo)
    assert "Did you mean 'shift'" in error_line("shfit")
    assert "--help" in error_line("warm", "--nonsense")


def test_files_that_fail_have_status_1(tmp_path, photo):
    assert "no such file" in error_line("shift", tmp_path / "no.png", tmp_path / "o.png", "--amount", "1", status=1)
    assert "--max-pixels 20" in error_line(
        "shift", photo, tmp_path / "o.png", "--amount=1", "--max-pixels=19", status=1
    )
    assert "endings are" in error_line("shift", photo, tmp_path / "o.xyz", "--amount", "1", status=1)
    assert not CALLS


def test_debug_shows_the_exception(tmp_path, photo):
    args = ["shift", str(photo), str(tmp_path / "o.png"), "--amount", "-1", "--debug"]
    with pytest.raises(ValueError, match="negative"):
        CliRunner().invoke(commands.application(), args, catch_exceptions=False)


def test_messages_of_the_compiler_are_shown_as_lines(tmp_path, photo, monkeypatch):
    def compiling(image):
        """Compile."""
        logging.getLogger("halide_filters").info("compiling %s ...", "it")
        return image

    monkeypatch.setattr(commands, "available", lambda: {"compiling": compiling})
    result = invoke("compiling", photo, tmp_path / "o.png")
    assert result.stderr == "compiling it ...\n"
    assert result.stdout == ""


# Help


def test_help_is_made_from_signature_and_docstring(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = " ".join(invoke("shift", "--help").stdout.replace("│", " ").split())
    assert "Brighten an image [a lot]. More about it." in text
    assert "What to add, in units of the image [0, 255]. [required]" in text
    assert "auto|slow How. [default: auto]" in text
    assert "--border-value" in text
    assert "--out" not in text
    assert "Returns" not in text


def test_no_arguments_show_the_help():
    result = invoke()
    assert "plain_copy" in result.stdout
    assert "Brighten an image [a lot]." in result.stdout


def test_list():
    lines = invoke("list").stdout.splitlines()
    assert lines == ["shift       Brighten an image [a lot].", "plain_copy  Do nothing."]


# The other commands


def test_warm_calls_every_filter_for_the_variants_photos_need(monkeypatch):
    seen = []

    def smooth(image, sigma, *, guide):
        seen.append((str(image.dtype), image.ndim, sigma))
        assert guide.shape == image.shape

    def odd(image, strange):
        raise AssertionError

    monkeypatch.setattr(commands, "available", lambda: {"smooth": smooth, "odd": odd, "plain": plain})
    result = invoke("warm")
    assert {call[:2] for call in seen} == {("uint8", 2), ("uint8", 3), ("float32", 2), ("float32", 3)}
    assert "warning: odd is not compiled ahead: there is no example for strange" in result.stderr
    seen.clear()
    invoke("warm", "plain")
    assert not seen
    assert "there is no filter nothing" in error_line("warm", "nothing")


def test_a_failing_warm_up_is_one_line(monkeypatch):
    def broken(image):
        raise RuntimeError("the compiler ended\nwith a long story")

    monkeypatch.setattr(commands, "available", lambda: {"broken": broken})
    assert error_line("warm", status=1) == "error: the compiler ended"


def test_demo_writes_the_picture_and_prints_the_speeds(tmp_path, monkeypatch):
    def gaussian(image, sigma):
        return image[:, ::-1]

    def local_laplacian(image, sigma, detail):
        return 255 - image

    filters = {"gaussian": gaussian, "local_laplacian": local_laplacian}
    monkeypatch.setattr(commands, "available", lambda: filters)
    result = invoke("demo", "--output", tmp_path / "new")
    picture = images.read(tmp_path / "new" / "demo.png").array
    assert picture.shape[1] > 3 * 600
    assert picture.shape[0] > 400
    for word in ("Local Laplacian", "sigma=30, detail=1.5", "megapixels/s", "demo.png"):
        assert word in result.stdout


def test_doctor_tells_of_machine_threads_cache_and_versions(tmp_path, monkeypatch):
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", str(tmp_path / "cache"))
    text = invoke("doctor").stdout
    for word in (
        "processor",
        "features used",
        "targets usable",
        "because",
        str(tmp_path / "cache"),
        "llvmlite",
        "none",
    ):
        assert word in text
    monkeypatch.setattr(doctor, "fallbacks", lambda: ["one", "two"])
    assert "one\n" in invoke("doctor").stdout
    monkeypatch.setenv("HALIDE_FILTERS_CACHE", "off")
    assert "compiles anew" in invoke("doctor").stdout


# Parts


def test_annotations_say_what_is_accepted():
    accepted = arguments.accepted_by
    assert accepted(float | tuple[float, float] | None) == arguments.Accepted(
        (), float, ((float, float),), nothing=True
    )
    assert accepted(typing.Optional[int]) == arguments.Accepted(number=int, nothing=True)  # noqa: UP045
    assert accepted(Literal["a", "b"] | None).choices == ("a", "b")
    assert accepted(Literal["auto"] | int) == arguments.Accepted(("auto",), int)
    assert accepted(int | tuple[int, int]).tuples == ((int, int),)
    assert accepted(tuple[float, float] | Literal["image"] | None).short == "image|NUMBER,NUMBER"
    assert accepted(np.ndarray | tuple[np.ndarray, np.ndarray]).array
    assert accepted(Sequence[float]).array
    assert accepted(Sequence[ArrayLike]) == arguments.Accepted(arrays=True)
    assert accepted(int | Sequence[int] | Sequence[ArrayLike]).short == "INTEGER|INTEGER,...|FILE,..."
    assert accepted(Callable[[float], float] | None).nothing_to_type
    assert accepted(typing.Any, "schedule") == arguments.Accepted(text=True)
    assert accepted(bool).flag


@given(st.floats(allow_nan=False) | st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)))
def test_numbers_survive_being_typed(value):
    argument = arguments.Argument("sigma", arguments.accepted_by(float | tuple[float, float]), value, "")
    assert argument.parse(argument.default_text) == value


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_value_error(text):
    argument = arguments.Argument("sigma", arguments.accepted_by(float | tuple[float, float] | None), None, "")
    try:
        value = argument.parse(text)
    except ValueError as error:
        assert "--sigma" in str(error)
    else:
        assert value is None or isinstance(value, (float, tuple))


def test_annotations_may_be_text_and_tuples_of_whole_numbers():
    def mean(image: "np.ndarray", radius: "int | tuple[int, int]", *, out: "np.ndarray | None" = None):
        """Mean."""

    (radius,) = arguments.arguments_of(mean)
    assert radius.parse("3") == 3
    assert radius.parse("3,4") == (3, 4)
    assert all(type(value) is int for value in radius.parse("3,4"))
    with pytest.raises(ValueError, match="2 whole numbers"):
        radius.parse("3,4.5")


def test_arrays_are_files_with_commas_between_or_rows(tmp_path, photo):
    levels = arguments.Argument("levels", arguments.accepted_by(int | Sequence[int] | Sequence[ArrayLike]), None, "")
    assert levels.parse("8") == 8
    assert levels.parse("8,16") == (8, 16)
    np.testing.assert_array_equal(levels.parse("0.5,16"), [[0.5, 16]])
    first, second = levels.parse("0,9;0,5,9")
    assert (first.tolist(), second.tolist()) == ([0, 9], [0, 5, 9])
    guides = arguments.Argument("guides", arguments.accepted_by(Sequence[ArrayLike]), None, "")
    np.save(tmp_path / "depth.npy", np.arange(20, dtype=np.float32).reshape(4, 5))
    found = guides.parse(f"{photo},{tmp_path / 'depth.npy'}")
    assert [(each.shape, each.dtype) for each in found] == [((4, 5, 3), np.uint8), ((4, 5), np.float32)]
    photo.rename(tmp_path / "a,b.png")
    (found,) = guides.parse(str(tmp_path / "a,b.png"))
    assert found.shape == (4, 5, 3)
    with pytest.raises(ValueError, match=r"--guides: .*nothing\.png"):
        guides.parse(f"{tmp_path / 'depth.npy'},{tmp_path / 'nothing.png'}")


def test_parameter_docs():
    parameters = "Parameters\n----------\na, b : int\n    Both\n    of them.\n*c\n    Rest.\n\n"
    doc = f"Sum.\n\n{parameters}Returns\n-------\nint\n    No."
    assert arguments.parameter_docs(doc) == {"a": "Both of them.", "b": "Both of them.", "c": "Rest."}
    assert arguments.parameter_docs("Nothing.") == {}


def test_outcomes_come_in_order_and_errors_are_kept(folder, tmp_path):
    jobs = batch.plan([str(folder)], str(tmp_path / "out"))
    outcomes = list(batch.run(jobs, lambda color: color, max_pixels=1000))
    assert [o.job for o in outcomes] == jobs
    assert all(o.error is None for o in outcomes)
    assert all(isinstance(o.error, OSError) for o in batch.run(jobs, lambda color: color, max_pixels=1))


def test_examples_combine():
    calls = warming.calls({"plain": plain})
    assert {call.filter for call in calls} == {"plain"}
    assert len(calls) == 4


def test_guides_have_an_example():
    def mean(image, guides, *, guide):
        """Take a mean."""
        assert [each.shape for each in (*guides, guide)] == [image.shape] * 3

    calls = warming.calls({"mean": mean})
    assert len(calls) == 4
    for call in calls:
        call.run()


# The filters there really are


def test_the_filters_of_the_package_have_commands(monkeypatch):
    monkeypatch.setattr(commands, "available", REAL)
    lines = invoke("list").stdout.splitlines()
    assert {line.split()[0] for line in lines} == set(REAL())
    assert {"gaussian", "local_laplacian"} <= set(REAL())
    for name, function in REAL().items():
        found = {argument.name: argument for argument in arguments.arguments_of(function)}
        assert all(argument.help for argument in found.values()), name
        if name != "downsample":  # which looks at nothing outside
            assert found["border"].accepted.choices[0] == "reflect101"
        assert found["threads"].accepted == arguments.Accepted(number=int, nothing=True)
        assert "out" not in found


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_gaussian_on_a_file_is_gaussian_on_its_array(tmp_path, monkeypatch, channels):
    monkeypatch.setattr(commands, "available", REAL)
    array = np.random.default_rng(1).integers(0, 256, (20, 30, *([channels] if channels else [])), np.uint8)
    images.write(tmp_path / "a.png", array)
    invoke("gaussian", tmp_path / "a.png", tmp_path / "b.png", "--sigma", "1.5,0.5", "--border", "wrap")
    (expected,) = images.filter_color(array, lambda color: REAL()["gaussian"](color, (1.5, 0.5), border="wrap"))
    np.testing.assert_array_equal(images.read(tmp_path / "b.png").array, expected)
    assert "sigma" in error_line("gaussian", tmp_path / "a.png", tmp_path / "c.png", "--sigma", "-1")


def test_guides_are_files(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "available", REAL)
    rng = np.random.default_rng(2)
    image, photo, depth = (rng.integers(0, 256, shape, np.uint8) for shape in ((20, 30), (20, 30, 3), (20, 30)))
    for name, array in (("in", image), ("a", photo), ("b", depth)):
        images.write(tmp_path / f"{name}.png", array)
    guides = f"{tmp_path / 'a.png'},{tmp_path / 'b.png'}"
    options = ("--sigma-space", "3", "--sigma-range", "20,10")
    invoke("multilateral", tmp_path / "in.png", tmp_path / "out.png", "--guides", guides, *options)
    wanted = REAL()["multilateral"](image, [photo, depth], sigma_space=3, sigma_range=(20, 10))
    np.testing.assert_array_equal(images.read(tmp_path / "out.png").array, wanted)
    assert "guides" in error_line("multilateral", tmp_path / "in.png", tmp_path / "c.png", *options)
    assert "sigma_range" in error_line(
        "multilateral", tmp_path / "in.png", tmp_path / "c.png", "--guides", tmp_path / "a.png", *options
    )
    options = ("--guide", tmp_path / "a.png", "--radius", "3", "--eps", "100")
    invoke("guided", tmp_path / "in.png", tmp_path / "out.png", *options)
    wanted = REAL()["guided"](image, photo, radius=3, eps=100)
    np.testing.assert_array_equal(images.read(tmp_path / "out.png").array, wanted)


# A process of its own


def test_list_starts_fast_and_imports_little():
    code = (
        "import sys; from filters import commands; commands.available = lambda: {}; "
        "sys.argv[1:] = ['list']; sys.exit = lambda status: None; commands.main(); "
        "heavy = {'halide', 'llvmlite', 'rich', 'PIL', 'tifffile', 'imageio', 'cv2'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - start < 5  # a tenth of it is usual; machines under load are slow
