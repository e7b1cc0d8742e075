package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// sources implements SourceService.
type sources struct {
	orderledgerv1.UnimplementedSourceServiceServer
	s *Server
}

// GetSource implements SourceServiceServer.
func (a *sources) GetSource(ctx context.Context, req *orderledgerv1.GetSourceRequest) (*orderledgerv1.GetSourceResponse, error) {
	b, fresh, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	src, ok := b.sources[ledger.Source(req.GetSource())]
	if !ok {
		return nil, fail(SourceNotFound, "no source is configured under the name "+req.GetSource(), "source", req.GetSource())
	}
	return &orderledgerv1.GetSourceResponse{Source: src, Freshness: fresh}, nil
}

// sampleEvery is how often the counters are looked at for the rates.
const sampleEvery = 5 * time.Second

// measure samples every source's counters until the server stops.
func (s *Server) measure() error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		var clock ledger.Instant
		counts := map[ledger.Source]uint64{}
		for i, st := range s.opt.Ledger.Stats() {
			if i == 0 || st.Clock < clock && st.Partition < ledger.AliasPartitions {
				clock = st.Clock
			}
			for name, outcomes := range st.Counts { //lint:a sums do not depend on order
				for _, n := range outcomes {
					counts[name] += n
				}
			}
		}
		if clock != 0 {
			s.flow.Take(clock, counts)
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func sourceFields() fields {
	var roles []string
	for r := ledger.Role(1); int(r) <= ledger.Roles; r++ {
		roles = append(roles, r.String())
	}
	return fields{"source": {}, "system": {}, "role": {words: roles}, "origin": {kind: boolField}, "silent": {kind: boolField}}
}

// ListSources implements SourceServiceServer.
func (a *sources) ListSources(ctx context.Context, req *orderledgerv1.ListSourcesRequest) (*orderledgerv1.ListSourcesResponse, error) {
	size, err := pageSize(req.GetPageSize(), sourcesStandard, sourcesMost)
	if err != nil {
		return nil, err
	}
	f, err := sourceFields().parse(req.GetFilter())
	if err != nil {
		return nil, err
	}
	bound := requestHash("sources", req.GetFilter())
	after, err := a.s.pages.open(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	b, fresh, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	page := top[*orderledgerv1.Source]{s: &sorting{}, after: after, size: size}
	for name, src := range b.sources { //lint:a map is sorted by top
		if f.match(sourceItem(src)) {
			page.offer(ranked[*orderledgerv1.Source]{id: string(name), item: src})
		}
	}
	list, token := page.page(a.s.pages, bound)
	return &orderledgerv1.ListSourcesResponse{Sources: list, NextPageToken: token, Freshness: fresh}, nil
}

func sourceItem(src *orderledgerv1.Source) item {
	return func(name string) any {
		switch name {
		case "source":
			return src.Source
		case "system":
			return src.System
		case "role":
			return src.Role
		case "origin":
			return src.Origin
		default:
			return src.SilentSince != nil
		}
	}
}

// read joins the policy's sources, what the partitions heard and counted, and
// what connectors report.
func (a *sources) read(ctx context.Context) (*sourceBook, []*orderledgerv1.Freshness, error) {
	b := &sourceBook{
		sources: map[ledger.Source]*orderledgerv1.Source{}, counts: map[ledger.Source]*[ledger.Outcomes]uint64{},
		feeds: map[ledger.FeedKey]*orderledgerv1.Feed{}, until: map[ledger.FeedKey]ledger.Instant{},
	}
	statuses := a.s.opt.Ledger.Coverage()
	for _, st := range a.s.opt.Ledger.Stats() {
		for name := range st.Counts {
			b.source(name)
		}
	}
	for _, st := range statuses {
		b.source(st.Source)
	}
	fresh, err := a.s.eachLog(ctx, b.partition)
	if err != nil {
		return nil, nil, err
	}
	for _, st := range statuses {
		b.status(st)
	}
	b.finish()
	for name, src := range b.sources { //lint:a each is measured alone
		for _, r := range a.s.flow.Rates(name, b.clock, uint64(src.Records)) {
			src.Rates = append(src.Rates, &orderledgerv1.Rate{Window: durationpb.New(r.Window), RecordsPerSecond: r.PerSecond})
		}
	}
	return b, fresh, nil
}

// sourceBook gathers sources.
type sourceBook struct {
	sources map[ledger.Source]*orderledgerv1.Source
	counts  map[ledger.Source]*[ledger.Outcomes]uint64
	feeds   map[ledger.FeedKey]*orderledgerv1.Feed
	// until is the least end of coverage over the partitions.
	until map[ledger.FeedKey]ledger.Instant
	// clock is the least clock of the partitions.
	clock ledger.Instant
}

func (b *sourceBook) source(name ledger.Source) *orderledgerv1.Source {
	if b.sources[name] == nil {
		b.sources[name] = &orderledgerv1.Source{Name: "sources/" + string(name), Source: string(name), DisplayName: string(name)}
	}
	return b.sources[name]
}

func (b *sourceBook) feed(k ledger.FeedKey) *orderledgerv1.Feed {
	if b.feeds[k] == nil {
		f := &orderledgerv1.Feed{Feed: k.Feed, Coverage: &orderledgerv1.Coverage{Mode: orderledgerv1.CoverageMode_COVERAGE_MODE_NONE}}
		b.feeds[k] = f
		src := b.source(k.Source)
		src.Feeds = append(src.Feeds, f)
	}
	return b.feeds[k]
}

// waitingMost bounds the counting of orders that wait for a feed, per partition.
const waitingMost = 100_000

// partition adds what one partition knows.
func (b *sourceBook) partition(r *ledger.Reader, f engine.Freshness) error {
	if f.Topic == topicEvents {
		b.orders(r, f)
	}
	for k, feed := range b.feeds { //lint:a each is counted alone
		n, err := r.WaitingOrders(k, waitingMost)
		if err != nil {
			return err
		}
		feed.WaitingOrders += int64(n)
	}
	for name := range b.sources {
		counts := r.Counts(name)
		if b.counts[name] == nil {
			b.counts[name] = &[ledger.Outcomes]uint64{}
		}
		for i, n := range counts {
			b.counts[name][i] += n
		}
	}
	return nil
}

// orders gathers what the partitions of orders alone know: coverage and clock.
func (b *sourceBook) orders(r *ledger.Reader, f engine.Freshness) {
	if b.clock == 0 || f.Clock < b.clock {
		b.clock = f.Clock
	}
	if p := r.Policy(); p != nil {
		for i := range p.Sources {
			b.declared(&p.Sources[i])
		}
	}
	for _, m := range r.Mutes() {
		if src := b.source(m.Source); m.Until > f.Clock {
			src.Maintenance = &orderledgerv1.Maintenance{From: stamp(m.From), Until: stamp(m.Until), Actor: m.Actor, Reason: m.Reason}
		}
	}
	for _, feed := range r.Feeds() {
		b.heard(feed, f.Clock)
	}
}

func (b *sourceBook) declared(spec *ledger.SourceSpec) {
	src := b.source(spec.Name)
	src.System, src.Role, src.Origin, src.LiveFrom = spec.System, spec.Role.String(), spec.Origin, stamp(spec.LiveFrom)
	for i := range spec.Feeds {
		fs := &spec.Feeds[i]
		f := b.feed(ledger.FeedKey{Source: spec.Name, Feed: fs.Name})
		f.ExpectedEvery = span(fs.ExpectedEvery)
		f.Coverage.Mode = orderledgerv1.CoverageMode_COVERAGE_MODE_PROVEN
		if fs.Coverage == ledger.CoverageAssumed {
			f.Coverage.Mode = orderledgerv1.CoverageMode_COVERAGE_MODE_ASSUMED
		}
		f.Axes, f.ObjectTypes = nil, nil
		for _, p := range fs.Proves {
			if !slices.Contains(f.Axes, axisOf(p.Axis)) {
				f.Axes = append(f.Axes, axisOf(p.Axis))
			}
			if !slices.Contains(f.ObjectTypes, p.Object) {
				f.ObjectTypes = append(f.ObjectTypes, p.Object)
			}
		}
	}
}

// listedIntervals is how many covered stretches an answer lists.
const listedIntervals = 100

// heard adds what a partition's ticks said of a feed; of several partitions the
// one that knows least counts, because every verdict may depend on it.
func (b *sourceBook) heard(feed *ledger.Feed, clock ledger.Instant) {
	f := b.feed(feed.Key)
	if at := stamp(feed.LastHeard); at != nil && (f.LastHeardAt == nil || at.AsTime().After(f.LastHeardAt.AsTime())) {
		f.LastHeardAt = at
	}
	f.HeldRecords = max(f.HeldRecords, int64(len(feed.Holes)))
	f.ClockSkewExceeded = f.ClockSkewExceeded || feed.SkewExceeded
	if feed.Silent && f.SilentSince == nil {
		if f.SilentSince = stamp(feed.Until()); f.SilentSince == nil {
			f.SilentSince = stamp(feed.Known)
		}
	}
	known, seen := b.until[feed.Key]
	if seen && known <= feed.Until() {
		return
	}
	b.until[feed.Key] = feed.Until()
	c := f.Coverage
	c.Epoch = &orderledgerv1.CoverageEpoch{Number: feed.Epoch.Number, OpenedBy: feed.Epoch.OpenedBy}
	c.Until, c.Lag, c.Intervals = stamp(feed.Until()), nil, nil
	if c.Until != nil && clock != 0 {
		c.Lag = span(clock.Sub(feed.Until()))
	}
	for _, iv := range feed.Intervals[max(0, len(feed.Intervals)-listedIntervals):] {
		c.Intervals = append(c.Intervals, &orderledgerv1.CoverageInterval{From: stamp(iv.From), Until: stamp(iv.Until)})
	}
}

// status adds what a connector reports and ticks do not carry.
func (b *sourceBook) status(st *ledger.SourceStatus) {
	f := b.feed(ledger.FeedKey{Source: st.Source, Feed: st.Feed})
	f.ClockSkew, f.ClockSkewExceeded = span(st.Skew), st.SkewExceeded
	if at := stamp(st.LastHeard); at != nil && (f.LastHeardAt == nil || at.AsTime().After(f.LastHeardAt.AsTime())) {
		f.LastHeardAt = at
	}
}

// finish sorts the feeds and adds up what is said of a source as a whole.
func (b *sourceBook) finish() {
	for name, src := range b.sources { //lint:a each is finished alone
		slices.SortFunc(src.Feeds, func(x, y *orderledgerv1.Feed) int { return strings.Compare(x.Feed, y.Feed) })
		silent := len(src.Feeds) > 0
		for _, f := range src.Feeds {
			if f.LastHeardAt != nil && (src.LastHeardAt == nil || f.LastHeardAt.AsTime().After(src.LastHeardAt.AsTime())) {
				src.LastHeardAt = f.LastHeardAt
			}
			silent = silent && f.SilentSince != nil
		}
		if silent {
			for _, f := range src.Feeds {
				if src.SilentSince == nil || f.SilentSince.AsTime().After(src.SilentSince.AsTime()) {
					src.SilentSince = f.SilentSince
				}
			}
		}
		counts := b.counts[name]
		for o := ledger.OutcomeQuarantined; o < ledger.Outcomes; o++ {
			n := int64(0)
			if counts != nil {
				n = int64(counts[o])
			}
			src.Records += n
			src.Outcomes = append(src.Outcomes, &orderledgerv1.OutcomeCount{Outcome: orderledgerv1.RecordOutcome(o), Records: n})
		}
	}
}
