"""The page in a browser: a slider is set, the picture is what the filter gives, and nothing comes from elsewhere."""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import filters
from filters import commands, images

ROOT = Path(__file__).parents[3]
CHROMIUM = shutil.which("chromium")
SECONDS = 60  # as long as compiling may take where much else is run
SIZE = {"width": 1200, "height": 800}
#: The bytes of what a canvas shows, and its height and width.
PIXELS = """selector => {
    const canvas = document.querySelector(selector), context = canvas.getContext("2d");
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let text = "";
    for (const value of data) text += String.fromCharCode(value);
    return [btoa(text), canvas.height, canvas.width];
}"""


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Half of it dark, half of it noise, as a file in a folder of its own."""
    array = np.random.default_rng(3).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    array[:, :80] //= 8
    path = tmp_path_factory.mktemp("photos") / "photo.png"
    images.write(path, array)
    return path


@pytest.fixture(scope="module")
def address(photo):
    """Run the command, as a user would."""
    pytest.importorskip("nicegui", reason="the page needs the extra view")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "filters", "view", photo.name, "--no-browser"]
    with subprocess.Popen(command, cwd=photo.parent, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = server.stdout.readline()
            found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/) shows photo\.png; Ctrl\+C ends it\n", said)
            assert found, said
            yield found[1]
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 0
    assert [file.name for file in photo.parent.iterdir()] == ["photo.png"]


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by playwright")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(SECONDS * 1000)
    elsewhere, problems = [], []
    page.on("request", lambda request: elsewhere.append(request.url) if outside(request.url, address) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    shows(page, "--sigma 8.0")
    yield page
    assert elsewhere == []
    assert problems == []
    context.close()


def outside(url, address):
    return not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))


def shows(page, text):
    """Wait until the picture is that of a command line with some text."""
    page.locator(".view-code").nth(1).filter(has_text=text).wait_for()


def pixels(page, which):
    data, height, width = page.evaluate(PIXELS, f".viewer-{which}")
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)[..., :3]


def number(page, name):
    return page.locator(".view-control", has_text=name).locator("input[type=number]")


def row(page, name):
    return page.locator(".view-control", has_text=name)


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=8)
    page.mouse.up()


def test_before_and_after_are_the_photo_and_what_the_filter_gives(page, photo):
    array = images.read(photo).array
    np.testing.assert_array_equal(pixels(page, "before"), array)
    np.testing.assert_array_equal(pixels(page, "after"), filters.gaussian(array, 8.0))
    assert re.fullmatch(
        r"filter \d.*m?s(, compiled)? · on the screen after \d.*m?s", page.locator(".view-times").inner_text()
    )


def test_a_slider_is_dragged(page, photo):
    box = row(page, "sigma").locator(".q-slider").bounding_box()
    middle = box["y"] + box["height"] / 2
    drag(page, (box["x"] + box["width"] * 8 / 50, middle), (box["x"] + box["width"] * 0.6, middle))
    sigma = float(row(page, "sigma").get_by_role("slider").get_attribute("aria-valuenow"))
    assert sigma == pytest.approx(30, abs=2)
    shows(page, f"--sigma {sigma}")
    assert float(number(page, "sigma").input_value()) == sigma
    np.testing.assert_array_equal(pixels(page, "after"), filters.gaussian(images.read(photo).array, sigma))


def test_errors_are_shown_and_pass(page, photo):
    number(page, "sigma").fill("-1")
    page.locator(".view-error", has_text="sigma must be from 0 to 2000, not -1.0").wait_for()
    np.testing.assert_array_equal(pixels(page, "after"), filters.gaussian(images.read(photo).array, 8.0))
    number(page, "sigma").fill("3")
    shows(page, "--sigma 3.0")
    assert page.locator(".view-error").inner_text() == ""
    np.testing.assert_array_equal(pixels(page, "after"), filters.gaussian(images.read(photo).array, 3.0))


def test_another_filter_and_a_size_of_its_own(page, photo):
    page.locator(".q-select").first.click()
    page.get_by_role("option", name="downsample", exact=True).click()
    shows(page, "filters downsample")
    number(page, "scale").fill("2")
    shows(page, "--scale 2.0")
    np.testing.assert_array_equal(pixels(page, "after"), filters.downsample(images.read(photo).array, scale=2))


def test_a_parameter_is_left_to_the_filter_unless_it_is_ticked(page, photo):
    assert number(page, "terms").is_hidden()
    row(page, "terms").locator(".q-checkbox").click()
    shows(page, "--terms 3")
    number(page, "terms").fill("1")
    shows(page, "--terms 1")
    np.testing.assert_array_equal(pixels(page, "after"), filters.gaussian(images.read(photo).array, 8.0, terms=1))


def test_the_divider_is_dragged(page, tmp_path):
    """What is on the screen at a place: the photo's dark half, then the blurred one, which is gray there."""

    def shown():
        page.screenshot(path=tmp_path / "page.png", clip={"x": 0, "y": 0, "width": stage["width"], "height": 800})
        return images.read(tmp_path / "page.png").array

    stage = page.locator(".viewer-stage").bounding_box()
    divider = page.get_by_role("slider", name="before and after")
    assert divider.get_attribute("aria-valuenow") == "50"
    before = shown()
    drag(page, (stage["width"] / 2, 300), (stage["width"] / 4, 300))
    page.locator("[aria-valuenow='25']").wait_for()
    after = shown()
    changed = np.abs(after.astype(int) - before).max(axis=(0, 2)) > 8
    columns = np.flatnonzero(changed)
    assert stage["width"] / 4 - 20 <= columns.min()
    assert columns.max() <= stage["width"] / 2 + 20
    assert changed[int(stage["width"] * 0.3) : int(stage["width"] * 0.45)].mean() > 0.9
    divider.press("ArrowRight")
    page.locator("[aria-valuenow='26']").wait_for()


