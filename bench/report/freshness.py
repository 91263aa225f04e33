"""Whether what was measured is the code that is there: a digest of what filters and schedules are made of.

Comments, docstrings and formatting do not count, for they change no time.
"""

from __future__ import annotations

import ast
import hashlib
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
    """Give a source without what changes no time."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            body[0] = ast.Pass()
    return ast.dump(tree, annotate_fields=False)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
