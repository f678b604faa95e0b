/* Write load-test scripts for wasmload in C.
 *
 *     #include <wasmload.h>
 *
 *     WASMLOAD_OPTIONS("{ \"vus\": 10, \"duration\": \"10s\" }")
 *
 *     const char *iterate(void)
 *     {
 *         wl_response *home = wl_get(wl_base_url("/"));
 *         wl_check("home is up", wl_status(home) == 200);
 *         wl_sleep(1);
 *         return NULL;
 *     }
 *
 * Who owns what: everything that these functions return is the SDK's. What was made in an iteration is let go of when it
 * ends, what was made in `start` when the user ends; nobody needs to free anything. `wl_keep` has a thing live as long as
 * the user, `wl_drop` lets go of it at once. What is handed over is copied. A thing that failed can be asked: its status is
 * 0, its texts are empty, and `wl_error_of` and `wl_why` say what happened.
 *
 * Texts are UTF-8 that ends with a zero. Lengths of time are in seconds, fractions allowed.
 */
#ifndef WASMLOAD_H
#define WASMLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- The script ------------------------------------------------------------------------------------------------- */

/* Bytes, which are not the reader's to change or to free. */
typedef struct wl_bytes {
    const uint8_t *data;
    size_t length;
} wl_bytes;

/* What a script has. Only `iterate` is a must, or WASMLOAD_FLOWS. Each returns NULL, or why it failed: `wl_failed` makes
 * a text of it. A failed iteration is counted, and the user goes on with the next. */
const char *iterate(void);
/* Prepares the run, once, and sets what `start` of every user and `teardown` are given. */
const char *setup(wl_bytes *data);
/* Prepares this user, once, before its first iteration: log in here. Its variables are this user's own. */
const char *start(wl_bytes data);
/* Ends this user, after its last iteration. */
void stop(void);
/* Ends the run, once. */
const char *teardown(wl_bytes data);

/* The options that the script was written for: JSON in the schema of the options file. */
#define WASMLOAD_OPTIONS(json) const char *const wl_options = json;

/* A flow, for an `exec` or a weight of its name. */
typedef struct wl_flow {
    const char *name;
    const char *(*run)(void);
} wl_flow;

/* The flows, in place of `iterate`: WASMLOAD_FLOWS({ "browse", browse }, { "buy", buy }) */
#define WASMLOAD_FLOWS(...) const wl_flow wl_flows[] = { __VA_ARGS__, { NULL, NULL } };

extern const char *const wl_options;
extern const wl_flow wl_flows[];

/* A text made as by printf: why something failed, a URL, a body. */
const char *wl_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define wl_failed(...) wl_format(__VA_ARGS__)

/* Has a thing live as long as the user, and gives it. */
#define wl_keep(thing) ((__typeof__(thing))wl_keep_thing(thing))
void *wl_keep_thing(const void *thing);
/* Lets go of a thing now. */
void wl_drop(const void *thing);

/* -- Errors ------------------------------------------------------------------------------------------------------ */

typedef enum wl_error {
    WL_OK,
    WL_INVALID_REQUEST,     /* the URL, the method, a header or a close cannot be sent; nothing was */
    WL_NAME_NOT_RESOLVED,   /* the host's name has no address */
    WL_CONNECTION_REFUSED,  /* nobody listens at the address */
    WL_CONNECTION_RESET,    /* the peer, or something on the way, broke the connection */
    WL_CLOSED_EARLY,        /* the peer ended the connection too early */
    WL_TIMED_OUT,           /* its time was over */
    WL_MALFORMED_RESPONSE,  /* what came back is not HTTP */
    WL_BODY_TOO_LARGE,      /* the body is larger than the engine keeps */
    WL_NOT_ALLOWED,         /* the engine or its user does not allow it */
    WL_OTHER,               /* anything else, in words for people */
    WL_REFUSED,             /* a WebSocket's handshake was refused: see wl_refused_status */
    WL_MALFORMED_HANDSHAKE, /* the answer to a handshake is not one */
    WL_PROTOCOL_ERROR,      /* the peer broke the rules of WebSocket */
    WL_MESSAGE_TOO_LARGE,   /* a message is larger than the engine keeps */
    WL_CLOSED,              /* the session was closed: see wl_close_code */
    WL_NOT_A_STREAM,        /* the response is not a stream of events */
    WL_EVENT_TOO_LARGE,     /* an event is larger than 1 MiB */
    WL_ENDED,               /* the target ended the stream */
    WL_NOT_DECLARED,        /* the run has no dataset of this name */
    WL_EXHAUSTED,           /* each row has been handed out */
    WL_NO_SUCH_ROW,         /* the dataset has no row of this number */
    WL_UNREADABLE           /* the file of a dataset can no longer be read */
} wl_error;

