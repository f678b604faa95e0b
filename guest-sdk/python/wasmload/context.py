"""Who and where the script is."""

import functools
from typing import NoReturn

from wit_world.imports import context as _contract

from .given import text


def vu() -> int:
    """The number of this virtual user in the run, from 1; 0 in `setup` and `teardown`."""
    return _contract.vu()


def iteration() -> int:
    """The number of this iteration among those of this virtual user, from 0."""
    return _contract.iteration()


def iteration_in_scenario() -> int:
    """The number of this iteration among all of the scenario's, from 0: no two are the same."""
    return _contract.iteration_in_scenario()


def scenario() -> str:
    """The name of the scenario; empty in `setup` and `teardown`."""
    return _contract.scenario()


def executor() -> str:
    """The kind of executor that drives the scenario, as options name it; empty in `setup` and `teardown`."""
    return _contract.executor()


def set_tag(name: str, value: str) -> None:
    """Puts a tag on every sample that this user begins from now on, in later iterations too.

    `scenario` and `group` cannot be replaced.
    """
    _contract.set_tag(text(name, "the name of a tag"), text(value, "the value of a tag"))


def remove_tag(name: str) -> None:
    """Takes such a tag away again."""
    _contract.remove_tag(text(name, "the name of a tag"))


def env(name: str, default: str | None = None) -> str | None:
    """The value of an environment variable that was given to the run with `-e NAME=value`, or else the default."""
    value = _contract.env(text(name, "the name of a variable"))
    return default if value is None else value


# The environment does not change while a script runs, so it is asked for once.
@functools.cache
def _base() -> str:
    return (_contract.env("BASE_URL") or "http://127.0.0.1:8080").rstrip("/")


def base_url(path: str = "") -> str:
    """A URL on the target: `path` on `BASE_URL`, or on `http://127.0.0.1:8080` if the run was given none.

    `wasmload run --demo` sets `BASE_URL` to the demo target, and `-e BASE_URL=http://…` to any other.
    """
    return _base() + path


def abort(reason: str) -> NoReturn:
    """Ends the whole run, and says why."""
    _contract.abort(str(reason))
    raise AssertionError("the engine does not return from an abort")
