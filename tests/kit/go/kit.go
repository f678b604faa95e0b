// Does each thing that a script can do, and says what came of it: one line a fact, as ../expected.txt has them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"time"

	"wasmload"
)

func init() {
	wasmload.Register(wasmload.Script{
		Options: `{
			"scenarios": {
				"kit": {
					"executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "facts",
					"env": { "COLOUR": "blau 🎨" }, "tags": { "kit": "yes" }
				},
				"drawing": { "executor": "per-vu-iterations", "vus": 2, "iterations": 1, "exec": "draws" },
				"failing": { "executor": "per-vu-iterations", "vus": 1, "iterations": 2, "exec": "fails" }
			},
			"thresholds": {
				"http_reqs{name:named}": ["count==2"],
				"http_reqs{colour:red}": ["count==1"],
				"http_reqs{kit:yes}": ["count>49"],
				"kit_counter{kind:a}": ["count==3"],
				"http_reqs{group:::outer::inner}": ["count==1"],
				"checks{group:::outer}": ["rate==1"],
				"http_reqs{mood:good}": ["count==1"],
				"checks{check:a check that fails}": ["rate==0"]
			},
			"datasets": { "people": { "order": "sequential" } }
		}`,
		Setup:    setup,
		Start:    start,
		Flows:    map[string]func() error{"facts": facts, "draws": draws, "fails": fails, "aborts": aborts},
		Stop:     stop,
		Teardown: teardown,
	})
}

func main() {}

// What setup gives to everybody.
type given struct {
	Token   string `json:"token"`
	Numbers []int  `json:"numbers"`
}

var token string

func setup() ([]byte, error) {
	say("setup: vu", wasmload.VU())
	return json.Marshal(given{"Schlüssel", []int{1, 2, 3}})
}

func start(data []byte) error {
	var all given
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	token = all.Token
	if wasmload.Scenario() == "kit" {
		say("start: what setup gave", all.Token, all.Numbers[2])
	}
	return nil
}

func draws() error {
	say("draw", rand.Uint64())
	return nil
}

func fails() error { return errors.New("on purpose: größer als 🌍") }

func aborts() error {
	wasmload.Abort("the kit ends the run")
	return nil
}

func stop() {
	if wasmload.Scenario() == "kit" {
		say("stop: token", token)
	}
}

func teardown(data []byte) error {
	var all given
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	say("teardown: what setup gave", all.Numbers[1])
	return nil
}

