"""Parts of an iteration that are measured as wholes; k6 calls them groups.

    with group("checkout"):
        with group("pay"):
            http.post(base_url("/pay"))
"""

from collections.abc import Iterator
from contextlib import contextmanager

from componentize_py_types import Err
from wit_world.imports import spans as _contract

from .given import text


@contextmanager
def group(name: str) -> Iterator[None]:
    """While it is open, what the script begins has the tag `group`, such as `::checkout::pay`.

    How long that was is recorded in `group_duration`. Raises `ValueError` if there is `::` in the name, or if more than
    32 are open.
    """
    try:
        span = _contract.Span.open(text(name, "the name of a group"))
    except Err as error:
        raise ValueError(str(error.value)) from None
    with span:
        yield
