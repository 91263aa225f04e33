"""Takes the pictures of docs/viewing.md: the page with local Laplacian filtering, and with a bilateral filter.

Run from the root of the repository, where NiceGUI, playwright and Chromium are installed:
``python -m docs.examples.view_screenshots``.
"""

from pathlib import Path

from playwright.sync_api import Browser

from bench.viewing import WINDOW, driven, opened, served, shows

ROOT = Path(__file__).parents[2]
SHOWN = (("coffee", "local_laplacian", {"detail": "2"}), ("chelsea", "bilateral", {"sigma_space": "8"}))


def take(browser: Browser, address: str, name: str, values: dict[str, str]) -> None:
    """Choose a filter, set its parameters, and take the picture of the page."""
    page = opened(browser, address, name)
    page.mouse.move(WINDOW["width"] / 4, WINDOW["height"] / 4)  # off the panel, where help would show
    page.locator(".view-help").wait_for(state="hidden")
    # Times say most about what else this machine does.
    page.add_style_tag(content=".view-times { visibility: hidden }")
    for parameter, value in values.items():
        page.locator(".view-control", has_text=parameter).locator("input[type=number]").fill(value)
        shows(page, f"--{parameter.replace('_', '-')} {value}")
    page.locator(".view-busy").wait_for(state="hidden")
    page.screenshot(path=ROOT / "docs" / f"view_{name}.jpg", type="jpeg", quality=80, animations="disabled")
    page.close()


def main() -> None:
    with driven() as browser:
        for sample, name, values in SHOWN:
            with served(sample) as address:
                take(browser, address, name, values)


if __name__ == "__main__":
    main()
