"""How many pictures a second the page of ``python -m filters view`` shows while a slider is dragged.

Run with ``python -m bench.viewing``, where NiceGUI, playwright and Chromium are installed: a photograph of two
megapixels, in full resolution, by a headless browser that has no GPU and runs on the same cores as the filters.
"""

from __future__ import annotations

import itertools
import math
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import data
from bench import command
from bench.tables import Table
from filters import dcci_upscale, downsample, images

#: Filters, and the parameter whose slider is dragged.
DRAGGED = {
    "gaussian": "sigma", "unsharp": "amount", "bilateral": "sigma_range", "guided": "eps", "local_laplacian": "detail",
}  # fmt: skip
#: Of the photograph: two megapixels.
SIZE = (1152, 1728)
WINDOW = {"width": 1360, "height": 780}
#: Milliseconds that compiling may take.
_PATIENCE = 10 * 60_000


def main() -> None:
    """Run the command."""
    command.run("bench.viewing", __doc__, {"frames": frames}, 5.0, 1.0)


def frames(seconds: float) -> Iterator[Table]:
    """Drag sliders for so many seconds each."""
    with served("coffee") as address, driven() as browser:
        rows = []
        for name, parameter in DRAGGED.items():
            page = opened(browser, address, name)
            arrived = _dragged(page, parameter, seconds)
            page.close()
            between = [later - earlier for earlier, later in itertools.pairwise(arrived)]
            rows.append({
                "filter": name, "slider": parameter, "pictures a second": len(arrived) / seconds,
                "ms between": 1e3 * statistics.median(between) if between else math.nan,
            })  # fmt: skip
        yield Table("pictures of two megapixels, RGB, uint8, while a slider is dragged", rows)


@contextmanager
def served(name: str) -> Iterator[str]:
    """Run the command, as a user would, with a sample enlarged to the size of a photograph; give its address."""
    sample = images.read(data.sample(name)).array
    sample = sample[:, : sample.shape[0] * SIZE[1] // SIZE[0]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.png"
        images.write(path, downsample(dcci_upscale(dcci_upscale(sample)), SIZE))
        arguments = [sys.executable, "-m", "filters", "view", str(path), "--no-browser"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                said = server.stdout.readline()
                found = re.match(r"http://127\.0\.0\.1:\d+/", said)
                if found is None:
                    raise RuntimeError(f"the page is not served: {said}")
                yield found[0]
            finally:
                server.send_signal(signal.SIGINT)


@contextmanager
def driven() -> Iterator[Any]:
    """Give a browser that obeys."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser: Any, address: str, name: str) -> Any:
    """Open the page, and choose a filter."""
    page = browser.new_page(viewport=WINDOW)
    page.set_default_timeout(_PATIENCE)
    page.goto(address)
    shows(page, "gaussian")
    if name != "gaussian":
        page.locator(".q-select").first.click()
        page.get_by_role("option", name=name, exact=True).click()
        shows(page, f"filters {name}")
    return page


def shows(page: Any, text: str) -> None:
    """Wait for the picture that a command line with some text gives."""
    page.locator(".view-code").nth(1).filter(has_text=text).wait_for()


def _dragged(page: Any, parameter: str, seconds: float) -> list[float]:
    """Drag a slider to and fro; give when pictures arrived."""
    page.wait_for_timeout(2000)
    page.locator(".view-busy").wait_for(state="hidden")  # compiled
    slider = page.locator(".view-control", has_text=parameter).first.locator(".q-slider")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, y)
    page.wait_for_timeout(1000)
    page.locator(".view-busy").wait_for(state="hidden")
    arrived: list[float] = []
    page.on("response", lambda response: arrived.append(time.perf_counter()) if "/after" in response.url else None)
    begin = time.perf_counter()
    while (since := time.perf_counter() - begin) < seconds:
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.4 * math.sin(2 * since)), y)
        page.wait_for_timeout(5)
    page.mouse.up()
    return arrived


if __name__ == "__main__":
    main()
