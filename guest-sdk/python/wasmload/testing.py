"""Stands in for the engine, so that a script can be tested without one.

    import unittest
    import shop
    from wasmload.testing import Engine

    class Test(unittest.TestCase):
        def test_the_home_page_is_checked(self):
            with Engine() as engine:
                engine.answer("GET", "/", status=500)
                shop.iterate()
            self.assertEqual(engine.checks, [("home is up", False)])

It answers HTTP requests with what the test says, whole; connections, redirects and cookies are the engine's, and so are
`websocket`, `sse`, datasets and what is read as it comes, which are not here: those want a run, `wasmload run --demo`.
"""

import hashlib
import json as _json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import ModuleType, TracebackType
from typing import Any, Self
from unittest import mock

from componentize_py_types import Err, Ok
from wit_world.imports import checks as _checks
from wit_world.imports import context as _context
from wit_world.imports import http as _http
from wit_world.imports import log as _log
from wit_world.imports import metrics as _metrics
from wit_world.imports import secrets as _secrets
from wit_world.imports import spans as _spans
from wit_world.imports import timing as _timing

from . import context
from .timing import milliseconds, seconds


@dataclass
class Sent:
    """A request as the engine would have sent it."""

    method: str
    url: str
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""
    name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """The first header of this name, whatever its case, as text."""
        values = (value for header, value in self.headers if header.lower() == name.lower())
        value = next(values, None)
        return None if value is None else value.decode(errors="replace")

    def json(self) -> Any:
        """The body as a value, from JSON."""
        return _json.loads(self.body)


@dataclass
class _Answer:
    status: int
    headers: list[tuple[str, bytes]]
    body: bytes
    url: str
    error: _http.Error | None


