/* Does each thing that a script can do, and says what came of it: one line a fact, as `../expected.txt` has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasmload.h>

static const char *facts(void), *draws(void), *fails(void), *aborts(void);

WASMLOAD_FLOWS({ "facts", facts }, { "draws", draws }, { "fails", fails }, { "aborts", aborts })

WASMLOAD_OPTIONS(
    "{\"scenarios\":{"
    "\"kit\":{\"executor\":\"per-vu-iterations\",\"vus\":1,\"iterations\":2,\"exec\":\"facts\","
    "\"env\":{\"COLOUR\":\"blau 🎨\"},\"tags\":{\"kit\":\"yes\"}},"
    "\"drawing\":{\"executor\":\"per-vu-iterations\",\"vus\":2,\"iterations\":1,\"exec\":\"draws\"},"
    "\"failing\":{\"executor\":\"per-vu-iterations\",\"vus\":1,\"iterations\":2,\"exec\":\"fails\"}},"
    "\"thresholds\":{\"http_reqs{name:named}\":[\"count==2\"],\"http_reqs{colour:red}\":[\"count==1\"],"
    "\"http_reqs{kit:yes}\":[\"count>49\"],\"kit_counter{kind:a}\":[\"count==3\"],"
    "\"http_reqs{group:::outer::inner}\":[\"count==1\"],\"checks{group:::outer}\":[\"rate==1\"],"
    "\"http_reqs{mood:good}\":[\"count==1\"],"
    "\"checks{check:a check that fails}\":[\"rate==0\"]},"
    "\"datasets\":{\"people\":{\"order\":\"sequential\"}}}")

/* What a bearer of odd bytes looks like: `é ÿ` in Latin-1, which is no UTF-8. */
static const wl_bytes odd = { (const uint8_t *)"\xe9 \xff", 3 };

static const char *token;
static uint8_t all[256], million[1000000];

/* Says a fact. */
#define say(what, ...) wl_info(wl_format("kit: %s = %s", what, wl_format(__VA_ARGS__)))
static const char *truth(bool value) { return value ? "true" : "false"; }
static const char *or_none(const char *text) { return text != NULL ? text : "none"; }
static bool has(const char *text, const char *part) { return text != NULL && strstr(text, part) != NULL; }
static const char *echo(void) { return wl_base_url("/echo"); }
static const char *headers(const wl_response *seen) { return wl_json(seen, "/headers"); }

static const char *kind(const void *thing)
{
    wl_error error = wl_error_of(thing);
    return error == WL_OK ? "a response" : wl_error_name(error);
}

const char *setup(wl_bytes *data)
{
    say("setup: vu", "%u", (unsigned)wl_vu());
    data->data = (const uint8_t *)"Schlüssel 3 2";
    data->length = strlen((const char *)data->data);
    return NULL;
}

/* The word of this number in what setup gave. */
static const char *word(wl_bytes data, int number)
{
    char *text = (char *)wl_format("%.*s", (int)data.length, (const char *)data.data);
    char *found = strtok(text, " ");
    while (number-- > 0)
        found = strtok(NULL, " ");
    return found;
}

const char *start(wl_bytes data)
{
    token = word(data, 0);
    if (strcmp(wl_scenario(), "kit") == 0)
        say("start: what setup gave", "%s %s", token, word(data, 1));
    return NULL;
}

void stop(void)
{
    if (strcmp(wl_scenario(), "kit") == 0)
        say("stop: token", "%s", token);
}

const char *teardown(wl_bytes data)
{
    say("teardown: what setup gave", "%s", word(data, 2));
    return NULL;
}

static const char *draws(void)
{
    uint64_t number;
    arc4random_buf(&number, sizeof number);
    say("draw", "%llu", (unsigned long long)number);
    return NULL;
}

static const char *fails(void) { return "on purpose: größer als 🌍"; }
static const char *aborts(void) { wl_abort("the kit ends the run"); }

