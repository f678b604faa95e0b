"""What is written into bodies and URLs: forms, files, uploads. Their face is `wasmload.http`."""

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Self

from componentize_py_types import Err
from wit_world.imports import http as _contract

from .errors import raised
from .given import text, whole

Fields = Mapping[str, object] | Iterable[tuple[str, object]]
"""Names and values of a form or a query."""

BOUNDARY = "----wasmload-7e1b9f0c4d2a4c8db6f35a90"
"""What stands between the parts of a form with files. No file is likely to have it in it."""


class Upload:
    """A body that the engine makes as it sends it, so that it is never in the script's memory: of files, of random
    bytes, and of what the script adds between them."""

    def __init__(self) -> None:
        self._made = _contract.Upload()

    @classmethod
    def file(cls, name: str) -> "Upload":
        """A file of those that the run was given (`--file NAME=FILE`), by its name.

        Raises `NotAllowed` if the run has no file of this name.
        """
        upload = cls()
        try:
            upload._made.add_file(text(name, "the name of a file"))
        except Err as error:
            raise raised(error) from None
        return upload

    @classmethod
    def random(cls, length: int, seed: int = 0) -> "Upload":
        """So many bytes that nothing can pack, always the same for the same seed."""
        upload = cls()
        upload._made.add_random(float(length), whole(seed, "`seed`"))
        return upload

    def add(self, more: "bytes | Upload") -> Self:
        """Adds these bytes, or all that another one has."""
        if isinstance(more, Upload):
            self._made.add_upload(more._made)
        else:
            self._made.add_bytes(bytes(more))
        return self

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return int(self._made.length())


File = bytes | str | Upload | tuple[str, bytes | str | Upload] | tuple[str, bytes | str | Upload, str]
"""A file of a form: its content, or its name, its content and its media type."""


def pairs(fields: Fields) -> Iterable[tuple[str, object]]:
    """Names and values, one after the other."""
    return fields.items() if isinstance(fields, Mapping) else fields


def form(fields: Fields) -> str:
    """`application/x-www-form-urlencoded`, as the URL Standard writes it. A list has its name for each value."""
    return urllib.parse.urlencode(list(pairs(fields)), doseq=True)


def with_query(url: str, fields: Fields) -> str:
    """A URL with these names and values as its query, after the one it has."""
    encoded = form(fields)
    base, hash_sign, fragment = url.partition("#")
    if encoded:
        between = "?" if "?" not in base else "" if base.endswith("?") else "&"
        base = base + between + encoded
    return base + hash_sign + fragment


def multipart(fields: Fields, files: Mapping[str, File]) -> Upload:
    """A form with files: `multipart/form-data` (RFC 7578)."""
    whole = Upload()
    for name, value in pairs(fields):
        content = value if isinstance(value, bytes) else str(value).encode()
        whole.add(_head(f'name="{_quoted(name)}"', None) + content + b"\r\n")
    for name, file in files.items():
        file_name, inside, media_type = _file(name, file)
        whole.add(_head(f'name="{_quoted(name)}"; filename="{_quoted(file_name)}"', media_type))
        whole.add(inside.encode() if isinstance(inside, str) else inside)
        whole.add(b"\r\n")
    return whole.add(f"--{BOUNDARY}--\r\n".encode())


def _file(name: str, file: File) -> tuple[str, bytes | str | Upload, str]:
    match file:
        case (str() as file_name, content):
            return file_name, content, "application/octet-stream"
        case (str() as file_name, content, media_type):
            return file_name, content, media_type
        case bytes() | str() | Upload():
            return name, file, "application/octet-stream"
        case _:
            raise TypeError("a file is its content, or its name, its content and its media type")


def _head(names: str, media_type: str | None) -> bytes:
    kind = "" if media_type is None else f"content-type: {_quoted(media_type)}\r\n"
    return f"--{BOUNDARY}\r\ncontent-disposition: form-data; {names}\r\n{kind}\r\n".encode()


def _quoted(name: str) -> str:
    """A name between quotes, as the HTML Standard writes it: what would end it is encoded."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