// say says a fact.
func say(what string, values ...any) {
	wasmload.Info("kit: " + what + " = " + strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
}

// orNone is what a value is said as that may be missing.
func orNone(value string, isThere bool) string {
	if !isThere {
		return "none"
	}
	return value
}

func kind(err error) string {
	var failure *wasmload.Error
	if errors.As(err, &failure) {
		return string(failure.Kind)
	}
	return "a response"
}

// must gives what there is; what fails here is a mistake of the kit.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func get(path string) *wasmload.Response { return must(wasmload.Get(wasmload.BaseURL(path))) }

func request(method, path string) *wasmload.Request {
	return wasmload.NewRequest(method, wasmload.BaseURL(path))
}

func headers(seen *wasmload.Response) string { return orNone(seen.JSON("/headers")) }

func facts() error {
	if wasmload.Iteration() > 0 {
		say("context: the second iteration is", wasmload.Iteration())
		return nil
	}
	contextAndTime()
	requests()
	responses()
	bodies()
	failures()
	several()
	measuring()
	groups()
	rows()
	webSockets()
	events()
	return nil
}

func contextAndTime() {
	say("context: vu", wasmload.VU())
	say("context: iteration", wasmload.Iteration())
	say("context: iteration in the scenario", wasmload.IterationInScenario())
	say("context: scenario", wasmload.Scenario())
	say("context: executor", wasmload.Executor())
	say("context: COLOUR", orNone(wasmload.Env("COLOUR")))
	say("context: NOT_GIVEN", orNone(wasmload.Env("NOT_GIVEN")))
	before := wasmload.Now()
	wasmload.Sleep(1500 * time.Millisecond)
	slept := wasmload.Now() - before
	say("timing: 1.5 s of sleep take between 1.4 and 15", slept > 1400*time.Millisecond && slept < 15*time.Second)
	password, _ := wasmload.Secret("password")
	say("secrets: the length of password", len([]rune(password)))
	say("secrets: NOT_GIVEN", orNone(wasmload.Secret("NOT_GIVEN")))
	wasmload.Debug("kit: log = debug")
	wasmload.Info("kit: log = info")
	wasmload.Warn("kit: log = warn")
	wasmload.LogError("kit: log = error")
}

// all is each byte there is.
func all() []byte {
	bytes := make([]byte, 256)
	for place := range bytes {
		bytes[place] = byte(place)
	}
	return bytes
}

func requests() {
	seen := must(request("PUT", "/echo?q=%C3%A4%20b").
		Header("x-twice", "one").
		Header("x-twice", "two").
		Header("x-odd", "\xe9 \xff").
		Header("content-type", "application/octet-stream").
		Body(all()).
		Send())
	say("request: method", orNone(seen.JSONText("/method")))
	say("request: path", orNone(seen.JSONText("/path")))
	say("request: length of 256 odd bytes", orNone(seen.JSON("/body_length")))
	say("request: their checksum", orNone(seen.JSONText("/body_checksum")))
	say("request: a header given twice is sent twice",
		strings.Contains(headers(seen), `["x-twice","one"],["x-twice","two"]`))
	say("request: a header of odd bytes arrives as it is", strings.Contains(headers(seen), `["x-odd","é ÿ"]`))

	echo := func() *wasmload.Request { return request("POST", "/echo") }
	text := must(echo().Body([]byte("Grüße, 世界 🎉\x00.")).Send())
	say("request: text comes back", orNone(text.JSON("/body")))
	none := must(request("DELETE", "/echo").Send())
	say("request: without a body", orNone(none.JSONText("/method")), orNone(none.JSON("/body_length")))
	seen = must(echo().JSON(map[string]string{"name": "Žofie"}).Send())
	say("request: json", orNone(seen.JSONText("/body")))
	say("request: json says what it is", strings.Contains(headers(seen), `["content-type","application/json"]`))
	seen = must(echo().Form("a", "1", "b", "x y&z", "ü", "ß").Send())
	say("request: form", orNone(seen.JSONText("/body")))
	seen = must(request("GET", "/echo").Basic("ada", "pass:wörd").Send())
	say("request: basic", strings.Contains(headers(seen), "Basic YWRhOnBhc3M6d8O2cmQ="))
	seen = must(request("GET", "/echo").Bearer("abc").Send())
	say("request: bearer", strings.Contains(headers(seen), "Bearer abc"))
	seen = must(echo().Multipart(wasmload.NewMultipart().Text("field", "wert")).Send())
	say("request: multipart",
		strings.Contains(orNone(seen.JSONText("/body")), "name=\"field\"\r\n\r\nwert\r\n--"))
	seen = must(echo().Gzip([]byte(strings.Repeat("x", 1000))).Send())
	var length int
	must(0, seen.Decode("/body_length", &length))
	say("request: a thousand letters are packed", length < 100)
	say("request: and say so", strings.Contains(headers(seen), `["content-encoding","gzip"]`))

	named := request("GET", "/status/404").Name("named").ExpectedStatuses(wasmload.Statuses{From: 404, To: 404})
	say("request: prepared and sent twice", must(named.Send()).Status(), must(named.Send()).Status())
	must(request("GET", "/").Tag("colour", "red").Send())

	login := must(request("POST", "/login").JSON(map[string]string{"user": "ada", "password": "pass"}).Send())
	say("login: status", login.Status())
	cart := must(request("GET", "/cart").Bearer(orNone(login.JSONText("/token"))).Send())
	say("login: the cart", cart.Status())
	say("login: without a token", get("/cart").Status())
	say("login: what setup gave", token)
}

func responses() {
	home := get("/")
	say("response: status", home.Status())
	say("response: Content-Type, in any case", orNone(home.Header("CONTENT-type")))
	say("response: no such header", orNone(home.Header("x-none")))
	say("response: timings have parts", home.Timings().Duration() > 0)
	shown := get("/headers")
	var twice []string
	odd := ""
	for _, header := range shown.Headers() {
		switch header.Name {
		case "x-twice":
			twice = append(twice, header.Value)
		case "x-bytes":
			odd = header.Value
		}
	}
	say("response: a header that comes twice", strings.Join(twice, "|"))
	say("response: the first of them", orNone(shown.Header("x-twice")))
	empty, isThere := shown.Header("x-empty")
	say("response: an empty header is there", isThere && empty == "")
	long, _ := shown.Header("x-long")
	say("response: a long header", len(long))
	say("response: odd bytes as text", orNone(shown.Header("x-bytes")))
	say("response: odd bytes as they are", fmt.Sprintf("%x", odd))
	say("cookies: those that were set go back", strings.Contains(headers(get("/echo")), "first=1; second=2"))
	wasmload.ClearCookies()
	say("cookies: none after clearing", !strings.Contains(headers(get("/echo")), "cookie"))

	catalogue := get("/catalogue?page=2")
	say("json: by pointer", orNone(catalogue.JSON("/products/0/id")))
	say("json: what is not there", orNone(catalogue.JSON("/products/99/id")))
	say("json: of what is no json", orNone(home.JSON("/a")))
	url := get("/redirect/2").URL()
	say("redirects: followed to", url[strings.LastIndex(url, "/")+1:])
	hop := must(request("GET", "/redirect/2").Redirects(0).Send())
	say("redirects: not followed", hop.Status(), orNone(hop.Header("location")))
}

func bodies() {
	large := get("/bytes/1000000").Body()
	sum := 0
	for _, one := range large {
		sum += int(one)
	}
	say("body: a large one", len(large), sum)
	million := make([]byte, 1_000_000)
	for place := range million {
		million[place] = byte(place % 251)
	}
	say("body: a large one up", must(request("POST", "/upload").Body(million).Send()).Text())
	made := wasmload.NewUpload().
		Bytes([]byte("first")).
		Upload(wasmload.NewUpload().Random(3_000_000, 7)).
		Bytes([]byte{0, 255})
	told := must(request("POST", "/upload").Upload(made).Send())
	say("body: made as it is sent", made.Length(), told.Text())
	thousand := request("GET", "/bytes/1000")
	came := must(thousand.DiscardBody().Send())
	say("body: forgotten", came.BodyLength(), len(came.Body()))
	came = must(thousand.KeepFirst(10).Send())
	say("body: kept in part", came.BodyLength(), len(came.Body()))
	say("body: hashed", orNone(must(thousand.HashBody().Send()).SHA256()))
	download := must(request("GET", "/bytes/300000").Open())
	length := 0
	for {
		chunk := must(download.Read())
		if chunk == nil {
			break
		}
		length += len(chunk.Bytes)
	}
	say("body: read as it comes", download.Response().Status(), length)
}

func failures() {
	closed, _ := wasmload.Env("CLOSED")
	of := func(what string, send func() (*wasmload.Response, error)) {
		_, err := send()
		say("error: "+what, kind(err))
	}
	to := func(url string) func() (*wasmload.Response, error) {
		return func() (*wasmload.Response, error) { return wasmload.Get(url) }
	}
	of("nobody listens", to(closed))
	of("no such name", to("http://name.invalid/"))
	of("no URL", to("nonsense"))
	of("no method", request("GE T", "/").Send)
	of("a header with a line break", request("GET", "/").Header("a", "b\r\nc: d").Send)
	of("too slow", request("GET", "/delay/60000").Timeout(30*time.Millisecond).Send)
	of("closed early", to(wasmload.BaseURL("/close")))
	of("reset", to(wasmload.BaseURL("/reset")))
	of("not allowed", to("http://192.0.2.1/"))
	of("503 is a response", to(wasmload.BaseURL("/status/503")))
}

func several() {
	results := wasmload.Batch(
		request("GET", "/status/200"),
		wasmload.NewRequest("GET", "nonsense"),
		request("GET", "/status/404"),
		request("GET", "/bytes/5"),
	)
	var said []any
	for _, result := range results {
		if result.Err != nil {
			said = append(said, kind(result.Err))
		} else {
			said = append(said, result.Response.Status())
		}
	}
	say("batch: in the order of the requests", said...)
	say("batch: of none", len(wasmload.Batch()))
	slow, fast := request("GET", "/delay/1000").Start(), request("GET", "/delay/1").Start()
	say("start: which is first", wasmload.WaitAny(wasmload.Forever, slow, fast))
	say("start: the fast one", must(fast.Get()).Status())
	say("start: nothing within a millisecond", wasmload.WaitAny(time.Millisecond, slow) == -1)
}

func measuring() {
	say("check: gives whether it holds",
		wasmload.Check("a check that holds ✓", true), wasmload.Check("a check that fails", false))
	counter := wasmload.NewCounter("kit_counter")
	counter.Add(2)
	counter.Add(3, wasmload.Tags{"kind": "a"})
	gauge := wasmload.NewGauge("kit_gauge")
	gauge.Set(5)
	gauge.Set(3.5)
	rate := wasmload.NewRate("kit_rate")
	for answer := range 4 {
		rate.Add(answer == 0)
	}
	trend := wasmload.NewTrend("kit_trend")
	trend.Add(10)
	trend.Add(20)
	wasmload.NewTimeTrend("kit_time").Add(1500 * time.Millisecond)
}

func groups() {
	end := wasmload.Group("outer")
	wasmload.Check("in a group", true)
	endInner := wasmload.Group("inner")
	say("group: what is in it", must(wasmload.Get(wasmload.BaseURL("/status/200"))).Status())
	endInner()
	end()
	wasmload.SetTag("mood", "good")
	must(wasmload.Get(wasmload.BaseURL("/status/201")))
	wasmload.RemoveTag("mood")
	must(wasmload.Get(wasmload.BaseURL("/status/202")))
}

func rows() {
	people := must(wasmload.OpenDataset("people"))
	say("dataset: rows", people.Len())
	first := must(people.Next())
	say("dataset: the first", first.Number(), orNone(first.Field("name")))
	say("dataset: the next", orNone(must(people.Next()).Field("name")))
	say("dataset: by number", orNone(must(people.Row(2)).Field("city")))
	say("dataset: no such field", orNone(first.Field("none")))
	say("dataset: as json", first.JSON())
	_, err := people.Row(99)
	say("dataset: no such row", kind(err))
	_, err = wasmload.OpenDataset("others")
	say("dataset: not declared", kind(err))
}

func webSockets() {
	url := wasmload.WebSocketURL("/ws/echo")
	socket := must(wasmload.NewWebSocket(url).Name("echo").Tag("kind", "kit").Connect())
	must(0, socket.Send("Grüße, 世界 🎉"))
	text := must(socket.Receive(wasmload.Forever))
	say("websocket: text", text.IsText(), text.Length(), text.Text())
	must(0, socket.SendBytes(all()))
	bytes := must(socket.Receive(wasmload.Forever))
	say("websocket: bytes", bytes.IsText(), string(bytes.Bytes()) == string(all()))
	must(0, socket.SendJSON(map[string]string{"id": "é1"}))
	socket.ExpectAnswer("é1")
	answer := must(socket.Receive(wasmload.Forever))
	say("websocket: json", orNone(answer.JSON("/id")))
	_, isTimed := answer.Answers("é1")
	say("websocket: an answer is timed", isTimed)
	_, isTimed = answer.Answers("é1")
	say("websocket: once", isTimed)
	must(0, socket.Ping())
	say("websocket: a ping is answered", must(socket.WaitPong(30*time.Second)))
	say("websocket: nothing within a millisecond", must(socket.Receive(time.Millisecond)) == nil)
	other := must(wasmload.ConnectWebSocket(url))
	must(0, other.Send("to the second"))
	say("websocket: which has news", wasmload.WaitAnySocket(wasmload.Forever, socket, other))
	must(0, socket.Close(1000, ""))
	say("websocket: after closing", kind(socket.Send("late")))

	var failure *wasmload.Error
	_, err := wasmload.ConnectWebSocket(wasmload.WebSocketURL("/status/403"))
	errors.As(err, &failure)
	say("websocket: refused", failure.Kind, failure.Status)
	over := must(wasmload.ConnectWebSocket(wasmload.WebSocketURL("/ws/close/4321")))
	_, err = over.Receive(wasmload.Forever)
	errors.As(err, &failure)
	say("websocket: closed by the target", failure.Kind, failure.CloseCode)
}

func events() {
	stream := must(wasmload.ConnectEvents(wasmload.BaseURL("/events/1?count=3")))
	say("events: status", stream.Response().Status())
	var seen []string
	for {
		event, err := stream.Receive(wasmload.Forever)
		if err != nil {
			say("events: seen", strings.Join(seen, " | "))
			say("events: then", kind(err))
			break
		}
		data, _, _ := strings.Cut(event.Data, ",")
		seen = append(seen, event.ID+" "+data)
	}
	_, err := wasmload.ConnectEvents(wasmload.BaseURL("/"))
	say("events: of a page", kind(err))
}
