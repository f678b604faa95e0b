// Package export_wasmload_script_script is what the generated exports call. Its name is the generator's.
//
// Registering a script sets all of these. A program that registers none panics when the engine asks for its options.
package export_wasmload_script_script

import wit "wasmload/internal/wit/types"

// What the registered script does; the functions of the contract's interface script.
var (
	registered func() string

	Setup    func() wit.Result[[]uint8, string]
	Start    func(data []uint8) wit.Result[wit.Unit, string]
	Iterate  func(flow string) wit.Result[wit.Unit, string]
	Stop     func()
	Teardown func(data []uint8) wit.Result[wit.Unit, string]
)

// IsRegistered says whether there is a script.
func IsRegistered() bool { return registered != nil }

// Register sets what gives the script's options.
func Register(options func() string) { registered = options }

// Options are the options of the script. It is the first function that the engine calls.
func Options() string {
	if registered == nil {
		panic("the program registers no script: call wasmload.Register in init")
	}
	return registered()
}
