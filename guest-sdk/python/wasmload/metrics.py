"""Metrics of the script's own.

They may stand at the top of the module: the engine makes each when it is first used. Two of one name are the same
metric. A name is a letter or `_` followed by up to 127 letters, digits and `_`, and belongs to one kind of metric;
anything else ends the iteration.
"""

from collections.abc import Mapping

from wit_world.imports import metrics as _contract

from .given import text
from .timing import milliseconds

Tags = Mapping[str, str]


def _listed(tags: Tags | None) -> list[tuple[str, str]]:
    return [(text(name, "a tag"), str(value)) for name, value in tags.items()] if tags else []


class Counter:
    """A sum, such as orders placed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._made: _contract.Counter | None = None

    def add(self, value: float = 1, tags: Tags | None = None) -> None:
        """Adds to the sum."""
        if self._made is None:
            self._made = _contract.Counter(text(self.name, "the name of a metric"))
        self._made.add(float(value), _listed(tags))


class Gauge:
    """A value that goes up and down, such as the length of a queue."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._made: _contract.Gauge | None = None

    def set(self, value: float, tags: Tags | None = None) -> None:
        """Sets the value."""
        if self._made is None:
            self._made = _contract.Gauge(text(self.name, "the name of a metric"))
        self._made.set(float(value), _listed(tags))


class Rate:
    """How often something was true."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._made: _contract.Rate | None = None

    def add(self, value: object, tags: Tags | None = None) -> None:
        """Records one answer."""
        if self._made is None:
            self._made = _contract.Rate(text(self.name, "the name of a metric"))
        self._made.add(bool(value), _listed(tags))


class Trend:
    """A distribution, such as the size of a basket, or with `is_time` the time until a page is usable."""

    def __init__(self, name: str, is_time: bool = False) -> None:
        self.name = name
        self.is_time = is_time
        self._made: _contract.Trend | None = None

    def add(self, value: float, tags: Tags | None = None) -> None:
        """Records one value: of time, a length in seconds."""
        if self._made is None:
            self._made = _contract.Trend(text(self.name, "the name of a metric"), self.is_time)
        self._made.add(milliseconds(value) if self.is_time else float(value), _listed(tags))
