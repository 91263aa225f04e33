"""From the signature of a filter to options of a command line, and from their text back to values."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from filters import images

#: Options that every filter has; ``out`` is the file to write.
COMMON = ("border", "border_value", "target", "schedule", "threads")
_NOT_OFFERED = ("out",)
_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Accepted:
    """What an option takes, read off an annotation."""

    choices: tuple[Any, ...] = ()
    number: type[int] | type[float] | None = None
    tuples: tuple[tuple[Any, ...], ...] = ()  # the types of the members; (type, ...) for any number of them
    array: bool = False
    arrays: bool = False
    text: bool = False
    flag: bool = False
    nothing: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        kinds = [" | ".join(map(str, self.choices))] if self.choices else []
        if self.number:
            kinds.append("a whole number" if self.number is int else "a number")
        kinds += [f"{_count(members)} with commas between" for members in self.tuples]
        if self.array:
            kinds.append("rows of numbers like 1,2,1;2,4,2, or a file: .npy, .txt or an image")
        if self.arrays:
            kinds.append("files with commas between: .npy, .txt or images; or rows of numbers like 0,9;0,5,9")
        if self.text:
            kinds.append("a text")
        return " or ".join(kinds) + (" or none" if self.nothing else "")

    @property
    def nothing_to_type(self) -> bool:
        """Whether a command line has no way to say it: a function, for instance."""
        arrays = self.array or self.arrays
        return not (self.choices or self.number or self.tuples or arrays or self.text or self.flag)

    @property
    def short(self) -> str:
        """What stands for the value in the help."""
        unit = "INTEGER" if self.number is int else "NUMBER"
        words = list(map(str, self.choices))
        words += [unit] if self.number else []
        words += [_pattern(members) for members in self.tuples]
        words += ["FILE"] if self.array else []
        words += ["FILE,..."] if self.arrays else []
        return "|".join(words) or "TEXT"


@dataclass(frozen=True)
class Argument:
    """A parameter of a filter as an option."""

    name: str
    accepted: Accepted
    default: Any
    help: str

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether the filter has no default for it."""
        return self.default is _REQUIRED

    @property
    def default_text(self) -> str | None:
        """The default as one would type it; None if there is none to speak of."""
        if self.required or self.default is None or isinstance(self.default, np.ndarray):
            return None
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        return str(self.default)

    def parse(self, text: str) -> Any:
        """Turn what was typed into a value.

        Raises
        ------
        ValueError
            If it is none of what the parameter takes.
        """
        accepted = self.accepted
        for choice in accepted.choices:
            if text == str(choice):
                return choice
        if accepted.nothing and text.lower() == "none":
            return None
        if accepted.number and (number := _number(text, accepted.number)) is not None:
            return number
        for members in accepted.tuples:
            if (numbers := _numbers(text.split(","), members)) is not None:
                return numbers
        if accepted.array:
            return _array(text, self.flag)
        if accepted.arrays:
            return _arrays(text, self.flag)
        if accepted.text:
            return text
        raise ValueError(f"{self.flag} takes {accepted}, not {text!r}")


def _number(text: str, kind: type[int] | type[float]) -> int | float | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _count(members: tuple[Any, ...]) -> str:
    kind = "whole numbers" if members[0] is int else "numbers"
    return f"several {kind}" if members[-1] is ... else f"{len(members)} {kind}"


def _pattern(members: tuple[Any, ...]) -> str:
    kinds = ["INTEGER" if member is int else "NUMBER" for member in members if member is not ...]
    return ",".join([*kinds, "..."] if members[-1] is ... else kinds)


def _numbers(parts: list[str], members: tuple[Any, ...]) -> tuple[int | float, ...] | None:
    """Read as many numbers as a tuple has, each of its own type; None if they are not."""
    kinds = members[:1] * len(parts) if members[-1] is ... else members
    if len(kinds) != len(parts):
        return None
    numbers = [_number(part, kind) for part, kind in zip(parts, kinds, strict=True)]
    found = tuple(number for number in numbers if number is not None)
    return found if len(found) == len(numbers) else None


