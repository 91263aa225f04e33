"""What a tuner may try: choices of a template and their values, and autoschedulers with theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schedules.automatic import AUTOSCHEDULERS, able
from schedules.schedule import Tunable

#: A candidate: values of choices; or under ``AUTOMATIC`` the name of an autoscheduler, and values of its parameters.
Candidate = Mapping[str, int | str]
AUTOMATIC = "automatic"


def spelled(candidate: Candidate) -> str:
    """Spell a candidate, equal ones alike."""
    return json.dumps(dict(candidate), sort_keys=True)


@dataclass(frozen=True)
class Space:
    """All candidates for a program.

    Attributes
    ----------
    choices : mapping
        By the name of a choice, what it is by hand, which a candidate that does not name it leaves, and its values.
    automatic : sequence of str
        The autoschedulers that make schedules for the target.
    """

    choices: Mapping[str, Tunable]
    automatic: Sequence[str] = field(default_factory=tuple)

    @staticmethod
    def of(tunables: Mapping[str, Sequence[Any]], device: str | None) -> Space:
        """Give the space for what a lowering says is tunable, on a CPU or a device."""
        return Space.from_json({"choices": tunables, AUTOMATIC: able(device)})

    def to_json(self) -> dict[str, Any]:
        """Give what a journal's head says of it."""
        choices = {name: each.to_json() for name, each in self.choices.items()}
        return {"choices": choices, AUTOMATIC: list(self.automatic)}

    @staticmethod
    def from_json(head: Mapping[str, Any]) -> Space:
        """Read what :meth:`to_json` gave."""
        choices = {name: Tunable.from_json(values) for name, values in head["choices"].items()}
        return Space(choices, tuple(head[AUTOMATIC]))

    def parameters(self, candidate: Candidate) -> Mapping[str, Sequence[int | str]]:
        """Give what may be changed of a candidate, with values: the template's choices, or the knobs of a search."""
        if AUTOMATIC in candidate:
            return AUTOSCHEDULERS[str(candidate[AUTOMATIC])].knobs
        return {name: each.values for name, each in self.choices.items()}

    def neighbours(self, candidate: Candidate, name: str) -> Iterator[Candidate]:
        """Go through the candidates that differ in one parameter."""
        by_hand = self.choices[name].default if name in self.choices else None
        for value in self.parameters(candidate)[name]:
            if candidate.get(name, by_hand) != value:
                yield {**candidate, name: value}

    def naive(self) -> Candidate:
        """Give the candidate with the first, the smallest, value of every choice: where nothing is known by hand."""
        return {name: each.values[0] for name, each in self.choices.items()}
