package wasmload

import (
	"fmt"

	"wasmload/internal/bindings/wasmload_script_dataset"
	"wasmload/internal/bindings/wasmload_script_http"
	"wasmload/internal/bindings/wasmload_script_sse"
	"wasmload/internal/bindings/wasmload_script_websocket"
)

// Kind is what went wrong, by the names that the contract has.
type Kind string

// The kinds of an Error.
const (
	// InvalidRequest is a URL, a method or a header that cannot be sent. Nothing was sent.
	InvalidRequest Kind = "invalid-request"
	// NameNotResolved is a host's name that has no address.
	NameNotResolved Kind = "name-not-resolved"
	// ConnectionRefused is an address at which nobody listens.
	ConnectionRefused Kind = "connection-refused"
	// ConnectionReset is a connection that the peer, or something on the way, broke.
	ConnectionReset Kind = "connection-reset"
	// ClosedEarly is a connection that ended before the answer was complete.
	ClosedEarly Kind = "closed-early"
	// TimedOut is what took too long.
	TimedOut Kind = "timed-out"
	// MalformedResponse is an answer that is not HTTP.
	MalformedResponse Kind = "malformed-response"
	// BodyTooLarge is a body that is larger than the engine keeps.
	BodyTooLarge Kind = "body-too-large"
	// NotAllowed is what the engine or its user does not allow.
	NotAllowed Kind = "not-allowed"
	// Other is anything else, in words for people.
	Other Kind = "other"

	// Refused is a WebSocket's handshake that was answered with Error.Status instead of 101.
	Refused Kind = "refused"
	// MalformedHandshake is an answer to a WebSocket's handshake that is none.
	MalformedHandshake Kind = "malformed-handshake"
	// ProtocolError is a peer that broke the rules of WebSocket.
	ProtocolError Kind = "protocol-error"
	// MessageTooLarge is a message that is larger than the engine keeps.
	MessageTooLarge Kind = "message-too-large"
	// Closed is a session that was closed with Error.CloseCode and Error.Text.
	Closed Kind = "closed"

	// NotAStream is a response that is not a stream of events: Error.Response has it.
	NotAStream Kind = "not-a-stream"
	// EventTooLarge is an event that is larger than 1 MiB.
	EventTooLarge Kind = "event-too-large"
	// Ended is a stream that the target ended, and all of it was received.
	Ended Kind = "ended"

	// NotDeclared is a dataset that the run does not have.
	NotDeclared Kind = "not-declared"
	// Exhausted is a unique dataset of which each row was handed out.
	Exhausted Kind = "exhausted"
	// NoSuchRow is a row that the dataset does not have.
	NoSuchRow Kind = "no-such-row"
	// Unreadable is a file that can no longer be read.
	Unreadable Kind = "unreadable"
)

// Error is why there is no response, no session, no event or no row. Every error of the SDK is one, by errors.As.
type Error struct {
	// Kind is the case, to act on.
	Kind Kind
	// Text is what there is to say beside it, for people; often empty. Of Closed it is the reason that was given.
	Text string
	// Status is what a WebSocket's handshake was answered with, where Kind is Refused.
	Status int
	// CloseCode is the code that a WebSocket was closed with, where Kind is Closed.
	CloseCode int
	// Response is what came instead, where Kind is NotAStream.
	Response *Response
}

// words are the kinds that have no text of their own, or need some before it.
var words = map[Kind]string{
	NameNotResolved:    "the host's name has no address",
	ConnectionRefused:  "the connection was refused",
	ConnectionReset:    "the connection was reset",
	ClosedEarly:        "the connection was closed early",
	TimedOut:           "it took too long",
	MalformedResponse:  "the response is malformed",
	BodyTooLarge:       "the body is too large",
	MalformedHandshake: "the handshake is malformed",
	ProtocolError:      "the peer broke the protocol",
	MessageTooLarge:    "a message is too large",
	NotAStream:         "the response is not a stream of events",
	EventTooLarge:      "an event is too large",
	Ended:              "the stream has ended",
	Exhausted:          "each row of the dataset has been handed out",
	NoSuchRow:          "the dataset has no such row",
	Unreadable:         "a row cannot be read",
}

// Error says what happened.
func (e *Error) Error() string {
	switch e.Kind {
	case Refused:
		return fmt.Sprintf("the handshake was answered with %d", e.Status)
	case Closed:
		if e.Text == "" {
			return fmt.Sprintf("the session was closed with %d", e.CloseCode)
		}
		return fmt.Sprintf("the session was closed with %d: %s", e.CloseCode, e.Text)
	}
	said := words[e.Kind]
	switch {
	case said == "":
		return e.Text
	case e.Text == "":
		return said
	default:
		return said + ": " + e.Text
	}
}

// The cases of the contract's variants, in its order.
var (
	httpKinds = [...]Kind{
		InvalidRequest, NameNotResolved, ConnectionRefused, ConnectionReset, ClosedEarly, TimedOut,
		MalformedResponse, BodyTooLarge, NotAllowed, Other,
	}
	webSocketKinds = [...]Kind{
		InvalidRequest, NameNotResolved, ConnectionRefused, ConnectionReset, ClosedEarly, TimedOut, Refused,
		MalformedHandshake, ProtocolError, MessageTooLarge, Closed, NotAllowed, Other,
	}
	datasetKinds = [...]Kind{NotDeclared, Exhausted, NoSuchRow, Unreadable}
)

func httpError(raw wasmload_script_http.Error) *Error {
	err := &Error{Kind: httpKinds[raw.Tag()]}
	switch err.Kind {
	case InvalidRequest:
		err.Text = raw.InvalidRequest()
	case MalformedResponse:
		err.Text = raw.MalformedResponse()
	case NotAllowed:
		err.Text = raw.NotAllowed()
	case Other:
		err.Text = raw.Other()
	}
	return err
}

func webSocketError(raw wasmload_script_websocket.Error) *Error {
	err := &Error{Kind: webSocketKinds[raw.Tag()]}
	switch err.Kind {
	case InvalidRequest:
		err.Text = raw.InvalidRequest()
	case Refused:
		err.Status = int(raw.Refused())
	case MalformedHandshake:
		err.Text = raw.MalformedHandshake()
	case ProtocolError:
		err.Text = raw.ProtocolError()
	case Closed:
		closed := raw.Closed()
		err.CloseCode, err.Text = int(closed.Code), closed.Reason
	case NotAllowed:
		err.Text = raw.NotAllowed()
	case Other:
		err.Text = raw.Other()
	}
	return err
}

func eventsError(raw wasmload_script_sse.Error) *Error {
	switch raw.Tag() {
	case wasmload_script_sse.ErrorHttp:
		return httpError(raw.Http())
	case wasmload_script_sse.ErrorNotAStream:
		return &Error{Kind: NotAStream, Response: responseOf(raw.NotAStream())}
	case wasmload_script_sse.ErrorEventTooLarge:
		return &Error{Kind: EventTooLarge}
	default:
		return &Error{Kind: Ended}
	}
}

func datasetError(raw wasmload_script_dataset.Error) *Error {
	err := &Error{Kind: datasetKinds[raw.Tag()]}
	switch err.Kind {
	case NotDeclared:
		err.Text = raw.NotDeclared()
	case Unreadable:
		err.Text = raw.Unreadable()
	}
	return err
}
