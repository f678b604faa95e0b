/* What is measured, and what the run gives: checks, metrics, time, context, messages, rows. */
#include "wasmload_internal.h"

#include <stdlib.h>
#include <string.h>

bool wl_check(const char *name, bool passed)
{
    load_script_string_t text = wl__text(name);
    return wasmload_script_checks_check(&text, passed);
}

/* -- Metrics ----------------------------------------------------------------------------------------------------- */

/* A metric is made once a user: by its name, and by what it is. */
typedef struct metric {
    struct metric *next;
    char kind;
    int32_t handle;
    char name[];
} metric;

static metric *metrics;

static int32_t made(char kind, const char *name)
{
    for (metric *one = metrics; one != NULL; one = one->next)
        if (one->kind == kind && strcmp(one->name, name) == 0)
            return one->handle;
    load_script_string_t text = wl__text(name);
    int32_t handle = kind == 'c'   ? wasmload_script_metrics_constructor_counter(&text).__handle
                     : kind == 'g' ? wasmload_script_metrics_constructor_gauge(&text).__handle
                     : kind == 'r' ? wasmload_script_metrics_constructor_rate(&text).__handle
                                   : wasmload_script_metrics_constructor_trend(&text, kind == 't').__handle;
    metric *one = wl__memory(NULL, sizeof *one + strlen(name) + 1);
    one->next = metrics;
    one->kind = kind;
    one->handle = handle;
    strcpy(one->name, name);
    metrics = one;
    return handle;
}

static wasmload_script_metrics_list_tag_t listed(wl_tags tags)
{
    size_t count = 0;
    while (tags != NULL && tags[count] != NULL)
        count++;
    count /= 2;
    wasmload_script_metrics_tag_t *list = count == 0 ? NULL : wl__new(count * sizeof *list, NULL);
    for (size_t place = 0; place < count; place++) {
        list[place].f0 = wl__text(tags[2 * place]);
        list[place].f1 = wl__text(tags[2 * place + 1]);
    }
    wasmload_script_metrics_list_tag_t all = { list, count };
    return all;
}

void wl_counter_add(const char *name, double value, wl_tags tags)
{
    wasmload_script_metrics_list_tag_t list = listed(tags);
    wasmload_script_metrics_borrow_counter_t self = { made('c', name) };
    wasmload_script_metrics_method_counter_add(self, value, &list);
}

void wl_gauge_set(const char *name, double value, wl_tags tags)
{
    wasmload_script_metrics_list_tag_t list = listed(tags);
    wasmload_script_metrics_borrow_gauge_t self = { made('g', name) };
    wasmload_script_metrics_method_gauge_set(self, value, &list);
}

void wl_rate_add(const char *name, bool value, wl_tags tags)
{
    wasmload_script_metrics_list_tag_t list = listed(tags);
    wasmload_script_metrics_borrow_rate_t self = { made('r', name) };
    wasmload_script_metrics_method_rate_add(self, value, &list);
}

static void trend_add(char kind, const char *name, double value, wl_tags tags)
{
    wasmload_script_metrics_list_tag_t list = listed(tags);
    wasmload_script_metrics_borrow_trend_t self = { made(kind, name) };
    wasmload_script_metrics_method_trend_add(self, value, &list);
}

void wl_trend_add(const char *name, double value, wl_tags tags) { trend_add('n', name, value, tags); }

void wl_trend_add_time(const char *name, double seconds, wl_tags tags)
{
    trend_add('t', name, wl__milliseconds(seconds), tags);
}

/* -- Time and context -------------------------------------------------------------------------------------------- */

void wl_sleep(double seconds) { wasmload_script_timing_sleep(wl__milliseconds(seconds)); }
double wl_now(void) { return wl__seconds(wasmload_script_timing_now()); }
uint32_t wl_vu(void) { return wasmload_script_context_vu(); }
uint32_t wl_iteration(void) { return wasmload_script_context_iteration(); }
uint32_t wl_iteration_in_scenario(void) { return wasmload_script_context_iteration_in_scenario(); }

const char *wl_scenario(void)
{
    load_script_string_t name;
    wasmload_script_context_scenario(&name);
    return wl__taken(&name);
}

const char *wl_executor(void)
{
    load_script_string_t name;
    wasmload_script_context_executor(&name);
    return wl__taken(&name);
}

void wl_set_tag(const char *name, const char *value)
{
    load_script_string_t tag = wl__text(name), text = wl__text(value);
    wasmload_script_context_set_tag(&tag, &text);
}

void wl_remove_tag(const char *name)
{
    load_script_string_t tag = wl__text(name);
    wasmload_script_context_remove_tag(&tag);
}

/* -- Groups ------------------------------------------------------------------------------------------------------ */

/* Those that are open, the outermost first: as many as the engine lets there be. */
static wasmload_script_spans_own_span_t groups[32];
static size_t open_groups;

const char *wl_group_begin(const char *name)
{
    if (open_groups == sizeof groups / sizeof *groups)
        return "32 groups are open, and there may be no more";
    load_script_string_t text = wl__text(name), why;
    if (!wasmload_script_spans_static_span_open(&text, &groups[open_groups], &why))
        return wl__taken(&why);
    open_groups++;
    return NULL;
}

void wl_group_end(void)
{
    if (open_groups > 0)
        wasmload_script_spans_span_drop_own(groups[--open_groups]);
}

void wl__end_groups(void)
{
    while (open_groups > 0)
        wl_group_end();
}

const char *wl_env(const char *name)
{
    load_script_string_t text = wl__text(name), value;
    return wasmload_script_context_env(&text, &value) ? wl__taken(&value) : NULL;
}

const char *wl_secret(const char *name)
{
    load_script_string_t text = wl__text(name), value;
    return wasmload_script_secrets_get(&text, &value) ? wl__taken(&value) : NULL;
}

