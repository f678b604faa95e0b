/* HTTP: requests, responses, bodies both ways. */
#include "wasmload_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wl_response {
    bool is_there;
    wasmload_script_http_own_response_t own;
    bool has_headers;
    wasmload_script_http_list_header_t headers;
};
struct wl_pending {
    wasmload_script_http_own_pending_t own;
};
struct wl_upload {
    wasmload_script_http_own_upload_t own;
};
struct wl_download {
    bool is_there;
    wasmload_script_http_own_download_t own;
};

static void drop_response(void *thing)
{
    struct wl_response *response = thing;
    if (response->has_headers)
        wasmload_script_http_list_header_free(&response->headers);
    if (response->is_there)
        wasmload_script_http_response_drop_own(response->own);
}

static void drop_request(void *thing)
{
    struct wl_request *request = thing;
    free(request->expected);
    wasmload_script_http_request_drop_own(request->own);
}

static void drop_pending(void *thing) { wasmload_script_http_pending_drop_own(((struct wl_pending *)thing)->own); }
static void drop_upload(void *thing) { wasmload_script_http_upload_drop_own(((struct wl_upload *)thing)->own); }

static void drop_download(void *thing)
{
    struct wl_download *download = thing;
    if (download->is_there)
        wasmload_script_http_download_drop_own(download->own);
}

