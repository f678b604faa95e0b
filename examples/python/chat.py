"""A chat by WebSocket: how long a message takes to everybody and back, with pings and a close as it should be."""

from wasmload import check, context, sleep, websocket

options = {
    "vus": 10,
    "iterations": 20,
    "thresholds": {"ws_msg_rtt": ["p(95)<500"], "ws_connect_failed": ["rate==0"], "checks": ["rate==1"]},
}


def iterate() -> None:
    with websocket.connect(websocket.base_url("/ws/chat"), name="chat") as socket:
        socket.ping()
        for number in range(1, 6):
            # Everybody in the room hears it; the identifier tells our own from the others'.
            key = f"{context.vu()}-{context.iteration()}-{number}"
            socket.send_json({"id": key, "text": "hello, room"})
            socket.expect_answer(key)
            check("our own message is heard", heard(socket, key) is not None)
            sleep(0.02)
        check("pings are answered", socket.wait_pong(timeout=5))


def heard(socket: websocket.WebSocket, key: str) -> float | None:
    """How long it took until our own message came, if it did within five seconds of silence."""
    while (message := socket.receive(timeout=5)) is not None:
        if message.json("/id") == key:
            return message.answers(key)
    return None
