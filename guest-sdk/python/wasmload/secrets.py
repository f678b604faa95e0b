"""What whoever runs the script keeps secret, such as a password."""

from wit_world.imports import secrets as _contract

from .given import text


def get(name: str) -> str | None:
    """The value of a secret that was given to the run with `--secret NAME=file:PATH` or `--secret NAME=env:VARIABLE`;
    none if it was not.

    It is taken out of messages, reports and single exchanges that are shown, as it is and as JSON, URLs and base64
    have it.
    """
    return _contract.get(text(name, "the name of a secret"))