static void context_and_time(void)
{
    say("context: vu", "%u", (unsigned)wl_vu());
    say("context: iteration", "%u", (unsigned)wl_iteration());
    say("context: iteration in the scenario", "%u", (unsigned)wl_iteration_in_scenario());
    say("context: scenario", "%s", wl_scenario());
    say("context: executor", "%s", wl_executor());
    say("context: COLOUR", "%s", or_none(wl_env("COLOUR")));
    say("context: NOT_GIVEN", "%s", or_none(wl_env("NOT_GIVEN")));
    /* The one conversion of the SDK, there and back: a second must not become a millisecond. */
    double before = wl_now();
    wl_sleep(1.5);
    double slept = wl_now() - before;
    say("timing: 1.5 s of sleep take between 1.4 and 15", "%s", truth(slept > 1.4 && slept < 15));
    int characters = 0;
    for (const char *byte = wl_secret("password"); byte != NULL && *byte != '\0'; byte++)
        characters += (*byte & 0xc0) != 0x80;
    say("secrets: the length of password", "%d", characters);
    say("secrets: NOT_GIVEN", "%s", or_none(wl_secret("NOT_GIVEN")));
    wl_debug("kit: log = debug");
    wl_info("kit: log = info");
    wl_warn("kit: log = warn");
    wl_log_error("kit: log = error");
}

static void requests(void)
{
    wl_request *put = wl_request_new("PUT", wl_base_url("/echo?q=%C3%A4%20b"));
    wl_header(put, "x-twice", "one");
    wl_header(put, "x-twice", "two");
    wl_header_bytes(put, "x-odd", odd);
    wl_header(put, "content-type", "application/octet-stream");
    for (int byte = 0; byte < 256; byte++)
        all[byte] = (uint8_t)byte;
    wl_bytes bytes = { all, sizeof all };
    wl_body_bytes(put, bytes);
    wl_response *seen = wl_send(put);
    say("request: method", "%s", or_none(wl_json_text(seen, "/method")));
    say("request: path", "%s", or_none(wl_json_text(seen, "/path")));
    say("request: length of 256 odd bytes", "%s", or_none(wl_json(seen, "/body_length")));
    say("request: their checksum", "%s", or_none(wl_json_text(seen, "/body_checksum")));
    say("request: a header given twice is sent twice", "%s",
        truth(has(headers(seen), "[\"x-twice\",\"one\"],[\"x-twice\",\"two\"]")));
    say("request: a header of odd bytes arrives as it is", "%s", truth(has(headers(seen), "[\"x-odd\",\"é ÿ\"]")));

    wl_request *post = wl_request_new("POST", echo());
    static const char text[] = "Grüße, 世界 🎉\0.";
    wl_bytes with_zero = { (const uint8_t *)text, sizeof text - 1 };
    wl_body_bytes(post, with_zero);
    say("request: text comes back", "%s", or_none(wl_json(wl_send(post), "/body")));
    wl_response *none = wl_send(wl_request_new("DELETE", echo()));
    say("request: without a body", "%s %s", wl_json_text(none, "/method"), wl_json(none, "/body_length"));
    wl_request *json = wl_request_new("POST", echo());
    wl_body_json(json, "{\"name\":\"Žofie\"}");
    seen = wl_send(json);
    say("request: json", "%s", or_none(wl_json_text(seen, "/body")));
    say("request: json says what it is", "%s", truth(has(headers(seen), "[\"content-type\",\"application/json\"]")));
    wl_request *form = wl_request_new("POST", echo());
    wl_body_form(form, (const char *const[]){ "a", "1", "b", "x y&z", "ü", "ß", NULL });
    say("request: form", "%s", or_none(wl_json_text(wl_send(form), "/body")));
    wl_request *basic = wl_request_new("GET", echo());
    wl_basic(basic, "ada", "pass:wörd");
    say("request: basic", "%s", truth(has(headers(wl_send(basic)), "Basic YWRhOnBhc3M6d8O2cmQ=")));
    wl_request *bearer = wl_request_new("GET", echo());
    wl_bearer(bearer, "abc");
    say("request: bearer", "%s", truth(has(headers(wl_send(bearer)), "Bearer abc")));
    wl_request *parts = wl_request_new("POST", echo());
    wl_multipart *multipart = wl_multipart_new();
    wl_part(multipart, "field", "wert");
    wl_body_multipart(parts, multipart);
    say("request: multipart", "%s",
        truth(has(wl_json_text(wl_send(parts), "/body"), "name=\"field\"\r\n\r\nwert\r\n--")));
    wl_request *packed = wl_request_new("POST", echo());
    wl_bytes thousand = { memset(million, 'x', 1000), 1000 };
    wl_body_gzip(packed, thousand);
    seen = wl_send(packed);
    say("request: a thousand letters are packed", "%s", truth(atoi(wl_json(seen, "/body_length")) < 100));
    say("request: and say so", "%s", truth(has(headers(seen), "[\"content-encoding\",\"gzip\"]")));

    wl_request *named = wl_request_new("GET", wl_base_url("/status/404"));
    wl_name(named, "named");
    wl_expect_statuses(named, 404, 404);
    int first = wl_status(wl_send(named));
    say("request: prepared and sent twice", "%d %d", first, wl_status(wl_send(named)));
    wl_request *red = wl_request_new("GET", wl_base_url("/"));
    wl_tag(red, "colour", "red");
    wl_send(red);

    wl_response *login =
        wl_post(wl_base_url("/login"), "application/json", "{\"user\":\"ada\",\"password\":\"pass\"}");
    say("login: status", "%d", wl_status(login));
    wl_request *cart = wl_request_new("GET", wl_base_url("/cart"));
    wl_bearer(cart, or_none(wl_json_text(login, "/token")));
    say("login: the cart", "%d", wl_status(wl_send(cart)));
    say("login: without a token", "%d", wl_status(wl_get(wl_base_url("/cart"))));
    say("login: what setup gave", "%s", token);
}

