package wasmload

import (
	"time"

	"wasmload/internal/bindings/wasmload_script_timing"
	wit "wasmload/internal/wit/types"
)

// Sleep pauses this virtual user, and no other. time.Sleep would hold up the engine's thread with it.
func Sleep(length time.Duration) { wasmload_script_timing.Sleep(milliseconds(length)) }

// Now is the time since the run began, by a clock that never goes back.
func Now() time.Duration { return duration(wasmload_script_timing.Now()) }

// The contract counts time in milliseconds. This is the only file of the SDK that knows.

func milliseconds(length time.Duration) float64 {
	return float64(length) / float64(time.Millisecond)
}

func duration(milliseconds float64) time.Duration {
	return time.Duration(milliseconds * float64(time.Millisecond))
}

// Forever is a timeout for functions that wait: as long as it takes.
const Forever time.Duration = -1

// timeout gives none for Forever.
func timeout(length time.Duration) wit.Option[float64] {
	if length < 0 {
		return wit.None[float64]()
	}
	return wit.Some(milliseconds(length))
}
