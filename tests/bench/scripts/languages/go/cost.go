// The same in each language: a request and a check, then a pause or none; or nothing at all. MODE says which.
package main

import (
	"time"

	"wasmload"
)

func init() { wasmload.Register(wasmload.Script{Start: start, Iterate: iterate}) }

func main() {}

var mode string

func start([]byte) error {
	mode, _ = wasmload.Env("MODE")
	return nil
}

func iterate() error {
	if mode == "nothing" {
		return nil
	}
	page, err := wasmload.Get(wasmload.BaseURL("/"))
	if err != nil {
		return err
	}
	wasmload.Check("status is 200", page.Status() == 200)
	if mode == "sleep" {
		wasmload.Sleep(2 * time.Second)
	}
	return nil
}
