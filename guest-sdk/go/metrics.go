package wasmload

import (
	"time"

	"wasmload/internal/bindings/wasmload_script_metrics"
	wit "wasmload/internal/wit/types"
)

// Tags say of samples what they belong to.
type Tags map[string]string

func listed(tags []Tags) []wit.Tuple2[string, string] {
	var list []wit.Tuple2[string, string]
	for _, some := range tags {
		for name, value := range some {
			list = append(list, wit.Tuple2[string, string]{F0: name, F1: value})
		}
	}
	return list
}

// Counter is a sum, such as orders placed.
//
// A metric is made when it is first used, so it can stand in a variable of the package. Its name is a letter or _
// followed by up to 127 letters, digits and _, and belongs to one kind of metric; anything else ends the user's instance.
type Counter struct{ name string }

// Gauge is a value that goes up and down, such as the length of a queue.
type Gauge struct{ name string }

// Rate is how often something was true.
type Rate struct{ name string }

// Trend is a distribution of numbers.
type Trend struct{ name string }

// TimeTrend is a distribution of lengths of time, such as the time until a page is usable.
type TimeTrend struct{ name string }

// NewCounter is the counter of this name.
func NewCounter(name string) Counter { return Counter{name} }

// NewGauge is the gauge of this name.
func NewGauge(name string) Gauge { return Gauge{name} }

// NewRate is the rate of this name.
func NewRate(name string) Rate { return Rate{name} }

// NewTrend is the trend of plain numbers of this name.
func NewTrend(name string) Trend { return Trend{name} }

// NewTimeTrend is the trend of lengths of time of this name.
func NewTimeTrend(name string) TimeTrend { return TimeTrend{name} }

// The metrics that were used, by their names.
var (
	counters   = map[string]*wasmload_script_metrics.Counter{}
	gauges     = map[string]*wasmload_script_metrics.Gauge{}
	rates      = map[string]*wasmload_script_metrics.Rate{}
	trends     = map[string]*wasmload_script_metrics.Trend{}
	timeTrends = map[string]*wasmload_script_metrics.Trend{}
)

// used is the metric of this name, which is made if it is not there.
func used[T any](all map[string]*T, name string, make func(string) *T) *T {
	metric := all[name]
	if metric == nil {
		metric = make(name)
		all[name] = metric
	}
	return metric
}

// Add adds to the sum.
func (c Counter) Add(value float64, tags ...Tags) {
	used(counters, c.name, wasmload_script_metrics.MakeCounter).Add(value, listed(tags))
}

// Set sets the value.
func (g Gauge) Set(value float64, tags ...Tags) {
	used(gauges, g.name, wasmload_script_metrics.MakeGauge).Set(value, listed(tags))
}

// Add records one answer.
func (r Rate) Add(value bool, tags ...Tags) {
	used(rates, r.name, wasmload_script_metrics.MakeRate).Add(value, listed(tags))
}

// Add records one number.
func (t Trend) Add(value float64, tags ...Tags) {
	plain := func(name string) *wasmload_script_metrics.Trend {
		return wasmload_script_metrics.MakeTrend(name, false)
	}
	used(trends, t.name, plain).Add(value, listed(tags))
}

// Add records one length of time.
func (t TimeTrend) Add(length time.Duration, tags ...Tags) {
	ofTime := func(name string) *wasmload_script_metrics.Trend {
		return wasmload_script_metrics.MakeTrend(name, true)
	}
	used(timeTrends, t.name, ofTime).Add(milliseconds(length), listed(tags))
}
