"""What a tuner may try: choices of a template and their values, and autoschedulers with theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schedules.automatic import AUTOSCHEDULERS

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
        Values by the name of a choice; a candidate that does not name one leaves it as it is written by hand.
    automatic : sequence of str
        The autoschedulers that make schedules for the target.
    """

    choices: Mapping[str, Sequence[int | str]]
    automatic: Sequence[str] = field(default_factory=tuple)

    @staticmethod
    def of(tunables: Mapping[str, Sequence[int | str]], device: str | None) -> Space:
        """Give the space for what a lowering says is tunable, on a CPU or a device."""
        able = [name for name, each in AUTOSCHEDULERS.items() if (each.devices if device else each.cpus)]
        return Space(dict(tunables), able)

    def parameters(self, candidate: Candidate) -> Mapping[str, Sequence[int | str]]:
        """Give what may be changed of a candidate, with values: the template's choices, or the knobs of a search."""
        if AUTOMATIC in candidate:
            return AUTOSCHEDULERS[str(candidate[AUTOMATIC])].knobs
        return self.choices

    def neighbours(self, candidate: Candidate, name: str) -> Iterator[Candidate]:
        """Go through the candidates that differ in one parameter."""
        for value in self.parameters(candidate)[name]:
            if candidate.get(name) != value:
                yield {**candidate, name: value}

    def naive(self) -> Candidate:
        """Give the candidate with the first, the smallest, value of every choice: where nothing is known by hand."""
        return {name: values[0] for name, values in self.choices.items()}
