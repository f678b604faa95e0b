package wasmload

import (
	"encoding/json"
	"fmt"
	"time"

	contract "wasmload/internal/bindings/wasmload_script_websocket"
	wit "wasmload/internal/wit/types"
)

// WebSocket is a session that is to be opened, once or many times.
type WebSocket struct{ raw *contract.Request }

// NewWebSocket is a session with this URL, such as ws://shop.test/chat.
func NewWebSocket(url string) *WebSocket { return &WebSocket{tracked(contract.MakeRequest(url))} }

// Keep has it live as long as the user, and gives it back.
func (w *WebSocket) Keep() *WebSocket {
	kept(w.raw)
	return w
}

// Header adds a header to the handshake.
func (w *WebSocket) Header(name, value string) *WebSocket {
	w.raw.AddHeader(name, []byte(value))
	return w
}

// Subprotocol offers a subprotocol.
func (w *WebSocket) Subprotocol(name string) *WebSocket {
	w.raw.AddSubprotocol(name)
	return w
}

// Deflate offers to pack messages (RFC 7692).
func (w *WebSocket) Deflate() *WebSocket {
	w.raw.OfferDeflate()
	return w
}

// Timeout sets how long the handshake may take.
func (w *WebSocket) Timeout(length time.Duration) *WebSocket {
	w.raw.SetTimeout(milliseconds(length))
	return w
}

// Name sets the name tag of its samples, which is the URL otherwise.
func (w *WebSocket) Name(name string) *WebSocket {
	w.raw.SetName(name)
	return w
}

// Tag adds a tag to its samples.
func (w *WebSocket) Tag(name, value string) *WebSocket {
	w.raw.SetTag(name, value)
	return w
}

// Connect opens a session.
func (w *WebSocket) Connect() (*Socket, error) {
	result := w.raw.Connect()
	if result.IsErr() {
		err := webSocketError(result.Err())
		if refusal := w.raw.Refusal(); err.Kind == Refused && refusal.IsSome() {
			err.Response = responseOf(refusal.Some())
		}
		return nil, err
	}
	return &Socket{tracked(result.Ok())}, nil
}

// Socket is a session that is open. Letting go of it closes its connection.
type Socket struct{ raw *contract.Socket }

// ConnectWebSocket opens a session with this URL.
func ConnectWebSocket(url string) (*Socket, error) { return NewWebSocket(url).Connect() }

// Keep has it live as long as the user, and gives it back.
func (s *Socket) Keep() *Socket {
	kept(s.raw)
	return s
}

// Subprotocol is the one that the target chose; and whether it did.
func (s *Socket) Subprotocol() (string, bool) { return found(s.raw.Subprotocol()) }

// Header is a header of the answer to the handshake; and whether there is one.
func (s *Socket) Header(name string) (string, bool) { return found(s.raw.Header(name)) }

// Send sends a message of text.
func (s *Socket) Send(text string) error { return done(s.raw.SendText(text)) }

// SendBytes sends a message of bytes.
func (s *Socket) SendBytes(bytes []byte) error { return done(s.raw.SendBinary(bytes)) }

// SendJSON sends a value as a message of text.
func (s *Socket) SendJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("a message must be a value that JSON can hold: %w", err)
	}
	return s.Send(string(text))
}

// ExpectAnswer measures the time from the message that was sent last to the answer that has this key, in ws_msg_rtt:
// see Message.Answers.
func (s *Socket) ExpectAnswer(key string) { s.raw.ExpectAnswer(key) }

// Ping sends a ping.
func (s *Socket) Ping() error { return done(s.raw.Ping()) }

// WaitPong waits until all pings are answered, and says whether they were before the time was over.
func (s *Socket) WaitPong(length time.Duration) (bool, error) {
	result := s.raw.WaitPong(timeout(length))
	if result.IsErr() {
		return false, webSocketError(result.Err())
	}
	return result.Ok(), nil
}

// Receive waits for the next message; nil if the time is over first. Forever is as long as it takes.
func (s *Socket) Receive(length time.Duration) (*Message, error) {
	result := s.raw.Receive(timeout(length))
	if result.IsErr() {
		return nil, webSocketError(result.Err())
	}
	if result.Ok().IsNone() {
		return nil, nil
	}
	return &Message{tracked(result.Ok().Some())}, nil
}

// Close closes the session with this code, 1000 as it should be, and this reason.
func (s *Socket) Close(code uint16, reason string) error { return done(s.raw.Close(code, reason)) }

func done(result wit.Result[wit.Unit, contract.Error]) error {
	if result.IsErr() {
		return webSocketError(result.Err())
	}
	return nil
}

// WaitAnySocket waits until one of these has a message or is over, and gives its place in the list; -1 if the time is
// over first.
func WaitAnySocket(length time.Duration, sockets ...*Socket) int {
	raw := make([]*contract.Socket, len(sockets))
	for place, one := range sockets {
		raw[place] = one.raw
	}
	return place(contract.WaitAny(raw, timeout(length)))
}

// Message is a message that has arrived.
type Message struct{ raw *contract.Message }

// Keep has it live as long as the user, and gives it back.
func (m *Message) Keep() *Message {
	kept(m.raw)
	return m
}

// IsText says whether it is text.
func (m *Message) IsText() bool { return m.raw.IsText() }

// Length is its length in bytes.
func (m *Message) Length() int { return int(m.raw.Length()) }

// Text is a copy of it as text.
func (m *Message) Text() string { return given(m.raw.Text()) }

// Bytes is a copy of it.
func (m *Message) Bytes() []byte { return given(m.raw.Bytes()) }

// JSON is the part of it that a JSON Pointer (RFC 6901) names, as JSON text; and whether there is one.
func (m *Message) JSON(pointer string) (string, bool) { return found(m.raw.Json(pointer)) }

// JSONText is the string in it that a JSON Pointer names; and whether it is one.
func (m *Message) JSONText(pointer string) (string, bool) { return jsonText(m.JSON(pointer)) }

// Arrived is when it was read from the connection, as Now counts.
func (m *Message) Arrived() time.Duration { return duration(m.raw.Arrived()) }

// Answers says that this is the answer that was expected with this key: how long it took, and whether it was expected.
func (m *Message) Answers(key string) (time.Duration, bool) {
	took, isExpected := found(m.raw.Answers(key))
	return duration(took), isExpected
}