static void responses(void)
{
    wl_response *home = wl_get(wl_base_url("/"));
    wl_timings took = wl_timings_of(home);
    say("response: status", "%d", wl_status(home));
    say("response: Content-Type, in any case", "%s", or_none(wl_header_of(home, "CONTENT-type")));
    say("response: no such header", "%s", or_none(wl_header_of(home, "x-none")));
    say("response: timings have parts", "%s", truth(took.sending + took.waiting + took.receiving > 0));
    wl_response *shown = wl_get(wl_base_url("/headers"));
    const char *name, *twice = "", *hex = "";
    wl_bytes value;
    for (size_t place = 0; wl_header_at(shown, place, &name, &value); place++) {
        if (strcmp(name, "x-twice") == 0)
            twice = wl_format("%s%s%.*s", twice, *twice == '\0' ? "" : "|", (int)value.length, (const char *)value.data);
        for (size_t byte = 0; strcmp(name, "x-bytes") == 0 && byte < value.length; byte++)
            hex = wl_format("%s%02x", hex, value.data[byte]);
    }
    say("response: a header that comes twice", "%s", twice);
    say("response: the first of them", "%s", or_none(wl_header_of(shown, "x-twice")));
    say("response: an empty header is there", "%s", truth(strcmp(or_none(wl_header_of(shown, "x-empty")), "") == 0));
    say("response: a long header", "%zu", strlen(or_none(wl_header_of(shown, "x-long"))));
    say("response: odd bytes as text", "%s", or_none(wl_header_of(shown, "x-bytes")));
    say("response: odd bytes as they are", "%s", hex);
    say("cookies: those that were set go back", "%s", truth(has(headers(wl_get(echo())), "first=1; second=2")));
    wl_clear_cookies();
    say("cookies: none after clearing", "%s", truth(!has(headers(wl_get(echo())), "cookie")));

    wl_response *catalogue = wl_get(wl_base_url("/catalogue?page=2"));
    say("json: by pointer", "%s", or_none(wl_json(catalogue, "/products/0/id")));
    say("json: what is not there", "%s", or_none(wl_json(catalogue, "/products/99/id")));
    say("json: of what is no json", "%s", or_none(wl_json(home, "/a")));
    const char *url = wl_url(wl_get(wl_base_url("/redirect/2")));
    say("redirects: followed to", "%s", strrchr(url, '/') + 1);
    wl_request *request = wl_request_new("GET", wl_base_url("/redirect/2"));
    wl_max_redirects(request, 0);
    wl_response *hop = wl_send(request);
    say("redirects: not followed", "%d %s", wl_status(hop), or_none(wl_header_of(hop, "location")));
}

