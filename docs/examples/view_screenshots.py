"""Takes the pictures of docs/viewing.md: the page with local Laplacian filtering, and with a bilateral filter.

Run from the root of the repository, where NiceGUI, playwright and Chromium are installed:
``python docs/examples/view_screenshots.py``.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import data
from filters import dcci_upscale, downsample, images

ROOT = Path(__file__).parents[2]
SIZE = (1152, 1728)  # two megapixels
SHOWN = (("coffee", "local_laplacian", {"detail": "2"}), ("chelsea", "bilateral", {"sigma_space": "8"}))
WINDOW = {"width": 1360, "height": 780}
MINUTES = 10  # as long as compiling may take


def enlarged(name: str, path: Path) -> None:
    """Write a sample in the size of a photograph."""
    sample = images.read(data.sample(name)).array
    rows = sample.shape[0]
    columns = min(sample.shape[1], rows * SIZE[1] // SIZE[0])
    images.write(path, downsample(dcci_upscale(dcci_upscale(sample[:, :columns])), SIZE))


def command_of(page: Page, text: str) -> None:
    """Wait for the picture that a command line with some text gives."""
    page.locator(".view-code").nth(1).filter(has_text=text).wait_for()


def take(browser: Browser, address: str, name: str, values: dict[str, str]) -> None:
    """Choose a filter, set its parameters, and take the picture of the page."""
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(MINUTES * 60_000)
    page.goto(address)
    command_of(page, "gaussian")
    page.locator(".q-select").first.click()
    page.get_by_role("option", name=name, exact=True).click()
    command_of(page, f"filters {name}")
    page.mouse.move(WINDOW["width"] / 4, WINDOW["height"] / 4)  # off the panel, where help would show
    page.locator(".view-help").wait_for(state="hidden")
    # Times say most about what else this machine does.
    page.add_style_tag(content=".view-times { visibility: hidden }")
    for parameter, value in values.items():
        page.locator(".view-control", has_text=parameter).locator("input[type=number]").fill(value)
        command_of(page, f"--{parameter.replace('_', '-')} {value}")
    page.locator(".view-busy").wait_for(state="hidden")
    page.screenshot(path=ROOT / "docs" / f"view_{name}.jpg", type="jpeg", quality=80, animations="disabled")
    page.close()


def main() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for sample, name, values in SHOWN:
            enlarged(sample, Path(folder) / f"{sample}.png")
            command = [sys.executable, "-m", "filters", "view", f"{sample}.png", "--no-browser"]
            with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
                take(browser, server.stdout.readline().split()[0], name, values)
                server.terminate()
        browser.close()


if __name__ == "__main__":
    main()
