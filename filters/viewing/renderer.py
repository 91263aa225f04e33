"""What is shown while sliders are dragged: as the filters give it, or faster by what was computed before."""

from __future__ import annotations

from typing import Any

from filters._laplacian.interactive import LocalLaplacian
from filters.images import Array
from filters.viewing.subject import Subject, Wish

_RENDERED = ("sigma", "detail", "beta")
#: Parameters that :class:`LocalLaplacian` does without, unless they are what the filter has by default.
_PLAIN_ONLY = {"terms": None, "accuracy": None, "samples": None, "domain": "linear"}


class Renderer:
    """Filters a picture, and keeps what the next values of its parameters need too.

    Local Laplacian filtering is that of :class:`filters.LocalLaplacian`, some 60 dB from what the filter gives. All
    else is to the bit what the filter gives.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._prepared: tuple[dict[str, Any], LocalLaplacian] | None = None

    def render(self, wish: Wish) -> Array:
        """Give a result.

        Raises
        ------
        TypeError, ValueError
            What the filter raises.
        """
        prepared = self._prepare(wish) if wish.name == "local_laplacian" else None
        if prepared is None:
            return self.subject.filtered(wish)
        return prepared.render(**{name: wish.values[name] for name in _RENDERED})

    def _prepare(self, wish: Wish) -> LocalLaplacian | None:
        """Prepare the picture, if the values on the page are some that sliders can be dragged through at once."""
        sigmas = next(c.range for c in self.subject.controls[wish.name] if c.name == "sigma")
        options = {name: value for name, value in self.subject.options(wish).items() if name not in _RENDERED}
        method = options.pop("method", "auto")
        plain = any(name in options and options[name] != value for name, value in _PLAIN_ONLY.items())
        if plain or method not in ("auto", "fourier") or sigmas is None:
            return None
        if not sigmas.low <= wish.values["sigma"] <= sigmas.high:
            return None
        if self._prepared is None or self._prepared[0] != options:
            self._prepared = None  # its memory is needed for the next one
            self._prepared = options, LocalLaplacian(self.subject.color, sigmas=(sigmas.low, sigmas.high), **options)
        return self._prepared[1]
