"""Users who log in once, then browse and buy: setup, state between iterations, JSON, metrics, thresholds."""

from wasmload import Request, Trend, base_url, check, context, http, sleep

options = {
    "vus": 20,
    "duration": "10s",
    "thresholds": {
        "http_req_failed": ["rate<0.01"],
        "http_req_duration": ["p(95)<500"],
        "checks": ["rate>0.99"],
    },
}

basket_size = Trend("basket_size")
token = ""


def setup() -> None:
    """Runs once, before any user: is there a shop at all?"""
    http.get(base_url("/health")).expect_status(200)


def start() -> None:
    """Runs once a user: logging in is not part of what is measured as an iteration."""
    global token
    login = http.post(base_url("/login"), json={"user": f"user{context.vu()}", "password": "pass"})
    token = login.expect_status(200).json("/token")


def iterate() -> None:
    catalogue = http.get(base_url("/catalogue"))
    check("catalogue is up", catalogue.status == 200)
    products = catalogue.json("/products")

    basket = 0
    for product in products[context.iteration() % 7 :: 5]:
        # One name for all products, so that each does not become a row of its own.
        page = http.get(base_url(f"/products/{product['id']}"), name="/products/{id}")
        check("product is there", page.status == 200)

        put = http.post(base_url("/cart"), auth=token, json={"product": product["id"], "quantity": 1})
        basket += check("product is in the cart", put.status == 201)
        sleep(0.05)
    basket_size.add(basket)

    order = Request("POST", base_url("/checkout"), auth=token).send()
    check("order is taken", order.status == 201)
    sleep(0.2)
