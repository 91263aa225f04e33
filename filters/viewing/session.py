"""A thread that filters what was asked for last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from filters.images import Array
from filters.viewing.subject import Wish
from schedules.console import one_line

log = logging.getLogger("halide_filters")

_FILTERING = "filtering ..."


@dataclass(frozen=True)
class Frame:
    """A result: when work on it began, the seconds that the filter took, and whether it was compiled meanwhile."""

    wish: Wish
    image: Array
    started: float
    seconds: float
    compiled: bool


@dataclass(frozen=True)
class Failure:
    """Why there is no result, on one line."""

    wish: Wish
    text: str


Outcome: TypeAlias = Frame | Failure


class Session:
    """Filters in a thread of its own: the latest wish wins, those that it overtakes are dropped.

    Parameters
    ----------
    render : callable
        Gives the image of a wish.
    listener : callable
        Called in the thread with each outcome.
    """

    def __init__(self, render: Callable[[Wish], Array], listener: Callable[[Outcome], None]) -> None:
        self._render, self._listener = render, listener
        self._changed = threading.Condition()
        self._wish: Wish | None = None
        self._closed = False
        self._since: float | None = None
        self._note = _FILTERING
        threading.Thread(target=self._work, name="halide-filters-viewing", daemon=True).start()

    def ask(self, wish: Wish) -> None:
        """Ask for a result, instead of any that was asked for and is not begun."""
        with self._changed:
            self._wish = wish
            self._changed.notify()

    def close(self) -> None:
        """End the thread, once it is done with what it has begun."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def busy(self, patience: float) -> str | None:
        """Say what the thread has been doing for longer than some seconds; None if nothing."""
        since = self._since
        return self._note if since is not None and time.perf_counter() - since > patience else None

    def _work(self) -> None:
        notes = _Notes(self)
        log.addHandler(notes)
        try:
            while (wish := self._next()) is not None:
                self._listener(self._outcome(wish))
        finally:
            log.removeHandler(notes)

    def _next(self) -> Wish | None:
        """Wait for a wish; None if there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._wish is not None)
            wish, self._wish = self._wish, None
            return None if self._closed else wish

    def _outcome(self, wish: Wish) -> Outcome:
        started = time.perf_counter()
        self._note, self._since = _FILTERING, started
        try:
            image = self._render(wish)
            return Frame(wish, image, started, time.perf_counter() - started, self._note != _FILTERING)
        except Exception as error:
            return Failure(wish, one_line(error))
        finally:
            self._since = None

    def note(self, text: str) -> None:
        """Take down what the thread is about."""
        self._note = text


class _Notes(logging.Handler):
    """Tells a session what its thread logs: that something is compiled."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.INFO)
        self._session, self._thread = session, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._session.note(record.getMessage())
