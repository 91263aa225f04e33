"""Whether what was measured is the code that is there: a digest of what filters and schedules are made of.

Comments, docstrings and formatting do not count, for they change no time.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What times of filters depend on: their programs, how they are lowered, scheduled, compiled and called.
FOLDERS = ("filters", "dsl", "schedules", "compress/kernels", "compress/lowering", "data")
#: What is in those folders and takes no part in a call.
APART = ("filters/viewing", "filters/reference", "schedules/tuning", "compress/kernels/reference.py")
#: Command lines and what only they use.
_NAMES = ("commands.py", "__main__.py", "doctor.py", "demo.py")


def digest(root: Path = ROOT) -> str:
    """Give the digest of the sources."""
    total = hashlib.sha256()
    for file in sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.py")):
        name = file.relative_to(root).as_posix()
        if file.name not in _NAMES and not name.startswith(APART):
            total.update(f"{name}\n{_meaning(file)}\n".encode())
    return total.hexdigest()[:16]


def _meaning(file: Path) -> str:
    """Give a source without what changes no time; the same in all versions of Python."""
    source = file.read_bytes()
    comments = [token for token in tokenize.tokenize(io.BytesIO(source).readline) if token.type == tokenize.COMMENT]
    lines = [line.decode() for line in source.splitlines()]
    for token in comments:
        row, column = token.start
        lines[row - 1] = lines[row - 1][:column]
    for text in _docstrings(ast.parse(source)):
        for row in range(text.lineno - 1, text.end_lineno or text.lineno):
            lines[row] = ""
    return "".join(word for line in lines for word in line.split())


def _docstrings(tree: ast.Module) -> Iterator[ast.Expr]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield body[0]
