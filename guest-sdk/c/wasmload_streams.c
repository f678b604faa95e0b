/* WebSocket and server-sent events: connections that stay. */
#include "wasmload_internal.h"

#include <stdlib.h>
#include <string.h>

struct wl_ws_request {
    wasmload_script_websocket_own_request_t own;
};
struct wl_socket {
    bool is_there;
    wasmload_script_websocket_own_socket_t own;
    uint16_t refused, closed;
    bool has_refusal;
    wasmload_script_http_own_response_t refusal;
};
struct wl_message {
    wasmload_script_websocket_own_message_t own;
};

static void drop_ws_request(void *thing)
{
    wasmload_script_websocket_request_drop_own(((struct wl_ws_request *)thing)->own);
}

static void drop_socket(void *thing)
{
    struct wl_socket *socket = thing;
    if (socket->has_refusal)
        wasmload_script_http_response_drop_own(socket->refusal);
    if (socket->is_there)
        wasmload_script_websocket_socket_drop_own(socket->own);
}

static void drop_message(void *thing)
{
    wasmload_script_websocket_message_drop_own(((struct wl_message *)thing)->own);
}

static wl_error fail(struct wl_socket *socket, wasmload_script_websocket_error_t *error)
{
    wl_error code;
    switch (error->tag) {
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_INVALID_REQUEST:
        code = wl__fail(socket, WL_INVALID_REQUEST, "invalid request: ", &error->val.invalid_request);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_NAME_NOT_RESOLVED:
        code = wl__fail(socket, WL_NAME_NOT_RESOLVED, "name not resolved", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_CONNECTION_REFUSED:
        code = wl__fail(socket, WL_CONNECTION_REFUSED, "connection refused", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_CONNECTION_RESET:
        code = wl__fail(socket, WL_CONNECTION_RESET, "connection reset", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_CLOSED_EARLY:
        code = wl__fail(socket, WL_CLOSED_EARLY, "connection closed without a close frame", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_TIMED_OUT:
        code = wl__fail(socket, WL_TIMED_OUT, "timed out", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_REFUSED:
        socket->refused = error->val.refused;
        code = wl__fail(socket, WL_REFUSED, wl_format("handshake refused with status %u", error->val.refused), NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_MALFORMED_HANDSHAKE:
        code = wl__fail(socket, WL_MALFORMED_HANDSHAKE, "malformed handshake: ", &error->val.malformed_handshake);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_PROTOCOL_ERROR:
        code = wl__fail(socket, WL_PROTOCOL_ERROR, "protocol error: ", &error->val.protocol_error);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_MESSAGE_TOO_LARGE:
        code = wl__fail(socket, WL_MESSAGE_TOO_LARGE, "message too large", NULL);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_CLOSED:
        socket->closed = error->val.closed.code;
        code = wl__fail(socket, WL_CLOSED, wl_format("closed with code %u ", error->val.closed.code),
                        &error->val.closed.reason);
        break;
    case WASMLOAD_SCRIPT_WEBSOCKET_ERROR_NOT_ALLOWED:
        code = wl__fail(socket, WL_NOT_ALLOWED, "not allowed: ", &error->val.not_allowed);
        break;
    default:
        code = wl__fail(socket, WL_OTHER, "", &error->val.other);
    }
    wasmload_script_websocket_error_free(error);
    return code;
}

/* -- Connecting -------------------------------------------------------------------------------------------------- */

static wasmload_script_websocket_borrow_request_t asked(const wl_ws_request *request)
{
    return wasmload_script_websocket_borrow_request(request->own);
}

wl_ws_request *wl_ws_request_new(const char *url)
{
    wl_ws_request *request = wl__new(sizeof *request, drop_ws_request);
    load_script_string_t text = wl__text(url);
    request->own = wasmload_script_websocket_constructor_request(&text);
    return request;
}

void wl_ws_header(wl_ws_request *request, const char *name, const char *value)
{
    load_script_string_t texts[] = { wl__text(name), wl__text(value) };
    load_script_list_u8_t list = { texts[1].ptr, texts[1].len };
    wasmload_script_websocket_method_request_add_header(asked(request), &texts[0], &list);
}

void wl_ws_subprotocol(wl_ws_request *request, const char *name)
{
    load_script_string_t text = wl__text(name);
    wasmload_script_websocket_method_request_add_subprotocol(asked(request), &text);
}

void wl_ws_deflate(wl_ws_request *request) { wasmload_script_websocket_method_request_offer_deflate(asked(request)); }

void wl_ws_timeout(wl_ws_request *request, double seconds)
{
    wasmload_script_websocket_method_request_set_timeout(asked(request), wl__milliseconds(seconds));
}

void wl_ws_name(wl_ws_request *request, const char *name)
{
    load_script_string_t text = wl__text(name);
    wasmload_script_websocket_method_request_set_name(asked(request), &text);
}

void wl_ws_tag(wl_ws_request *request, const char *name, const char *value)
{
    load_script_string_t texts[] = { wl__text(name), wl__text(value) };
    wasmload_script_websocket_method_request_set_tag(asked(request), &texts[0], &texts[1]);
}

wl_socket *wl_ws_open(wl_ws_request *request)
{
    wl_socket *socket = wl__new(sizeof *socket, drop_socket);
    wasmload_script_websocket_error_t error;
    socket->is_there = wasmload_script_websocket_method_request_connect(asked(request), &socket->own, &error);
    if (!socket->is_there && fail(socket, &error) == WL_REFUSED)
        socket->has_refusal = wasmload_script_websocket_method_request_refusal(asked(request), &socket->refusal);
    return socket;
}

wl_socket *wl_ws_connect(const char *url)
{
    wl_ws_request *request = wl_ws_request_new(url);
    wl_socket *socket = wl_ws_open(request);
    wl_drop(request);
    return socket;
}

int wl_refused_status(const wl_socket *socket) { return socket->refused; }
int wl_close_code(const wl_socket *socket) { return socket->closed; }

wl_response *wl_refusal(const wl_socket *socket)
{
    struct wl_socket *mine = (struct wl_socket *)socket;
    if (!mine->has_refusal)
        return NULL;
    mine->has_refusal = false;
    return wl__response(mine->refusal);
}

/* -- Sessions ---------------------------------------------------------------------------------------------------- */

static wasmload_script_websocket_borrow_socket_t on(const wl_socket *socket)
{
    return wasmload_script_websocket_borrow_socket(socket->own);
}

static wl_error done(wl_socket *socket, bool worked, wasmload_script_websocket_error_t *error)
{
    return worked ? WL_OK : fail(socket, error);
}

const char *wl_ws_subprotocol_of(const wl_socket *socket)
{
    load_script_string_t text;
    if (!socket->is_there || !wasmload_script_websocket_method_socket_subprotocol(on(socket), &text))
        return NULL;
    return wl__taken(&text);
}

const char *wl_ws_header_of(const wl_socket *socket, const char *name)
{
    load_script_string_t text = wl__text(name), value;
    if (!socket->is_there || !wasmload_script_websocket_method_socket_header(on(socket), &text, &value))
        return NULL;
    return wl__taken(&value);
}

wl_error wl_ws_send(wl_socket *socket, const char *text)
{
    load_script_string_t message = wl__text(text);
    wasmload_script_websocket_error_t error;
    if (!socket->is_there)
        return wl_error_of(socket);
    return done(socket, wasmload_script_websocket_method_socket_send_text(on(socket), &message, &error), &error);
}

wl_error wl_ws_send_bytes(wl_socket *socket, wl_bytes bytes)
{
    load_script_list_u8_t list = wl__list(bytes);
    wasmload_script_websocket_error_t error;
    if (!socket->is_there)
        return wl_error_of(socket);
    return done(socket, wasmload_script_websocket_method_socket_send_binary(on(socket), &list, &error), &error);
}

void wl_expect_answer(wl_socket *socket, const char *key)
{
    load_script_string_t text = wl__text(key);
    if (socket->is_there)
        wasmload_script_websocket_method_socket_expect_answer(on(socket), &text);
}

wl_error wl_ping(wl_socket *socket)
{
    wasmload_script_websocket_error_t error;
    if (!socket->is_there)
        return wl_error_of(socket);
    return done(socket, wasmload_script_websocket_method_socket_ping(on(socket), &error), &error);
}

bool wl_wait_pong(wl_socket *socket, double seconds)
{
    wasmload_script_websocket_error_t error;
    double room;
    bool answered = false;
    if (!socket->is_there)
        return false;
    double *timeout = wl__timeout(seconds, &room);
    done(socket, wasmload_script_websocket_method_socket_wait_pong(on(socket), timeout, &answered, &error), &error);
    return wl_error_of(socket) == WL_OK && answered;
}

wl_message *wl_receive(wl_socket *socket, double seconds)
{
    wasmload_script_websocket_option_own_message_t received = { false, { 0 } };
    wasmload_script_websocket_error_t error;
    double room;
    if (!socket->is_there)
        return NULL;
    double *timeout = wl__timeout(seconds, &room);
    if (!wasmload_script_websocket_method_socket_receive(on(socket), timeout, &received, &error)) {
        fail(socket, &error);
        return NULL;
    }
    if (!received.is_some)
        return NULL;
    wl_message *message = wl__new(sizeof *message, drop_message);
    message->own = received.val;
    return message;
}

wl_error wl_close(wl_socket *socket, uint16_t code, const char *reason)
{
    load_script_string_t text = wl__text(reason);
    wasmload_script_websocket_error_t error;
    if (!socket->is_there)
        return wl_error_of(socket);
    return done(socket, wasmload_script_websocket_method_socket_close(on(socket), code, &text, &error), &error);
}

long wl_ws_wait_any(wl_socket *const *sockets, size_t count, double seconds)
{
    wasmload_script_websocket_borrow_socket_t *list = wl__memory(NULL, (count + 1) * sizeof *list);
    for (size_t place = 0; place < count; place++) {
        /* One that is none is over. */
        if (!sockets[place]->is_there) {
            free(list);
            return (long)place;
        }
        list[place] = on(sockets[place]);
    }
    wasmload_script_websocket_list_borrow_socket_t all = { list, count };
    double room;
    uint32_t first;
    bool found = wasmload_script_websocket_wait_any(&all, wl__timeout(seconds, &room), &first);
    free(list);
    return found ? (long)first : -1;
}

/* -- Messages ---------------------------------------------------------------------------------------------------- */

static wasmload_script_websocket_borrow_message_t of(const wl_message *message)
{
    return wasmload_script_websocket_borrow_message(message->own);
}

bool wl_is_text(const wl_message *message) { return wasmload_script_websocket_method_message_is_text(of(message)); }

size_t wl_message_length(const wl_message *message)
{
    return wasmload_script_websocket_method_message_length(of(message));
}

const char *wl_message_text(const wl_message *message)
{
    load_script_string_t text;
    wasmload_script_websocket_method_message_text(of(message), &text);
    return wl__taken(&text);
}

wl_bytes wl_message_bytes(const wl_message *message)
{
    load_script_list_u8_t bytes;
    wasmload_script_websocket_method_message_bytes(of(message), &bytes);
    return wl__taken_bytes(&bytes);
}

const char *wl_message_json(const wl_message *message, const char *pointer)
{
    load_script_string_t text = wl__text(pointer), part;
    return wasmload_script_websocket_method_message_json(of(message), &text, &part) ? wl__taken(&part) : NULL;
}

const char *wl_message_json_text(const wl_message *message, const char *pointer)
{
    return wl__unquoted(wl_message_json(message, pointer));
}

double wl_message_arrived(const wl_message *message)
{
    return wl__seconds(wasmload_script_websocket_method_message_arrived(of(message)));
}

double wl_answers(const wl_message *message, const char *key)
{
    load_script_string_t text = wl__text(key);
    double took;
    return wasmload_script_websocket_method_message_answers(of(message), &text, &took) ? wl__seconds(took) : -1;
}

/* -- Server-sent events ------------------------------------------------------------------------------------------ */

struct wl_source {
    wasmload_script_sse_own_source_t own;
};
struct wl_events {
    bool is_there;
    wasmload_script_sse_own_events_t own;
};

static void drop_source(void *thing) { wasmload_script_sse_source_drop_own(((struct wl_source *)thing)->own); }

static void drop_events(void *thing)
{
    struct wl_events *events = thing;
    if (events->is_there)
        wasmload_script_sse_events_drop_own(events->own);
}

static void fail_sse(wl_events *events, wasmload_script_sse_error_t *error)
{
    switch (error->tag) {
    case WASMLOAD_SCRIPT_SSE_ERROR_HTTP:
        wl__fail_http(events, &error->val.http);
        return;
    case WASMLOAD_SCRIPT_SSE_ERROR_NOT_A_STREAM:
        wl__fail(events, WL_NOT_A_STREAM, "the response is not a stream of events", NULL);
        break;
    case WASMLOAD_SCRIPT_SSE_ERROR_EVENT_TOO_LARGE:
        wl__fail(events, WL_EVENT_TOO_LARGE, "an event is too large", NULL);
        break;
    default:
        wl__fail(events, WL_ENDED, "the target ended the stream", NULL);
    }
    wasmload_script_sse_error_free(error);
}

wl_source *wl_source_new(const wl_request *request)
{
    wl_source *source = wl__new(sizeof *source, drop_source);
    source->own = wasmload_script_sse_constructor_source(wasmload_script_http_borrow_request(request->own));
    return source;
}

void wl_reconnects(wl_source *source, uint32_t limit)
{
    wasmload_script_sse_method_source_set_reconnects(wasmload_script_sse_borrow_source(source->own), limit);
}

void wl_tokens(wl_source *source, const char *const *pointers)
{
    size_t count = 0;
    while (pointers != NULL && pointers[count] != NULL)
        count++;
    load_script_string_t *texts = wl__memory(NULL, (count + 1) * sizeof *texts);
    for (size_t place = 0; place < count; place++)
        texts[place] = wl__text(pointers[place]);
    load_script_list_string_t list = { texts, count };
    wasmload_script_sse_method_source_set_tokens(wasmload_script_sse_borrow_source(source->own), &list);
    free(texts);
}

wl_events *wl_source_open(wl_source *source)
{
    wl_events *events = wl__new(sizeof *events, drop_events);
    wasmload_script_sse_error_t error;
    events->is_there =
        wasmload_script_sse_method_source_connect(wasmload_script_sse_borrow_source(source->own), &events->own, &error);
    if (!events->is_there)
        fail_sse(events, &error);
    return events;
}

wl_events *wl_sse_connect(const char *url)
{
    wl_request *request = wl_request_new("GET", url);
    wl_source *source = wl_source_new(request);
    wl_events *events = wl_source_open(source);
    wl_drop(source);
    wl_drop(request);
    return events;
}

wl_response *wl_events_response(const wl_events *events)
{
    if (!events->is_there)
        return NULL;
    return wl__response(wasmload_script_sse_method_events_response(wasmload_script_sse_borrow_events(events->own)));
}

const wl_event *wl_next_event(wl_events *events, double seconds)
{
    wasmload_script_sse_option_event_t received;
    wasmload_script_sse_error_t error;
    double room;
    if (!events->is_there)
        return NULL;
    wasmload_script_sse_borrow_events_t self = wasmload_script_sse_borrow_events(events->own);
    if (!wasmload_script_sse_method_events_receive(self, wl__timeout(seconds, &room), &received, &error)) {
        fail_sse(events, &error);
        return NULL;
    }
    if (!received.is_some)
        return NULL;
    wl_event *event = wl__new(sizeof *event, NULL);
    event->kind = wl__taken(&received.val.kind);
    event->data = wl__taken(&received.val.data);
    event->id = wl__taken(&received.val.id);
    event->arrived = wl__seconds(received.val.arrived);
    event->token = received.val.token.is_some ? wl__taken(&received.val.token.val) : NULL;
    return event;
}

long wl_sse_wait_any(wl_events *const *events, size_t count, double seconds)
{
    wasmload_script_sse_borrow_events_t *list = wl__memory(NULL, (count + 1) * sizeof *list);
    for (size_t place = 0; place < count; place++) {
        /* One that is none is over. */
        if (!events[place]->is_there) {
            free(list);
            return (long)place;
        }
        list[place] = wasmload_script_sse_borrow_events(events[place]->own);
    }
    wasmload_script_sse_list_borrow_events_t all = { list, count };
    double room;
    uint32_t first;
    bool found = wasmload_script_sse_wait_any(&all, wl__timeout(seconds, &room), &first);
    free(list);
    return found ? (long)first : -1;
}
