"""Waiting, and telling how long something took. Lengths of time are in seconds.

The contract counts in milliseconds. This is the only file of the SDK that knows.
"""

from wit_world.imports import timing as _contract


def sleep(seconds: float) -> None:
    """Pauses this virtual user, and no other."""
    _contract.sleep(milliseconds(seconds))


def now() -> float:
    """The time since the run began, by a clock that never goes back."""
    return seconds(_contract.now())


def milliseconds(length: float) -> float:
    """A length of time in seconds, as the contract has it."""
    return length * 1e3


def milliseconds_or_none(length: float | None) -> float | None:
    """Likewise, where there may be none."""
    return None if length is None else milliseconds(length)


def seconds(length: float) -> float:
    """A length of time of the contract, in seconds."""
    return length / 1e3
