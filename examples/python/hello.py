"""One page, one check: the smallest useful script."""

from wasmload import base_url, check, http, sleep

options = {"vus": 5, "duration": "5s"}


def iterate() -> None:
    home = http.get(base_url("/"))
    check("home is up", home.status == 200)
    sleep(0.5)
