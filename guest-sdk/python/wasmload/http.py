"""HTTP requests, in the manner of `requests`.

`get`, `post` and the others send at once; a `Request` with the same arguments can be sent many times, started without
waiting, and read as it comes. A response with a status of 400 or more is a response and not an error: check its status,
or make it an exception with `expect_status`. There is no session to make: connections and cookies are the user's.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from componentize_py_types import Err, Ok
from wit_world.imports import http as _contract

from . import timing
from .errors import (
    BodyTooLarge,
    ClosedEarly,
    ConnectionRefused,
    ConnectionReset,
    Error,
    InvalidRequest,
    MalformedResponse,
    NameNotResolved,
    NotAllowed,
    Other,
    Timeout,
    error_of,
    raised,
)
from .forms import BOUNDARY, Fields, File, Upload, form, multipart, pairs, with_query
from .given import text, whole
from .json_text import json_text
from .response import Chunk, Download, Headers, Response, Timings, UnexpectedStatus

__all__ = [
    "BodyTooLarge", "Chunk", "ClosedEarly", "ConnectionRefused", "ConnectionReset", "Digest", "Download", "Error",
    "Headers", "InvalidRequest", "MalformedResponse", "NameNotResolved", "NotAllowed", "Other", "Pending", "Request",
    "Response", "Timeout", "Timings", "UnexpectedStatus", "Upload", "batch", "clear_cookies", "delete", "get", "head",
    "patch", "post", "put", "request", "wait_any",
]  # fmt: skip

# Where scripts know them from, and messages name them.
for _one in (
    BodyTooLarge, ClosedEarly, ConnectionRefused, ConnectionReset, Error, InvalidRequest, MalformedResponse,
    NameNotResolved, NotAllowed, Other, Timeout, UnexpectedStatus,
):  # fmt: skip
    _one.__module__ = __name__


class Digest:
    """Digest authentication (RFC 7616) with this name and password: `auth=Digest("ada", "pass")`."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password


class Arguments(TypedDict, total=False):
    """What a request may be told beside its method and its URL."""

    params: Fields
    """The query, added to that of the URL."""
    headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
    """Headers; as pairs, a name may stand there more than once."""
    json: Any
    """A value as the body, in JSON, with its `content-type`."""
    data: bytes | str | Fields | Upload
    """The body: bytes, text, an `Upload`, or the fields of a form with its `content-type`."""
    files: Mapping[str, File]
    """Files of a form, whose other fields are in `data`."""
    pack: Literal["gzip", "deflate"]
    """Packs the body, and adds `content-encoding`."""
    auth: str | tuple[str, str] | Digest
    """A bearer token, a name and a password (RFC 7617), or `Digest`."""
    timeout: float
    """How long the whole exchange may take, in seconds, instead of the run's request timeout."""
    connect_timeout: float
    """How long finding and connecting to the host may take, in seconds."""
    first_byte_timeout: float
    """How long the target may take from the request's last byte to the response's first, in seconds."""
    max_redirects: int
    """How many redirects are followed at most, instead of the run's `maxRedirects`."""
    expected_statuses: Iterable[int | range | tuple[int, int]]
    """Which statuses count as a success: `[200, range(300, 400)]`, or with both ends in it `[(200, 299)]`."""
    body: Literal["keep", "discard", "hash"] | int
    """What becomes of the response's body: kept, counted and forgotten, hashed, or so many of its first bytes kept."""
    http_version: Literal["auto", "1.1", "2"]
    """The version of HTTP that it is made with, instead of the run's `httpVersion`."""
    expect_continue: bool
    """Holds the body back until the target asks for it, or has been silent for a second."""
    name: str
    """The `name` tag of its samples, which is the URL otherwise: one for requests that differ only in an identifier."""
    tags: Mapping[str, str]
    """Tags of its samples."""


_VERSIONS = {
    "auto": _contract.HttpVersion.AUTO,
    "1.1": _contract.HttpVersion.HTTP11,
    "2": _contract.HttpVersion.HTTP2,
}
_PACKED = {"gzip": _contract.Encoding.GZIP, "deflate": _contract.Encoding.DEFLATE}
_KNOWN = frozenset(Arguments.__annotations__)


