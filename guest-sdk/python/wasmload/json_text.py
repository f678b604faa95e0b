"""How values are written as JSON: short, with letters as they are."""

import json


def json_text(value: object) -> str:
    """The value as JSON.

    Raises `TypeError` or `ValueError` if JSON cannot hold it.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
