/* Stands in for the engine, so that a script can be tested on this machine: a header with all that it takes, for the one
 * file that is the test. It has what most scripts call; a script that calls more does not link, and wants a run.
 *
 *     wl_testing_answer("GET", "/", 200, "hello");
 *     assert(iterate() == NULL);
 *     assert(wl_testing_check("home is up") == 1);
 */
#ifndef WASMLOAD_TESTING_H
#define WASMLOAD_TESTING_H

#undef NDEBUG
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmload.h"

/* Tests are short: nothing is let go of, and there is room for so many things of each kind. */
#define WL_TESTING_MOST 1000

struct wl_response {
    const char *method, *path, *body;
    int status;
};
struct wl_request {
    const char *method, *url;
};

static struct wl_response wl_testing_answers[WL_TESTING_MOST];
static size_t wl_testing_answer_count;
static struct {
    const char *name;
    int passed;
} wl_testing_checks[WL_TESTING_MOST];
static size_t wl_testing_check_count;
/* How long the script slept in all, in seconds. No time passes. */
static double wl_testing_slept;

/* Says how the target answers from now on: `path` as the script gives it to wl_base_url. */
static inline void wl_testing_answer(const char *method, const char *path, int status, const char *body)
{
    assert(wl_testing_answer_count < WL_TESTING_MOST);
    struct wl_response answer = { method, path, body, status };
    wl_testing_answers[wl_testing_answer_count++] = answer;
}

/* How the last check of this name came out: 1 it held, 0 it did not, -1 there was none. */
static inline int wl_testing_check(const char *name)
{
    for (size_t place = wl_testing_check_count; place > 0; place--)
        if (strcmp(wl_testing_checks[place - 1].name, name) == 0)
            return wl_testing_checks[place - 1].passed;
    return -1;
}

const char *wl_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *made = malloc(65536);
    assert(made != NULL);
    vsnprintf(made, 65536, format, arguments);
    va_end(arguments);
    return made;
}

bool wl_check(const char *name, bool passed)
{
    assert(wl_testing_check_count < WL_TESTING_MOST);
    wl_testing_checks[wl_testing_check_count].name = name;
    wl_testing_checks[wl_testing_check_count++].passed = passed;
    return passed;
}

wl_request *wl_request_new(const char *method, const char *url)
{
    wl_request *request = malloc(sizeof *request);
    assert(request != NULL);
    request->method = method;
    request->url = url;
    return request;
}

wl_response *wl_send(wl_request *request)
{
    static const char target[] = "http://target.test";
    bool is_ours = strncmp(request->url, target, sizeof target - 1) == 0;
    const char *path = is_ours ? request->url + sizeof target - 1 : request->url;
    for (size_t place = wl_testing_answer_count; place > 0; place--) {
        struct wl_response *answer = &wl_testing_answers[place - 1];
        if (strcmp(answer->method, request->method) == 0 && strcmp(answer->path, path) == 0)
            return answer;
    }
    fprintf(stderr, "the test says no answer to %s %s\n", request->method, path);
    abort();
}

wl_response *wl_get(const char *url) { return wl_send(wl_request_new("GET", url)); }

wl_response *wl_post(const char *url, const char *content_type, const char *body)
{
    (void)content_type, (void)body;
    return wl_send(wl_request_new("POST", url));
}

void wl_header(wl_request *request, const char *name, const char *value) { (void)request, (void)name, (void)value; }
void wl_bearer(wl_request *request, const char *token) { (void)request, (void)token; }
void wl_body(wl_request *request, const char *body) { (void)request, (void)body; }
void wl_body_json(wl_request *request, const char *json) { (void)request, (void)json; }
void wl_name(wl_request *request, const char *name) { (void)request, (void)name; }
int wl_status(const wl_response *response) { return response->status; }
const char *wl_text(const wl_response *response) { return response->body; }
void wl_sleep(double seconds) { wl_testing_slept += seconds; }
double wl_now(void) { return wl_testing_slept; }
const char *wl_base_url(const char *path) { return wl_format("http://target.test%s", path); }
const char *wl_group_begin(const char *name) { (void)name; return NULL; }
void wl_group_end(void) {}
void wl_set_tag(const char *name, const char *value) { (void)name, (void)value; }
uint32_t wl_vu(void) { return 1; }
uint32_t wl_iteration(void) { return 0; }
const char *wl_env(const char *name) { (void)name; return NULL; }
void wl_info(const char *message) { fprintf(stderr, "%s\n", message); }
void wl_trend_add(const char *name, double value, wl_tags tags) { (void)name, (void)value, (void)tags; }
void wl_counter_add(const char *name, double value, wl_tags tags) { (void)name, (void)value, (void)tags; }
void wl_drop(const void *thing) { (void)thing; }
void *wl_keep_thing(const void *thing) { return (void *)thing; }

#endif
