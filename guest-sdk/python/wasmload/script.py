"""What a script is: a module, and what the engine finds in it.

| name | is | |
| --- | --- | --- |
| `iterate()` | one iteration: the flow `default` | unless there are other flows, a must |
| `@flow("browse")` | makes any function a flow, for an `exec` or a weight of this name | |
| `options` | a dict in the schema of the options file; command line, environment and file override it | `{}` |
| `setup()` | prepares the run, once; what it returns goes to `start` and `teardown`, by way of JSON | |
| `start(data)` | prepares this user, once, before its first iteration: log in here | |
| `stop()` | ends this user, after its last iteration; not called on one that is cut off | |
| `teardown(data)` | ends the run, once | |

`start` and `teardown` may do without the parameter. A user's variables are its own: what `start` keeps in a module's
variable is there in `iterate`, and nowhere else.

The module is run once, when the script is built, and every user begins with what it was then. So there is no engine
to ask at the top of it, and imports stand there, since users have no files to import from.
"""

import inspect
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from .json_text import json_text

Flow = TypeVar("Flow", bound=Callable[[], object])

_flows: dict[str, Callable[[], object]] = {}


def flow(name: str) -> Callable[[Flow], Flow]:
    """Makes a function without parameters the flow of this name."""

    def named(function: Flow) -> Flow:
        before = _flows.get(name)
        # A module that is loaded again, as tests do, says the same again.
        if before is not None and before.__qualname__ != function.__qualname__:
            raise Mistake(f"there are two flows of the name `{name}`")
        _flows[name] = function
        return function

    return named


class Mistake(Exception):
    """A script that is none, or not yet; said when it is built."""


class Script:
    """The functions of a module, by what the engine calls them for."""

    def __init__(self, module: ModuleType) -> None:
        self.name = getattr(module, "__name__", "the script")
        self.flows = dict(_flows)
        if (iterate := self._function(module, "iterate", 0)) is not None:
            self.flows.setdefault("default", iterate)
        if not self.flows:
            raise Mistake("there is no `iterate` in it, and no other flow; write `def iterate():`")
        for name, function in self.flows.items():
            if _parameters(function) != 0:
                raise Mistake(f"the flow `{name}` must have no parameters: users keep what they know in variables")
        self._setup = self._function(module, "setup", 0)
        self._start = self._function(module, "start", 1)
        self._stop = self._function(module, "stop", 0)
        self._teardown = self._function(module, "teardown", 1)
        self.options = self._options(getattr(module, "options", {}))

    def _function(self, module: ModuleType, name: str, parameters: int) -> Callable[..., object] | None:
        function = getattr(module, name, None)
        if function is None:
            return None
        if not callable(function):
            raise Mistake(f"`{name}` must be a function, but is {_kind(function)}")
        if inspect.iscoroutinefunction(function):
            raise Mistake(f"`{name}` must be a plain function; requests at once are what `http.batch` is for")
        if _parameters(function) > parameters:
            allowed = "no parameters" if parameters == 0 else "one parameter at most, what `setup` returned"
            raise Mistake(f"`{name}` must have {allowed}")
        return function  # type: ignore[no-any-return]

    def _options(self, options: object) -> str:
        if not isinstance(options, dict):
            raise Mistake(f"`options` must be a dict, but is {_kind(options)}")
        try:
            return json.dumps({"flows": sorted(self.flows)} | options, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Mistake(f"`options` must be what JSON can hold: {error}") from None

    def setup(self) -> bytes:
        """Prepares the run; what is to be known of it, as bytes."""
        data = self._setup() if self._setup is not None else None
        # What it is stands before it.
        if isinstance(data, bytes):
            return b"b" + data
        try:
            return b"j" + json_text(data).encode()
        except (TypeError, ValueError) as error:
            raise TypeError(f"`setup` must return what JSON can hold, or bytes: {error}") from None

    def start(self, data: bytes) -> None:
        """Prepares this user."""
        _with_data(self._start, data)

    def iterate(self, name: str) -> None:
        """Runs one iteration."""
        function = self.flows.get(name)
        if function is None:
            raise LookupError(f"there is no flow `{name}`")
        function()

    def stop(self) -> None:
        """Ends this user."""
        if self._stop is not None:
            self._stop()

    def teardown(self, data: bytes) -> None:
        """Ends the run."""
        _with_data(self._teardown, data)


def _with_data(function: Callable[..., object] | None, data: bytes) -> None:
    if function is None:
        return
    if not inspect.signature(function).parameters:
        function()
    else:
        function(_read(data))


def _read(data: bytes) -> Any:
    if data.startswith(b"b"):
        return data[1:]
    return json.loads(data[1:]) if data else None


def _parameters(function: Callable[..., object]) -> int:
    """How many arguments a function must have, those with a default aside."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds and one.default is inspect.Parameter.empty for one in parameters)


def _kind(value: object) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
