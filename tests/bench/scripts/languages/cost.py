"""The same in each language: a request and a check, then a pause or none; or nothing at all. `MODE` says which."""

from wasmload import base_url, check, context, http, sleep

mode = None


def start(data):
    global mode
    mode = context.env("MODE")


def iterate():
    if mode == "nothing":
        return
    page = http.get(base_url("/"))
    check("status is 200", page.status == 200)
    if mode == "sleep":
        sleep(2)
