package poll_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/poll"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// shipped compiles the catalog once for all tests.
var shipped = sync.OnceValues(catalog.Shipped)

// bench is a fake source, a log and what is needed to build pollers of them.
type bench struct {
	t      *testing.T
	clock  *connectortest.Clock
	log    *connectortest.Log
	source *fakeSource
	system *catalog.System
	config *connector.Source
	feed   string
	saw    []connector.Observation
	sink   connector.Sink
	store  connector.StatusStore
	doer   poll.Doer
	name   string
	// timer, if set, is the poller's clock instead.
	timer connector.Clock
}

func (b *bench) Observe(o connector.Observation) { b.saw = append(b.saw, o) }

func newBench(t *testing.T, system, feed string) *bench {
	t.Helper()
	c, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.System(system)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, clock: connectortest.NewClock(start), log: &connectortest.Log{}, system: s, feed: feed, name: "poller-0"}
	b.source = &fakeSource{clock: b.clock, limit: 5}
	b.sink, b.store, b.doer = b.log, b.log, b.source
	b.config = &connector.Source{
		Name: "acme", System: system, OriginSource: "shop", BaseURL: "https://shop.test", Account: "123_SB1",
		Since: connector.Moment(ledger.At(start.Add(-time.Minute))), Poll: connector.PollSettings{PerSecond: 100, Burst: 100}, Tokens: map[string]connector.SecretRef{},
	}
	for _, name := range []string{"access_token", "consumer_key", "consumer_secret", "token_id", "token_secret"} {
		b.config.Tokens[name] = connector.SecretRef{Env: "X"}
	}
	return b
}