/* The name of a case, as the contract has it: "timed-out". */
const char *wl_error_name(wl_error error);

/* What happened to a thing: a response, download, socket, stream, dataset or row. WL_OK if nothing did. */
wl_error wl_error_of(const void *thing);
/* The same in words. */
const char *wl_why(const void *thing);

/* -- HTTP -------------------------------------------------------------------------------------------------------- */

typedef struct wl_request wl_request;
typedef struct wl_response wl_response;
typedef struct wl_pending wl_pending;
typedef struct wl_upload wl_upload;
typedef struct wl_download wl_download;
typedef struct wl_multipart wl_multipart;

/* Send at once, and wait. A response of 400 or more is a response and not an error. */
wl_response *wl_get(const char *url);
/* `content_type` may be NULL. */
wl_response *wl_post(const char *url, const char *content_type, const char *body);

/* A request that can be sent once or many times. Setting it up never fails; sending says what cannot be sent. */
wl_request *wl_request_new(const char *method, const char *url);
void wl_header(wl_request *request, const char *name, const char *value);
void wl_header_bytes(wl_request *request, const char *name, wl_bytes value);
void wl_bearer(wl_request *request, const char *token);
void wl_basic(wl_request *request, const char *user, const char *password);
void wl_digest(wl_request *request, const char *user, const char *password);
/* Bodies: a text, bytes, JSON with its content-type, a form (names and values in turn, a NULL last), packed. */
void wl_body(wl_request *request, const char *body);
void wl_body_bytes(wl_request *request, wl_bytes body);
void wl_body_json(wl_request *request, const char *json);
void wl_body_form(wl_request *request, const char *const *fields);
void wl_body_gzip(wl_request *request, wl_bytes body);
void wl_body_deflate(wl_request *request, wl_bytes body);
void wl_body_upload(wl_request *request, const wl_upload *upload);
void wl_body_multipart(wl_request *request, wl_multipart *form);
/* What becomes of the response's body. */
void wl_keep_body(wl_request *request);
void wl_discard_body(wl_request *request);
void wl_keep_first(wl_request *request, uint32_t bytes);
void wl_hash_body(wl_request *request);
void wl_max_redirects(wl_request *request, uint32_t limit);
/* A range of statuses that count as a success, both ends in it; each call adds one. */
void wl_expect_statuses(wl_request *request, uint16_t first, uint16_t last);
void wl_timeout(wl_request *request, double seconds);
void wl_connect_timeout(wl_request *request, double seconds);
void wl_first_byte_timeout(wl_request *request, double seconds);
typedef enum wl_http_version { WL_HTTP_AUTO, WL_HTTP_1_1, WL_HTTP_2 } wl_http_version;
void wl_set_http_version(wl_request *request, wl_http_version version);
/* The `name` tag of its samples, which is the URL otherwise, and other tags. */
void wl_name(wl_request *request, const char *name);
void wl_tag(wl_request *request, const char *name, const char *value);

wl_response *wl_send(wl_request *request);
/* Sends all of these at once, waits for all, and writes what came of each. */
void wl_batch(wl_request *const *requests, size_t count, wl_response **responses);
/* Sends it and does not wait. */
wl_pending *wl_start(wl_request *request);
/* Waits for the response, once. */
wl_response *wl_result(wl_pending *pending);
/* Waits until one is finished, and gives its place: the lowest if several are; -1 if the timeout passes first. A negative
 * timeout waits as long as it takes. */
long wl_wait_any(wl_pending *const *pending, size_t count, double seconds);
void wl_clear_cookies(void);

