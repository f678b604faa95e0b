// A chat by WebSocket: how long a message takes to everybody and back, with pings and a close as it should be.
package main

import (
	"fmt"
	"time"

	"wasmload"
)

func init() {
	wasmload.Register(wasmload.Script{
		Options: `{
			"vus": 10,
			"iterations": 20,
			"thresholds": {
				"ws_msg_rtt": ["p(95)<500"],
				"ws_connect_failed": ["rate==0"],
				"checks": ["rate==1"]
			}
		}`,
		Iterate: iterate,
	})
}

func main() {}

func iterate() error {
	socket, err := wasmload.NewWebSocket(wasmload.WebSocketURL("/ws/chat")).Name("chat").Connect()
	if err != nil {
		return err
	}
	if err := socket.Ping(); err != nil {
		return err
	}
	for number := 1; number <= 5; number++ {
		// Everybody in the room hears it; the identifier tells our own from the others'.
		key := fmt.Sprintf("%d-%d-%d", wasmload.VU(), wasmload.Iteration(), number)
		if err := socket.SendJSON(map[string]string{"id": key, "text": "hello, room"}); err != nil {
			return err
		}
		socket.ExpectAnswer(key)
		isHeard, err := heard(socket, key)
		if err != nil {
			return err
		}
		wasmload.Check("our own message is heard", isHeard)
		wasmload.Sleep(20 * time.Millisecond)
	}
	isAnswered, err := socket.WaitPong(5 * time.Second)
	if err != nil {
		return err
	}
	wasmload.Check("pings are answered", isAnswered)
	return socket.Close(1000, "")
}

// heard says whether our own message comes back, within five seconds of silence.
func heard(socket *wasmload.Socket, key string) (bool, error) {
	for {
		message, err := socket.Receive(5 * time.Second)
		if message == nil || err != nil {
			return false, err
		}
		if id, _ := message.JSONText("/id"); id == key {
			_, isExpected := message.Answers(key)
			return isExpected, nil
		}
	}
}
