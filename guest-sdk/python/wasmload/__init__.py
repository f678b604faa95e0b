"""Write load-test scripts for wasmload in Python.

A script is a module. `iterate` is what one virtual user does, again and again:

    from wasmload import base_url, check, http, sleep

    options = {"vus": 10, "duration": "10s"}

    def iterate():
        home = http.get(base_url("/"))
        check("home is up", home.status == 200)

        login = http.post(base_url("/login"), json={"user": "ada", "password": "pass"})
        login.expect_status(200)
        check("there is a token", bool(login.json("/token")))

        sleep(1)

An exception fails the iteration, with its message and its line, and the user goes on with the next. What else a
script may have is told in `wasmload.script`.

Lengths of time are in seconds, as everywhere in Python. Where there is no engine (in tests, in editors) the same
modules can be imported; `wasmload.testing` stands in for it.
"""

import importlib.util as _importlib
import os as _os
import sys as _sys

if _importlib.find_spec("wit_world") is None:
    # Not in a component: what is generated from the contract lies beside this file.
    _sys.path.append(_os.path.join(_os.path.dirname(__file__), "bindings"))

from . import context, http, log, secrets, sse, websocket
from .checks import check
from .context import abort, base_url, env
from .dataset import Dataset
from .http import Request, Response, Upload
from .metrics import Counter, Gauge, Rate, Trend
from .script import flow
from .spans import group
from .timing import now, sleep

__all__ = [
    "Counter",
    "Dataset",
    "Gauge",
    "Rate",
    "Request",
    "Response",
    "Trend",
    "Upload",
    "abort",
    "base_url",
    "check",
    "context",
    "env",
    "flow",
    "group",
    "http",
    "log",
    "now",
    "secrets",
    "sleep",
    "sse",
    "websocket",
]
