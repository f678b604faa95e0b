"""Does each thing that a script can do, and says what came of it: one line a fact, as `../expected.txt` has them."""

import json
import random
import re
from collections.abc import Callable, Iterator

from wasmload import Counter, Dataset, Gauge, Rate, Request, Response, Trend, Upload
from wasmload import abort, base_url, check, context, env, flow, group, http, log, now, secrets, sleep, sse, websocket
from wasmload.http import wait_any

options = {
    "scenarios": {
        "kit": {
            "executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "facts",
            "env": {"COLOUR": "blau 🎨"}, "tags": {"kit": "yes"},
        },
        "drawing": {"executor": "per-vu-iterations", "vus": 2, "iterations": 1, "exec": "draws"},
        "failing": {"executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "fails"},
    },
    "thresholds": {
        "http_reqs{name:named}": ["count==2"],
        "http_reqs{colour:red}": ["count==1"],
        "http_reqs{kit:yes}": ["count>49"],
        "kit_counter{kind:a}": ["count==3"],
        "http_reqs{group:::outer::inner}": ["count==1"],
        "checks{group:::outer}": ["rate==1"],
        "http_reqs{mood:good}": ["count==1"],
        "checks{check:a check that fails}": ["rate==0"],
    },
    "datasets": {"people": {"order": "sequential"}},
}  # fmt: skip

ODD = b"\xe9 \xff"
"""What a bearer of odd bytes looks like: `é ÿ` in Latin-1, which is no UTF-8."""

counter, gauge, rate, trend = Counter("kit_counter"), Gauge("kit_gauge"), Rate("kit_rate"), Trend("kit_trend")
time = Trend("kit_time", is_time=True)
people = Dataset("people")
token = ""


def setup() -> object:
    say("setup: vu", context.vu())
    return {"token": "Schlüssel", "numbers": [1, 2, 3]}


def start(data: dict[str, object]) -> None:
    global token
    token = str(data["token"])
    if context.scenario() == "kit":
        say("start: what setup gave", f"{token} {data['numbers'][2]}")  # type: ignore[index]


@flow("facts")
def facts() -> None:
    if context.iteration() > 0:
        say("context: the second iteration is", context.iteration())
        return
    context_and_time()
    requests()
    responses()
    bodies()
    errors()
    several()
    measuring()
    groups()
    rows()
    websockets()
    events()


@flow("draws")
def draws() -> None:
    say("draw", random.random())


@flow("fails")
def fails() -> None:
    raise RuntimeError("on purpose: größer als 🌍")


@flow("aborts")
def aborts() -> None:
    abort("the kit ends the run")


def stop() -> None:
    if context.scenario() == "kit":
        say("stop: token", token)


def teardown(data: dict[str, list[int]]) -> None:
    say("teardown: what setup gave", data["numbers"][1])


def say(what: str, value: object) -> None:
    """Says a fact."""
    if value is None or isinstance(value, bool):
        value = {None: "none", True: "true", False: "false"}[value]
    log.info(f"kit: {what} = {value}")


def kebab(error: Exception) -> str:
    """The name of a case as the contract has it: `NotAllowed` is `not-allowed`."""
    if isinstance(error, (http.Timeout, websocket.Timeout)):
        return "timed-out"
    return re.sub("(?<!^)([A-Z])", r"-\1", type(error).__name__).lower()


def kind(act: Callable[[], object], otherwise: str = "a response") -> str:
    try:
        act()
    except (http.Error, websocket.Error) as error:
        return kebab(error)
    return otherwise


def headers(seen: Response) -> str:
    return json.dumps(seen.json("/headers"), ensure_ascii=False, separators=(",", ":"))


def part(response: Response, pointer: str) -> object:
    try:
        return response.json(pointer)
    except LookupError:
        return None


def context_and_time() -> None:
    say("context: vu", context.vu())
    say("context: iteration", context.iteration())
    say("context: iteration in the scenario", context.iteration_in_scenario())
    say("context: scenario", context.scenario())
    say("context: executor", context.executor())
    say("context: COLOUR", env("COLOUR"))
    say("context: NOT_GIVEN", env("NOT_GIVEN"))
    # The one conversion of the SDK, there and back: a second must not become a millisecond.
    before = now()
    sleep(1.5)
    say("timing: 1.5 s of sleep take between 1.4 and 15", 1.4 < now() - before < 15)
    say("secrets: the length of password", len(secrets.get("password") or ""))
    say("secrets: NOT_GIVEN", secrets.get("NOT_GIVEN"))
    for write in (log.debug, log.info, log.warn, log.error):
        write(f"kit: log = {write.__name__}")


def requests() -> None:
    echo = base_url("/echo")
    seen = http.put(
        base_url("/echo?q=%C3%A4%20b"),
        headers=[
            ("x-twice", "one"), ("x-twice", "two"), ("x-odd", ODD), ("content-type", "application/octet-stream"),
        ],
        data=bytes(range(256)),
    )  # fmt: skip
    say("request: method", seen.json("/method"))
    say("request: path", seen.json("/path"))
    say("request: length of 256 odd bytes", seen.json("/body_length"))
    say("request: their checksum", seen.json("/body_checksum"))
    say("request: a header given twice is sent twice", '["x-twice","one"],["x-twice","two"]' in headers(seen))
    say("request: a header of odd bytes arrives as it is", '["x-odd","é ÿ"]' in headers(seen))

    text = http.post(echo, data="Grüße, 世界 🎉\0.")
    say("request: text comes back", json.dumps(text.json("/body"), ensure_ascii=False))
    none = http.delete(echo)
    say("request: without a body", f"{none.json('/method')} {none.json('/body_length')}")
    sent = http.post(echo, json={"name": "Žofie"})
    say("request: json", sent.json("/body"))
    say("request: json says what it is", '["content-type","application/json"]' in headers(sent))
    form = http.post(echo, data={"a": 1, "b": "x y&z", "ü": "ß"})
    say("request: form", form.json("/body"))
    basic = http.get(echo, auth=("ada", "pass:wörd"))
    say("request: basic", "Basic YWRhOnBhc3M6d8O2cmQ=" in headers(basic))
    bearer = http.get(echo, auth="abc")
    say("request: bearer", "Bearer abc" in headers(bearer))
    parts = http.post(echo, data={"field": "wert"}, files={})
    say("request: multipart", 'name="field"\r\n\r\nwert\r\n--' in parts.json("/body"))
    packed = http.post(echo, data="x" * 1000, pack="gzip")
    say("request: a thousand letters are packed", packed.json("/body_length") < 100)
    say("request: and say so", '["content-encoding","gzip"]' in headers(packed))

    named = Request("GET", base_url("/status/404"), name="named", expected_statuses=[404])
    say("request: prepared and sent twice", f"{named.send().status} {named.send().status}")
    http.get(base_url("/"), tags={"colour": "red"})

    login = http.post(base_url("/login"), json={"user": "ada", "password": "pass"})
    say("login: status", login.status)
    say("login: the cart", http.get(base_url("/cart"), auth=login.json("/token")).status)
    say("login: without a token", http.get(base_url("/cart")).status)
    say("login: what setup gave", token)


def responses() -> None:
    home = http.get(base_url("/"))
    say("response: status", home.status)
    say("response: Content-Type, in any case", home.headers["CONTENT-type"])
    say("response: no such header", home.headers.get("x-none"))
    say("response: timings have parts", home.timings.duration > 0)
    odd = http.get(base_url("/headers"))
    of = lambda name: [value for each, value in odd.headers.all() if each == name]  # noqa: E731
    say("response: a header that comes twice", b"|".join(of("x-twice")).decode())
    say("response: the first of them", odd.headers["x-twice"])
    say("response: an empty header is there", odd.headers["x-empty"] == "")
    say("response: a long header", len(odd.headers["x-long"]))
    say("response: odd bytes as text", odd.headers["x-bytes"])
    say("response: odd bytes as they are", b"".join(of("x-bytes")).hex())
    say("cookies: those that were set go back", "first=1; second=2" in headers(http.get(base_url("/echo"))))
    http.clear_cookies()
    say("cookies: none after clearing", "cookie" not in headers(http.get(base_url("/echo"))))

    catalogue = http.get(base_url("/catalogue?page=2"))
    say("json: by pointer", part(catalogue, "/products/0/id"))
    say("json: what is not there", part(catalogue, "/products/99/id"))
    say("json: of what is no json", part(home, "/a"))
    followed = http.get(base_url("/redirect/2"))
    say("redirects: followed to", followed.url.rpartition("/")[2])
    hop = http.get(base_url("/redirect/2"), max_redirects=0)
    say("redirects: not followed", f"{hop.status} {hop.headers['location']}")


def bodies() -> None:
    large = http.get(base_url("/bytes/1000000")).content
    say("body: a large one", f"{len(large)} {sum(large)}")
    told = http.post(base_url("/upload"), data=bytes(n % 251 for n in range(1_000_000)))
    say("body: a large one up", told.text)
    made = Upload().add(b"first").add(Upload.random(3_000_000, seed=7)).add(bytes([0, 255]))
    told = http.post(base_url("/upload"), data=made)
    say("body: made as it is sent", f"{made.length} {told.text}")
    thousand = base_url("/bytes/1000")
    forgotten = http.get(thousand, body="discard")
    say("body: forgotten", f"{forgotten.length} {len(forgotten.content)}")
    kept = http.get(thousand, body=10)
    say("body: kept in part", f"{kept.length} {len(kept.content)}")
    say("body: hashed", http.get(thousand, body="hash").sha256)
    with Request("GET", base_url("/bytes/300000")).open() as download:
        length = sum(len(chunk.data) for chunk in download)
        say("body: read as it comes", f"{download.response.status} {length}")


def errors() -> None:
    home = base_url("/")
    for what, act in {
        "nobody listens": lambda: http.get(env("CLOSED") or ""),
        "no such name": lambda: http.get("http://name.invalid/"),
        "no URL": lambda: http.get("nonsense"),
        "no method": lambda: http.request("GE T", home),
        "a header with a line break": lambda: http.get(home, headers={"a": "b\r\nc: d"}),
        "too slow": lambda: http.get(base_url("/delay/60000"), timeout=0.03),
        "closed early": lambda: http.get(base_url("/close")),
        "reset": lambda: http.get(base_url("/reset")),
        "not allowed": lambda: http.get("http://192.0.2.1/"),
        "503 is a response": lambda: http.get(base_url("/status/503")),
    }.items():
        say(f"error: {what}", kind(act))


def several() -> None:
    results = http.batch([base_url("/status/200"), "nonsense", base_url("/status/404"), base_url("/bytes/5")])
    said = [str(one.status) if isinstance(one, Response) else kebab(one) for one in results]
    say("batch: in the order of the requests", " ".join(said))
    say("batch: of none", len(http.batch([])))
    slow, fast = (Request("GET", base_url(path)).start() for path in ("/delay/1000", "/delay/1"))
    say("start: which is first", wait_any([slow, fast]))
    say("start: the fast one", fast.result().status)
    say("start: nothing within a millisecond", wait_any([slow], timeout=0.001) is None)


def measuring() -> None:
    holds = check("a check that holds ✓", True), check("a check that fails", False)
    say("check: gives whether it holds", " ".join(map(str, holds)).lower())
    counter.add(2)
    counter.add(3, {"kind": "a"})
    gauge.set(5)
    gauge.set(3.5)
    for answer in (True, False, False, False):
        rate.add(answer)
    trend.add(10)
    trend.add(20)
    time.add(1.5)


def groups() -> None:
    with group("outer"):
        check("in a group", True)
        with group("inner"):
            say("group: what is in it", http.get(base_url("/status/200")).status)
    context.set_tag("mood", "good")
    http.get(base_url("/status/201"))
    context.remove_tag("mood")
    http.get(base_url("/status/202"))


def rows() -> None:
    say("dataset: rows", len(people))
    first = people.next()
    say("dataset: the first", f"{first.number} {first['name']}")
    say("dataset: the next", people.next()["name"])
    say("dataset: by number", people[2]["city"])
    say("dataset: no such field", first.get("none"))
    say("dataset: as json", first.text)
    for what, act in (("no such row", lambda: people[99]), ("not declared", lambda: len(Dataset("others")))):
        try:
            say(f"dataset: {what}", act())
        except LookupError as error:
            say(f"dataset: {what}", kebab(error))


def websockets() -> None:
    url = websocket.base_url("/ws/echo")
    with websocket.connect(url, name="echo", tags={"kind": "kit"}) as socket:
        socket.send("Grüße, 世界 🎉")
        text = heard(socket)
        say("websocket: text", f"{str(text.is_text).lower()} {text.length} {text.text}")
        socket.send(bytes(range(256)))
        data = heard(socket)
        say("websocket: bytes", f"{data.is_text} {data.content == bytes(range(256))}".lower())
        socket.send_json({"id": "é1"})
        socket.expect_answer("é1")
        answer = heard(socket)
        say("websocket: json", f'"{answer.json("/id")}"')
        say("websocket: an answer is timed", answer.answers("é1") is not None)
        say("websocket: once", answer.answers("é1") is not None)
        socket.ping()
        say("websocket: a ping is answered", socket.wait_pong(30))
        say("websocket: nothing within a millisecond", socket.receive(timeout=0.001) is None)
        # One that is forgotten is let go of as one that is closed.
        other = websocket.connect(url)
        other.send("to the second")
        say("websocket: which has news", websocket.wait_any([socket, other]))
    say("websocket: after closing", kind(lambda: socket.send("late")))
    try:
        websocket.connect(websocket.base_url("/status/403"))
    except websocket.Refused as error:
        say("websocket: refused", f"{kebab(error)} {error.status}")
    try:
        heard(websocket.connect(websocket.base_url("/ws/close/4321")))
    except websocket.Closed as error:
        say("websocket: closed by the target", f"{kebab(error)} {error.code}")


def heard(socket: websocket.WebSocket) -> websocket.Message:
    message = socket.receive()
    assert message is not None
    return message


def events() -> None:
    with sse.connect(base_url("/events/1?count=3")) as stream:
        say("events: status", stream.response.status)
        seen = [f"{event.id} {event.data.split(',')[0]}" for event in stream]
        say("events: seen", " | ".join(seen))
        say("events: then", kind(stream.receive))
    say("events: of a page", kind(lambda: sse.connect(base_url("/"))))
