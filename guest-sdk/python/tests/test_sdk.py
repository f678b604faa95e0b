"""The SDK without an engine: what it hands over, and what it makes of answers. `python3 -m unittest` in its folder."""

import types
import unittest
from typing import Any

from wasmload import Counter, Request, Trend, base_url, check, env, flow, http, script, sleep
from wasmload.forms import with_query
from wasmload.script import Mistake, Script
from wasmload.testing import Engine


def module(**names: Any) -> types.ModuleType:
    made = types.ModuleType("shop")
    vars(made).update(names)
    return made


class Requests(unittest.TestCase):
    def test_bodies_are_written_as_they_say(self) -> None:
        with Engine() as engine:
            engine.answer("POST", "/")
            for arguments, kind, body in (
                ({"json": {"ü": [1, None]}}, "application/json", '{"ü":[1,null]}'),
                ({"data": {"a": "x y", "b": [1, 2]}}, "application/x-www-form-urlencoded", "a=x+y&b=1&b=2"),
                ({"data": "text"}, None, "text"),
                ({"data": b"bytes"}, None, "bytes"),
            ):
                http.post(base_url("/"), **arguments)
                sent = engine.sent[-1]
                self.assertEqual((sent.header("content-type"), sent.body.decode()), (kind, body))

    def test_no_name_ends_a_part_early(self) -> None:
        with Engine() as engine:
            engine.answer("POST", "/")
            http.post(base_url("/"), data={'a"\r\nx: y': 1}, files={"photo": ("cat.jpg", b"\xff", "image/jpeg")})
            body = engine.sent[0].body
        self.assertIn(b'name="a%22%0D%0Ax: y"\r\n\r\n1\r\n', body)
        self.assertIn(b'name="photo"; filename="cat.jpg"\r\ncontent-type: image/jpeg\r\n\r\n\xff\r\n', body)

    def test_a_query_is_added_to_what_there_is(self) -> None:
        for url, query, expected in (
            ("http://a/", {}, "http://a/"),
            ("http://a/", {"q": "ä/b", "r": ""}, "http://a/?q=%C3%A4%2Fb&r="),
            ("http://a/?x=1", {"q": "a b"}, "http://a/?x=1&q=a+b"),
            ("http://a/?", {"q": 1}, "http://a/?q=1"),
            ("http://a/#top", {"q": 1}, "http://a/?q=1#top"),
        ):
            self.assertEqual(with_query(url, query), expected)

    def test_each_way_to_fail_is_an_exception_of_its_own(self) -> None:
        for case, kind in (
            ("timed-out", http.Timeout),
            ("connection-refused", http.ConnectionRefused),
            ("not-allowed", http.NotAllowed),
        ):
            with Engine() as engine:
                engine.answer("GET", "/", error=case)
                with self.assertRaises(kind) as raised:
                    http.get(base_url("/"))
                self.assertIsInstance(raised.exception, http.Error)
                [result] = http.batch([Request("GET", base_url("/"))])
                self.assertIsInstance(result, kind)

    def test_what_is_no_argument_of_a_request_is_named(self) -> None:
        with Engine():
            for arguments, says in (
                ({"jsn": 1}, "no `jsn`"),
                ({"json": 1, "data": 2}, "one body"),
                ({"http_version": "3"}, "`http_version` is one of"),
                ({"max_redirects": -1}, "`max_redirects` must be a whole number"),
                ({"body": "some"}, "`body` is"),
            ):
                with self.assertRaisesRegex((TypeError, ValueError), says):
                    http.get(base_url("/"), **arguments)
            with self.assertRaisesRegex(TypeError, "a URL must be a text"):
                http.get(None)  # type: ignore[arg-type]

    def test_a_status_and_a_part_that_are_not_there_name_the_url(self) -> None:
        with Engine() as engine:
            engine.answer("GET", "/", status=503, json={"a": {"b/c": [7]}})
            page = http.get(base_url("/"))
        self.assertEqual(page.json("/a/b~1c/0"), 7)
        with self.assertRaisesRegex(http.UnexpectedStatus, "http://target.test/ answered 503, but 200 was expected"):
            page.expect_status(200)
        with self.assertRaisesRegex(LookupError, "no JSON at `/a/x`"):
            page.json("/a/x")

    def test_a_second_is_a_second(self) -> None:
        with Engine() as engine:
            sleep(1.5)
            Trend("t", is_time=True).add(1.5)
            Trend("n").add(1.5)
            Counter("c").add(tags={"a": "b"})
        self.assertEqual(engine.slept, 1.5)
        self.assertEqual(engine.samples, [("t", 1500, {}), ("n", 1.5, {}), ("c", 1, {"a": "b"})])


class Scripts(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(script._flows.clear)

    def test_setup_gives_its_values_to_start_and_teardown(self) -> None:
        for value in ({"a": [1, "ü"]}, None, "text", b"j\x00bytes", 123):
            seen: list[object] = []
            made = Script(module(setup=lambda v=value: v, start=seen.append, teardown=seen.append, iterate=lambda: None))
            data = made.setup()
            made.start(data)
            made.teardown(data)
            self.assertEqual(seen, [value, value])

    def test_flows_are_named_among_the_options(self) -> None:
        ran = []

        @flow("browse")
        def look() -> None:
            ran.append("look")

        made = Script(module(iterate=lambda: ran.append("iterate"), options={"vus": 2}))
        self.assertEqual(made.options, '{"flows": ["browse", "default"], "vus": 2}')
        made.iterate("browse")
        made.iterate("default")
        self.assertEqual(ran, ["look", "iterate"])
        with self.assertRaisesRegex(LookupError, "no flow `buy`"):
            made.iterate("buy")

    def test_what_is_no_script_is_told(self) -> None:
        async def waits() -> None: ...

        def nothing() -> None: ...

        for names, says in (
            ({}, "no `iterate`"),
            ({"iterate": 1}, "`iterate` must be a function, but is an int"),
            ({"iterate": waits}, "must be a plain function"),
            ({"iterate": lambda flow: None}, "must have no parameters"),
            ({"iterate": nothing, "start": lambda a, b: None}, "`start` must have one parameter at most"),
            ({"iterate": nothing, "options": [1]}, "`options` must be a dict, but is a list"),
            ({"iterate": nothing, "options": {"vus": {1}}}, "what JSON can hold"),
        ):
            with self.assertRaisesRegex(Mistake, says):
                Script(module(**names))

    def test_the_engine_is_only_there_in_its_with(self) -> None:
        with Engine(env={"COLOUR": "blue"}):
            self.assertEqual((env("COLOUR"), env("NONE", "none")), ("blue", "none"))
            self.assertTrue(check("it holds", [1]))
        with self.assertRaises(NotImplementedError):
            check("it holds", True)


if __name__ == "__main__":
    unittest.main()