int wl_status(const wl_response *response);
/* The first header of this name, whatever its case; NULL if there is none. */
const char *wl_header_of(const wl_response *response, const char *name);
/* The header of this place, from 0, in the order they came; false if there are not so many. */
bool wl_header_at(const wl_response *response, size_t place, const char **name, wl_bytes *value);
const char *wl_text(const wl_response *response);
wl_bytes wl_body_of(const wl_response *response);
/* The part of a JSON body that a JSON Pointer (RFC 6901) names, as JSON text; NULL if there is none. */
const char *wl_json(const wl_response *response, const char *pointer);
/* Likewise, a string without its quotes and escapes; NULL if it is none. */
const char *wl_json_text(const wl_response *response, const char *pointer);
/* The length of the whole body, whatever was kept of it. */
uint64_t wl_body_length(const wl_response *response);
const char *wl_sha256(const wl_response *response);
const char *wl_url(const wl_response *response);
/* How long each part of the exchange took, in seconds. */
typedef struct wl_timings {
    double blocked, looking_up, connecting, tls_handshaking, sending, waiting, receiving;
} wl_timings;
wl_timings wl_timings_of(const wl_response *response);

/* A body that the engine makes as it sends it. */
wl_upload *wl_upload_new(void);
void wl_upload_bytes(wl_upload *upload, wl_bytes bytes);
/* A file of those that the run was given (--file NAME=FILE). */
wl_error wl_upload_file(wl_upload *upload, const char *name);
void wl_upload_random(wl_upload *upload, uint64_t length, uint32_t seed);
void wl_upload_upload(wl_upload *upload, const wl_upload *other);
uint64_t wl_upload_length(const wl_upload *upload);

/* A form with files (RFC 7578): fields of text, and files with their name and media type. */
wl_multipart *wl_multipart_new(void);
void wl_part(wl_multipart *form, const char *name, const char *value);
void wl_part_file(wl_multipart *form, const char *name, const char *file_name, const char *media_type,
                  const wl_upload *content);

/* A response that is read as it comes. */
wl_download *wl_open(wl_request *request);
wl_response *wl_download_response(const wl_download *download);
/* Waits for the next part; false when all of it was read, or it failed: wl_error_of says which. `arrived` may be NULL. */
bool wl_read(wl_download *download, wl_bytes *part, double *arrived);

/* -- What is measured, and what the run gives -------------------------------------------------------------------- */

bool wl_check(const char *name, bool passed);

/* Tags of a sample: names and values in turn, a NULL last; or NULL for none. */
typedef const char *const *wl_tags;
void wl_counter_add(const char *name, double value, wl_tags tags);
void wl_gauge_set(const char *name, double value, wl_tags tags);
void wl_rate_add(const char *name, bool value, wl_tags tags);
void wl_trend_add(const char *name, double value, wl_tags tags);
/* A length of time, in seconds. */
void wl_trend_add_time(const char *name, double seconds, wl_tags tags);

void wl_sleep(double seconds);
/* The time since the run began, in seconds. */
double wl_now(void);

uint32_t wl_vu(void);
uint32_t wl_iteration(void);
uint32_t wl_iteration_in_scenario(void);
const char *wl_scenario(void);
/* The kind of executor that drives the scenario, as options name it. */
const char *wl_executor(void);
/* Puts a tag on every sample that this user begins from now on, in later iterations too; takes it away again. */
void wl_set_tag(const char *name, const char *value);
void wl_remove_tag(const char *name);

/* Begins a group: until it ends, what the script begins has the tag `group`, such as `::checkout::pay`. NULL, or why it
 * cannot begin: there is `::` in the name, or 32 are open. Those that are open when an iteration ends end with it. */
const char *wl_group_begin(const char *name);
/* Ends the group that began last, and records how long it was in `group_duration`. */
void wl_group_end(void);

/* A variable (-e NAME=value), or a secret (--secret NAME=…); NULL if it was not given. */
const char *wl_env(const char *name);
const char *wl_secret(const char *name);
/* A URL on the target: `path` on BASE_URL, or on http://127.0.0.1:8080. wl_ws_url begins with ws. */
const char *wl_base_url(const char *path);
const char *wl_ws_url(const char *path);
/* Ends the whole run, and says why. */
_Noreturn void wl_abort(const char *reason);

