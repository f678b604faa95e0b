package wasmload

// When the collector runs. The runtime must not begin by itself: it would also do so while the engine hands over what a
// function gives, when a script may not call anything, not even the clock that the collector reads; that is a trap.
// So the collector is off, and this file runs it, from functions of the SDK.

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	witruntime "wasmload/internal/wit/runtime"
)

const (
	// perCall is about what a call leaves behind, beside the bytes that it gives.
	perCall = 4 << 10
	// between is how many bytes calls may have left before the heap is looked at.
	between = 1 << 20
	// leastHeap is the heap that is not worth collecting.
	leastHeap = 4 << 20
)

var (
	// left is about what calls have left behind since the heap was looked at.
	left int
	// nextHeap is the heap that is collected.
	nextHeap uint64 = leastHeap
	heap            = make([]metrics.Sample, 1)
)

func init() {
	debug.SetGCPercent(-1)
	heap[0].Name = "/memory/classes/heap/objects:bytes"
}

// leaves says that a call has left so many bytes behind, and collects if that is due. What the engine has handed over
// must be in Go's hands.
func leaves(bytes int) {
	left += perCall + bytes
	if left < between {
		return
	}
	left = 0
	witruntime.Unpin()
	if metrics.Read(heap); heap[0].Value.Uint64() < nextHeap {
		return
	}
	runtime.GC()
	metrics.Read(heap)
	nextHeap = max(leastHeap, 2*heap[0].Value.Uint64())
}

// given hands on bytes that the engine gave.
func given[T string | []byte](bytes T) T {
	leaves(len(bytes))
	return bytes
}