func (b *bench) poller() *poll.Poller {
	b.t.Helper()
	nonce := 0
	if b.timer == nil {
		b.timer = b.clock
	}
	p, err := poll.New(poll.Options{
		Source: b.config, System: b.system, Feed: b.feed, Instance: b.name,
		Tokens: map[string]string{"access_token": "t0ken", "api_key": "key:secret", "consumer_key": "ck", "consumer_secret": "cs", "token_id": "ti", "token_secret": "ts"},
		Sink:   b.sink, Store: b.store, Clock: b.timer, Client: b.doer, Observer: b, Logger: slog.New(slog.DiscardHandler),
		Jitter: func() float64 { return 0.5 }, Nonce: func() string { nonce++; return fmt.Sprint("n", nonce) },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// pollOnce steps until a poll is done.
func (b *bench) pollOnce(p *poll.Poller) {
	b.t.Helper()
	for range 200 {
		done, err := p.Step(context.Background())
		if err != nil {
			b.t.Fatal(err)
		}
		if done {
			return
		}
	}
	b.t.Fatal("the poll has no end")
}

func (b *bench) status() *ledger.SourceStatus { return b.log.Status("acme", b.feed) }

// world gives versions stamped over 100 s, visible up to 29 s later.
func world(seed uint64, again bool) []version {
	r := rand.New(rand.NewPCG(seed, 7))
	var out []version
	for id := 1; id <= 40; id++ {
		n := 1
		if again {
			n = 1 + r.IntN(3)
		}
		at := start.Add(time.Duration(r.IntN(100)) * time.Second)
		for i := range n {
			out = append(out, version{ID: id, Stamp: at, Visible: at.Add(time.Duration(r.IntN(29)) * time.Second), Status: string(rune('A' + i))})
			at = at.Add(time.Duration(1+r.IntN(40)) * time.Second)
		}
	}
	return out
}

// run drives pollers until the clock is 5 minutes on, replacing the poller
// whenever it was killed.
func (b *bench) run(killed error, pause time.Duration) {
	p := b.poller()
	for b.clock.Now().Before(start.Add(5 * time.Minute)) {
		done, err := p.Step(context.Background())
		switch {
		case errors.Is(err, killed):
			p = b.poller()
		case err != nil:
			b.t.Fatal(err)
		case done:
			b.clock.Move(pause)
		}
	}
}

// checkCoverage walks the log in order and demands, at every status, that what
// it calls covered stands before it: for every version stamped within an
// interval an event of that record, of that version or a later one.
func (b *bench) checkCoverage() {
	b.t.Helper()
	heard := map[string]int64{}
	for n, e := range b.log.Entries() {
		if e.Out != nil {
			for _, ev := range e.Out.Events {
				stamp := ev.Version.Parts[0]
				if ev.Version.Scheme == ledger.SchemeSequence {
					stamp *= int64(time.Second) // versions that count seconds
				}
				heard[ev.Object.ID] = max(heard[ev.Object.ID], stamp)
			}
			continue
		}
		for _, iv := range e.Status.Intervals {
			for _, v := range b.source.versions {
				at := ledger.At(v.Stamp)
				if at >= iv.From && at < iv.Until && heard[fmt.Sprint(v.ID)] < v.Stamp.UnixNano() {
					b.t.Fatalf("entry %d claims [%s, %s) but record %d of %s is not in the log", n, iv.From, iv.Until, v.ID, at)
				}
			}
		}
	}
}

var errKilled = errors.New("killed")

// seams counts the calls a poller makes to the outside and kills it at one of
// them, either before or after the call took effect.
type seams struct {
	b     *bench
	count int
	at    int
	after bool
}

func (s *seams) hit(effect func() error) error {
	s.count++
	if s.count != s.at {
		return effect()
	}
	if s.after {
		if err := effect(); err != nil {
			return err
		}
	}
	return errKilled
}

func (s *seams) Do(r *http.Request) (res *http.Response, err error) {
	err = s.hit(func() error { res, err = s.b.source.Do(r); return err })
	return res, err
}

func (s *seams) Append(ctx context.Context, out connector.Outgoing) error {
	return s.hit(func() error { return s.b.log.Append(ctx, out) })
}

func (s *seams) Healthy() error { return nil }

func (s *seams) Load(ctx context.Context, src ledger.Source, feed, instance string) (st *ledger.SourceStatus, err error) {
	err = s.hit(func() error { st, err = s.b.log.Load(ctx, src, feed, instance); return err })
	return st, err
}

func (s *seams) Save(ctx context.Context, st *ledger.SourceStatus) error {
	return s.hit(func() error { return s.b.log.Save(ctx, st) })
}

// TestKilledAnywhereLosesNothing kills a poller at every call it makes, before
// and after the call took effect, and compares the events with those of a
// poller left alone.
func TestKilledAnywhereLosesNothing(t *testing.T) {
	for _, tc := range []struct{ system, feed string }{{"netsuite", "sales-orders"}, {"shopify", "orders"}} {
		t.Run(tc.system, func(t *testing.T) {
			setUp := func(at int, after bool) (*bench, *seams) {
				b := newBench(t, tc.system, tc.feed)
				b.source.versions = world(1, false)
				if tc.system == "shopify" { // settle is 10 s there
					for i := range b.source.versions {
						v := &b.source.versions[i]
						v.Visible = v.Stamp.Add(v.Visible.Sub(v.Stamp) / 4)
					}
				}
				s := &seams{b: b, at: at, after: after}
				b.sink, b.store, b.doer = s, s, s
				return b, s
			}
			whole, counter := setUp(0, false)
			whole.run(errKilled, 25*time.Second)
			whole.checkCoverage()
			want := whole.log.EventIDs()
			if len(want) != 40 {
				t.Fatalf("%d events for 40 records", len(want))
			}
			for at := 1; at <= counter.count; at++ {
				for _, after := range []bool{false, true} {
					b, _ := setUp(at, after)
					b.run(errKilled, 25*time.Second)
					b.checkCoverage()
					if got := b.log.EventIDs(); !slices.Equal(got, want) {
						t.Fatalf("killed at call %d (after it: %t): %d events, want %d", at, after, len(got), len(want))
					}
				}
			}
		})
	}
}

// TestCoverageNeverOvertakesEvidence runs records that change several times,
// with visibility lagging up to the declared settle, over many seeds.
func TestCoverageNeverOvertakesEvidence(t *testing.T) {
	for seed := range uint64(60) {
		b := newBench(t, "netsuite", "sales-orders")
		b.source.versions = world(seed, true)
		b.run(errKilled, 10*time.Second)
		b.checkCoverage()
		st := b.status()
		if len(st.Intervals) != 1 || st.Intervals[0].From != b.config.Since.Instant() {
			t.Fatalf("seed %d: intervals %v", seed, st.Intervals)
		}
	}
}

// TestCoverageCheckCatchesLateRecords shows that the check above bites: a
// record visible only after the declared settle is a gap that it finds.
func TestCoverageCheckCatchesLateRecords(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	at := start.Add(20 * time.Second)
	b.source.versions = []version{{ID: 1, Stamp: at, Visible: at.Add(90 * time.Second), Status: "A"}}
	b.run(errKilled, 10*time.Second)
	for _, iv := range b.status().Intervals {
		if ledger.At(at) >= iv.From && ledger.At(at) < iv.Until && len(b.log.EventIDs()) == 0 {
			return
		}
	}
	t.Fatal("the late record was found, so the coverage check proves nothing")
}

func TestQuietNightAdvancesCoverage(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	p := b.poller()
	b.pollOnce(p)
	first := b.status()
	if len(first.Intervals) != 1 || first.Epoch != (ledger.Epoch{Number: 1, OpenedBy: "poller-0"}) {
		t.Fatalf("first status %+v", first)
	}
	// Asked at start, settle 30 s.
	if want := ledger.At(start.Add(-30 * time.Second)); first.Intervals[0].Until != want {
		t.Errorf("until %s, want %s", first.Intervals[0].Until, want)
	}
	b.clock.Move(time.Hour)
	asked := b.clock.Now()
	b.pollOnce(p)
	if got, want := b.status().Intervals[0].Until, ledger.At(asked.Add(-30*time.Second)); got != want {
		t.Errorf("after an hour: until %s, want %s", got, want)
	}
	if got := b.status().LastHeard; got <= ledger.At(asked) {
		t.Errorf("last heard %s", got)
	}
	// The second poll begins at the first asking − settle − precision.
	if body := b.source.bodies[1]; !strings.Contains(body, "2026-03-02T08:59:29") {
		t.Errorf("second poll asked %s", body)
	}
}

func TestReadsCarryTheirInstants(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.source.versions = []version{{ID: 1, Stamp: start.Add(-10 * time.Second), Visible: start, Status: "A"}}
	p := b.poller()
	b.pollOnce(p)
	b.clock.Move(time.Minute)
	b.source.versions = append(b.source.versions, version{ID: 2, Stamp: b.clock.Now(), Visible: b.clock.Now(), Status: "B"})
	asked := b.clock.Now()
	b.pollOnce(p)
	events := b.log.Outgoing().Events
	if e := events[0]; e.AskedAt != ledger.At(start) || e.PrevAsked != 0 || e.ReceivedAt <= e.AskedAt {
		t.Errorf("first read: asked %s prev %s received %s", e.AskedAt, e.PrevAsked, e.ReceivedAt)
	}
	last := events[len(events)-1]
	if last.Object.ID != "2" || last.AskedAt != ledger.At(asked) || last.PrevAsked != ledger.At(start) {
		t.Errorf("later read %s: asked %s prev %s", last.Object.ID, last.AskedAt, last.PrevAsked)
	}
}

// TestOverlapIsAppendedAtMostTwice: once at first sight and once when the read
// is definite (S-6), however often the overlap shows it.
func TestOverlapIsAppendedAtMostTwice(t *testing.T) {
	b := newBench(t, "netsuite", "sales-orders")
	b.source.versions = []version{{ID: 1, Stamp: start.Add(-time.Second), Visible: start, Status: "A"}}
	p := b.poller()
	for range 20 {
		b.pollOnce(p)
		b.clock.Move(2 * time.Second)
	}
	events := b.log.Outgoing().Events
	if len(events) != 2 || events[0].ID != events[1].ID {
		t.Fatalf("%d copies", len(events))
	}
	if settled := ledger.At(start.Add(30 * time.Second)); events[1].AskedAt < settled {
		t.Errorf("the second copy was asked at %s, before anything of its stamp must be visible (%s)", events[1].AskedAt, settled)
	}
}