def _array(text: str, flag: str) -> Any:
    """Read an array that is typed out, or the file that holds it."""
    if (rows := _rows(text)) is not None:
        if len({len(row) for row in rows}) > 1:
            raise ValueError(f"{flag} has rows of different lengths: {text!r}")
        return np.array(rows[0] if len(rows) == 1 else rows, np.float32)
    path = Path(text)
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if path.suffix in (".txt", ".csv"):
            return np.loadtxt(path, np.float32, delimiter="," if path.suffix == ".csv" else None)
    except (OSError, ValueError) as error:
        raise ValueError(f"{flag}: {path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        return images.read(path).array
    except images.ImageFileError as error:
        raise ValueError(f"{flag}: {error}") from None


def _arrays(text: str, flag: str) -> list[Any]:
    """Read arrays: files with commas between, or rows that are typed out."""
    if (rows := _rows(text)) is not None:
        return [np.array(row, np.float32) for row in rows]
    names = [text] if Path(text).is_file() else text.split(",")  # a name may have a comma
    return [_array(name, flag) for name in names]


def _rows(text: str) -> list[list[float]] | None:
    """Read rows of numbers; None if they are not."""
    rows = [[_number(part, float) for part in row.split(",")] for row in text.split(";")]
    found = [[number for number in row if number is not None] for row in rows]
    return found if found == rows else None


def arguments_of(function: Callable[..., Any]) -> list[Argument]:
    """List the options of a filter: its own in their order, then those that all filters share.

    Parameters
    ----------
    function : callable
        With a signature that starts with the image, and a docstring in numpydoc's form.
    """
    described = parameter_docs(inspect.getdoc(function) or "")
    parameters = list(inspect.signature(function).parameters.values())[1:]
    types_of = _annotations(function)
    found = [
        Argument(
            p.name,
            accepted_by(types_of.get(p.name, p.annotation), p.name),
            p.default,
            described.get(p.name, ""),
        )
        for p in parameters
        if p.name not in _NOT_OFFERED and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    return sorted(
        (argument for argument in found if not argument.accepted.nothing_to_type),
        key=lambda argument: argument.name in COMMON,
    )


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the annotations of a function as types, also where they are kept as text."""
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except (
        NameError,
        TypeError,
        AttributeError,
    ):  # names known to a type checker only, or no function at all
        return {}


def accepted_by(annotation: Any, name: str = "") -> Accepted:
    """Read an annotation; the ``name`` decides where that says nothing a command line could use."""
    members = _members(annotation)
    if name == "schedule":  # a name or a file; what else it may be cannot be typed
        return Accepted(text=True)
    texts = any(member in (str, Path) for member in members)
    numbers = [member for member in (int, float) if member in members]
    known = (str, Path, int, float, bool, types.NoneType)
    tuples = [typing.get_args(m) for m in members if typing.get_origin(m) is tuple]
    tuples += [(int, ...) for m in members if m == Sequence[int]]
    plain = [members_of for members_of in tuples if all(member in (int, float, ...) for member in members_of)]
    arrays = Sequence[ArrayLike] in members
    kept = [m for m in members if m not in (*known, Sequence[int], Sequence[ArrayLike])]
    others = [m for m in kept if typing.get_origin(m) not in (tuple, Literal, Callable)]
    unknown = annotation in (Any, inspect.Parameter.empty)
    return Accepted(
        choices=tuple(v for m in members if typing.get_origin(m) is Literal for v in typing.get_args(m)),
        number=numbers[-1] if numbers else float if unknown else None,
        tuples=tuple(plain),
        array=bool(others) and not unknown,
        arrays=arrays,
        text=texts or unknown,
        flag=members == [bool],
        nothing=types.NoneType in members,
    )


def _members(annotation: Any) -> list[Any]:
    """Take unions apart."""
    if annotation is None:
        return [types.NoneType]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(annotation) for member in _members(part)]
    return [annotation]


def summary(function: Callable[..., Any]) -> str:
    """Give the first sentence or line of a docstring."""
    doc = inspect.getdoc(function) or ""
    return " ".join(doc.split("\n\n")[0].replace("``", "").split())


def parameter_docs(doc: str) -> dict[str, str]:
    """Read the Parameters section of a docstring in numpydoc's form.

    Parameters
    ----------
    doc : str
        A docstring without its indentation.

    Returns
    -------
    dict
        Name to description, on one line.
    """
    match = re.search(r"^(?:Other )?Parameters\n-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", doc, re.DOTALL | re.MULTILINE)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in match.group(1).splitlines() if match else ():
        if line[:1].strip():
            names = [name.strip().lstrip("*") for name in line.split(" :")[0].split(",")]
            found.update(dict.fromkeys(names, ""))
        else:
            found.update({name: f"{found[name]} {line.strip()}".strip() for name in names})
    return {name: text.replace("``", "").strip() for name, text in found.items()}
