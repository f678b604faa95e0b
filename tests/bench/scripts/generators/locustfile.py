"""What Locust does in the bench `requests`. CASE says which case, BODY where the body of the POST is."""

import os
import time

from locust import FastHttpUser, User, task

CASE = os.environ["CASE"]


if CASE == "websocket":
    import websocket

    class Talker(User):
        """Locust has no WebSockets of its own; websocket-client is installed with it."""

        def on_start(self):
            self.socket = websocket.create_connection(self.host.replace("http", "ws", 1) + "/ws/echo")

        @task
        def echo(self):
            began, exception = time.perf_counter(), None
            self.socket.send('{"id":12345,"text":"hello"}')
            came = self.socket.recv()
            if not came:
                exception = RuntimeError("nothing came back")
            self.environment.events.request.fire(
                request_type="WS",
                name="echo",
                response_time=(time.perf_counter() - began) * 1e3,
                response_length=len(came),
                exception=exception,
            )

else:
    with open(os.environ["BODY"], "rb") as file:
        BODY = file.read()

    class Asker(FastHttpUser):
        insecure = True

        @task
        def ask(self):
            if CASE == "json":
                with self.client.get("/json", catch_response=True) as page:
                    if page.status_code != 200 or page.json()["id"] != 12345:
                        page.failure("not what was asked for")
            elif CASE == "post":
                self.client.post("/post", data=BODY)
            else:
                self.client.get("/")
