"""Rows of files that whoever runs the script gave it: accounts, products, search terms.

    users = Dataset("users")

    def iterate():
        user = users.next()
        http.post(base_url("/login"), json={"user": user["name"], "password": user["password"]})

Whoever runs the script gives a file a name, with `--dataset users=users.csv` or in the options file. All virtual users
share the rows, which stay with the engine. `"datasets": {"users": {"order": …}}` in the options says which row is next:
`sequential`, `random` (by `seed`), `unique` or `by-vu`.
"""

import json
from collections.abc import Iterator
from typing import Any

from componentize_py_types import Err
from wit_world.imports import dataset as _contract

from .given import case_of
from .given import text as _text


class Error(Exception):
    """Why there is no dataset, or no row."""


class NotDeclared(Error, LookupError):
    """The run has no dataset of this name."""


class Exhausted(Error):
    """Each row of a `unique` dataset has been handed out, and the options ask for an error then."""


class NoSuchRow(Error, IndexError):
    """The dataset has no row of this number."""


class Unreadable(Error):
    """The file can no longer be read, or was changed during the run."""


def _error(error: Err[_contract.Error]) -> Error:
    match case_of(error):
        case _contract.Error_NotDeclared(what):
            return NotDeclared(what)
        case _contract.Error_Exhausted():
            return Exhausted("each row of the dataset has been handed out")
        case _contract.Error_NoSuchRow():
            return NoSuchRow("the dataset has no such row")
        case _contract.Error_Unreadable(why):
            return Unreadable(f"a row cannot be read: {why}")


class Row:
    """One row. It stays with the engine, and its fields are copied when asked for."""

    def __init__(self, made: _contract.Row) -> None:
        self._made = made

    @property
    def number(self) -> int:
        """Its number in the file, from 0."""
        return self._made.number()

    def get(self, field: str, default: str | None = None) -> str | None:
        """What the field of this name says: in JSON Lines a text without its quotes, and anything else as it stands. The
        default if there is no such field or it is `null`."""
        value = self._made.get(_text(field, "a field"))
        return default if value is None else value

    def __getitem__(self, field: str) -> str:
        """Likewise, where there must be one."""
        value = self._made.get(_text(field, "a field"))
        if value is None:
            raise KeyError(f"row {self.number} has no field `{field}`")
        return value

    @property
    def text(self) -> str:
        """The whole row as JSON text: a JSON Lines row as it stands in the file, a CSV row as an object of texts."""
        return self._made.json()

    def json(self) -> Any:
        """The whole row as a value. Of a CSV row all fields are texts."""
        return json.loads(self._made.json())


class Dataset:
    """Rows that are handed out in the order that the options choose, to all virtual users together.

    It may stand at the top of the module: it is opened when it is first used, and raises `NotDeclared` then if the run
    has none of this name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._made: _contract.Dataset | None = None

    def _opened(self) -> _contract.Dataset:
        if self._made is None:
            try:
                self._made = _contract.Dataset.open(_text(self.name, "the name of a dataset"))
            except Err as error:
                raise _error(error) from None
        return self._made

    def next(self) -> Row:
        """The next row in the dataset's order.

        When each row of a `unique` dataset has been handed out, this user ends, unless the options say otherwise:
        `"onExhausted": "fail"` has it raise `Exhausted`.
        """
        opened = self._opened()
        try:
            return Row(opened.next())
        except Err as error:
            raise _error(error) from None

    def __getitem__(self, number: int) -> Row:
        """The row of this number, from 0, whatever the order. It does not count as handed out."""
        opened = self._opened()
        if not 0 <= number < 2**32:
            raise NoSuchRow("the dataset has no such row")
        try:
            return Row(opened.row(number))
        except Err as error:
            raise _error(error) from None

    def __iter__(self) -> Iterator[Row]:
        """All rows, in the file's order. None of them counts as handed out."""
        return (self[number] for number in range(len(self)))

    def __len__(self) -> int:
        """How many rows it has; at least one."""
        return self._opened().len()
