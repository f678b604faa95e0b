/* The same in each language: a request and a check, then a pause or none; or nothing at all. `MODE` says which. */
#include <string.h>
#include <wasmload.h>

static const char *mode;

const char *start(wl_bytes data)
{
    (void)data;
    const char *given = wl_env("MODE");
    mode = given == NULL ? "" : wl_keep(given);
    return NULL;
}

const char *iterate(void)
{
    if (strcmp(mode, "nothing") == 0)
        return NULL;
    wl_response *page = wl_get(wl_base_url("/"));
    wl_check("status is 200", wl_status(page) == 200);
    if (strcmp(mode, "sleep") == 0)
        wl_sleep(2);
    return NULL;
}
