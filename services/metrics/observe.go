package metrics

import (
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/audit"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
)

var (
	_ engine.Observer    = (*Engine)(nil)
	_ connector.Observer = (*Edge)(nil)
	_ audit.Observer     = (*Audit)(nil)
)

// Engine counts what a ledger node does.
type Engine struct{ m *Metrics }

// Engine returns the observer of a node.
func (m *Metrics) Engine() *Engine { return &Engine{m} }

// Committed implements engine.Observer.
func (e *Engine) Committed(c engine.Committed, took time.Duration) {
	e.m.records.WithLabelValues(part(c.Partition)).Add(float64(c.Records))
	e.m.commits.WithLabelValues(part(c.Partition)).Observe(took.Seconds())
}

// TickProposed implements engine.Observer.
func (e *Engine) TickProposed(p int32) { e.m.ticks.WithLabelValues(part(p)).Inc() }

// Pumped implements engine.Observer.
func (e *Engine) Pumped(sink string, p int32, rows int) {
	e.m.pumped.WithLabelValues(sink, part(p)).Add(float64(rows))
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	e.m.took[sinkKey{sink, p}] = e.m.now()
}

// SinkFailed implements engine.Observer.
func (e *Engine) SinkFailed(sink string, p int32, _ error) {
	e.m.sinkFail.WithLabelValues(sink, part(p)).Inc()
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	if k := (sinkKey{sink, p}); e.m.took[k].IsZero() { // it waits at least since its first failure
		e.m.took[k] = e.m.now()
	}
}

// Refilling implements engine.Observer.
func (e *Engine) Refilling(sink string, p int32, left int64) {
	e.m.refill.WithLabelValues(sink, part(p)).Set(float64(left))
}

// Stopped implements engine.Observer.
func (e *Engine) Stopped(p int32, _ error) { e.m.stopped.WithLabelValues(part(p)).Set(1) }

// Audit shows how the continuous audit stands.
type Audit struct{ m *Metrics }

// Audit returns the observer of an auditor.
func (m *Metrics) Audit() *Audit { return &Audit{m} }

// Residual implements audit.Observer.
func (a *Audit) Residual(source ledger.Source, p int32, records int64) {
	a.m.residual.WithLabelValues(string(source), part(p)).Set(float64(records))
}

// Skipped implements audit.Observer.
func (a *Audit) Skipped(p int32, times int) {
	a.m.skipped.WithLabelValues(part(p)).Set(float64(times))
}

// Mismatch implements audit.Observer.
func (a *Audit) Mismatch(table string, p int32, rows int) {
	a.m.mismatch.WithLabelValues(table, part(p)).Set(float64(rows))
}

// Behind implements audit.Observer.
func (a *Audit) Behind(p int32, records int64) {
	a.m.unread.WithLabelValues(part(p)).Set(float64(records))
}

// Finished implements audit.Observer.
func (a *Audit) Finished(at time.Time) {
	a.m.finished.WithLabelValues().Set(float64(at.UnixMilli()) / 1000)
}

// Edge counts what happens where outside systems reach us.
type Edge struct{ m *Metrics }

// Edge returns the observer of an edge.
func (m *Metrics) Edge() *Edge { return &Edge{m} }

// Observe implements connector.Observer.
func (e *Edge) Observe(o connector.Observation) {
	e.m.edge.WithLabelValues(string(o.Source), o.Feed, string(o.Outcome)).Add(float64(max(o.Count, 1)))
	if o.Took > 0 {
		e.m.edgeTook.WithLabelValues(string(o.Source), string(o.Outcome)).Observe(o.Took.Seconds())
	}
}

// API counts calls of the API.
type API struct{ m *Metrics }

// API returns the observer of an API server.
func (m *Metrics) API() *API { return &API{m} }

// Called is told of every finished call.
func (a *API) Called(method, code string, seconds float64) {
	a.m.calls.WithLabelValues(method, code).Inc()
	a.m.callTook.WithLabelValues(method).Observe(seconds)
}

// Quarantine is told where the quarantined documents stand.
func (m *Metrics) Quarantine(r api.QuarantineReport) {
	m.entries.Reset() // sources whose entries the log no longer holds
	m.expiring.Reset()
	for _, c := range r.Counts {
		source := string(c.Source)
		m.entries.WithLabelValues(source, "held").Set(float64(c.Held))
		m.entries.WithLabelValues(source, "released").Set(float64(c.Released))
		m.entries.WithLabelValues(source, "expired").Set(float64(c.Expired))
		m.expiring.WithLabelValues(source).Set(float64(c.Expiring))
		m.expired.WithLabelValues(source).Add(0) // shown before anything went
	}
	for source, n := range r.Gone {
		m.expired.WithLabelValues(string(source)).Add(float64(n))
	}
	m.removed.Store(r.Removed)
}
