"""What scripts hand over, held to what the contract takes: anything else would break the user, and not say where."""

from typing import Any, NoReturn, TypeVar

from componentize_py_types import Err

Case = TypeVar("Case")


def text(value: object, what: str) -> str:
    """A text, such as a URL."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a text, but is {value!r}")
    return value


def whole(value: object, what: str) -> int:
    """A whole number that 32 bits hold."""
    if not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"{what} must be a whole number from 0, but is {value!r}")
    return value


def case_of(error: Err[Case]) -> Case:
    """The case of a failed result.

    The function that raised it knows it, and it knows the function by its trace: until the next collection both would
    keep what the callers hold, such as sockets. So the trace goes.
    """
    error.with_traceback(None)
    return error.value


class Left:
    """Stands where something of the engine's was that a `with` has let go of."""

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError("it is over: its `with` was left")


def left() -> Any:
    """A `Left`, of any type."""
    return Left()
