package wasmload

import (
	"time"

	contract "wasmload/internal/bindings/wasmload_script_http"
	wit "wasmload/internal/wit/types"
)

// Get sends a GET and waits for the response.
func Get(url string) (*Response, error) { return response(contract.Get(url)) }

// Post sends a POST with this body and waits for the response.
func Post(url, contentType string, body []byte) (*Response, error) {
	return NewRequest("POST", url).Header("content-type", contentType).Body(body).Send()
}

func response(result wit.Result[*contract.Response, contract.Error]) (*Response, error) {
	if result.IsErr() {
		return nil, httpError(result.Err())
	}
	return responseOf(result.Ok()), nil
}

// Pending is a request that is on its way. Letting go of it lets it finish and counts it.
type Pending struct{ raw *contract.Pending }

// Keep has it live as long as the user, and gives it back.
func (p *Pending) Keep() *Pending {
	kept(p.raw)
	return p
}

// Get waits for the response. It is called once.
func (p *Pending) Get() (*Response, error) { return response(p.raw.Get()) }

// Result is a response, or why there is none.
type Result struct {
	Response *Response
	Err      error
}

// Batch sends all of these at once and waits for all of them; the results are in the order of the requests.
func Batch(requests ...*Request) []Result {
	raw := make([]*contract.Request, len(requests))
	for place, request := range requests {
		raw[place] = request.raw
	}
	results := make([]Result, 0, len(requests))
	for _, one := range contract.Batch(raw) {
		came, err := response(one)
		results = append(results, Result{came, err})
	}
	return results
}

// WaitAny waits until one of these is finished and gives its place in the list; -1 if the time is over first, or at
// once if the list is empty. Forever is as long as it takes.
func WaitAny(length time.Duration, pending ...*Pending) int {
	raw := make([]*contract.Pending, len(pending))
	for place, one := range pending {
		raw[place] = one.raw
	}
	return place(contract.WaitAny(raw, timeout(length)))
}

func place(which wit.Option[uint32]) int {
	if which.IsNone() {
		return -1
	}
	return int(which.Some())
}

// Download is a response that is read as it comes. Letting go of it ends it where it is, which is no failure.
type Download struct{ raw *contract.Download }

// Chunk is a part of a body, as it arrived.
type Chunk struct {
	// Bytes are at least one.
	Bytes []byte
	// Arrived is when they were read from the connection, as Now counts.
	Arrived time.Duration
}

// Keep has it live as long as the user, and gives it back.
func (d *Download) Keep() *Download {
	kept(d.raw)
	return d
}

// Close ends it.
func (d *Download) Close() { d.raw.Drop() }

// Response is the response without its body.
func (d *Download) Response() *Response { return responseOf(d.raw.Response()) }

// Read waits for the next part of the body; nil when all of it was read. What arrived is given first; then it fails
// with why no more does.
func (d *Download) Read() (*Chunk, error) {
	result := d.raw.Read()
	if result.IsErr() {
		return nil, httpError(result.Err())
	}
	if result.Ok().IsNone() {
		return nil, nil
	}
	chunk := result.Ok().Some()
	return &Chunk{given(chunk.Bytes), duration(chunk.Arrived)}, nil
}

// Upload is a body that the engine makes as it sends it, so that it is never in the script's memory: of files, of
// random bytes, and of what the script adds between them.
type Upload struct{ raw *contract.Upload }

// NewUpload is one without bytes.
func NewUpload() *Upload { return &Upload{tracked(contract.MakeUpload())} }

// Keep has it live as long as the user, and gives it back.
func (u *Upload) Keep() *Upload {
	kept(u.raw)
	return u
}

// Bytes adds these bytes.
func (u *Upload) Bytes(bytes []byte) *Upload {
	u.raw.AddBytes(bytes)
	return u
}

// Random adds so many bytes that nothing can pack, always the same for the same seed.
func (u *Upload) Random(length int64, seed uint32) *Upload {
	u.raw.AddRandom(float64(length), seed)
	return u
}

// Upload adds all that another one has.
func (u *Upload) Upload(other *Upload) *Upload {
	u.raw.AddUpload(other.raw)
	return u
}

// File adds a file of those that the run was given (--file NAME=FILE), by its name.
func (u *Upload) File(name string) error {
	if result := u.raw.AddFile(name); result.IsErr() {
		return httpError(result.Err())
	}
	return nil
}

// Length is how many bytes it has.
func (u *Upload) Length() int64 { return int64(u.raw.Length()) }

// Cookie is a name and a value.
type Cookie struct{ Name, Value string }

// Cookies are those of this user that a request for this URL would be sent with.
func Cookies(url string) []Cookie {
	var cookies []Cookie
	for _, cookie := range contract.Cookies(url) {
		cookies = append(cookies, Cookie{cookie.F0, cookie.F1})
	}
	return cookies
}

// SetCookie keeps a cookie as if a response from this URL had set it, such as session=8f3a; Path=/shop.
func SetCookie(url, cookie string) { contract.SetCookie(url, cookie) }

// ClearCookies forgets all cookies of this user.
func ClearCookies() { contract.ClearCookies() }