static void bodies(void)
{
    wl_bytes large = wl_body_of(wl_get(wl_base_url("/bytes/1000000")));
    unsigned sum = 0;
    for (size_t byte = 0; byte < large.length; byte++)
        sum += large.data[byte];
    say("body: a large one", "%zu %u", large.length, sum);
    for (size_t byte = 0; byte < sizeof million; byte++)
        million[byte] = (uint8_t)(byte % 251);
    wl_bytes bytes = { million, sizeof million };
    wl_request *up = wl_request_new("POST", wl_base_url("/upload"));
    wl_body_bytes(up, bytes);
    say("body: a large one up", "%s", wl_text(wl_send(up)));
    wl_upload *made = wl_upload_new(), *random = wl_upload_new();
    wl_upload_bytes(made, (wl_bytes){ (const uint8_t *)"first", 5 });
    wl_upload_random(random, 3000000, 7);
    wl_upload_upload(made, random);
    wl_upload_bytes(made, (wl_bytes){ (const uint8_t *)"\0\xff", 2 });
    up = wl_request_new("POST", wl_base_url("/upload"));
    wl_body_upload(up, made);
    say("body: made as it is sent", "%llu %s", (unsigned long long)wl_upload_length(made), wl_text(wl_send(up)));
    wl_request *request = wl_request_new("GET", wl_base_url("/bytes/1000"));
    wl_discard_body(request);
    wl_response *came = wl_send(request);
    say("body: forgotten", "%llu %zu", (unsigned long long)wl_body_length(came), wl_body_of(came).length);
    wl_keep_first(request, 10);
    came = wl_send(request);
    say("body: kept in part", "%llu %zu", (unsigned long long)wl_body_length(came), wl_body_of(came).length);
    wl_hash_body(request);
    say("body: hashed", "%s", or_none(wl_sha256(wl_send(request))));
    wl_download *download = wl_open(wl_request_new("GET", wl_base_url("/bytes/300000")));
    size_t length = 0;
    wl_bytes part;
    while (wl_read(download, &part, NULL))
        length += part.length;
    say("body: read as it comes", "%d %zu", wl_status(wl_download_response(download)), length);
}

static void errors(void)
{
    const char *home = wl_base_url("/");
    say("error: nobody listens", "%s", kind(wl_get(or_none(wl_env("CLOSED")))));
    say("error: no such name", "%s", kind(wl_get("http://name.invalid/")));
    say("error: no URL", "%s", kind(wl_get("nonsense")));
    say("error: no method", "%s", kind(wl_send(wl_request_new("GE T", home))));
    wl_request *broken = wl_request_new("GET", home);
    wl_header(broken, "a", "b\r\nc: d");
    say("error: a header with a line break", "%s", kind(wl_send(broken)));
    wl_request *slow = wl_request_new("GET", wl_base_url("/delay/60000"));
    wl_timeout(slow, 0.03);
    say("error: too slow", "%s", kind(wl_send(slow)));
    say("error: closed early", "%s", kind(wl_get(wl_base_url("/close"))));
    say("error: reset", "%s", kind(wl_get(wl_base_url("/reset"))));
    say("error: not allowed", "%s", kind(wl_get("http://192.0.2.1/")));
    say("error: 503 is a response", "%s", kind(wl_get(wl_base_url("/status/503"))));
}

static void several(void)
{
    wl_request *four[] = {
        wl_request_new("GET", wl_base_url("/status/200")),
        wl_request_new("GET", "nonsense"),
        wl_request_new("GET", wl_base_url("/status/404")),
        wl_request_new("GET", wl_base_url("/bytes/5")),
    };
    wl_response *came[4];
    wl_batch(four, 4, came);
    const char *said = "";
    for (int place = 0; place < 4; place++) {
        const char *one = wl_status(came[place]) != 0 ? wl_format("%d", wl_status(came[place])) : kind(came[place]);
        said = wl_format("%s%s%s", said, place == 0 ? "" : " ", one);
    }
    say("batch: in the order of the requests", "%s", said);
    wl_batch(NULL, 0, NULL);
    say("batch: of none", "0");
    wl_pending *pending[] = {
        wl_start(wl_request_new("GET", wl_base_url("/delay/1000"))),
        wl_start(wl_request_new("GET", wl_base_url("/delay/1"))),
    };
    say("start: which is first", "%ld", wl_wait_any(pending, 2, -1));
    say("start: the fast one", "%d", wl_status(wl_result(pending[1])));
    say("start: nothing within a millisecond", "%s", truth(wl_wait_any(pending, 1, 0.001) == -1));
}

static void measuring(void)
{
    bool holds = wl_check("a check that holds ✓", true);
    say("check: gives whether it holds", "%s %s", truth(holds), truth(wl_check("a check that fails", false)));
    wl_counter_add("kit_counter", 2, NULL);
    wl_counter_add("kit_counter", 3, (const char *const[]){ "kind", "a", NULL });
    wl_gauge_set("kit_gauge", 5, NULL);
    wl_gauge_set("kit_gauge", 3.5, NULL);
    for (int answer = 0; answer < 4; answer++)
        wl_rate_add("kit_rate", answer == 0, NULL);
    wl_trend_add("kit_trend", 10, NULL);
    wl_trend_add("kit_trend", 20, NULL);
    wl_trend_add_time("kit_time", 1.5, NULL);
}

