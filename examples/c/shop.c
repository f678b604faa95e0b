/* Users who log in once, then browse and buy: setup, state between iterations, JSON, metrics, thresholds. */
#include <stdlib.h>
#include <wasmload.h>

WASMLOAD_OPTIONS("{"
                 "  \"vus\": 20,"
                 "  \"duration\": \"10s\","
                 "  \"thresholds\": {"
                 "    \"http_req_failed\": [\"rate<0.01\"],"
                 "    \"http_req_duration\": [\"p(95)<500\"],"
                 "    \"checks\": [\"rate>0.99\"]"
                 "  }"
                 "}")

static const char *token;

/* Runs once, before any user: is there a shop at all? */
const char *setup(wl_bytes *data)
{
    (void)data;
    wl_response *health = wl_get(wl_base_url("/health"));
    return wl_status(health) == 200 ? NULL : wl_failed("there is no shop: %d %s", wl_status(health), wl_why(health));
}

/* Runs once a user: logging in is not part of what is measured as an iteration. What is made here lasts. */
const char *start(wl_bytes data)
{
    (void)data;
    const char *who = wl_format("{\"user\":\"user%u\",\"password\":\"pass\"}", (unsigned)wl_vu());
    wl_response *login = wl_post(wl_base_url("/login"), "application/json", who);
    token = wl_json_text(login, "/token");
    return token != NULL ? NULL : wl_failed("the login gave no token, but %d %s", wl_status(login), wl_why(login));
}

static wl_response *send_with_token(const char *path, const char *json)
{
    wl_request *request = wl_request_new("POST", wl_base_url(path));
    wl_bearer(request, token);
    if (json != NULL)
        wl_body_json(request, json);
    return wl_send(request);
}

const char *iterate(void)
{
    wl_response *catalogue = wl_get(wl_base_url("/catalogue"));
    wl_check("catalogue is up", wl_status(catalogue) == 200);

    int basket = 0;
    for (unsigned place = wl_iteration() % 7;; place += 5) {
        const char *id = wl_json(catalogue, wl_format("/products/%u/id", place));
        if (id == NULL)
            break;
        wl_request *request = wl_request_new("GET", wl_base_url(wl_format("/products/%s", id)));
        /* One name for all products, so that each does not become a row of its own. */
        wl_name(request, "/products/{id}");
        wl_check("product is there", wl_status(wl_send(request)) == 200);

        wl_response *put = send_with_token("/cart", wl_format("{\"product\":%s,\"quantity\":1}", id));
        basket += wl_check("product is in the cart", wl_status(put) == 201);
        wl_sleep(0.05);
    }
    wl_trend_add("basket_size", basket, NULL);

    wl_response *order = send_with_token("/checkout", NULL);
    wl_check("order is taken", wl_status(order) == 201);
    wl_sleep(0.2);
    return NULL;
}
