// Package wasmload is for load-test scripts in Go.
//
// A script is a program that registers what its users do. Each virtual user is an instance of its own: a variable of
// the package belongs to one user, and needs no lock.
//
//	package main
//
//	import (
//		"time"
//
//		"wasmload"
//	)
//
//	func init() {
//		wasmload.Register(wasmload.Script{Options: `{ "vus": 10, "duration": "30s" }`, Iterate: iterate})
//	}
//
//	func main() {}
//
//	func iterate() error {
//		home, err := wasmload.Get(wasmload.BaseURL("/"))
//		if err != nil {
//			return err
//		}
//		wasmload.Check("home is up", home.Status() == 200)
//		wasmload.Sleep(time.Second)
//		return nil
//	}
//
// What is made in an iteration, such as a response or a socket, is let go of when the iteration ends, so that nobody
// has to close anything. What is made in Start lives as long as its user; Keep has anything else do so. To use what
// was let go of is a panic. A panic ends this user with its words, and the user begins anew.
//
// The bindings in internal are made from the contract and are not for scripts.
package wasmload

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	exported "wasmload/internal/exported/export_wasmload_script_script"
	wit "wasmload/internal/wit/types"

	// What the engine calls.
	_ "wasmload/internal/bindings/wit_exports"
)

// Script is what one virtual user does. Only Iterate or Flows must be there.
type Script struct {
	// Options is the load that the script was written for, as JSON in the schema of the options file. The command
	// line, the environment and a configuration file override it.
	Options string
	// Setup prepares the run, once, and returns bytes for every user's Start and for Teardown. An error ends the run
	// before any load.
	Setup func() ([]byte, error)
	// Start makes this user, once, before its first iteration, with what Setup returned. On an error the user does not
	// iterate; it tries again later.
	Start func(data []byte) error
	// Iterate runs one iteration of the flow "default". An error fails this iteration, and the user goes on with the next.
	Iterate func() error
	// Flows are what else users do, by the names that scenarios have in exec or weights.
	Flows map[string]func() error
	// Stop ends this user, after its last iteration. It is not called on a user that is cut off.
	Stop func()
	// Teardown ends the run, once, with what Setup returned.
	Teardown func(data []byte) error
}

// Register makes this the script of the program. It is called once, in init.
func Register(script Script) {
	if exported.IsRegistered() {
		panic("a program is one script: wasmload.Register was called twice")
	}
	flows := make(map[string]func() error, len(script.Flows)+1)
	for name, flow := range script.Flows {
		flows[name] = flow
	}
	if script.Iterate != nil {
		flows["default"] = script.Iterate
	}
	exported.Register(func() string { return withFlows(script.Options, flows) })
	exported.Setup = func() wit.Result[[]uint8, string] {
		if script.Setup == nil {
			return wit.Ok[[]uint8, string](nil)
		}
		data, err := script.Setup()
		if err != nil {
			return wit.Err[[]uint8, string](valid(err.Error()))
		}
		return wit.Ok[[]uint8, string](data)
	}
	exported.Start = func(data []uint8) wit.Result[wit.Unit, string] {
		if script.Start == nil {
			return outcome(nil)
		}
		return outcome(script.Start(data))
	}
	exported.Iterate = func(name string) wit.Result[wit.Unit, string] {
		flow := flows[name]
		if flow == nil {
			return outcome(fmt.Errorf("the script has no flow %q", name))
		}
		return outcome(iterate(flow))
	}
	exported.Stop = func() {
		if script.Stop != nil {
			script.Stop()
		}
	}
	exported.Teardown = func(data []uint8) wit.Result[wit.Unit, string] {
		if script.Teardown == nil {
			return outcome(nil)
		}
		return outcome(script.Teardown(data))
	}
}

func outcome(err error) wit.Result[wit.Unit, string] {
	if err != nil {
		return wit.Err[wit.Unit, string](valid(err.Error()))
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}

// valid is a text that may go to the engine, which takes no other than UTF-8.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// withFlows gives the options with the names of the flows among them. As text, so that whatever is wrong in them is
// told of as it was written.
func withFlows(options string, flows map[string]func() error) string {
	names := make([]string, 0, len(flows))
	for name := range flows {
		names = append(names, strconv.Quote(name))
	}
	sort.Strings(names)
	list := `"flows":[` + strings.Join(names, ",") + "]"
	options = strings.TrimSpace(options)
	rest, isObject := strings.CutPrefix(options, "{")
	switch {
	case options == "":
		return "{" + list + "}"
	case !isObject:
		return options
	case strings.HasPrefix(strings.TrimSpace(rest), "}"):
		return "{" + list + rest
	default:
		return "{" + list + "," + rest
	}
}
