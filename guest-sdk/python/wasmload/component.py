"""What a component exports: the functions that the engine calls, for the module that is the script.

`wasmload build` makes a component of a small module that calls `exported` with the script's name. Nothing here is for
scripts.
"""

# The standard library loads these when they are first used, and a user has no files then.
import _strptime  # type: ignore[import-not-found]  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.utf_16  # noqa: F401
import importlib
import logging
import os
import random
import traceback
from collections.abc import Callable
from typing import Any

import componentize_py_runtime as _runtime
from componentize_py_types import Err

from . import log
from .script import Mistake, Script


def exported(name: str) -> type:
    """The class `Script` of the component: loads the module of this name and exports what it has."""
    script = _loaded(name)
    logging.root.addHandler(log.Handler())
    logging.root.setLevel(logging.INFO)

    class Exported:
        """What the contract has a script export."""

        def options(self) -> str:
            return script.options

        def setup(self) -> bytes:
            _reseed()
            data: bytes = _called(script.setup)
            return data

        def start(self, data: bytes) -> None:
            _reseed()
            _called(script.start, data)

        def iterate(self, flow: str) -> None:
            _called(script.iterate, flow)

        def stop(self) -> None:
            # There is no way to fail here but to break: what went wrong is said instead.
            try:
                script.stop()
            except Exception as error:
                log.error(f"stop failed: {_told(error)}")

        def teardown(self, data: bytes) -> None:
            _reseed()
            _called(script.teardown, data)

    return Exported


def _loaded(name: str) -> Script:
    """The script of this name. Whoever asks the engine at the top of a module is told that it is not there yet."""

    def too_early(*_: object) -> Any:
        raise Mistake(
            "the engine is not there while the script is being built: what asks it belongs into `setup`, `start` or a flow"
        )

    runtime: Any = _runtime
    call_import, runtime.call_import = runtime.call_import, too_early
    try:
        return Script(importlib.import_module(name))
    finally:
        runtime.call_import = call_import


def _reseed() -> None:
    """Every user begins with what the module was when it was built, and so with the same random numbers: not these."""
    random.seed(int.from_bytes(os.urandom(32)))


def _called(function: Callable[..., Any], *arguments: object) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        log.debug("".join(traceback.format_exception(error)).replace(_SCRIPT, "").rstrip())
        raise Err(_told(error)) from None


_SDK = os.path.dirname(__file__) + os.sep
# Where folders of sources are while a component is made: `/0/`, `/1/` and so on.
_SCRIPT = os.path.dirname(os.path.dirname(__file__)).rpartition(os.sep)[0] + os.sep


def _told(error: BaseException) -> str:
    """An exception on one line, with the innermost line of the script that it went through."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    # What `KeyError` says of itself is quoted twice.
    said = error.args[0] if isinstance(error, KeyError) and len(error.args) == 1 else error
    text = f"{name.removeprefix('wasmload.')}: {said}" if str(said) else name
    if isinstance(error, ImportError):
        text += " (imports belong at the top of the script: a user has no files to import from)"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith((_SDK, "/python"))]
    if frames:
        last = frames[-1]
        text += f" ({os.path.basename(last.filename)}:{last.lineno} in {last.name})"
    return text