/* Messages to whoever runs the script; printf does as well. */
void wl_debug(const char *message);
void wl_info(const char *message);
void wl_warn(const char *message);
void wl_log_error(const char *message);

typedef struct wl_dataset wl_dataset;
typedef struct wl_row wl_row;
wl_dataset *wl_dataset_open(const char *name);
uint32_t wl_dataset_length(const wl_dataset *dataset);
wl_row *wl_next_row(wl_dataset *dataset);
wl_row *wl_row_at(wl_dataset *dataset, uint32_t number);
uint32_t wl_row_number(const wl_row *row);
/* NULL if it has no such field. */
const char *wl_field(const wl_row *row, const char *name);
const char *wl_row_json(const wl_row *row);

/* -- WebSocket --------------------------------------------------------------------------------------------------- */

typedef struct wl_ws_request wl_ws_request;
typedef struct wl_socket wl_socket;
typedef struct wl_message wl_message;

wl_socket *wl_ws_connect(const char *url);
wl_ws_request *wl_ws_request_new(const char *url);
void wl_ws_header(wl_ws_request *request, const char *name, const char *value);
void wl_ws_subprotocol(wl_ws_request *request, const char *name);
void wl_ws_deflate(wl_ws_request *request);
void wl_ws_timeout(wl_ws_request *request, double seconds);
void wl_ws_name(wl_ws_request *request, const char *name);
void wl_ws_tag(wl_ws_request *request, const char *name, const char *value);
wl_socket *wl_ws_open(wl_ws_request *request);

/* The status that a handshake was refused with, and its response; 0 and NULL if it was not. */
int wl_refused_status(const wl_socket *socket);
wl_response *wl_refusal(const wl_socket *socket);
/* The code that the session was closed with; 0 if it was not. */
int wl_close_code(const wl_socket *socket);
const char *wl_ws_subprotocol_of(const wl_socket *socket);
const char *wl_ws_header_of(const wl_socket *socket, const char *name);

wl_error wl_ws_send(wl_socket *socket, const char *text);
wl_error wl_ws_send_bytes(wl_socket *socket, wl_bytes bytes);
void wl_expect_answer(wl_socket *socket, const char *key);
wl_error wl_ping(wl_socket *socket);
/* Whether every ping was answered before the timeout; negative waits as long as it takes. */
bool wl_wait_pong(wl_socket *socket, double seconds);
/* The next message; NULL if the timeout passes first, or the session is over: wl_error_of says which. */
wl_message *wl_receive(wl_socket *socket, double seconds);
wl_error wl_close(wl_socket *socket, uint16_t code, const char *reason);
long wl_ws_wait_any(wl_socket *const *sockets, size_t count, double seconds);

bool wl_is_text(const wl_message *message);
size_t wl_message_length(const wl_message *message);
const char *wl_message_text(const wl_message *message);
wl_bytes wl_message_bytes(const wl_message *message);
const char *wl_message_json(const wl_message *message, const char *pointer);
const char *wl_message_json_text(const wl_message *message, const char *pointer);
double wl_message_arrived(const wl_message *message);
/* The time since the message that this one answers was sent, in seconds; negative if none is expected under the key. */
double wl_answers(const wl_message *message, const char *key);

/* -- Server-sent events ------------------------------------------------------------------------------------------ */

typedef struct wl_source wl_source;
typedef struct wl_events wl_events;
typedef struct wl_event {
    const char *kind, *data, *id;
    double arrived;
    const char *token; /* NULL if it has none, or none is looked for */
} wl_event;

wl_events *wl_sse_connect(const char *url);
wl_source *wl_source_new(const wl_request *request);
void wl_reconnects(wl_source *source, uint32_t limit);
/* Looks for the text of a language model, at these JSON Pointers (a NULL last) or, for NULL, at the usual places. */
void wl_tokens(wl_source *source, const char *const *pointers);
wl_events *wl_source_open(wl_source *source);
wl_response *wl_events_response(const wl_events *events);
/* The next event; NULL if the timeout passes first, or the stream is over: wl_error_of says which. */
const wl_event *wl_next_event(wl_events *events, double seconds);
long wl_sse_wait_any(wl_events *const *events, size_t count, double seconds);

#endif
