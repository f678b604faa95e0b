/* What a script is, how long things live, and all that is neither HTTP nor a stream. */
#include "wasmload_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Things ------------------------------------------------------------------------------------------------------ */

/* Rings of what lives until the call ends, and of what lives as long as the user. */
static wl__head passing = { &passing, &passing, NULL, WL_OK, NULL };
static wl__head lasting = { &lasting, &lasting, NULL, WL_OK, NULL };

void *wl__memory(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (memory == NULL && size != 0) {
        fputs("the script is out of memory\n", stderr);
        abort();
    }
    return memory;
}

static void link_into(wl__head *ring, wl__head *head)
{
    head->previous = ring->previous;
    head->next = ring;
    ring->previous->next = head;
    ring->previous = head;
}

void *wl__new(size_t size, void (*drop)(void *thing))
{
    wl__head *head = wl__memory(NULL, sizeof *head + size);
    memset(head, 0, sizeof *head + size);
    head->drop = drop;
    link_into(&passing, head);
    return head + 1;
}

wl__head *wl__head_of(const void *thing) { return (wl__head *)thing - 1; }

static void unlink_it(wl__head *head)
{
    head->previous->next = head->next;
    head->next->previous = head->previous;
}

void *wl_keep_thing(const void *thing)
{
    if (thing != NULL) {
        unlink_it(wl__head_of(thing));
        link_into(&lasting, wl__head_of(thing));
    }
    return (void *)thing;
}

void wl_drop(const void *thing)
{
    if (thing == NULL)
        return;
    wl__head *head = wl__head_of(thing);
    unlink_it(head);
    if (head->drop != NULL)
        head->drop(head + 1);
    free(head->why);
    free(head);
}

/* The last that was made is let go of first: a stream before the request that it was opened with. */
static void drop_all(wl__head *ring)
{
    while (ring->previous != ring)
        wl_drop(ring->previous + 1);
}

/* What was made in `start` is the user's. */
static void keep_all(void)
{
    while (passing.next != &passing)
        wl_keep_thing(passing.next + 1);
}

/* -- Errors ------------------------------------------------------------------------------------------------------ */

const char *wl_error_name(wl_error error)
{
    static const char *const names[] = {
        "ok", "invalid-request", "name-not-resolved", "connection-refused", "connection-reset", "closed-early", "timed-out",
        "malformed-response", "body-too-large", "not-allowed", "other", "refused", "malformed-handshake", "protocol-error",
        "message-too-large", "closed", "not-a-stream", "event-too-large", "ended", "not-declared", "exhausted",
        "no-such-row", "unreadable",
    };
    return (size_t)error < sizeof names / sizeof *names ? names[error] : "other";
}

wl_error wl_error_of(const void *thing) { return thing == NULL ? WL_OTHER : wl__head_of(thing)->error; }

const char *wl_why(const void *thing)
{
    if (thing == NULL)
        return "there is no such thing";
    const wl__head *head = wl__head_of(thing);
    return head->why != NULL ? head->why : "";
}

wl_error wl__fail(const void *thing, wl_error error, const char *words, load_script_string_t *detail)
{
    wl__head *head = wl__head_of(thing);
    size_t between = strlen(words), length = detail != NULL ? detail->len : 0;
    free(head->why);
    head->why = wl__memory(NULL, between + length + 1);
    memcpy(head->why, words, between);
    if (length > 0)
        memcpy(head->why + between, detail->ptr, length);
    head->why[between + length] = '\0';
    head->error = error;
    return error;
}

/* -- Texts ------------------------------------------------------------------------------------------------------- */

load_script_string_t wl__text(const char *text)
{
    load_script_string_t made = { (uint8_t *)text, text == NULL ? 0 : strlen(text) };
    return made;
}

load_script_list_u8_t wl__list(wl_bytes bytes)
{
    load_script_list_u8_t made = { (uint8_t *)bytes.data, bytes.length };
    return made;
}

const char *wl__taken(load_script_string_t *text)
{
    char *taken = wl__new(text->len + 1, NULL);
    if (text->len > 0)
        memcpy(taken, text->ptr, text->len);
    load_script_string_free(text);
    return taken;
}

wl_bytes wl__taken_bytes(load_script_list_u8_t *bytes)
{
    uint8_t *taken = wl__new(bytes->len + 1, NULL);
    if (bytes->len > 0)
        memcpy(taken, bytes->ptr, bytes->len);
    wl_bytes made = { taken, bytes->len };
    load_script_list_u8_free(bytes);
    return made;
}

const char *wl_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return "a text that cannot be made";
    char *made = wl__new((size_t)length + 1, NULL);
    va_start(arguments, format);
    vsnprintf(made, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return made;
}

static unsigned hex4(const char *digits)
{
    char four[5] = { 0 };
    for (int place = 0; place < 4 && digits[place] != '\0'; place++)
        four[place] = digits[place];
    return (unsigned)strtoul(four, NULL, 16);
}

/* Writes a character as UTF-8, and gives where the next goes. */
static char *put(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 63));
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

