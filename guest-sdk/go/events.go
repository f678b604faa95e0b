package wasmload

import (
	"time"

	contract "wasmload/internal/bindings/wasmload_script_sse"
)

// EventSource is a stream of Server-Sent Events that is to be opened, once or many times.
type EventSource struct{ raw *contract.Source }

// NewEventSource is a stream that this request asks for, as it is set up now.
func NewEventSource(request *Request) *EventSource {
	return &EventSource{tracked(contract.MakeSource(request.raw))}
}

// Keep has it live as long as the user, and gives it back.
func (s *EventSource) Keep() *EventSource {
	kept(s.raw)
	return s
}

// Reconnects sets how often a stream that broke or ended is asked for again, as browsers do. Never unless set.
func (s *EventSource) Reconnects(limit uint32) *EventSource {
	s.raw.SetReconnects(limit)
	return s
}

// Tokens has the engine look for the text of a language model in each event: the string that the first of these JSON
// Pointers finds in its data. None stands for where OpenAI's and Anthropic's interfaces have it.
func (s *EventSource) Tokens(pointers ...string) *EventSource {
	s.raw.SetTokens(pointers)
	return s
}

// Connect sends the request, and waits until the target has agreed to a stream.
func (s *EventSource) Connect() (*Events, error) {
	result := s.raw.Connect()
	if result.IsErr() {
		return nil, eventsError(result.Err())
	}
	return &Events{tracked(result.Ok())}, nil
}

// Events is a stream that is open. Letting go of it ends it, which is no failure.
type Events struct{ raw *contract.Events }

// ConnectEvents opens the stream of this URL.
func ConnectEvents(url string) (*Events, error) {
	return NewEventSource(NewRequest("GET", url)).Connect()
}

// Event is an event that has arrived whole.
type Event struct {
	// Kind is its type: message unless the target gave another.
	Kind string
	// Data is its data; lines are separated by line feeds.
	Data string
	// ID is the last identifier that the target gave, with this event or before it; empty if it gave none.
	ID string
	// Arrived is when it arrived, as Now counts.
	Arrived time.Duration
	// Token is what it adds to the text of a language model, if tokens are looked for and it is one.
	Token *string
}

// Keep has it live as long as the user, and gives it back.
func (e *Events) Keep() *Events {
	kept(e.raw)
	return e
}

// Close ends it.
func (e *Events) Close() { e.raw.Drop() }

// Response is the response that the stream is, without a body; after a reconnection, that of the last.
func (e *Events) Response() *Response { return responseOf(e.raw.Response()) }

// Receive waits for the next event; nil if the time is over first. Forever is as long as it takes. What arrived before
// the stream ended is received first; then it fails with Ended, or with why it broke.
func (e *Events) Receive(length time.Duration) (*Event, error) {
	result := e.raw.Receive(timeout(length))
	if result.IsErr() {
		return nil, eventsError(result.Err())
	}
	if result.Ok().IsNone() {
		return nil, nil
	}
	raw := result.Ok().Some()
	event := &Event{Kind: raw.Kind, Data: given(raw.Data), ID: raw.Id, Arrived: duration(raw.Arrived)}
	if raw.Token.IsSome() {
		token := raw.Token.Some()
		event.Token = &token
	}
	return event, nil
}

// WaitAnyEvents waits until one of these has an event or is over, and gives its place in the list; -1 if the time is
// over first.
func WaitAnyEvents(length time.Duration, streams ...*Events) int {
	raw := make([]*contract.Events, len(streams))
	for place, one := range streams {
		raw[place] = one.raw
	}
	return place(contract.WaitAny(raw, timeout(length)))
}
