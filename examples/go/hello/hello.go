// One page, one check: the smallest useful script.
package main

import (
	"time"

	"wasmload"
)

func init() {
	wasmload.Register(wasmload.Script{Options: `{ "vus": 5, "duration": "5s" }`, Iterate: iterate})
}

func main() {}

func iterate() error {
	home, err := wasmload.Get(wasmload.BaseURL("/"))
	if err != nil {
		return err
	}
	wasmload.Check("home is up", home.Status() == 200)
	wasmload.Sleep(500 * time.Millisecond)
	return nil
}
