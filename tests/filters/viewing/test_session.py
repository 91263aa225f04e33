"""The thread that filters: the latest wish wins, and what goes wrong is said."""

import logging
import queue
import threading

import numpy as np
import pytest

from filters.viewing.session import Failure, Frame, Session
from filters.viewing.subject import Wish

SECONDS = 20  # a test that waits so long has failed


class Work:
    """A filter that begins and ends when it is told to."""

    def __init__(self):
        self.begun, self.outcomes, self.go = queue.Queue(), queue.Queue(), threading.Semaphore(0)

    def render(self, wish):
        self.begun.put(wish.values["sigma"])
        assert self.go.acquire(timeout=SECONDS)
        if wish.values["sigma"] < 0:
            raise ValueError(f"sigma must be at least 0, not {wish.values['sigma']}\nand more")
        logging.getLogger("halide_filters").info("compiling %s ...", wish.name)
        self.begun.put("compiling")
        assert self.go.acquire(timeout=SECONDS)
        return np.full((2, 2), wish.values["sigma"])

    def outcome(self):
        return self.outcomes.get(timeout=SECONDS)

    def next(self):
        return self.begun.get(timeout=SECONDS)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def session(work, caplog):
    caplog.set_level(logging.INFO, "halide_filters")
    session = Session(work.render, work.outcomes.put)
    yield session
    session.close()


def ask(session, sigma):
    session.ask(Wish("blur", {"sigma": sigma}))


def test_the_latest_wins(session, work):
    ask(session, 1)
    assert work.next() == 1
    for sigma in (2, 3, 4):
        ask(session, sigma)
    work.go.release(4)
    outcomes = [work.outcome(), work.outcome()]
    assert [o.image[0, 0] for o in outcomes] == [1, 4]
    assert [work.next() for _ in range(3)] == ["compiling", 4, "compiling"]
    assert work.begun.empty()
    assert work.outcomes.empty()
    assert all(isinstance(o, Frame) and o.seconds > 0 and o.compiled for o in outcomes)


def test_it_says_what_it_is_about(session, work):
    assert session.busy(0) is None
    ask(session, 1)
    assert work.next() == 1
    assert session.busy(0) == "filtering ..."
    assert session.busy(1000) is None
    logging.getLogger("halide_filters").info("what another thread does")
    assert session.busy(0) == "filtering ..."
    work.go.release()
    assert work.next() == "compiling"
    assert session.busy(0) == "compiling blur ..."
    work.go.release()
    assert work.outcome().compiled
    assert session.busy(0) is None


def test_errors_are_one_line_and_not_the_end(session, work):
    work.go.release(3)
    ask(session, -1)
    failure = work.outcome()
    assert isinstance(failure, Failure)
    assert failure.text == "sigma must be at least 0, not -1"
    ask(session, 5)
    assert work.outcome().image[0, 0] == 5


def test_closing_ends_the_thread_and_its_log(session, work):
    def handlers():
        return [each for each in logging.getLogger("halide_filters").handlers if vars(each).get("_session") is session]

    ask(session, 1)
    assert work.next() == 1
    (notes,) = handlers()
    (thread,) = (each for each in threading.enumerate() if each.ident == notes._thread)
    for _ in range(2):
        work.go.release()
    work.outcome()
    session.close()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert handlers() == []
