"""Messages to the person who runs the script.

`print` and the standard library's `logging` come to the same place.
"""

import logging as _logging

from wit_world.imports import log as _contract


def debug(message: object) -> None:
    """Writes a message for the script's author, shown with `--verbose` only."""
    _contract.log(_contract.Level.DEBUG, str(message))


def info(message: object) -> None:
    """Writes a message that is worth knowing."""
    _contract.log(_contract.Level.INFO, str(message))


def warn(message: object) -> None:
    """Writes a message about something that is probably not meant to be so."""
    _contract.log(_contract.Level.WARN, str(message))


def error(message: object) -> None:
    """Writes a message about something wrong."""
    _contract.log(_contract.Level.ERROR, str(message))


class Handler(_logging.Handler):
    """Hands what is logged by `logging` to the engine. A script's root logger has one."""

    def emit(self, record: _logging.LogRecord) -> None:
        """Writes one record."""
        levels = (
            (_logging.ERROR, _contract.Level.ERROR),
            (_logging.WARNING, _contract.Level.WARN),
            (_logging.INFO, _contract.Level.INFO),
        )
        level = next((ours for theirs, ours in levels if record.levelno >= theirs), _contract.Level.DEBUG)
        _contract.log(level, self.format(record))
