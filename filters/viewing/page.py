"""The page in the browser, and the server of it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import time
import webbrowser
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import Response
from nicegui import run as background
from nicegui import ui

from filters.arguments import summary
from filters.images import Array
from filters.viewing import code, frames
from filters.viewing.controls import Control
from filters.viewing.elements import Slider, Viewer
from filters.viewing.ranges import values_of
from filters.viewing.renderer import Renderer
from filters.viewing.session import Failure, Frame, Outcome, Session
from filters.viewing.subject import Subject, Wish
from schedules.console import one_line

_HOST = "127.0.0.1"
_FIRST = "gaussian"
_PATIENCE = 0.3
_STYLE = Path(__file__).with_name("page.css")
_BORDER = ("border", "border_value")


def serve(subject: Subject, *, port: int = 0, browser: bool = True) -> None:
    """Serve the page on this machine, to this machine alone, until interrupted.

    Parameters
    ----------
    subject : Subject
        What is looked at.
    port : int
        Where; 0 takes a free one.
    browser : bool
        Whether to open the page in the browser.

    Raises
    ------
    OSError
        If the port is taken.
    """
    with socket.create_server((_HOST, port)) as listening:
        address = f"http://{_HOST}:{listening.getsockname()[1]}/"
        print(f"{address} shows {subject.path.name}; Ctrl+C ends it", flush=True)
        if browser:  # what it asks for waits until it is served
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server = uvicorn.Server(uvicorn.Config(application(subject), log_level="warning", timeout_graceful_shutdown=1))
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def application(subject: Subject) -> FastAPI:
    """Make the server's application: the page, and the frames of each browser tab that shows it."""
    app = FastAPI(openapi_url=None)
    # Another site's page that gets its name to mean this machine is not answered.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[_HOST, "localhost"])
    views: dict[str, View] = {}
    values = values_of(subject.color)

    def frame(key: str, which: str) -> Response:
        if key not in views:
            raise HTTPException(404)
        number, image = views[key].frame(which)
        content = frames.encoded(image, values)
        height, width = image.shape[:2]
        headers = {"X-Frame": str(number), "X-Size": f"{width}x{height}"}
        return Response(content, media_type=frames.MEDIA_TYPE, headers=headers)

    def page() -> None:
        key = secrets.token_urlsafe()
        views[key] = view = View(subject, f"/frames/{key}")

        def leave() -> None:
            views.pop(key).close()

        ui.context.client.on_delete(leave)
        view.begin()

    app.add_api_route("/frames/{key}/{which}", frame)
    # Compressed, frames would take longer to arrive.
    ui.run_with(
        app, root=page, title=f"{subject.path.name} - filters", dark=True, gzip_middleware_factory=None, favicon="🎚️"
    )
    return app


