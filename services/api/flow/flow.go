// Package flow measures flows of records: it keeps what a counter said at
// earlier instants of the log's clock and compares. While a log is replayed its
// clock runs fast as well, so that a rate is that of the time told, not of the
// replay.
package flow

import (
	"sync"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Windows are the lengths measured, shortest first.
func Windows() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}
}

// spacing is how far samples stand apart at least.
const spacing = 5 * time.Second

// Rate is a flow over a window that ends at the instant asked about. Window is
// what was measured: the clock moves in steps, so it is rarely a round number.
type Rate struct {
	Window    time.Duration
	PerSecond float64
}

// Meter keeps samples of the counters of all sources. The zero value is ready.
type Meter struct {
	mu      sync.Mutex
	samples []sample // ascending by at
}

type sample struct {
	at     ledger.Instant
	counts map[ledger.Source]uint64
}

// Take keeps what the counters say at an instant, unless it kept them shortly
// before. The map is the meter's from then on.
func (m *Meter) Take(at ledger.Instant, counts map[ledger.Source]uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.samples); n > 0 && at.Sub(m.samples[n-1].at).Duration() < spacing {
		return
	}
	m.samples = append(m.samples, sample{at, counts})
	longest, drop := oldest(Windows()[len(Windows())-1]), 0
	for at.Sub(m.samples[drop].at).Duration() > longest {
		drop++
	}
	m.samples = append(m.samples[:0:0], m.samples[drop:]...)
}

// oldest is how old a sample may be to stand for the beginning of a window:
// beyond it there is a hole, and nothing is said.
func oldest(window time.Duration) time.Duration { return 2 * window }

// Rates compares a source's counter now with the samples, shortest window
// first. A window without a sample at its beginning is left out.
func (m *Meter) Rates(s ledger.Source, now ledger.Instant, count uint64) []Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Rate
	for _, w := range Windows() {
		for i := len(m.samples) - 1; i >= 0; i-- {
			age := now.Sub(m.samples[i].at).Duration()
			if age < w {
				continue
			}
			if before := m.samples[i].counts[s]; age <= oldest(w) && before <= count {
				out = append(out, Rate{Window: age, PerSecond: float64(count-before) / age.Seconds()})
			}
			break
		}
	}
	return out
}