const char *wl_base_url(const char *path)
{
    /* The environment does not change while a script runs, so it is asked for once. */
    static char *base;
    if (base == NULL) {
        const char *given = wl_env("BASE_URL");
        if (given == NULL || *given == '\0')
            given = "http://127.0.0.1:8080";
        size_t length = strlen(given);
        while (length > 0 && given[length - 1] == '/')
            length--;
        base = wl__memory(NULL, length + 1);
        memcpy(base, given, length);
        base[length] = '\0';
    }
    return wl_format("%s%s", base, path);
}

const char *wl_ws_url(const char *path)
{
    const char *url = wl_base_url(path);
    return strncmp(url, "http", 4) == 0 ? wl_format("ws%s", url + 4) : url;
}

_Noreturn void wl_abort(const char *reason)
{
    load_script_string_t text = wl__text(reason);
    wasmload_script_context_abort(&text);
    abort();
}

/* -- Messages ---------------------------------------------------------------------------------------------------- */

static void write_message(wasmload_script_log_level_t level, const char *message)
{
    load_script_string_t text = wl__text(message);
    wasmload_script_log_log(level, &text);
}

void wl_debug(const char *message) { write_message(WASMLOAD_SCRIPT_LOG_LEVEL_DEBUG, message); }
void wl_info(const char *message) { write_message(WASMLOAD_SCRIPT_LOG_LEVEL_INFO, message); }
void wl_warn(const char *message) { write_message(WASMLOAD_SCRIPT_LOG_LEVEL_WARN, message); }
void wl_log_error(const char *message) { write_message(WASMLOAD_SCRIPT_LOG_LEVEL_ERROR, message); }

/* -- Rows -------------------------------------------------------------------------------------------------------- */

struct wl_dataset {
    bool is_open;
    wasmload_script_dataset_own_dataset_t own;
};
struct wl_row {
    bool is_there;
    wasmload_script_dataset_own_row_t own;
};

static void drop_dataset(void *thing)
{
    struct wl_dataset *dataset = thing;
    if (dataset->is_open)
        wasmload_script_dataset_dataset_drop_own(dataset->own);
}

static void drop_row(void *thing)
{
    struct wl_row *row = thing;
    if (row->is_there)
        wasmload_script_dataset_row_drop_own(row->own);
}

static void fail(const void *thing, wasmload_script_dataset_error_t *error)
{
    switch (error->tag) {
    case WASMLOAD_SCRIPT_DATASET_ERROR_NOT_DECLARED:
        wl__fail(thing, WL_NOT_DECLARED, "", &error->val.not_declared);
        break;
    case WASMLOAD_SCRIPT_DATASET_ERROR_EXHAUSTED:
        wl__fail(thing, WL_EXHAUSTED, "each row of the dataset has been handed out", NULL);
        break;
    case WASMLOAD_SCRIPT_DATASET_ERROR_NO_SUCH_ROW:
        wl__fail(thing, WL_NO_SUCH_ROW, "the dataset has no such row", NULL);
        break;
    default:
        wl__fail(thing, WL_UNREADABLE, "a row cannot be read: ", &error->val.unreadable);
    }
    wasmload_script_dataset_error_free(error);
}

wl_dataset *wl_dataset_open(const char *name)
{
    wl_dataset *dataset = wl__new(sizeof *dataset, drop_dataset);
    load_script_string_t text = wl__text(name);
    wasmload_script_dataset_error_t error;
    dataset->is_open = wasmload_script_dataset_static_dataset_open(&text, &dataset->own, &error);
    if (!dataset->is_open)
        fail(dataset, &error);
    return dataset;
}

uint32_t wl_dataset_length(const wl_dataset *dataset)
{
    if (!dataset->is_open)
        return 0;
    return wasmload_script_dataset_method_dataset_len(wasmload_script_dataset_borrow_dataset(dataset->own));
}

/* The row of this number, or the next if there is none. */
static wl_row *row_of(wl_dataset *dataset, const uint32_t *number)
{
    wl_row *row = wl__new(sizeof *row, drop_row);
    if (!dataset->is_open) {
        wl__fail(row, wl_error_of(dataset), wl_why(dataset), NULL);
        return row;
    }
    wasmload_script_dataset_borrow_dataset_t self = wasmload_script_dataset_borrow_dataset(dataset->own);
    wasmload_script_dataset_error_t error;
    row->is_there = number == NULL ? wasmload_script_dataset_method_dataset_next(self, &row->own, &error)
                                   : wasmload_script_dataset_method_dataset_row(self, *number, &row->own, &error);
    if (!row->is_there)
        fail(row, &error);
    return row;
}

wl_row *wl_next_row(wl_dataset *dataset) { return row_of(dataset, NULL); }
wl_row *wl_row_at(wl_dataset *dataset, uint32_t number) { return row_of(dataset, &number); }

uint32_t wl_row_number(const wl_row *row)
{
    return row->is_there ? wasmload_script_dataset_method_row_number(wasmload_script_dataset_borrow_row(row->own)) : 0;
}

const char *wl_field(const wl_row *row, const char *name)
{
    load_script_string_t text = wl__text(name), value;
    if (!row->is_there)
        return NULL;
    wasmload_script_dataset_borrow_row_t self = wasmload_script_dataset_borrow_row(row->own);
    return wasmload_script_dataset_method_row_get(self, &text, &value) ? wl__taken(&value) : NULL;
}

const char *wl_row_json(const wl_row *row)
{
    load_script_string_t value;
    if (!row->is_there)
        return "";
    wasmload_script_dataset_method_row_json(wasmload_script_dataset_borrow_row(row->own), &value);
    return wl__taken(&value);
}
