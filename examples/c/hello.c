/* One page, one check: the smallest useful script. */
#include <wasmload.h>

WASMLOAD_OPTIONS("{ \"vus\": 5, \"duration\": \"5s\" }")

const char *iterate(void)
{
    wl_response *home = wl_get(wl_base_url("/"));
    wl_check("home is up", wl_status(home) == 200);
    wl_sleep(0.5);
    return NULL;
}
