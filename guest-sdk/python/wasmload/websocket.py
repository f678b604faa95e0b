"""WebSocket: connections that stay, and messages both ways.

    with websocket.connect(websocket.base_url("/ws/echo")) as socket:
        socket.send("hello")
        # The time from here on is in `ws_msg_rtt`, once the answer is there.
        socket.expect_answer("hello")
        message = socket.receive(timeout=5)
        check("it is the echo", message and message.answers("hello"))

The engine reads while the script runs, sleeps or waits, and stamps each message when it arrives. Many sockets at once
are waited for with `wait_any`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from componentize_py_types import Err
from wit_world.imports import websocket as _contract

from . import context, timing
from .given import case_of, left, text, whole
from .json_text import json_text
from .response import Response


class Error(Exception):
    """Why there is no session, or why it is over."""


class InvalidRequest(Error):
    """The URL, a header, a subprotocol, or the code or reason of a close cannot be sent; nothing was."""


class NameNotResolved(Error):
    """The host's name has no address."""


class ConnectionRefused(Error):
    """Nobody listens at the address."""


class ConnectionReset(Error):
    """The peer, or something on the way, broke the connection."""


class ClosedEarly(Error):
    """The peer ended the connection without a close frame, or before the handshake was complete."""


class Timeout(Error):
    """The handshake, the writing of a message, the answer to a ping or to a close took too long."""


class Refused(Error):
    """The peer refused the handshake with a `status`; `response` is the rest of its answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"handshake refused with status {status}")
        self.status = status
        self.response: Response | None = None


class MalformedHandshake(Error):
    """The peer's answer to the handshake is not one."""


class ProtocolError(Error):
    """The peer broke the rules of the protocol."""


class MessageTooLarge(Error):
    """The peer sent a message larger than the engine keeps."""