wl_error wl__fail_http(const void *thing, wasmload_script_http_error_t *error)
{
    wl_error code;
    switch (error->tag) {
    case WASMLOAD_SCRIPT_HTTP_ERROR_INVALID_REQUEST:
        code = wl__fail(thing, WL_INVALID_REQUEST, "invalid request: ", &error->val.invalid_request);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_NAME_NOT_RESOLVED:
        code = wl__fail(thing, WL_NAME_NOT_RESOLVED, "name not resolved", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_CONNECTION_REFUSED:
        code = wl__fail(thing, WL_CONNECTION_REFUSED, "connection refused", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_CONNECTION_RESET:
        code = wl__fail(thing, WL_CONNECTION_RESET, "connection reset", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_CLOSED_EARLY:
        code = wl__fail(thing, WL_CLOSED_EARLY, "connection closed before the response was complete", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_TIMED_OUT:
        code = wl__fail(thing, WL_TIMED_OUT, "timed out", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_MALFORMED_RESPONSE:
        code = wl__fail(thing, WL_MALFORMED_RESPONSE, "malformed response: ", &error->val.malformed_response);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_BODY_TOO_LARGE:
        code = wl__fail(thing, WL_BODY_TOO_LARGE, "response body too large", NULL);
        break;
    case WASMLOAD_SCRIPT_HTTP_ERROR_NOT_ALLOWED:
        code = wl__fail(thing, WL_NOT_ALLOWED, "not allowed: ", &error->val.not_allowed);
        break;
    default:
        code = wl__fail(thing, WL_OTHER, "", &error->val.other);
    }
    wasmload_script_http_error_free(error);
    return code;
}

wl_response *wl__response(wasmload_script_http_own_response_t own)
{
    wl_response *response = wl__new(sizeof *response, drop_response);
    response->is_there = true;
    response->own = own;
    return response;
}

/* What came of a request. */
static wl_response *came(bool worked, wasmload_script_http_own_response_t own, wasmload_script_http_error_t *error)
{
    if (worked)
        return wl__response(own);
    wl_response *response = wl__new(sizeof *response, drop_response);
    wl__fail_http(response, error);
    return response;
}

/* -- Sending ----------------------------------------------------------------------------------------------------- */

wl_response *wl_get(const char *url)
{
    load_script_string_t text = wl__text(url);
    wasmload_script_http_own_response_t own;
    wasmload_script_http_error_t error;
    bool worked = wasmload_script_http_get(&text, &own, &error);
    return came(worked, own, &error);
}

wl_response *wl_post(const char *url, const char *content_type, const char *body)
{
    wl_request *request = wl_request_new("POST", url);
    if (content_type != NULL)
        wl_header(request, "content-type", content_type);
    wl_body(request, body);
    wl_response *response = wl_send(request);
    wl_drop(request);
    return response;
}

wl_request *wl_request_new(const char *method, const char *url)
{
    wl_request *request = wl__new(sizeof *request, drop_request);
    load_script_string_t texts[] = { wl__text(method), wl__text(url) };
    request->own = wasmload_script_http_constructor_request(&texts[0], &texts[1]);
    return request;
}

static wasmload_script_http_borrow_request_t self_of(const wl_request *request)
{
    return wasmload_script_http_borrow_request(request->own);
}

wl_response *wl_send(wl_request *request)
{
    wasmload_script_http_own_response_t own;
    wasmload_script_http_error_t error;
    bool worked = wasmload_script_http_method_request_send(self_of(request), &own, &error);
    return came(worked, own, &error);
}

void wl_batch(wl_request *const *requests, size_t count, wl_response **responses)
{
    wasmload_script_http_borrow_request_t *list = wl__memory(NULL, (count + 1) * sizeof *list);
    for (size_t place = 0; place < count; place++)
        list[place] = self_of(requests[place]);
    wasmload_script_http_list_borrow_request_t all = { list, count };
    wasmload_script_http_list_result_own_response_error_t results;
    wasmload_script_http_batch(&all, &results);
    for (size_t place = 0; place < count && place < results.len; place++) {
        wasmload_script_http_result_own_response_error_t *result = &results.ptr[place];
        responses[place] = came(!result->is_err, result->val.ok, &result->val.err);
    }
    /* What is in them was taken; only the list itself is left. */
    if (results.len > 0)
        free(results.ptr);
    free(list);
}

wl_pending *wl_start(wl_request *request)
{
    wl_pending *pending = wl__new(sizeof *pending, drop_pending);
    pending->own = wasmload_script_http_method_request_start(self_of(request));
    return pending;
}

wl_response *wl_result(wl_pending *pending)
{
    wasmload_script_http_own_response_t own;
    wasmload_script_http_error_t error;
    bool worked =
        wasmload_script_http_method_pending_get(wasmload_script_http_borrow_pending(pending->own), &own, &error);
    return came(worked, own, &error);
}

long wl_wait_any(wl_pending *const *pending, size_t count, double seconds)
{
    wasmload_script_http_borrow_pending_t *list = wl__memory(NULL, (count + 1) * sizeof *list);
    for (size_t place = 0; place < count; place++)
        list[place] = wasmload_script_http_borrow_pending(pending[place]->own);
    wasmload_script_http_list_borrow_pending_t all = { list, count };
    double room;
    uint32_t first;
    bool found = wasmload_script_http_wait_any(&all, wl__timeout(seconds, &room), &first);
    free(list);
    return found ? (long)first : -1;
}

void wl_clear_cookies(void) { wasmload_script_http_clear_cookies(); }

/* -- Setting up -------------------------------------------------------------------------------------------------- */

void wl_header_bytes(wl_request *request, const char *name, wl_bytes value)
{
    load_script_string_t text = wl__text(name);
    load_script_list_u8_t list = wl__list(value);
    wasmload_script_http_method_request_add_header(self_of(request), &text, &list);
}

static wl_bytes bytes_of(const char *text)
{
    wl_bytes bytes = { (const uint8_t *)text, text == NULL ? 0 : strlen(text) };
    return bytes;
}

void wl_header(wl_request *request, const char *name, const char *value)
{
    wl_header_bytes(request, name, bytes_of(value));
}

void wl_bearer(wl_request *request, const char *token)
{
    wl_header(request, "authorization", wl_format("Bearer %s", token));
}

void wl_basic(wl_request *request, const char *user, const char *password)
{
    /* RFC 4648, section 4. */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *both = wl_format("%s:%s", user, password);
    size_t length = strlen(both);
    char *packed = wl__new((length + 2) / 3 * 4 + 1, NULL), *to = packed;
    for (size_t place = 0; place < length; place += 3) {
        uint32_t bits = 0;
        size_t there = length - place < 3 ? length - place : 3;
        for (size_t byte = 0; byte < 3; byte++)
            bits = bits << 8 | (byte < there ? (uint8_t)both[place + byte] : 0);
        for (size_t digit = 0; digit < 4; digit++)
            *to++ = digit <= there ? digits[bits >> (18 - 6 * digit) & 63] : '=';
    }
    wl_header(request, "authorization", wl_format("Basic %s", packed));
}

void wl_digest(wl_request *request, const char *user, const char *password)
{
    load_script_string_t texts[] = { wl__text(user), wl__text(password) };
    wasmload_script_http_method_request_set_digest_auth(self_of(request), &texts[0], &texts[1]);
}

void wl_body_bytes(wl_request *request, wl_bytes body)
{
    load_script_list_u8_t list = wl__list(body);
    wasmload_script_http_method_request_set_body(self_of(request), &list);
}

void wl_body(wl_request *request, const char *body) { wl_body_bytes(request, bytes_of(body)); }

void wl_body_json(wl_request *request, const char *json)
{
    wl_header(request, "content-type", "application/json");
    wl_body(request, json);
}

/* `application/x-www-form-urlencoded`, as the URL Standard writes it. */
static char *put_encoded(char *to, const char *text)
{
    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        if (is_plain || strchr("*-._", byte) != NULL)
            *to++ = (char)byte;
        else if (byte == ' ')
            *to++ = '+';
        else
            to += sprintf(to, "%%%02X", byte);
    }
    return to;
}

void wl_body_form(wl_request *request, const char *const *fields)
{
    size_t length = 1;
    for (const char *const *field = fields; *field != NULL; field++)
        length += 3 * strlen(*field) + 1;
    char *form = wl__new(length, NULL), *to = form;
    for (size_t place = 0; fields[place] != NULL; place++) {
        if (place > 0)
            *to++ = place % 2 == 0 ? '&' : '=';
        to = put_encoded(to, fields[place]);
    }
    wl_header(request, "content-type", "application/x-www-form-urlencoded");
    wl_body(request, form);
}

static void set_packed(wl_request *request, wl_bytes body, wasmload_script_http_encoding_t encoding)
{
    load_script_list_u8_t list = wl__list(body);
    wasmload_script_http_method_request_set_packed_body(self_of(request), &list, encoding);
}

void wl_body_gzip(wl_request *request, wl_bytes body) { set_packed(request, body, WASMLOAD_SCRIPT_HTTP_ENCODING_GZIP); }

void wl_body_deflate(wl_request *request, wl_bytes body)
{
    set_packed(request, body, WASMLOAD_SCRIPT_HTTP_ENCODING_DEFLATE);
}

void wl_body_upload(wl_request *request, const wl_upload *upload)
{
    wasmload_script_http_method_request_set_upload(self_of(request), wasmload_script_http_borrow_upload(upload->own));
}

static void set_policy(wl_request *request, uint8_t tag, uint32_t first)
{
    wasmload_script_http_body_policy_t policy = { tag, { first } };
    wasmload_script_http_method_request_set_body_policy(self_of(request), &policy);
}

void wl_keep_body(wl_request *request) { set_policy(request, WASMLOAD_SCRIPT_HTTP_BODY_POLICY_KEEP, 0); }
void wl_discard_body(wl_request *request) { set_policy(request, WASMLOAD_SCRIPT_HTTP_BODY_POLICY_DISCARD, 0); }
void wl_hash_body(wl_request *request) { set_policy(request, WASMLOAD_SCRIPT_HTTP_BODY_POLICY_HASH, 0); }

void wl_keep_first(wl_request *request, uint32_t bytes)
{
    set_policy(request, WASMLOAD_SCRIPT_HTTP_BODY_POLICY_FIRST, bytes);
}

void wl_max_redirects(wl_request *request, uint32_t limit)
{
    wasmload_script_http_method_request_set_redirects(self_of(request), limit);
}

void wl_expect_statuses(wl_request *request, uint16_t first, uint16_t last)
{
    size_t count = request->expected_count + 1;
    request->expected = wl__memory(request->expected, count * sizeof *request->expected);
    request->expected[count - 1].f0 = first;
    request->expected[count - 1].f1 = last;
    request->expected_count = count;
    load_script_list_tuple2_u16_u16_t ranges = { request->expected, count };
    wasmload_script_http_method_request_set_expected_statuses(self_of(request), &ranges);
}

void wl_timeout(wl_request *request, double seconds)
{
    wasmload_script_http_method_request_set_timeout(self_of(request), wl__milliseconds(seconds));
}

void wl_connect_timeout(wl_request *request, double seconds)
{
    wasmload_script_http_method_request_set_connect_timeout(self_of(request), wl__milliseconds(seconds));
}

void wl_first_byte_timeout(wl_request *request, double seconds)
{
    wasmload_script_http_method_request_set_first_byte_timeout(self_of(request), wl__milliseconds(seconds));
}

void wl_set_http_version(wl_request *request, wl_http_version version)
{
    wasmload_script_http_method_request_set_http_version(self_of(request), (uint8_t)version);
}

void wl_name(wl_request *request, const char *name)
{
    load_script_string_t text = wl__text(name);
    wasmload_script_http_method_request_set_name(self_of(request), &text);
}

void wl_tag(wl_request *request, const char *name, const char *value)
{
    load_script_string_t texts[] = { wl__text(name), wl__text(value) };
    wasmload_script_http_method_request_set_tag(self_of(request), &texts[0], &texts[1]);
}

/* -- Responses --------------------------------------------------------------------------------------------------- */

static wasmload_script_http_borrow_response_t it(const wl_response *response)
{
    return wasmload_script_http_borrow_response(response->own);
}

int wl_status(const wl_response *response)
{
    return response->is_there ? wasmload_script_http_method_response_status(it(response)) : 0;
}

const char *wl_header_of(const wl_response *response, const char *name)
{
    load_script_string_t text = wl__text(name), value;
    if (!response->is_there || !wasmload_script_http_method_response_header(it(response), &text, &value))
        return NULL;
    return wl__taken(&value);
}

bool wl_header_at(const wl_response *response, size_t place, const char **name, wl_bytes *value)
{
    struct wl_response *mine = (struct wl_response *)response;
    if (!mine->is_there)
        return false;
    if (!mine->has_headers) {
        wasmload_script_http_method_response_headers(it(response), &mine->headers);
        mine->has_headers = true;
    }
    if (place >= mine->headers.len)
        return false;
    const wasmload_script_http_header_t *header = &mine->headers.ptr[place];
    *name = wl_format("%.*s", (int)header->f0.len, (const char *)header->f0.ptr);
    value->data = header->f1.ptr;
    value->length = header->f1.len;
    return true;
}

const char *wl_text(const wl_response *response)
{
    load_script_string_t text;
    if (!response->is_there)
        return "";
    wasmload_script_http_method_response_text(it(response), &text);
    return wl__taken(&text);
}

wl_bytes wl_body_of(const wl_response *response)
{
    wl_bytes none = { NULL, 0 };
    load_script_list_u8_t body;
    if (!response->is_there)
        return none;
    wasmload_script_http_method_response_body(it(response), &body);
    return wl__taken_bytes(&body);
}

const char *wl_json(const wl_response *response, const char *pointer)
{
    load_script_string_t text = wl__text(pointer), part;
    if (!response->is_there || !wasmload_script_http_method_response_json(it(response), &text, &part))
        return NULL;
    return wl__taken(&part);
}

const char *wl_json_text(const wl_response *response, const char *pointer)
{
    return wl__unquoted(wl_json(response, pointer));
}

uint64_t wl_body_length(const wl_response *response)
{
    return response->is_there ? (uint64_t)wasmload_script_http_method_response_whole_length(it(response)) : 0;
}

const char *wl_sha256(const wl_response *response)
{
    load_script_string_t text;
    if (!response->is_there || !wasmload_script_http_method_response_sha256(it(response), &text))
        return NULL;
    return wl__taken(&text);
}

const char *wl_url(const wl_response *response)
{
    load_script_string_t text;
    if (!response->is_there)
        return "";
    wasmload_script_http_method_response_url(it(response), &text);
    return wl__taken(&text);
}

wl_timings wl_timings_of(const wl_response *response)
{
    wl_timings made = { 0 };
    wasmload_script_http_timings_t parts;
    if (!response->is_there)
        return made;
    wasmload_script_http_method_response_timings(it(response), &parts);
    made.blocked = wl__seconds(parts.blocked);
    made.looking_up = wl__seconds(parts.looking_up);
    made.connecting = wl__seconds(parts.connecting);
    made.tls_handshaking = wl__seconds(parts.tls_handshaking);
    made.sending = wl__seconds(parts.sending);
    made.waiting = wl__seconds(parts.waiting);
    made.receiving = wl__seconds(parts.receiving);
    return made;
}

/* -- Bodies that are made, and read, as they go ------------------------------------------------------------------ */

wl_upload *wl_upload_new(void)
{
    wl_upload *upload = wl__new(sizeof *upload, drop_upload);
    upload->own = wasmload_script_http_constructor_upload();
    return upload;
}

static wasmload_script_http_borrow_upload_t body(const wl_upload *upload)
{
    return wasmload_script_http_borrow_upload(upload->own);
}

void wl_upload_bytes(wl_upload *upload, wl_bytes bytes)
{
    load_script_list_u8_t list = wl__list(bytes);
    wasmload_script_http_method_upload_add_bytes(body(upload), &list);
}

wl_error wl_upload_file(wl_upload *upload, const char *name)
{
    load_script_string_t text = wl__text(name);
    wasmload_script_http_error_t error;
    bool worked = wasmload_script_http_method_upload_add_file(body(upload), &text, &error);
    return worked ? WL_OK : wl__fail_http(upload, &error);
}

void wl_upload_random(wl_upload *upload, uint64_t length, uint32_t seed)
{
    wasmload_script_http_method_upload_add_random(body(upload), (double)length, seed);
}

void wl_upload_upload(wl_upload *upload, const wl_upload *other)
{
    wasmload_script_http_method_upload_add_upload(body(upload), body(other));
}

uint64_t wl_upload_length(const wl_upload *upload)
{
    return (uint64_t)wasmload_script_http_method_upload_length(body(upload));
}

wl_download *wl_open(wl_request *request)
{
    wl_download *download = wl__new(sizeof *download, drop_download);
    wasmload_script_http_error_t error;
    download->is_there = wasmload_script_http_method_request_open(self_of(request), &download->own, &error);
    if (!download->is_there)
        wl__fail_http(download, &error);
    return download;
}

wl_response *wl_download_response(const wl_download *download)
{
    if (download->is_there)
        return wl__response(
            wasmload_script_http_method_download_response(wasmload_script_http_borrow_download(download->own)));
    wl_response *response = wl__new(sizeof *response, drop_response);
    wl__fail(response, wl_error_of(download), wl_why(download), NULL);
    return response;
}

bool wl_read(wl_download *download, wl_bytes *part, double *arrived)
{
    wasmload_script_http_option_chunk_t chunk;
    wasmload_script_http_error_t error;
    if (!download->is_there)
        return false;
    wasmload_script_http_borrow_download_t self = wasmload_script_http_borrow_download(download->own);
    if (!wasmload_script_http_method_download_read(self, &chunk, &error)) {
        wl__fail_http(download, &error);
        return false;
    }
    if (!chunk.is_some)
        return false;
    if (arrived != NULL)
        *arrived = wl__seconds(chunk.val.arrived);
    *part = wl__taken_bytes(&chunk.val.bytes);
    return true;
}
