"""Reads what autoschedulers print: chains of directives on Funcs, in the C++ that their users are to paste.

Mullapudi2016, Adams2019 and Anderson2021 declare names and write ``f.update(0).split(x, xo, xi, 16,
TailStrategy::RoundUp)``; Li2018 declares little and writes ``ShiftInwards``. All name Funcs and loops after Halide's
own names, in which characters that C++ does not allow became ``_``, so declarations say nothing that is needed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from schedules.errors import ScheduleError
from schedules.schedule import DIRECTIVES, PLACEMENTS, Argument, Op

#: ``f.update(0).split(...).vectorize(...)``; Li2018 names the stage that ``rfactor`` makes: ``f_intm = f.update(0)``.
_STATEMENT = re.compile(
    r"((?P<made>[\w$]+)\s*=\s*)?(?P<func>[\w$]+)(?P<update>\s*\.update\((?P<index>\d*)\))?"
    r"(?P<chain>(\s*\.?\w+\([^()]*\))*)"
)
_CALL = re.compile(r"\.?(?P<directive>\w+)\((?P<arguments>[^()]*)\)")  # Mullapudi2016 forgets a dot before gpu()
_DECLARATION = re.compile(r"(Func|Var|RVar|auto)\s[^=]*(=[^;]*(get_func|args|get_pipeline)\(.*)?")
#: Li2018's names for directives on loops of reductions; what only silences a warning.
_SYNONYMS = {"r_gpu_blocks": "gpu_blocks", "r_gpu_threads": "gpu_threads"}
_NOTHING = ("unscheduled",)


def plain(name: str) -> str:
    """Write one of Halide's names as C++ can."""
    return re.sub(r"\W", "_", name)


class Names:
    """What the stages of a pipeline and their loops are called in a text, and what we call them.

    Parameters
    ----------
    stages : mapping
        Our name of a stage -> Halide's.
    loops : mapping
        Our name of a stage -> our name of a loop -> Halide's.
    inputs : iterable of str
        Halide's names of input images, which Li2018 schedules as if they were stages.
    """

    def __init__(
        self, stages: Mapping[str, str], loops: Mapping[str, Mapping[str, str]], inputs: Iterable[str] = ()
    ) -> None:
        self._inputs = {f"{plain(name)}_im" for name in inputs}
        self._stages = {plain(name): stage for stage, name in stages.items()}
        self._loops = {}
        for stage, found in loops.items():
            self._loops[stage] = {plain(name): loop for loop, name in found.items()}

    def is_input(self, word: str) -> bool:
        """Tell whether a word is Halide's name for what reads an input image."""
        return plain(word) in self._inputs

    def stage(self, word: str) -> str:
        """Give our name of a stage."""
        name = plain(word)
        if name not in self._stages:
            raise ScheduleError(f"no stage is called {word!r}; there is {', '.join(self._stages.values())}")
        return self._stages[name]

    def add_stage(self, word: str, of: str) -> str:
        """Take a stage that a directive makes of another, whose loops it has; it keeps its name."""
        name = self._stages[plain(word)] = plain(word)
        self._loops[name] = self._loops.get(of, {})
        return name

    def loop(self, stage: str, word: str) -> str:
        """Give our name of a loop; one that a directive makes keeps its own."""
        return self._loops.get(stage, {}).get(plain(word), plain(word))


def parse(text: str, names: Names) -> list[Op]:
    """Read the text of a schedule into ops; placements of stages in loops of others come last.

    Raises
    ------
    ScheduleError
        For what is no chain of known directives.
    """
    ops: list[Op] = []
    fresh = itertools.count()
    for statement in _statements(text):
        match = _STATEMENT.fullmatch(statement)
        if not match:
            raise ScheduleError(f"no chain of directives: {statement[:200]!r}")
        if names.is_input(match["func"]):
            continue
        stage = names.stage(match["func"])
        receiver = f"{stage}.update({match['index'] or 0})" if match["update"] else stage
        for call in _CALL.finditer(match["chain"]):
            directive = _SYNONYMS.get(call["directive"], call["directive"])
            words = _words(call["arguments"])
            if directive in _NOTHING:
                continue
            if directive == "rfactor" and match["made"]:
                loop, kept = words
                made = names.add_stage(match["made"], stage)
                ops.append(Op(receiver, directive, (names.loop(stage, loop), plain(kept), made)))
                receiver = stage = made  # the rest of the chain is of the stage that was made
            else:
                ops += _ops(receiver, stage, directive, words, names, fresh)
    return sorted(ops, key=lambda op: op.directive in PLACEMENTS)


def _statements(text: str) -> Iterator[str]:
    uncommented = re.sub(r"//[^\n]*", "", text)
    for piece in re.split(r"[;{}](?![^()]*\))|\n(?=\w)", uncommented):  # Li2018 forgets a semicolon
        statement = piece.strip()
        if statement and not _DECLARATION.fullmatch(statement):
            yield re.sub(r"^Func\s+", "", statement)


def _words(arguments: str) -> list[str]:
    found = re.sub(r"[{}\s]", "", arguments)
    return found.split(",") if found else []


def _ops(
    receiver: str, stage: str, directive: str, words: list[str], names: Names, fresh: Iterator[int]
) -> Iterator[Op]:
    """Read one call. ``tile``, ``vectorize(x, 8)`` and the like split loops first, ``parallel(x, 8)`` into tasks."""
    if directive in ("parallel", "vectorize", "unroll") and len(words) > 1:
        loop, count, *tail = words
        inner = f"{names.loop(stage, loop)}_{next(fresh)}"
        yield _op(receiver, stage, "split", [loop, loop, inner, count, *tail], names)
        yield _op(receiver, stage, directive, [loop if directive == "parallel" else inner], names)
        return
    if directive == "tile":
        x, y, xo, yo, xi, yi, columns, rows, *tail = words
        yield _op(receiver, stage, "split", [x, xo, xi, columns, *tail], names)
        yield _op(receiver, stage, "split", [y, yo, yi, rows, *tail], names)
        directive, words = "reorder", [xi, yi, xo, yo]
    yield _op(receiver, stage, directive, words, names)


def _op(receiver: str, stage: str, directive: str, words: list[str], names: Names) -> Op:
    if directive not in DIRECTIVES:
        raise ScheduleError(f"{receiver}.{directive}({', '.join(words)}): no such directive")
    kinds = DIRECTIVES[directive]
    kinds = "v" * len(words) if kinds == "v*" else kinds
    if len(words) > len(kinds):
        raise ScheduleError(f"{receiver}.{directive}({', '.join(words)}): {len(kinds)} arguments expected")
    of, found = stage, list[Argument]()
    for kind, word in zip(kinds, words, strict=False):
        if kind == "s":
            of = names.stage(word)
            found.append(of)
        elif kind == "e":
            found.append(int(word))
        elif kind in "tm":
            found.append(word.rpartition(":")[2])
        else:
            found.append(names.loop(of, word))
    return Op(receiver, directive, tuple(found))
