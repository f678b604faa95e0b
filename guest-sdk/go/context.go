package wasmload

import (
	"strings"

	"wasmload/internal/bindings/wasmload_script_checks"
	"wasmload/internal/bindings/wasmload_script_context"
	"wasmload/internal/bindings/wasmload_script_log"
	"wasmload/internal/bindings/wasmload_script_secrets"
	"wasmload/internal/bindings/wasmload_script_spans"
	wit "wasmload/internal/wit/types"
)

// Check records whether something holds, and gives it back. It fails nothing.
func Check(name string, holds bool) bool { return wasmload_script_checks.Check(name, holds) }

// VU is the number of this virtual user in the run, from 1; 0 in Setup and Teardown.
func VU() int { return int(wasmload_script_context.Vu()) }

// Iteration is the number of this iteration among those of this user, from 0.
func Iteration() int { return int(wasmload_script_context.Iteration()) }

// IterationInScenario is the number of this iteration among all of the scenario's, from 0: no two are the same.
func IterationInScenario() int { return int(wasmload_script_context.IterationInScenario()) }

// Scenario is the name of the scenario; empty in Setup and Teardown.
func Scenario() string { return wasmload_script_context.Scenario() }

// Executor is the kind of executor that drives the scenario, as options name it; empty in Setup and Teardown.
func Executor() string { return wasmload_script_context.Executor() }

// SetTag puts a tag on every sample that this user begins from now on, in later iterations too. The tags scenario and
// group cannot be replaced.
func SetTag(name, value string) { wasmload_script_context.SetTag(name, value) }

// RemoveTag takes such a tag away again.
func RemoveTag(name string) { wasmload_script_context.RemoveTag(name) }

// Env is the value that was given to the run with `-e NAME=value`, or to the scenario; and whether one was.
func Env(name string) (string, bool) { return found(wasmload_script_context.Env(name)) }

// Secret is the value of a secret that was given to the run with --secret; and whether one was.
func Secret(name string) (string, bool) { return found(wasmload_script_secrets.Get(name)) }

// base is asked for once: the environment does not change while a script runs.
var base string

// BaseURL is a URL on the target: path on BASE_URL, or on http://127.0.0.1:8080 if the run was given none.
//
// `wasmload run --demo` sets BASE_URL to the demo target, and `-e BASE_URL=http://…` to any other.
func BaseURL(path string) string {
	if base == "" {
		given, isGiven := Env("BASE_URL")
		if !isGiven {
			given = "http://127.0.0.1:8080"
		}
		base = strings.TrimRight(given, "/")
	}
	return base + path
}

// WebSocketURL is BaseURL with ws for http and wss for https.
func WebSocketURL(path string) string {
	if rest, isHTTP := strings.CutPrefix(BaseURL(path), "http"); isHTTP {
		return "ws" + rest
	}
	return BaseURL(path)
}

// Abort ends the whole run, and says why. It does not return.
func Abort(reason string) {
	wasmload_script_context.Abort(reason)
	panic("the engine does not return from an abort")
}

// Group begins a part of an iteration that is measured as a whole, and gives what ends it:
//
//	defer wasmload.Group("checkout")()
//
// Until then what the script begins has the tag group, such as ::checkout; a group inside is ::checkout::pay. How long
// it was is recorded in group_duration. It panics if there is :: in the name, or more than 32 are open.
func Group(name string) func() {
	opened := wasmload_script_spans.SpanOpen(name)
	if opened.IsErr() {
		panic(opened.Err())
	}
	return tracked(opened.Ok()).Drop
}

// Debug writes a message for the script's author, shown with --verbose only.
func Debug(message string) { wasmload_script_log.Log(wasmload_script_log.LevelDebug, valid(message)) }

// Info writes a message that is worth knowing.
func Info(message string) { wasmload_script_log.Log(wasmload_script_log.LevelInfo, valid(message)) }

// Warn writes a message about something that is probably not meant to be so.
func Warn(message string) { wasmload_script_log.Log(wasmload_script_log.LevelWarn, valid(message)) }

// LogError writes a message about something wrong.
func LogError(message string) { wasmload_script_log.Log(wasmload_script_log.LevelError, valid(message)) }

// found is what a value that may not be there is in Go.
func found[T any](value wit.Option[T]) (T, bool) {
	var none T
	leaves(0)
	return value.SomeOr(none), value.IsSome()
}
