package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
)

// state reads a node when the metrics are read.
type state struct {
	m *Metrics
	n *engine.Node

	lag, offset, clock, delay, policy, owned, disk, outbox *prometheus.Desc
	records, waiting, open                                 *prometheus.Desc
	until, heard, skew, exceeded                           *prometheus.Desc
}

func (m *Metrics) newState(n *engine.Node) *state {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(m.name(name), help, labels, nil)
	}
	return &state{
		m: m, n: n,
		lag:      d("fold_lag_records", "Records in the log that are not folded yet; absent while unknown.", "partition"),
		offset:   d("fold_offset", "Next offset to fold.", "partition"),
		clock:    d("partition_clock_timestamp_seconds", "The partition's clock; absent before the first tick.", "partition"),
		delay:    d("tick_delay_seconds", "How far the partition's clock is behind the wall clock.", "partition"),
		policy:   d("partition_policy_version", "Version of the newest adopted policy.", "partition"),
		owned:    d("partition_owned", "1 if this process proposes ticks and publishes for the partition.", "partition"),
		disk:     d("store_bytes", "Size of the partition's store on disk.", "partition"),
		outbox:   d("outbox_bytes", "Rows told and not yet taken by every sink.", "partition"),
		records:  d("records_total", "Records by what became of them; every record has one outcome.", "source", "outcome"),
		waiting:  d("sink_waiting_seconds", "How long the outbox has waited for the sink; 0 while it is empty.", "sink", "partition"),
		open:     d("exceptions_open", "Open exceptions.", "rule", "severity"),
		until:    d("feed_covered_until_timestamp_seconds", "Up to when a feed is proven to be heard.", "source", "feed"),
		heard:    d("feed_last_heard_timestamp_seconds", "When a feed was last heard at all.", "source", "feed"),
		skew:     d("feed_clock_skew_seconds", "How far the source's clock is ahead of ours.", "source", "feed"),
		exceeded: d("feed_clock_skew_exceeded", "1 if that is more than the source declares, which withholds its coverage.", "source", "feed"),
	}
}

// Describe implements prometheus.Collector.
func (s *state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		s.lag, s.offset, s.clock, s.delay, s.policy, s.owned, s.disk, s.outbox, s.records, s.waiting, s.open,
		s.until, s.heard, s.skew, s.exceeded,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	stats := s.n.Stats()
	s.partitions(stats, gauge)
	s.outcomes(stats, ch)
	s.exceptions(gauge)
	s.feeds(gauge)
}

type gaugeFunc func(d *prometheus.Desc, v float64, labels ...string)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(i ledger.Instant) float64 { return float64(i) / float64(ledger.Second) }

func (s *state) partitions(stats []engine.Stat, gauge gaugeFunc) {
	now := s.m.now()
	outbox := map[int32]int64{}
	for i := range stats {
		st := &stats[i]
		p := part(st.Partition)
		outbox[st.Partition] = st.Outbox
		if st.Lag >= 0 {
			gauge(s.lag, float64(st.Lag), p)
		}
		gauge(s.offset, float64(st.Offset), p)
		if st.Clock > ledger.Beginning && st.Clock != 0 {
			gauge(s.clock, unix(st.Clock), p)
			gauge(s.delay, now.Sub(st.Clock.Time()).Seconds(), p)
		}
		gauge(s.policy, float64(st.Policy), p)
		gauge(s.owned, truth(st.Owner), p)
		gauge(s.disk, float64(st.DiskBytes), p)
		gauge(s.outbox, float64(st.Outbox), p)
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for k, at := range s.m.took {
		age := time.Duration(0)
		if outbox[k.partition] > 0 {
			age = now.Sub(at)
		}
		gauge(s.waiting, age.Seconds(), k.sink, part(k.partition))
	}
}

// outcomes adds up what became of each source's records. They are counters:
// the fold only ever adds.
func (s *state) outcomes(stats []engine.Stat, ch chan<- prometheus.Metric) {
	sums := map[ledger.Source]*[ledger.Outcomes]uint64{}
	for i := range stats {
		for src, counts := range stats[i].Counts {
			if sums[src] == nil {
				sums[src] = &[ledger.Outcomes]uint64{}
			}
			for o, n := range counts {
				sums[src][o] += n
			}
		}
	}
	for src, counts := range sums {
		for o := ledger.OutcomeQuarantined; o < ledger.Outcomes; o++ {
			ch <- prometheus.MustNewConstMetric(s.records, prometheus.CounterValue, float64(counts[o]), string(src), o.String())
		}
	}
}

// exceptions counts the open ones from the ledger's own index. A partition that
// cannot be read is left out; readiness says so.
func (s *state) exceptions(gauge gaugeFunc) {
	type key struct{ rule, severity string }
	open := map[key]int{}
	for p := range s.n.Logs() {
		_ = s.n.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
			if pol := r.Policy(); pol != nil {
				for i := range pol.Rules {
					for _, st := range pol.Rules[i].Steps {
						open[key{pol.Rules[i].Name, st.Severity.String()}] += 0 // a rule without exceptions shows as 0
					}
				}
			}
			return r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
				open[key{x.Rule, x.Severity.String()}]++
				return true
			})
		})
	}
	for k, n := range open {
		gauge(s.open, float64(n), k.rule, k.severity)
	}
}

// feeds shows what the connectors proved. Of several instances of one feed the
// newest counts.
func (s *state) feeds(gauge gaugeFunc) {
	newest := map[ledger.FeedKey]*ledger.SourceStatus{}
	for _, st := range s.n.Coverage() {
		k := ledger.FeedKey{Source: st.Source, Feed: st.Feed}
		if old := newest[k]; old == nil || st.ReportedAt > old.ReportedAt {
			newest[k] = st
		}
	}
	for k, st := range newest {
		src, feed := string(k.Source), k.Feed
		if n := len(st.Intervals); n > 0 {
			gauge(s.until, unix(st.Intervals[n-1].Until), src, feed)
		}
		if st.LastHeard != 0 {
			gauge(s.heard, unix(st.LastHeard), src, feed)
		}
		gauge(s.skew, st.Skew.Duration().Seconds(), src, feed)
		gauge(s.exceeded, truth(st.SkewExceeded), src, feed)
	}
}