def test_fit_and_actual_size(page):
    def size():
        return page.locator(".viewer-picture").bounding_box()["width"]

    stage = page.locator(".viewer-stage").bounding_box()
    assert size() == pytest.approx(stage["width"], abs=1)
    page.get_by_role("button", name="100 %").click()
    page.wait_for_function("document.querySelector('.viewer-picture').getBoundingClientRect().width === 160")
    page.mouse.move(stage["width"] / 2, stage["height"] / 2)
    page.mouse.wheel(0, -400)
    page.wait_for_function("document.querySelector('.viewer-picture').getBoundingClientRect().width > 200")
    page.get_by_role("button", name="Fit").click()
    page.wait_for_function("document.querySelector('.viewer-picture').getBoundingClientRect().width > 600")
    assert size() == pytest.approx(stage["width"], abs=1)


def test_a_result_is_saved(page, photo):
    number(page, "sigma").fill("2.5")
    shows(page, "--sigma 2.5")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == "photo_gaussian.png"
    saved = images.read(download.value.path()).array
    np.testing.assert_array_equal(saved, filters.gaussian(images.read(photo).array, 2.5))


# The command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.png"], "error: missing.png: no such file"),
        (["photo.png", "--guide", "missing.png"], "error: missing.png: no such file"),
        (["photo.png", "--port", "taken"], "address already in use"),
    ],
)
def test_the_command_says_on_one_line_what_is_wrong(photo, monkeypatch, arguments, said):
    pytest.importorskip("nicegui", reason="the page needs the extra view")
    monkeypatch.chdir(photo.parent)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [str(taken.getsockname()[1]) if word == "taken" else word for word in arguments]
        result = CliRunner().invoke(commands.application(), ["view", *words, "--no-browser"])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert said.lower() in result.stderr.lower()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nicegui", None)
    result = CliRunner().invoke(commands.application(), ["view"])
    assert result.exit_code == 2
    assert result.stderr == "error: view needs NiceGUI: pip install 'halide-filters[view]'\n"
