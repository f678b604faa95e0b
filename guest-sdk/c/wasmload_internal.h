/* What the files of the SDK share: things and who lets go of them, texts to and from the contract, and time. Nothing
 * here is for scripts. */
#ifndef WASMLOAD_INTERNAL_H
#define WASMLOAD_INTERNAL_H

#include "generated/load_script.h"
#include "wasmload.h"

/* What stands before each thing that a script is given. */
typedef struct wl__head {
    struct wl__head *previous, *next;
    void (*drop)(void *thing);
    wl_error error;
    char *why;
} wl__head;

/* A thing of this many bytes, zeroed, that lives until the call ends. `drop` may be NULL. */
void *wl__new(size_t size, void (*drop)(void *thing));
wl__head *wl__head_of(const void *thing);
/* Says what happened to a thing; the words are copied. */
wl_error wl__fail(const void *thing, wl_error error, const char *words, load_script_string_t *detail);
wl_error wl__fail_http(const void *thing, wasmload_script_http_error_t *error);
/* Memory, or the end of the user. */
void *wl__memory(void *old, size_t size);

/* A text for the contract, which copies it. */
load_script_string_t wl__text(const char *text);
load_script_list_u8_t wl__list(wl_bytes bytes);
/* A text or bytes of the contract's, which are let go of, as a thing. */
const char *wl__taken(load_script_string_t *text);
wl_bytes wl__taken_bytes(load_script_list_u8_t *bytes);
/* A JSON string without its quotes and escapes; NULL if it is none. */
const char *wl__unquoted(const char *json);

wl_response *wl__response(wasmload_script_http_own_response_t own);
struct wl_request {
    wasmload_script_http_own_request_t own;
    load_script_tuple2_u16_u16_t *expected;
    size_t expected_count;
};

/* Ends the groups that are open. */
void wl__end_groups(void);

/* The contract counts in milliseconds. These are the only places of the SDK that know. */
static inline double wl__milliseconds(double seconds) { return seconds * 1e3; }
static inline double wl__seconds(double milliseconds) { return milliseconds / 1e3; }
/* A timeout, of which a negative one is none. */
static inline double *wl__timeout(double seconds, double *room)
{
    *room = wl__milliseconds(seconds);
    return seconds < 0 ? NULL : room;
}

#endif
