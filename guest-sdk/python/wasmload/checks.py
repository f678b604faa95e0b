"""Statements about the target that hold or do not."""

from wit_world.imports import checks as _contract

from .given import text


def check(name: str, passed: object) -> bool:
    """Records whether a statement holds, and returns it: whatever is true to Python is true.

    A failed check does not fail the iteration. Counted in the metric `checks`.
    """
    return _contract.check(text(name, "the name of a check"), bool(passed))