class Request:
    """A request that can be sent once or many times.

    Making one sends nothing; `send` says what cannot be sent.
    """

    __slots__ = ("_made",)

    def __init__(self, method: str, url: str, **arguments: Unpack[Arguments]) -> None:
        if unknown := arguments.keys() - _KNOWN:
            raise TypeError(f"a request has no `{min(unknown)}`; it has {', '.join(sorted(_KNOWN))}")
        url = text(url, "a URL")
        if "params" in arguments:
            url = with_query(url, arguments["params"])
        self._made = _contract.Request(text(method, "a method"), url)
        if arguments:
            self._set_up(arguments)

    def _set_up(self, arguments: Arguments) -> None:
        made = self._made
        if "headers" in arguments:
            for name, value in pairs(arguments["headers"]):
                made.add_header(text(name, "a header"), value if isinstance(value, bytes) else str(value).encode())
        self._set_body(arguments)
        if "auth" in arguments:
            self._set_auth(arguments["auth"])
        if "timeout" in arguments:
            made.set_timeout(timing.milliseconds(arguments["timeout"]))
        if "connect_timeout" in arguments:
            made.set_connect_timeout(timing.milliseconds(arguments["connect_timeout"]))
        if "first_byte_timeout" in arguments:
            made.set_first_byte_timeout(timing.milliseconds(arguments["first_byte_timeout"]))
        if "max_redirects" in arguments:
            made.set_redirects(whole(arguments["max_redirects"], "`max_redirects`"))
        if "expected_statuses" in arguments:
            made.set_expected_statuses([_range(one) for one in arguments["expected_statuses"]])
        if "body" in arguments:
            made.set_body_policy(_policy(arguments["body"]))
        if "http_version" in arguments:
            version = arguments["http_version"]
            if version not in _VERSIONS:
                raise ValueError(f"`http_version` is one of {', '.join(_VERSIONS)}, not `{version}`")
            made.set_http_version(_VERSIONS[version])
        if arguments.get("expect_continue"):
            made.add_header("expect", b"100-continue")
        if "name" in arguments:
            made.set_name(text(arguments["name"], "`name`"))
        for name, value in arguments.get("tags", {}).items():
            made.set_tag(text(name, "a tag"), str(value))

    def _set_body(self, arguments: Arguments) -> None:
        given = [name for name in ("json", "data") if name in arguments]
        if "files" in arguments and "json" in arguments or len(given) == 2:
            raise TypeError("a request has one body: `json`, or `data` with or without `files`")
        pack = arguments.get("pack")
        if "files" in arguments:
            fields = arguments.get("data", {})
            if isinstance(fields, (bytes, str, Upload)):
                raise TypeError("beside `files`, `data` is the other fields of the form")
            if pack is not None:
                raise TypeError("a form with files cannot be packed")
            self._made.add_header("content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())
            self._made.set_upload(multipart(fields, arguments["files"])._made)
            return
        kind, body = None, None
        if "json" in arguments:
            kind, body = b"application/json", json_text(arguments["json"]).encode()
        elif "data" in arguments:
            data = arguments["data"]
            if isinstance(data, Upload):
                if pack is not None:
                    raise TypeError("an upload cannot be packed")
                self._made.set_upload(data._made)
                return
            if isinstance(data, (bytes, bytearray, memoryview)):
                body = bytes(data)
            elif isinstance(data, str):
                body = data.encode()
            else:
                kind, body = b"application/x-www-form-urlencoded", form(data).encode()
        if kind is not None:
            self._made.add_header("content-type", kind)
        if body is None:
            return
        if pack is None:
            self._made.set_body(body)
        elif pack in _PACKED:
            self._made.set_packed_body(body, _PACKED[pack])
        else:
            raise ValueError(f"`pack` is one of {', '.join(_PACKED)}, not `{pack}`")

    def _set_auth(self, auth: str | tuple[str, str] | Digest) -> None:
        if isinstance(auth, Digest):
            self._made.set_digest_auth(text(auth.user, "a user"), text(auth.password, "a password"))
        elif isinstance(auth, str):
            self._made.add_header("authorization", f"Bearer {auth}".encode())
        else:
            user, password = auth
            both = base64.b64encode(f"{user}:{password}".encode())
            self._made.add_header("authorization", b"Basic " + both)

    def send(self) -> Response:
        """Sends it and waits for the response; raises the `Error` that says why there is none."""
        try:
            return Response(self._made.send())
        except Err as error:
            raise raised(error) from None

    def start(self) -> "Pending":
        """Sends it and does not wait."""
        return Pending(self._made.start())

    def open(self) -> Download:
        """Sends it and waits for the response's head; the body is read as it comes. The time that it may take is then
        the time until the response's head, and again until each next byte."""
        try:
            return Download(self._made.open())
        except Err as error:
            raise raised(error) from None


class Pending:
    """A request that is on its way. Forgetting it lets it finish and counts it."""

    __slots__ = ("_made",)

    def __init__(self, made: _contract.Pending) -> None:
        self._made = made

    def result(self) -> Response:
        """Waits for the response, once; raises the `Error` that says why there is none."""
        try:
            return Response(self._made.get())
        except Err as error:
            raise raised(error) from None


def _range(status: int | range | tuple[int, int]) -> tuple[int, int]:
    if isinstance(status, range):
        if not status or status.step != 1:
            raise ValueError(f"expected statuses are whole ranges, such as `range(200, 300)`, not `{status}`")
        return (status[0], status[-1])
    first, last = (status, status) if isinstance(status, int) else status
    return min(whole(first, "a status"), 65535), min(whole(last, "a status"), 65535)


def _policy(body: str | int) -> _contract.BodyPolicy:
    match body:
        case "keep":
            return _contract.BodyPolicy_Keep()
        case "discard":
            return _contract.BodyPolicy_Discard()
        case "hash":
            return _contract.BodyPolicy_Hash()
        case int():
            return _contract.BodyPolicy_First(whole(body, "`body`"))
        case _:
            raise ValueError(f"`body` is `keep`, `discard`, `hash` or a number of bytes, not `{body}`")


def request(method: str, url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a request with any method, and waits for the response."""
    return Request(method, url, **arguments).send()


def get(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a GET, and waits for the response."""
    if arguments:
        return Request("GET", url, **arguments).send()
    try:
        return Response(_contract.get(text(url, "a URL")))
    except Err as error:
        raise raised(error) from None


def head(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a HEAD, and waits for the response."""
    return Request("HEAD", url, **arguments).send()


def post(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a POST, and waits for the response."""
    return Request("POST", url, **arguments).send()


def put(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a PUT, and waits for the response."""
    return Request("PUT", url, **arguments).send()


def patch(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a PATCH, and waits for the response."""
    return Request("PATCH", url, **arguments).send()


def delete(url: str, **arguments: Unpack[Arguments]) -> Response:
    """Sends a DELETE, and waits for the response."""
    return Request("DELETE", url, **arguments).send()


def batch(requests: Iterable[Request | str]) -> list[Response | Error]:
    """Sends all of these at once and waits for all of them; a URL is a GET. What came of each is in the order of the
    requests: its response, or the `Error` that says why there is none."""
    made = [(Request("GET", one) if isinstance(one, str) else one)._made for one in requests]
    return [
        Response(result.value) if isinstance(result, Ok) else error_of(result.value) for result in _contract.batch(made)
    ]


def wait_any(pending: Sequence[Pending], timeout: float | None = None) -> int | None:
    """Waits until one of these is finished and gives its place in the list; the lowest place if several are.

    None if the timeout, in seconds, passes first, or at once if the list is empty.
    """
    return _contract.wait_any([one._made for one in pending], timing.milliseconds_or_none(timeout))


def clear_cookies() -> None:
    """Forgets all cookies of this user."""
    _contract.clear_cookies()
