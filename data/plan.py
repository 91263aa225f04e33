"""The order of a pipeline's steps: which are computed where, and which only set numbers of the one resampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data.randomness import WORDS
from data.transforms import Geometric, Pixelwise, RandomApply, ToDtype, Transform

#: Numbers of one operation, in blocks of random words: those of the next begin behind.
_BLOCKS = 1 << 16


@dataclass(frozen=True)
class Step:
    """A step of a pipeline.

    Attributes
    ----------
    transform : Geometric or Pixelwise
        What is done.
    operation : int
        The number by which it draws.
    gate : int or None
        The operation of the chance that it is taken by.
    probability : float
        Of that chance.
    """

    transform: Geometric | Pixelwise
    operation: int
    gate: int | None = None
    probability: float = 1.0

    @property
    def reads(self) -> Literal["", "resample", "warp"]:
        """What the program does there: resample the image, read it by an affine map, or neither."""
        if _is(self, "resizes"):
            return "resample"
        return "warp" if _is(self, "warps") else ""

    @property
    def kernel(self) -> str:
        """The kernel of that."""
        return self.transform.interpolation if isinstance(self.transform, Geometric) else ""

    @property
    def optional(self) -> bool:
        """Whether samples that it leaves alone run a program without it."""
        return isinstance(self.transform, Pixelwise) and not self.transform.neutral and self.gate is not None


def plan(transforms: Sequence[Transform]) -> list[Step]:
    """Give the steps of a pipeline, or raise if their order cannot be had in one resampling."""
    steps = list(_numbered(transforms))
    resizing = [i for i, step in enumerate(steps) if step.reads == "resample"]
    warping = [i for i, step in enumerate(steps) if step.reads == "warp"]
    for found in (resizing, warping):
        if len(found) > 1:
            first, second = (steps[i].transform for i in found[:2])
            raise ValueError(f"{second!r} comes after {first!r}: images are resampled once; take one of them")
    _check_order(steps, resizing, warping)
    return steps


def _numbered(transforms: Sequence[Transform]) -> Iterator[Step]:
    operation = 0
    for transform in transforms:
        if isinstance(transform, RandomApply):
            gate, operation = operation, operation + 1
            for inner in transform.transforms:
                if not isinstance(inner, Pixelwise) or isinstance(inner, ToDtype):
                    why = "moves pixels, changes their type, or is no step; only others are left out"
                    raise ValueError(f"{transform!r}: {inner!r} {why}")
                yield Step(inner, operation, gate, transform.p)
                operation += 1
        elif isinstance(transform, (Geometric, Pixelwise)):
            yield Step(transform, operation)
            operation += 1
        else:
            raise TypeError(f"transforms must be of data.transforms, not {type(transform).__name__}")


def _is(step: Step, what: str) -> bool:
    return isinstance(step.transform, Geometric) and bool(getattr(step.transform, what))


def _check_order(steps: Sequence[Step], resizing: Sequence[int], warping: Sequence[int]) -> None:
    """Check that each step that moves pixels may be taken where they are read instead.

    Parts of the source are taken before all, other parts where pixels were read last; so they pass the steps between.
    Mirroring is done where pixels are read.
    """
    reading = sorted([*resizing, *warping])
    for i, step in enumerate(steps):
        before = [r for r in reading if r < i]
        if _is(step, "crops"):
            passed = steps[before[-1] + 1 if before else 0 : i]
            _check_passes(step, passed, "pointwise", "changes what the other computes near the edges; put it before")
            if before and (_is(step, "resizes") or (before[-1] in warping and resizing)):
                raise ValueError(f"{step.transform!r} must come before {steps[before[-1]].transform!r}")
        if _is(step, "mirrors"):
            later = [r for r in reading if r > i]
            if before or not later:
                passed = steps[before[-1] + 1 if before else 0 : i]
            else:
                passed = steps[i + 1 : later[0]]
            _check_passes(step, passed, "symmetric", "a mirrored image has another result; put it before")


def _check_passes(step: Step, passed: Sequence[Step], property: str, why: str) -> None:
    for other in passed:
        if isinstance(other.transform, Pixelwise) and not getattr(other.transform, property):
            raise ValueError(f"{step.transform!r} and {other.transform!r} cannot change places: {why}")


def blocks(steps: Sequence[Step]) -> tuple[NDArray[np.int64], dict[int, slice]]:
    """Give the blocks of random words that steps draw, and where the numbers of each operation are among them."""
    found: list[int] = []
    where: dict[int, slice] = {}
    draws = {step.gate: 1 for step in steps if step.gate is not None}
    draws |= {step.operation: step.transform.draws for step in steps}
    for operation, count in sorted(draws.items()):
        first = len(found) * WORDS
        found += [operation * _BLOCKS + i for i in range(-(-count // WORDS))]
        where[operation] = slice(first, first + count)
    return np.array(found, np.int64), where
