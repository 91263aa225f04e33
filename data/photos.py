"""A few photos that come with the package, for demonstrations, examples and tests."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "samples"
_SUFFIXES = {".jpg", ".png"}


def samples() -> list[str]:
    """List the names of the photos that come with the package.

    Returns
    -------
    list of str
        In alphabetical order; :func:`sample` takes each.

    Examples
    --------
    >>> import data
    >>> data.samples()
    ['chelsea', 'coffee', 'rocket']
    """
    return sorted(_files())


def sample(name: str) -> Path:
    """Give the file of a photo that comes with the package; who took it is in ``samples/LICENSES.md``.

    Parameters
    ----------
    name : str
        One of :func:`samples`, such as ``"coffee"``.

    Returns
    -------
    Path
        A JPEG or PNG file, 8-bit RGB.

    Raises
    ------
    ValueError
        If there is no such photo.

    Examples
    --------
    >>> import data
    >>> data.sample("coffee").name
    'coffee.jpg'
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string such as 'coffee', not {type(name).__name__}")
    files = _files()
    if name not in files:
        raise ValueError(f"name must be one of {', '.join(sorted(files))}, not {name!r}")
    return files[name]


def _files() -> dict[str, Path]:
    return {file.stem: file for file in _FOLDER.iterdir() if file.suffix in _SUFFIXES}