class _Span:
    """A group, of which nothing is kept."""

    @classmethod
    def open(cls, name: str) -> Self:
        if "::" in name:
            raise Err(f"a group may not have `::` in its name, and `{name}` has")
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Engine:
    """An engine for a test: what the target answers is said before, and what the script did is there afterwards."""

    def __init__(
        self, *, env: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None, vu: int = 1
    ) -> None:
        self.env = {"BASE_URL": "http://target.test"} | dict(env or {})
        self.secrets = dict(secrets or {})
        self.vu = vu
        self.iteration = 0
        self.checks: list[tuple[str, bool]] = []
        """Each check, by its name, and whether it held."""
        self.sent: list[Sent] = []
        """Each request, in order."""
        self.samples: list[tuple[str, float, dict[str, str]]] = []
        """What was recorded in the script's own metrics: name, value, tags."""
        self.messages: list[tuple[str, str]] = []
        """What was logged: level and text."""
        self.slept = 0.0
        """How long the script slept in all, in seconds. No time passes."""
        self._answers: dict[tuple[str, str], list[_Answer]] = {}
        self._patches = ExitStack()

    def answer(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        json: Any = None,
        text: str = "",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        error: str | None = None,
    ) -> None:
        """Says how the target answers. Said twice for a URL, the second is for the second request; the last stays.

        A URL without a host is on the target. An `error` is a case of the contract, such as `"timed-out"` or
        `"connection-refused"`.
        """
        url = self.env["BASE_URL"].rstrip("/") + url if url.startswith("/") else url
        body = content if content is not None else text.encode() if json is None else _json.dumps(json).encode()
        listed = [(name.lower(), value.encode()) for name, value in (headers or {}).items()]
        failed = None if error is None else _error(error)
        self._answers.setdefault((method, url), []).append(_Answer(status, listed, body, url, failed))

    def _send(self, sent: Sent) -> _Answer:
        self.sent.append(sent)
        answers = self._answers.get((sent.method, sent.url))
        if answers is None:
            known = ", ".join(" ".join(one) for one in self._answers) or "none"
            raise AssertionError(f"the test says no answer to {sent.method} {sent.url}; it has: {known}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def __enter__(self) -> Self:
        engine = self

        class Request(_Request):
            def _answer(self) -> _Answer:
                return engine._send(self._sent)

        def metric(name: str, is_time: bool = False) -> _Metric:
            return _Metric(engine, name)

        def abort(reason: str) -> None:
            raise Aborted(reason)

        def sleep(length: float) -> None:
            engine.slept += seconds(length)

        def check(name: str, passed: bool) -> bool:
            engine.checks.append((name, passed))
            return passed

        def log(level: _log.Level, message: str) -> None:
            engine.messages.append((level.name.lower(), message))

        stand_ins: list[tuple[ModuleType, dict[str, object]]] = [
            (_checks, {"check": check}),
            (
                _context,
                {
                    "vu": lambda: engine.vu,
                    "iteration": lambda: engine.iteration,
                    "iteration_in_scenario": lambda: engine.iteration,
                    "scenario": lambda: "default",
                    "executor": lambda: "per-vu-iterations",
                    "set_tag": lambda name, value: None,
                    "remove_tag": lambda name: None,
                    "env": lambda name: engine.env.get(name),
                    "abort": abort,
                },
            ),
            (
                _http,
                {
                    "Request": Request,
                    "Upload": _Upload,
                    "get": lambda url: Request("GET", url).send(),
                    "batch": lambda requests: [_result(one.send) for one in requests],
                    "wait_any": lambda pending, timeout: 0 if pending else None,
                    "clear_cookies": lambda: None,
                },
            ),
            (_log, {"log": log}),
            (_metrics, {name: metric for name in ("Counter", "Gauge", "Rate", "Trend")}),
            (_spans, {"Span": _Span}),
            (_secrets, {"get": lambda name: engine.secrets.get(name)}),
            # Time stands still but for what is slept.
            (_timing, {"sleep": sleep, "now": lambda: milliseconds(engine.slept)}),
        ]
        for module, functions in stand_ins:
            for name, function in functions.items():
                self._patches.enter_context(mock.patch.object(module, name, function))
        context._base.cache_clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patches.close()
        context._base.cache_clear()


class Aborted(BaseException):
    """The script ended the run."""


def _error(case: str) -> _http.Error:
    name = "Error_" + case.replace("-", " ").title().replace(" ", "")
    kind = getattr(_http, name, None)
    if kind is None:
        raise ValueError(f"the contract has no error `{case}`")
    try:
        return kind()  # type: ignore[no-any-return]
    except TypeError:
        return kind("the test says so")  # type: ignore[no-any-return]


def _result(send: Callable[[], "_Response"]) -> object:
    try:
        return Ok(send())
    except Err as error:
        return error


class _Metric:
    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    def add(self, value: float, tags: list[tuple[str, str]]) -> None:
        self._engine.samples.append((self._name, value, dict(tags)))

    set = add


class _Upload:
    def __init__(self) -> None:
        self.bytes = b""

    def add_bytes(self, bytes: bytes) -> None:
        self.bytes += bytes

    def add_file(self, name: str) -> None:
        self.bytes += f"<the file {name}>".encode()

    def add_random(self, length: float, seed: int) -> None:
        self.bytes += hashlib.shake_128(str(seed).encode()).digest(int(length))

    def add_upload(self, upload: "_Upload") -> None:
        self.bytes += upload.bytes

    def length(self) -> float:
        return float(len(self.bytes))


class _Request:
    def __init__(self, method: str, url: str) -> None:
        self._sent = Sent(method, url)

    def _answer(self) -> _Answer:
        raise NotImplementedError

    def add_header(self, name: str, value: bytes) -> None:
        self._sent.headers.append((name, value))

    def set_body(self, body: bytes) -> None:
        self._sent.body = body

    def set_packed_body(self, body: bytes, encoding: _http.Encoding) -> None:
        self._sent.headers.append(("content-encoding", encoding.name.lower().encode()))
        self._sent.body = body

    def set_upload(self, upload: _Upload) -> None:
        self._sent.body = upload.bytes

    def set_name(self, name: str) -> None:
        self._sent.name = name

    def set_tag(self, name: str, value: str) -> None:
        self._sent.tags[name] = value

    def set_digest_auth(self, user: str, password: str) -> None:
        """It would take a challenge."""

    def _ignored(self, *_: object) -> None:
        """What only a network would show."""

    set_body_policy = set_redirects = set_expected_statuses = set_timeout = set_http_version = _ignored
    set_connect_timeout = set_first_byte_timeout = _ignored

    def send(self) -> "_Response":
        answer = self._answer()
        if answer.error is not None:
            raise Err(answer.error)
        return _Response(answer)

    def start(self) -> "_Pending":
        return _Pending(_result(self.send))


class _Pending:
    def __init__(self, result: object) -> None:
        self._result = result

    def get(self) -> object:
        if isinstance(self._result, Err):
            raise self._result
        return self._result.value if isinstance(self._result, Ok) else self._result


class _Response:
    def __init__(self, answer: _Answer) -> None:
        self._answer = answer

    def status(self) -> int:
        return self._answer.status

    def header(self, name: str) -> str | None:
        values = (value for header, value in self._answer.headers if header == name.lower())
        value = next(values, None)
        return None if value is None else value.decode(errors="replace")

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self._answer.headers)

    def body(self) -> bytes:
        return self._answer.body

    def body_length(self) -> int:
        return len(self._answer.body)

    def whole_length(self) -> float:
        return float(len(self._answer.body))

    def text(self) -> str:
        return self._answer.body.decode(errors="replace")

    def sha256(self) -> str | None:
        return hashlib.sha256(self._answer.body).hexdigest()

    def url(self) -> str:
        return self._answer.url

    def timings(self) -> _http.Timings:
        return _http.Timings(*([0.0] * 7))

    def json(self, pointer: str) -> str | None:
        try:
            found = _json.loads(self._answer.body)
            for part in _parts(pointer):
                found = found[int(part)] if isinstance(found, list) else found[part]
        except (ValueError, LookupError, TypeError):
            return None
        return _json.dumps(found)


def _parts(pointer: str) -> Sequence[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
