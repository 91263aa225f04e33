"""Tells when a file of the user's is found in place of one of our packages.

``data`` and ``filters`` are names that anybody's ``data.py`` or ``filters.py`` may have, and Python takes
what lies in the current folder first; the error would be about a missing attribute, somewhere else.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

_HOME = Path(__file__).resolve().parents[1]


def check(package: str, *needed: str) -> None:
    """Make sure that the packages one of ours needs are ours too.

    Parameters
    ----------
    package : str
        The one that is being imported.
    *needed : str
        The packages that it imports.

    Raises
    ------
    ImportError
        Naming the file in the way.
    """
    for name in needed:
        spec = importlib.util.find_spec(name)
        place = spec.origin or next(iter(spec.submodule_search_locations or ()), "") if spec else ""
        if place and Path(place).resolve() != _HOME / name / "__init__.py":
            raise ImportError(
                f"the package {package} of halide-filters needs its own package {name}, but {place} is in "
                "the way: rename it, or start Python from another folder",
                name=name,
                path=place,
            )
