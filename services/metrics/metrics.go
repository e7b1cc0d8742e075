// Package metrics shows what a process does in the form that Prometheus reads.
// It observes the engine, the edge and the API through the interfaces that they
// declare, and asks a ledger node for its state when it is read.
//
// Every name begins with orderledger_. Labels are bounded: partitions, the
// sources and feeds that are configured, rules of the policy, closed sets of
// outcomes; never orders, words, or anything a stranger can write.
package metrics

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
)

const prefix = "orderledger_"

// Metrics is one process' metrics, in a registry of its own.
type Metrics struct {
	registry *prometheus.Registry
	names    []string
	now      func() time.Time

	records  *prometheus.CounterVec
	commits  *prometheus.HistogramVec
	ticks    *prometheus.CounterVec
	stopped  *prometheus.GaugeVec
	pumped   *prometheus.CounterVec
	sinkFail *prometheus.CounterVec
	refill   *prometheus.GaugeVec
	edge     *prometheus.CounterVec
	edgeTook *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	callTook *prometheus.HistogramVec
	entries  *prometheus.GaugeVec
	expiring *prometheus.GaugeVec
	expired  *prometheus.CounterVec
	removed  atomic.Int64
	residual *prometheus.GaugeVec
	skipped  *prometheus.GaugeVec
	mismatch *prometheus.GaugeVec
	unread   *prometheus.GaugeVec
	finished *prometheus.GaugeVec

	mu sync.Mutex
	// took is when each sink last took rows of a partition.
	took map[sinkKey]time.Time
}

type sinkKey struct {
	sink      string
	partition int32
}

// Options configure Metrics.
type Options struct {
	Version string
	Commit  string
	// Now is the wall clock; nil means the machine's.
	Now func() time.Time
}

// New returns the metrics of a process, with those of Go and the operating
// system.
func New(opt Options) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), now: opt.Now, took: map[sinkKey]time.Time{}}
	if m.now == nil {
		m.now = time.Now
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.records = m.counter("fold_records_total", "Records folded.", "partition")
	m.commits = m.histogram("fold_commit_seconds", "Time to fold and commit one batch.", "partition")
	m.ticks = m.counter("ticks_proposed_total", "Ticks appended by this process.", "partition")
	m.stopped = m.gauge("partition_stopped", "1 once a partition has stopped folding; its log line says why.", "partition")
	m.pumped = m.counter("sink_rows_total", "Rows that a sink has taken.", "sink", "partition")
	m.sinkFail = m.counter("sink_failures_total", "Failed attempts to write to a sink.", "sink", "partition")
	m.refill = m.gauge("sink_refill_remaining_records", "Records still to be folded again for a sink that lacks what the outbox no longer holds; 0 once it is filled.", "sink", "partition")
	m.edge = m.counter("edge_outcomes_total", "Deliveries, pages and documents at the edge, by what became of them.", "source", "feed", "outcome")
	m.edgeTook = m.histogram("edge_seconds", "Time to answer a delivery or to read a page, until its records were durable.", "source", "outcome")
	m.calls = m.counter("api_calls_total", "Finished calls of the API.", "method", "code")
	m.callTook = m.histogram("api_call_seconds", "Time of a call of the API; for a watch, its whole life.", "method")
	m.residual = m.gauge("conservation_residual", "Records of the log that have no outcome, as a second reader counts them. Anything but 0 is a defect.", "source", "partition")
	m.skipped = m.gauge("audit_skipped_records", "Times the state was found to be folded from other records than the log holds. Anything but 0 is a defect.", "partition")
	m.mismatch = m.gauge("audit_mismatch", "Rows that ClickHouse acknowledged and that are missing, doubled or changed.", "table", "partition")
	m.unread = m.gauge("audit_lag_records", "Folded records that the audit has not counted yet.", "partition")
	m.finished = m.gauge("audit_finished_timestamp_seconds", "When the audit last looked at everything without a fault.")
	m.entries = m.gauge("quarantine_entries", "Quarantined documents that the log still holds, by where they stand.", "source", "state")
	m.expiring = m.gauge("quarantine_expiring_entries", "Held ones among them whose originals go within 14 days.", "source")
	m.expired = m.counter("quarantine_expired_total", "Originals that this process saw pass their retention unread.", "source")
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: m.name("quarantine_removed_records_total"),
		Help: "Records of the quarantine that the log no longer holds, ever.",
	}, func() float64 { return float64(m.removed.Load()) }))
	m.gauge("build_info", "1, labelled with what is running.", "version", "commit").WithLabelValues(opt.Version, opt.Commit).Set(1)
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}

// Gatherer gives the metrics to a test or a push.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Names lists every metric of ours that exists, observed or not.
func (m *Metrics) Names() []string { return append([]string(nil), m.names...) }

// Declare names the metrics of a node without one, for whoever looks up what
// exists.
func (m *Metrics) Declare() { m.newState(nil) }

// Watch shows a ledger node whenever the metrics are read.
func (m *Metrics) Watch(n *engine.Node) { m.registry.MustRegister(m.newState(n)) }

// seconds are the buckets of histograms: from a millisecond to a minute.
var seconds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

func (m *Metrics) name(n string) string {
	m.names = append(m.names, prefix+n)
	return prefix + n
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name(name), Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.name(name), Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: m.name(name), Help: help, Buckets: seconds,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	}, labels)
	m.registry.MustRegister(v)
	return v
}

// part labels a partition: its number, and "unkeyed-" before those of the alias
// store.
func part(p int32) string {
	if p >= ledger.AliasPartitions {
		return "unkeyed-" + strconv.Itoa(int(p-ledger.AliasPartitions))
	}
	return strconv.Itoa(int(p))
}
