"""Server-Sent Events: streams of events, such as the tokens of a language model.

    question = Request("POST", base_url("/v1/chat/completions"), json={"stream": True, …}, name="chat")
    with sse.connect(question, tokens=True) as answer:
        # `sse_time_to_first_token`, `sse_tokens` and `sse_tokens_per_second` are recorded by the engine.
        text = "".join(answer.texts())
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from componentize_py_types import Err
from wit_world.imports import sse as _contract

from . import http, timing
from .errors import error_of
from .given import case_of, left, whole
from .http import Request
from .response import Response


class Error(http.Error):
    """Why there is no stream, or no further event; what is HTTP's is the `http.Error` that it is there."""


class NotAStream(Error):
    """The `response` is not a stream of events: its status is not 200, or its content-type another."""

    def __init__(self, response: Response) -> None:
        kind = response.headers.get("content-type", "no content-type")
        what = f"{response.url} answered {response.status} with {kind}, which is not a stream of events"
        super().__init__(what)
        self.response = response


class EventTooLarge(Error):
    """An event is larger than 1 MiB."""


class Ended(Error):
    """The target ended the stream, and all of it was received."""


def _error(error: Err[_contract.Error]) -> http.Error:
    match case_of(error):
        case _contract.Error_Http(why):
            return error_of(why)
        case _contract.Error_NotAStream(response):
            return NotAStream(Response(response))
        case _contract.Error_EventTooLarge():
            return EventTooLarge("an event is too large")
        case _contract.Error_Ended():
            return Ended("the target ended the stream")


@dataclass(frozen=True)
class Event:
    """An event that has arrived whole."""

    kind: str
    """Its type: `message` unless the target gave another."""
    data: str
    """Its data; lines are separated by line feeds."""
    id: str
    """The last identifier that the target gave; empty if it gave none."""
    arrived: float
    """When it arrived, in seconds, as `wasmload.now` counts."""
    token: str | None
    """What it adds to the text of a language model, if tokens are looked for and it is one."""

    def json(self) -> Any:
        """Its data as a value, from JSON."""
        return json.loads(self.data)


class Events:
    """A stream that is open: `for event in events`. Leaving its `with` ends it, which is no failure."""

    def __init__(self, made: _contract.Events) -> None:
        self._made = made

    @property
    def response(self) -> Response:
        """The response that the stream is, without a body; after a reconnection, that of the last."""
        return Response(self._made.response())

    def receive(self, timeout: float | None = None) -> Event | None:
        """Waits for the next event. None if the timeout, in seconds, passes first; without one it waits as long as it
        takes.

        What arrived before the stream ended is received first; then it raises `Ended`, or why it broke.
        """
        try:
            made = self._made.receive(timing.milliseconds_or_none(timeout))
        except Err as error:
            raise _error(error) from None
        if made is None:
            return None
        return Event(made.kind, made.data, made.id, timing.seconds(made.arrived), made.token)

    def __iter__(self) -> Iterator[Event]:
        """The events, until the target ends the stream."""
        while True:
            try:
                event = self.receive()
            except Ended:
                return
            if event is not None:
                yield event

    def texts(self) -> Iterator[str]:
        """The tokens of a language model, until the target ends the stream."""
        return (event.token for event in self if event.token is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.__exit__(kind, value, trace)
        self._made = left()


def connect(request: Request | str, *, reconnects: int = 0, tokens: bool | Sequence[str] = False) -> Events:
    """Opens the stream that this request asks for, or a GET of this URL.

    `reconnects` is how often a stream that broke or ended is asked for again, from the last identifier on. `tokens` looks
    for the text of a language model in each event, where OpenAI's and Anthropic's interfaces and those compatible with
    them have it, or where the first of these JSON Pointers finds some; `[DONE]` is the end. Raises the `Error` that says
    why there is no stream.
    """
    if isinstance(request, str):
        request = Request("GET", request)
    source = _contract.Source(request._made)
    if reconnects:
        source.set_reconnects(whole(reconnects, "`reconnects`"))
    if tokens is not False:
        source.set_tokens([] if tokens is True else list(tokens))
    try:
        return Events(source.connect())
    except Err as error:
        raise _error(error) from None


def wait_any(streams: Sequence[Events], timeout: float | None = None) -> int | None:
    """Waits until one of these has an event to be received or is over, and gives its place in the list; the lowest place
    if several are. None if the timeout, in seconds, passes first, or at once if the list is empty."""
    return _contract.wait_any([one._made for one in streams], timing.milliseconds_or_none(timeout))
