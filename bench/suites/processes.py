"""Python in a process of its own, at the root of the project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def python(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run Python with arguments and some more environment; give what it prints.

    Raises
    ------
    RuntimeError
        Where it fails: with what it complained of.
    """
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=_ROOT, env=os.environ | dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
