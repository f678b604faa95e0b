"""Responses, whole or read as they come. Their face is `wasmload.http`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from componentize_py_types import Err
from wit_world.imports import http as _contract

from . import timing
from .errors import raised
from .given import left, text


@dataclass(frozen=True)
class Timings:
    """How long each part of an exchange took, in seconds, in the order they happen."""

    blocked: float
    """Before anything else could begin."""
    looking_up: float
    """Finding the address of the host's name."""
    connecting: float
    """Making the TCP connection."""
    tls_handshaking: float
    """The TLS handshake."""
    sending: float
    """Writing the request."""
    waiting: float
    """From the request's last byte to the response's first."""
    receiving: float
    """From the response's first byte to its last."""

    @property
    def duration(self) -> float:
        """`sending + waiting + receiving`: what `http_req_duration` counts."""
        return self.sending + self.waiting + self.receiving


class Headers(Mapping[str, str]):
    """Headers by their names, whatever their case; the first of each name, as text."""

    def __init__(self, made: _contract.Response) -> None:
        self._made = made

    def __getitem__(self, name: str) -> str:
        value = self._made.header(text(name, "a header"))
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._made.headers()))

    def __len__(self) -> int:
        return len({name for name, _ in self._made.headers()})

    def all(self) -> list[tuple[str, bytes]]:
        """All of them in the order they came, duplicates included, names in lower case, values as bytes."""
        return self._made.headers()


class Response:
    """A response that has arrived. Its parts stay with the engine and are copied only when asked for."""

    __slots__ = ("_made",)

    def __init__(self, made: _contract.Response) -> None:
        self._made = made

    @property
    def status(self) -> int:
        """The status code, such as 200."""
        return self._made.status()

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self._made.status() < 400

    def expect_status(self, *statuses: int) -> Self:
        """The response itself if its status is one of these; otherwise raises `UnexpectedStatus`, which names the
        URL."""
        found = self.status
        if found not in statuses:
            expected = " or ".join(map(str, statuses))
            raise UnexpectedStatus(f"{self.url} answered {found}, but {expected} was expected")
        return self

    @property
    def headers(self) -> Headers:
        """The headers."""
        return Headers(self._made)

    @property
    def content(self) -> bytes:
        """A copy of what was kept of the body."""
        return self._made.body()

    @property
    def text(self) -> str:
        """A copy of what was kept of the body as text; bytes that are not UTF-8 become U+FFFD."""
        return self._made.text()

    def json(self, pointer: str | None = None) -> Any:
        """The JSON body as a value, or the part of it that a JSON Pointer (RFC 6901) names, such as `/items/0/price`,
        which the engine finds without copying the body.

        Raises `ValueError` if the body is not JSON, and `LookupError` if it has no such part.
        """
        if pointer is None:
            try:
                return json.loads(self._made.body())
            except ValueError as error:
                raise ValueError(f"the body of {self.url} is not JSON: {error}") from None
        part = self._made.json(text(pointer, "a pointer"))
        if part is None:
            raise LookupError(f"the body of {self.url} has no JSON at `{pointer}`")
        return json.loads(part)

    @property
    def length(self) -> int:
        """The length of the whole body, without copying it, and also of one that was not kept."""
        return int(self._made.whole_length())

    @property
    def kept_length(self) -> int:
        """The length of what was kept of the body."""
        return self._made.body_length()

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the body in hexadecimal, if the request said `body="hash"`."""
        return self._made.sha256()

    @property
    def timings(self) -> Timings:
        """How long each part of the exchange took."""
        made = self._made.timings()
        return Timings(
            blocked=timing.seconds(made.blocked),
            looking_up=timing.seconds(made.looking_up),
            connecting=timing.seconds(made.connecting),
            tls_handshaking=timing.seconds(made.tls_handshaking),
            sending=timing.seconds(made.sending),
            waiting=timing.seconds(made.waiting),
            receiving=timing.seconds(made.receiving),
        )

    @property
    def url(self) -> str:
        """The URL that answered: that which was asked for, or the one its last redirect led to."""
        return self._made.url()

    def __repr__(self) -> str:
        return f"<Response [{self.status}]>"


class UnexpectedStatus(Exception):
    """A response's status is not the one that was expected."""


@dataclass(frozen=True)
class Chunk:
    """A part of a body, as it arrived."""

    data: bytes
    """Its bytes, at least one."""
    arrived: float
    """When they were read from the connection, in seconds, as `wasmload.now` counts."""


class Download:
    """A response that is read as it comes: `for chunk in download`. Leaving its `with` ends it where it is, which is no
    failure."""

    def __init__(self, made: _contract.Download) -> None:
        self._made = made

    @property
    def response(self) -> Response:
        """The response without its body."""
        return Response(self._made.response())

    def read(self) -> Chunk | None:
        """Waits for the next part of the body. None when all of it was read.

        What arrived is given first; then it raises the `Error` that says why no more does.
        """
        try:
            chunk = self._made.read()
        except Err as error:
            raise raised(error) from None
        return None if chunk is None else Chunk(chunk.bytes, timing.seconds(chunk.arrived))

    def __iter__(self) -> Iterator[Chunk]:
        while (chunk := self.read()) is not None:
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.__exit__(kind, value, trace)
        self._made = left()
