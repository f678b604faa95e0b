package wasmload

import (
	"encoding/json"
	"fmt"
	"time"

	contract "wasmload/internal/bindings/wasmload_script_http"
)

// Response is a response that has arrived whole. Its parts are copied to the script only when asked for.
//
// A status of 400 or more is a response and not an error.
type Response struct{ raw *contract.Response }

func responseOf(raw *contract.Response) *Response { return &Response{tracked(raw)} }

// Keep has it live as long as the user, and gives it back.
func (r *Response) Keep() *Response {
	kept(r.raw)
	return r
}

// Status is the status code.
func (r *Response) Status() int { return int(r.raw.Status()) }

// Protocol is the version of HTTP that it came by, such as HTTP/1.1.
func (r *Response) Protocol() string { return r.raw.Protocol() }

// URL is the one that answered: that which was asked for, or the one its last redirect led to.
func (r *Response) URL() string { return r.raw.Url() }

// Header is the first header of this name, whatever its case; and whether there is one. What is no UTF-8 in it is
// U+FFFD.
func (r *Response) Header(name string) (string, bool) { return found(r.raw.Header(name)) }

// Header is a name, in lower case, and a value, which may be any bytes.
type Header struct{ Name, Value string }

// Headers are all headers in the order they came.
func (r *Response) Headers() []Header {
	var headers []Header
	for _, header := range r.raw.Headers() {
		headers = append(headers, Header{header.F0, string(header.F1)})
	}
	return headers
}

// BodyLength is the body's length, without copying it, and also of one that was not kept.
func (r *Response) BodyLength() int64 { return int64(r.raw.WholeLength()) }

// Body is a copy of what was kept of the body.
func (r *Response) Body() []byte { return given(r.raw.Body()) }

// Text is a copy of what was kept of the body, as text.
func (r *Response) Text() string { return given(r.raw.Text()) }

// SHA256 is that of the body in hexadecimal, if the request was told to hash it; and whether it was.
func (r *Response) SHA256() (string, bool) { return found(r.raw.Sha256()) }

// JSON is the part of a JSON body that a JSON Pointer (RFC 6901) names, such as /items/0/price, as JSON text; and
// whether there is one. The engine finds it: the body is not copied.
func (r *Response) JSON(pointer string) (string, bool) { return found(r.raw.Json(pointer)) }

// JSONText is the string in a JSON body that a JSON Pointer names; and whether it is one.
func (r *Response) JSONText(pointer string) (string, bool) { return jsonText(r.JSON(pointer)) }

// Decode fills a value with the part of a JSON body that a JSON Pointer names; "" is all of it.
func (r *Response) Decode(pointer string, value any) error {
	text, isThere := r.JSON(pointer)
	if !isThere {
		return fmt.Errorf("the body of %s has no JSON at %q", r.URL(), pointer)
	}
	if err := json.Unmarshal([]byte(text), value); err != nil {
		return fmt.Errorf("the body of %s does not fit: %w", r.URL(), err)
	}
	return nil
}

func jsonText(text string, isThere bool) (string, bool) {
	var value *string
	if !isThere || json.Unmarshal([]byte(text), &value) != nil || value == nil {
		return "", false
	}
	return *value, true
}

// Timings are how long each part of an exchange took, in the order they happen. They follow each other without a gap.
type Timings struct {
	// Blocked is the time before anything else could begin.
	Blocked time.Duration
	// LookingUp is finding the address of the host's name; zero where none was looked up.
	LookingUp time.Duration
	// Connecting is making the TCP connection; zero on one that was kept alive.
	Connecting time.Duration
	// TLSHandshaking is the TLS handshake; zero without TLS and on a connection that was kept alive.
	TLSHandshaking time.Duration
	// Sending is writing the request.
	Sending time.Duration
	// Waiting is from the request's last byte to the response's first.
	Waiting time.Duration
	// Receiving is from the response's first byte to its last.
	Receiving time.Duration
}

// Duration is what http_req_duration records: sending, waiting and receiving.
func (t Timings) Duration() time.Duration { return t.Sending + t.Waiting + t.Receiving }

// Timings are how long each part of the exchange took.
func (r *Response) Timings() Timings {
	raw := r.raw.Timings()
	return Timings{
		Blocked:        duration(raw.Blocked),
		LookingUp:      duration(raw.LookingUp),
		Connecting:     duration(raw.Connecting),
		TLSHandshaking: duration(raw.TlsHandshaking),
		Sending:        duration(raw.Sending),
		Waiting:        duration(raw.Waiting),
		Receiving:      duration(raw.Receiving),
	}
}