static void groups(void)
{
    wl_group_begin("outer");
    wl_check("in a group", true);
    wl_group_begin("inner");
    say("group: what is in it", "%d", wl_status(wl_get(wl_base_url("/status/200"))));
    wl_group_end();
    wl_group_end();
    wl_set_tag("mood", "good");
    wl_get(wl_base_url("/status/201"));
    wl_remove_tag("mood");
    wl_get(wl_base_url("/status/202"));
}

static void rows(void)
{
    wl_dataset *people = wl_dataset_open("people");
    say("dataset: rows", "%u", (unsigned)wl_dataset_length(people));
    wl_row *first = wl_next_row(people);
    say("dataset: the first", "%u %s", (unsigned)wl_row_number(first), or_none(wl_field(first, "name")));
    say("dataset: the next", "%s", or_none(wl_field(wl_next_row(people), "name")));
    say("dataset: by number", "%s", or_none(wl_field(wl_row_at(people, 2), "city")));
    say("dataset: no such field", "%s", or_none(wl_field(first, "none")));
    say("dataset: as json", "%s", wl_row_json(first));
    say("dataset: no such row", "%s", kind(wl_row_at(people, 99)));
    say("dataset: not declared", "%s", kind(wl_dataset_open("others")));
}

static void websockets(void)
{
    const char *url = wl_ws_url("/ws/echo");
    wl_ws_request *request = wl_ws_request_new(url);
    wl_ws_name(request, "echo");
    wl_ws_tag(request, "kind", "kit");
    wl_socket *socket = wl_ws_open(request);
    wl_ws_send(socket, "Grüße, 世界 🎉");
    wl_message *text = wl_receive(socket, -1);
    say("websocket: text", "%s %zu %s", truth(wl_is_text(text)), wl_message_length(text), wl_message_text(text));
    wl_ws_send_bytes(socket, (wl_bytes){ all, sizeof all });
    wl_message *bytes = wl_receive(socket, -1);
    wl_bytes back = wl_message_bytes(bytes);
    bool is_same = back.length == sizeof all && memcmp(back.data, all, sizeof all) == 0;
    say("websocket: bytes", "%s %s", truth(wl_is_text(bytes)), truth(is_same));
    wl_ws_send(socket, "{\"id\":\"é1\"}");
    wl_expect_answer(socket, "é1");
    wl_message *answer = wl_receive(socket, -1);
    say("websocket: json", "%s", or_none(wl_message_json(answer, "/id")));
    say("websocket: an answer is timed", "%s", truth(wl_answers(answer, "é1") >= 0));
    say("websocket: once", "%s", truth(wl_answers(answer, "é1") >= 0));
    wl_ping(socket);
    say("websocket: a ping is answered", "%s", truth(wl_wait_pong(socket, 30)));
    say("websocket: nothing within a millisecond", "%s", truth(wl_receive(socket, 0.001) == NULL));
    wl_socket *both[] = { socket, wl_ws_connect(url) };
    wl_ws_send(both[1], "to the second");
    say("websocket: which has news", "%ld", wl_ws_wait_any(both, 2, -1));
    wl_close(socket, 1000, "");
    say("websocket: after closing", "%s", wl_error_name(wl_ws_send(socket, "late")));
    wl_socket *refused = wl_ws_connect(wl_ws_url("/status/403"));
    say("websocket: refused", "%s %d", kind(refused), wl_refused_status(refused));
    wl_socket *over = wl_ws_connect(wl_ws_url("/ws/close/4321"));
    wl_receive(over, -1);
    say("websocket: closed by the target", "%s %d", kind(over), wl_close_code(over));
}

static void events(void)
{
    wl_events *stream = wl_sse_connect(wl_base_url("/events/1?count=3"));
    say("events: status", "%d", wl_status(wl_events_response(stream)));
    const char *seen = "";
    for (const wl_event *event; (event = wl_next_event(stream, -1)) != NULL;) {
        const char *comma = strchr(event->data, ',');
        int length = comma != NULL ? (int)(comma - event->data) : (int)strlen(event->data);
        seen = wl_format("%s%s%s %.*s", seen, *seen == '\0' ? "" : " | ", event->id, length, event->data);
    }
    say("events: seen", "%s", seen);
    say("events: then", "%s", kind(stream));
    say("events: of a page", "%s", kind(wl_sse_connect(wl_base_url("/"))));
}

static const char *facts(void)
{
    if (wl_iteration() > 0) {
        say("context: the second iteration is", "%u", (unsigned)wl_iteration());
        return NULL;
    }
    context_and_time();
    requests();
    responses();
    bodies();
    errors();
    several();
    measuring();
    groups();
    rows();
    websockets();
    events();
    return NULL;
}