class Closed(Error):
    """The session was closed, or is being closed, with this `code` and `reason`; 1005 is no code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with code {code}: {reason}" if reason else f"closed with code {code}")
        self.code = code
        self.reason = reason


class NotAllowed(Error):
    """The engine or its user does not allow this."""


class Other(Error):
    """Anything else, in words for people."""


def _error(error: Err[_contract.Error]) -> Error:
    match case_of(error):
        case _contract.Error_InvalidRequest(why):
            return InvalidRequest(f"invalid request: {why}")
        case _contract.Error_NameNotResolved():
            return NameNotResolved("name not resolved")
        case _contract.Error_ConnectionRefused():
            return ConnectionRefused("connection refused")
        case _contract.Error_ConnectionReset():
            return ConnectionReset("connection reset")
        case _contract.Error_ClosedEarly():
            return ClosedEarly("connection closed without a close frame")
        case _contract.Error_TimedOut():
            return Timeout("timed out")
        case _contract.Error_Refused(status):
            return Refused(status)
        case _contract.Error_MalformedHandshake(what):
            return MalformedHandshake(f"malformed handshake: {what}")
        case _contract.Error_ProtocolError(what):
            return ProtocolError(f"protocol error: {what}")
        case _contract.Error_MessageTooLarge():
            return MessageTooLarge("message too large")
        case _contract.Error_Closed(close):
            return Closed(close.code, close.reason)
        case _contract.Error_NotAllowed(what):
            return NotAllowed(f"not allowed: {what}")
        case _contract.Error_Other(what):
            return Other(what)


def base_url(path: str = "") -> str:
    """A URL on the target: as `wasmload.base_url`, with `ws` in place of `http`."""
    url = context.base_url(path)
    return "ws" + url.removeprefix("http") if url.startswith("http") else url


def connect(
    url: str,
    *,
    headers: Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]] = (),
    subprotocols: Iterable[str] = (),
    deflate: bool = False,
    timeout: float | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> "WebSocket":
    """Connects to an absolute `ws:` or `wss:` URL, and waits until the target has agreed to the handshake.

    `deflate` offers that messages be packed (`permessage-deflate`, RFC 7692). The timeout, in seconds, is that of
    connecting, of writing any one message, and of a peer that owes the answer to a ping. Raises the `Error` that says
    why there is no session.
    """
    made = _contract.Request(text(url, "a URL"))
    for header, value in headers.items() if isinstance(headers, Mapping) else headers:
        made.add_header(text(header, "a header"), value if isinstance(value, bytes) else str(value).encode())
    for subprotocol in subprotocols:
        made.add_subprotocol(text(subprotocol, "a subprotocol"))
    if deflate:
        made.offer_deflate()
    if timeout is not None:
        made.set_timeout(timing.milliseconds(timeout))
    if name is not None:
        made.set_name(text(name, "a name"))
    for tag, value in (tags or {}).items():
        made.set_tag(text(tag, "a tag"), str(value))
    try:
        return WebSocket(made.connect())
    except Err as error:
        raise _with_refusal(_error(error), made) from None


def _with_refusal(error: Error, request: _contract.Request) -> Error:
    """The error, with the answer that refused. Not in `connect`, where the error would know the frame that knows it, and
    keep whatever its callers hold until the next collection."""
    if isinstance(error, Refused) and (refusal := request.refusal()) is not None:
        error.response = Response(refusal)
    return error


class Message:
    """A message that has arrived whole. It is copied to the script only when asked for."""

    __slots__ = ("_made",)

    def __init__(self, made: _contract.Message) -> None:
        self._made = made

    @property
    def is_text(self) -> bool:
        """Whether it is text, and not bytes."""
        return self._made.is_text()

    @property
    def length(self) -> int:
        """Its length in bytes, without copying it."""
        return self._made.length()

    @property
    def text(self) -> str:
        """A copy of it as text."""
        return self._made.text()

    @property
    def content(self) -> bytes:
        """A copy of its bytes."""
        return self._made.bytes()

    def json(self, pointer: str | None = None) -> Any:
        """The message as a value, from JSON, or the part of it that a JSON Pointer (RFC 6901) names, which the engine
        finds without copying the message.

        Raises `ValueError` if it is not JSON, and `LookupError` if it has no such part.
        """
        if pointer is None:
            return json.loads(self._made.bytes())
        part = self._made.json(pointer)
        if part is None:
            raise LookupError(f"the message has no JSON at `{pointer}`")
        return json.loads(part)

    @property
    def arrived(self) -> float:
        """When its last byte arrived, in seconds, as `wasmload.now` counts."""
        return timing.seconds(self._made.arrived())

    def answers(self, key: str) -> float | None:
        """Says that it is the answer that `expect_answer` announced under this key, on whichever socket of this user:
        how long it took, in seconds, which is recorded in `ws_msg_rtt`. None if none is expected under it."""
        took = self._made.answers(text(key, "a key"))
        return None if took is None else timing.seconds(took)


class WebSocket:
    """A session. At the end of its `with` it is closed with code 1000, and after an exception let go of."""

    def __init__(self, made: _contract.Socket) -> None:
        self._made = made

    def send(self, message: str | bytes) -> None:
        """Sends text or bytes, and waits until all of it is handed to the system."""
        try:
            if isinstance(message, str):
                self._made.send_text(message)
            else:
                self._made.send_binary(bytes(message))
        except Err as error:
            raise _error(error) from None

    def send_json(self, value: object) -> None:
        """Sends this value as JSON, as text."""
        self.send(json_text(value))

    def expect_answer(self, key: str) -> None:
        """Announces that the message sent last will be answered by one that `Message.answers` will name by this key.
        The time begins when the message was to be sent, not now."""
        self._made.expect_answer(text(key, "a key"))

    def ping(self) -> None:
        """Sends a ping and does not wait for its pong; the time between them is in `ws_ping`."""
        try:
            self._made.ping()
        except Err as error:
            raise _error(error) from None

    def wait_pong(self, timeout: float | None = None) -> bool:
        """Waits until every ping was answered; false if the timeout, in seconds, passes first."""
        try:
            return self._made.wait_pong(timing.milliseconds_or_none(timeout))
        except Err as error:
            raise _error(error) from None

    def receive(self, timeout: float | None = None) -> Message | None:
        """Waits for the next message. None if the timeout, in seconds, passes first; without one it waits as long as it
        takes.

        What arrived before the session ended is received first; then it raises why it is over, which is `Closed` if
        both sides closed it.
        """
        try:
            made = self._made.receive(timing.milliseconds_or_none(timeout))
        except Err as error:
            raise _error(error) from None
        return None if made is None else Message(made)

    def __iter__(self) -> Iterator[Message]:
        """The messages, until both sides have closed."""
        while True:
            try:
                message = self.receive()
            except Closed:
                return
            if message is not None:
                yield message

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the session, and waits until the target has agreed and ended the connection."""
        try:
            self._made.close(min(whole(code, "a code"), 65535), text(reason, "a reason"))
        except Err as error:
            raise _error(error) from None

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the target chose among those offered."""
        return self._made.subprotocol()

    def header(self, name: str) -> str | None:
        """The first header of this name in the answer to the handshake, whatever its case."""
        return self._made.header(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                self.close()
            except Closed:
                # The script, or the target, was first.
                pass
        else:
            self._made.__exit__(kind, value, trace)
            self._made = left()


def wait_any(sockets: Sequence[WebSocket], timeout: float | None = None) -> int | None:
    """Waits until one of these has a message to be received or is over, and gives its place in the list; the lowest
    place if several are. None if the timeout, in seconds, passes first, or at once if the list is empty."""
    return _contract.wait_any([one._made for one in sockets], timing.milliseconds_or_none(timeout))