const char *wl__unquoted(const char *json)
{
    if (json == NULL || *json != '"')
        return NULL;
    /* No escape is shorter than what it stands for. */
    char *made = wl__new(strlen(json), NULL), *to = made;
    for (const char *from = json + 1; *from != '\0' && *from != '"'; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        static const char plain[] = "nrtbf", meant[] = "\n\r\t\b\f";
        const char *known = *from == '\0' ? NULL : strchr(plain, *from);
        if (*from == '\0') {
            break;
        } else if (known != NULL) {
            *to++ = meant[known - plain];
        } else if (*from == 'u' && strlen(from) > 4) {
            unsigned code = hex4(from + 1);
            from += 4;
            if (code >= 0xd800 && code < 0xdc00 && from[1] == '\\' && from[2] == 'u') {
                code = 0x10000 + ((code & 0x3ff) << 10) + (hex4(from + 3) & 0x3ff);
                from += strlen(from) < 6 ? strlen(from) - 1 : 6;
            }
            to = put(to, code);
        } else {
            *to++ = *from;
        }
    }
    return made;
}

/* -- What the engine calls --------------------------------------------------------------------------------------- */

__attribute__((weak)) const char *const wl_options = "";
__attribute__((weak)) const wl_flow wl_flows[] = { { NULL, NULL } };
__attribute__((weak)) const char *iterate(void) { return "the script has no `iterate`"; }
__attribute__((weak)) const char *setup(wl_bytes *data) { (void)data; return NULL; }
__attribute__((weak)) const char *start(wl_bytes data) { (void)data; return NULL; }
__attribute__((weak)) void stop(void) {}
__attribute__((weak)) const char *teardown(wl_bytes data) { (void)data; return NULL; }

/* The compiler must not think that it knows the weak ones. */
static const wl_flow *flows(void)
{
    const wl_flow *volatile found = wl_flows;
    return found;
}

static const char *options(void)
{
    const char *const *volatile found = &wl_options;
    return *found;
}

void exports_wasmload_script_script_options(load_script_string_t *ret)
{
    /* As text, so that whatever is wrong in it is told of as it was written. */
    const char *own = options(), *named = "\"flows\":[";
    const wl_flow only[] = { { "default", iterate }, { NULL, NULL } };
    const wl_flow *all = flows()->name == NULL ? only : flows();
    for (const wl_flow *flow = all; flow->name != NULL; flow++)
        named = wl_format("%s%s\"%s\"", named, flow == all ? "" : ",", flow->name);
    while (*own == ' ' || *own == '\n' || *own == '\t')
        own++;
    const char *rest = own + (*own == '{');
    while (*rest == ' ' || *rest == '\n' || *rest == '\t')
        rest++;
    const char *whole = own;
    if (*own == '\0')
        whole = wl_format("{%s]}", named);
    else if (*own == '{')
        whole = wl_format("{%s]%s%s", named, *rest == '}' ? "" : ",", own + 1);
    load_script_string_dup(ret, whole);
    drop_all(&passing);
}

/* Gives why a call failed to the contract; true is that it did not. */
static bool ended(const char *why, load_script_string_t *err)
{
    if (why != NULL)
        load_script_string_dup(err, why);
    fflush(stdout);
    return why == NULL;
}

static wl_bytes seen(const load_script_list_u8_t *data)
{
    wl_bytes bytes = { data->ptr, data->len };
    return bytes;
}

bool exports_wasmload_script_script_setup(load_script_list_u8_t *ret, load_script_string_t *err)
{
    wl_bytes data = { NULL, 0 };
    bool worked = ended(setup(&data), err);
    if (worked) {
        ret->len = data.length;
        ret->ptr = wl__memory(NULL, data.length + 1);
        if (data.length > 0)
            memcpy(ret->ptr, data.data, data.length);
    }
    drop_all(&passing);
    return worked;
}

bool exports_wasmload_script_script_start(load_script_list_u8_t *data, load_script_string_t *err)
{
    bool worked = ended(start(seen(data)), err);
    wl__end_groups();
    load_script_list_u8_free(data);
    keep_all();
    return worked;
}

bool exports_wasmload_script_script_iterate(load_script_string_t *name, load_script_string_t *err)
{
    const char *wanted = wl__taken(name), *why;
    const wl_flow *flow = flows();
    bool has_flows = flow->name != NULL;
    while (flow->name != NULL && strcmp(flow->name, wanted) != 0)
        flow++;
    if (flow->name != NULL)
        why = flow->run();
    else if (!has_flows && strcmp(wanted, "default") == 0)
        why = iterate();
    else
        why = wl_format("there is no flow `%s`", wanted);
    bool worked = ended(why, err);
    wl__end_groups();
    drop_all(&passing);
    return worked;
}

void exports_wasmload_script_script_stop(void)
{
    stop();
    wl__end_groups();
    fflush(stdout);
    drop_all(&passing);
    drop_all(&lasting);
}

bool exports_wasmload_script_script_teardown(load_script_list_u8_t *data, load_script_string_t *err)
{
    bool worked = ended(teardown(seen(data)), err);
    load_script_list_u8_free(data);
    drop_all(&passing);
    return worked;
}

/* Generated code asks for an object that says which world the script is of. The engine says that when it builds. */
void __component_type_object_force_link_load_script(void);
void __component_type_object_force_link_load_script(void) {}
