package wasmload

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	contract "wasmload/internal/bindings/wasmload_script_http"
	wit "wasmload/internal/wit/types"
)

// Request is a request that can be sent once or many times. Setting it up never fails; what sends it says what cannot
// be sent.
type Request struct{ raw *contract.Request }

// NewRequest is a request with any method.
func NewRequest(method, url string) *Request {
	return &Request{tracked(contract.MakeRequest(method, url))}
}

// Keep has it live as long as the user, and gives it back.
func (r *Request) Keep() *Request {
	kept(r.raw)
	return r
}

// Header adds a header. Its value may be any bytes.
func (r *Request) Header(name, value string) *Request {
	r.raw.AddHeader(name, []byte(value))
	return r
}

// Bearer adds authorization: Bearer with this token.
func (r *Request) Bearer(token string) *Request { return r.Header("authorization", "Bearer "+token) }

// Basic adds authorization: Basic with this name and password (RFC 7617).
func (r *Request) Basic(user, password string) *Request {
	both := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return r.Header("authorization", "Basic "+both)
}

// Digest answers a target's challenge by digest authentication (RFC 7616) with this name and password.
func (r *Request) Digest(user, password string) *Request {
	r.raw.SetDigestAuth(user, password)
	return r
}

// Body sets the body.
func (r *Request) Body(body []byte) *Request {
	r.raw.SetBody(body)
	return r
}

// JSON sets the body to this value as JSON, and adds content-type: application/json. It panics if the value has no
// JSON, such as a channel.
func (r *Request) JSON(value any) *Request {
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	// A body is not part of a page.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("a body must be a value that JSON can hold: %v", err))
	}
	return r.Header("content-type", "application/json").Body([]byte(strings.TrimSuffix(body.String(), "\n")))
}

// Form sets the body to a form of these names and values, by turns, and adds its content-type.
func (r *Request) Form(fields ...string) *Request {
	return r.Header("content-type", "application/x-www-form-urlencoded").Body([]byte(form(fields)))
}

// Multipart sets the body to a form with files, and adds its content-type.
func (r *Request) Multipart(parts *Multipart) *Request {
	r.Header("content-type", "multipart/form-data; boundary="+boundary)
	return r.Upload(parts.finished())
}

// Upload sets a body that the engine makes as it sends it.
func (r *Request) Upload(upload *Upload) *Request {
	r.raw.SetUpload(upload.raw)
	return r
}

// Gzip packs this body (RFC 1952) and sets it, and adds content-encoding.
func (r *Request) Gzip(body []byte) *Request {
	r.raw.SetPackedBody(body, contract.EncodingGzip)
	return r
}

// Deflate packs this body (RFC 1950) and sets it, and adds content-encoding.
func (r *Request) Deflate(body []byte) *Request {
	r.raw.SetPackedBody(body, contract.EncodingDeflate)
	return r
}

// ExpectContinue holds the body back until the target asks for it, or has been silent for a second.
func (r *Request) ExpectContinue() *Request { return r.Header("expect", "100-continue") }

// KeepBody keeps the response's body, whatever the run's discardResponseBodies.
func (r *Request) KeepBody() *Request { return r.bodyPolicy(contract.MakeBodyPolicyKeep()) }

// DiscardBody counts the bytes of the response's body and forgets them, however many they are.
func (r *Request) DiscardBody() *Request { return r.bodyPolicy(contract.MakeBodyPolicyDiscard()) }

// KeepFirst keeps so many of the first bytes of the response's body, and counts the others.
func (r *Request) KeepFirst(bytes uint32) *Request {
	return r.bodyPolicy(contract.MakeBodyPolicyFirst(bytes))
}

// HashBody keeps the SHA-256 of the response's body, and counts its bytes: see Response.SHA256.
func (r *Request) HashBody() *Request { return r.bodyPolicy(contract.MakeBodyPolicyHash()) }

func (r *Request) bodyPolicy(policy contract.BodyPolicy) *Request {
	r.raw.SetBodyPolicy(policy)
	return r
}

// Redirects sets how many redirects are followed at most, instead of the run's maxRedirects. Where there are more, the
// response that redirects is the result.
func (r *Request) Redirects(limit uint32) *Request {
	r.raw.SetRedirects(limit)
	return r
}

// Statuses is a range of statuses, both ends in it.
type Statuses struct{ From, To uint16 }

// ExpectedStatuses sets which statuses count as a success; 200 to 399 unless set.
func (r *Request) ExpectedStatuses(ranges ...Statuses) *Request {
	raw := make([]wit.Tuple2[uint16, uint16], len(ranges))
	for place, one := range ranges {
		raw[place] = wit.Tuple2[uint16, uint16]{F0: one.From, F1: one.To}
	}
	r.raw.SetExpectedStatuses(raw)
	return r
}

// Timeout sets how long the whole exchange may take, instead of the run's request timeout.
func (r *Request) Timeout(length time.Duration) *Request {
	r.raw.SetTimeout(milliseconds(length))
	return r
}

// ConnectTimeout sets how long finding and connecting to the host may take, if less than the whole exchange may.
func (r *Request) ConnectTimeout(length time.Duration) *Request {
	r.raw.SetConnectTimeout(milliseconds(length))
	return r
}

// FirstByteTimeout sets how long the target may take from the request's last byte to the response's first, if less
// than the whole exchange may.
func (r *Request) FirstByteTimeout(length time.Duration) *Request {
	r.raw.SetFirstByteTimeout(milliseconds(length))
	return r
}

// HTTPVersion is a version of HTTP.
type HTTPVersion uint8

const (
	// HTTPAuto is by TLS what the target chooses of HTTP/2 and HTTP/1.1, in the clear HTTP/1.1.
	HTTPAuto = HTTPVersion(contract.HttpVersionAuto)
	// HTTP11 is HTTP/1.1.
	HTTP11 = HTTPVersion(contract.HttpVersionHttp11)
	// HTTP2 is HTTP/2, in the clear too, without asking whether the target speaks it.
	HTTP2 = HTTPVersion(contract.HttpVersionHttp2)
)

// Version sets the version of HTTP that it is made with, instead of the run's httpVersion.
func (r *Request) Version(version HTTPVersion) *Request {
	r.raw.SetHttpVersion(uint8(version))
	return r
}

// Name sets the name tag of its samples, which is the URL otherwise.
func (r *Request) Name(name string) *Request {
	r.raw.SetName(name)
	return r
}

// Tag adds a tag to its samples.
func (r *Request) Tag(name, value string) *Request {
	r.raw.SetTag(name, value)
	return r
}

// Send sends it and waits for the response.
func (r *Request) Send() (*Response, error) { return response(r.raw.Send()) }

// Start sends it and does not wait.
func (r *Request) Start() *Pending { return &Pending{tracked(r.raw.Start())} }

// Open sends it and waits for the response's head; the body is read as it comes. The time that it may take is then the
// time until the response's head, and again until each next byte.
func (r *Request) Open() (*Download, error) {
	result := r.raw.Open()
	if result.IsErr() {
		return nil, httpError(result.Err())
	}
	return &Download{tracked(result.Ok())}, nil
}