class View:
    """The page of one browser tab.

    Parameters
    ----------
    subject : Subject
        What is looked at.
    url : str
        Where the browser finds the frames.
    """

    def __init__(self, subject: Subject, url: str) -> None:
        self._subject = subject
        self._values = {name: subject.start(name) for name in subject.controls}
        self._name = _FIRST if _FIRST in self._values else next(iter(self._values))
        self._loop = asyncio.get_running_loop()
        self._latest = 0, Frame(self._wish(), subject.color, 0.0, 0.0, False)
        # One for each filter that was chosen: compiling one does not keep others waiting.
        self._sessions: dict[str, Session] = {}
        self._renderer = Renderer(subject)
        self._closed = False
        self._build(url)

    def begin(self) -> None:
        """Ask for the first result."""
        self._choose(self._name)

    def close(self) -> None:
        """Stop filtering: the tab is gone."""
        self._closed = True
        for session in self._sessions.values():
            session.close()

    def frame(self, which: str) -> tuple[int, Array]:
        """Give the picture, or the latest result, and its number."""
        number, latest = self._latest
        return (0, self._subject.color) if which == "before" else (number, latest.image)

    # ------------------------------------------------------------------------------------------------ what is on it

    def _build(self, url: str) -> None:
        ui.add_css(_STYLE)
        with ui.element("div").classes("view-page"):
            with ui.element("div").classes("view-main"):
                self._viewer = Viewer(url, self._shown)
                with ui.row().classes("view-zoom"):
                    for text, action in (("Fit", self._viewer.fit), ("100 %", self._viewer.actual)):
                        ui.button(text, on_click=action).props("dense unelevated no-caps color=grey-9")
                with ui.element("div").classes("view-busy") as self._busy:
                    ui.spinner(size="18px", color="white")
                    self._doing = ui.label()
                self._busy.set_visibility(False)
            with ui.element("div").classes("view-panel"):
                self._build_panel()
        ui.timer(0.1, self._look)

    def _build_panel(self) -> None:
        height, width = self._subject.color.shape[:2]
        ui.label(f"{self._subject.path.name} · {width} × {height} · {self._subject.color.dtype}").classes("view-name")
        names = list(self._values)
        choice = ui.select(names, value=self._name, label="filter", on_change=lambda event: self._choose(event.value))
        choice.props("outlined dense options-dense").classes("w-full")
        self._summary = ui.label().classes("view-summary")
        with ui.element("div").classes("view-scrolled"):
            self._controls = ui.element("div").classes("w-full")
            self._python = _code("Python")
            self._command = _code("Command line")
        self._error = ui.label().classes("view-error")
        self._times = ui.label().classes("view-times")
        self._save_button = ui.button("Save", on_click=self._save).props("unelevated no-caps").classes("w-full")

    def _choose(self, name: str) -> None:
        """Show what can be set of a filter."""
        self._name = name
        self._summary.text = summary(self._subject.functions[name])
        self._controls.clear()
        controls = self._subject.controls[name]
        with self._controls:
            for control in (c for c in controls if c.name not in _BORDER):
                self._build_control(control)
            with ui.expansion("border").props('dense header-class="q-px-none"').classes("w-full view-border"):
                for control in (c for c in controls if c.name in _BORDER):
                    self._build_control(control)
        self._ask()

    def _build_control(self, control: Control) -> None:
        with ui.element("div").classes("view-control"):
            if control.kind == "slider":
                self._build_slider(control)
            else:
                with ui.element("div").classes("view-row"):
                    ui.label(control.name)
                    self._build_field(control)
            ui.tooltip(control.argument.help).props(
                'delay=600 anchor="center left" self="center right" max-width=280px'
            ).classes("view-help")

    def _build_field(self, control: Control) -> None:
        value = self._values[self._name][control.name]

        def changed(event: Any) -> None:
            self._set(control, event.value)

        if control.kind == "choice":
            field: Any = ui.select(list(control.argument.accepted.choices), value=value, on_change=changed)
            field.props("dense options-dense").classes("view-choice")
        elif control.kind == "switch":
            ui.switch(value=value, on_change=changed).props("dense")
        else:
            field = ui.input(value=value, on_change=changed, placeholder="left to the filter" if not value else None)
            field.props("dense debounce=300").classes("view-choice")

    def _build_slider(self, control: Control) -> None:
        value = self._values[self._name][control.name]
        shown = _middle(control) if value is None else value
        kind: Any = control.argument.accepted.number

        def typed(event: Any) -> None:
            if event.value is not None and event.value != self._values[self._name][control.name]:
                self._set(control, kind(event.value))
                slider.move(control.position(event.value))

        def dragged(position: float) -> None:
            self._set(control, control.value(position))
            number.value = control.value(position)

        def ticked(event: Any) -> None:
            for part in (number, slider):
                part.set_visibility(event.value)
            self._set(control, kind(number.value) if event.value else None)

        with ui.element("div").classes("view-row"):
            if control.optional:
                ui.checkbox(control.name, value=value is not None, on_change=ticked).props("dense size=sm")
            else:
                ui.label(control.name)
            number = ui.number(value=shown, on_change=typed, step=control.step).classes("view-number")
            number.props(f'dense debounce=200 suffix="{control.range.unit if control.range else ""}"')
        low, high = control.ends
        slider = Slider(low, high, control.step, control.position(shown), dragged)
        for part in (number, slider):
            part.set_visibility(value is not None)

    # ------------------------------------------------------------------------------------------------ what happens

    def _wish(self) -> Wish:
        return Wish(self._name, dict(self._values[self._name]))

    def _set(self, control: Control, value: Any) -> None:
        self._values[self._name][control.name] = value
        self._ask()

    def _ask(self) -> None:
        if self._name not in self._sessions:
            self._sessions[self._name] = Session(self._renderer.render, self._from_thread)
        self._sessions[self._name].ask(self._wish())

    def _from_thread(self, outcome: Outcome) -> None:
        self._loop.call_soon_threadsafe(self._take, outcome)

    def _take(self, outcome: Outcome) -> None:
        if self._closed or outcome.wish.name != self._name:
            return  # the tab is gone, or another filter was chosen meanwhile
        self._error.text = outcome.text if isinstance(outcome, Failure) else ""
        if isinstance(outcome, Frame):
            self._latest = self._latest[0] + 1, outcome
            self._viewer.show(self._latest[0])

    def _shown(self, number: int) -> None:
        """Tell the times of a frame that is on the screen."""
        latest, frame = self._latest
        if number != latest:
            return  # a later one is on its way
        took = f"filter {_duration(frame.seconds)}{', compiled' if frame.compiled else ''}"
        self._times.text = f"{took} · on the screen after {_duration(time.perf_counter() - frame.started)}"
        self._python.text = code.python(self._subject, frame.wish)
        self._command.text = code.command(self._subject, frame.wish)

    def _look(self) -> None:
        """Say what takes long."""
        doing = self._sessions[self._name].busy(_PATIENCE)
        self._busy.set_visibility(doing is not None)
        self._doing.text = doing or ""

    async def _save(self) -> None:
        self._save_button.props("loading")
        try:
            name, content = await background.io_bound(self._subject.saved, self._latest[1].wish)
            ui.download.content(content, name)
        except Exception as error:
            self._error.text = one_line(error)
        finally:
            self._save_button.props(remove="loading")


def _middle(control: Control) -> int | float:
    """Give what a slider stands at while its parameter is left to the filter."""
    low, high = control.ends
    known = control.range.start if control.range else None
    return known if known is not None else control.value((low + high) / 2)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"


def _code(title: str) -> Any:
    """Make a place for code, with a button that copies it."""
    with ui.row().classes("w-full items-center justify-between"):
        ui.label(title).classes("view-name")
        button = ui.button(icon="content_copy").props("flat dense size=sm color=grey-5")
    label = ui.label().classes("view-code")
    button.on_click(lambda: ui.clipboard.write(label.text))
    return label
