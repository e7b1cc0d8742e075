package sim

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/logsink"
)

// edge is the connectors' process: the storefront's webhooks come in at it, and
// its pollers ask the systems. What it knows dies with it.
type edge struct {
	r       *run
	rnd     *rand.Rand
	up      bool
	life    int // counts its starts
	sink    *logsink.Sink
	pollers [systems]*poll.Poller
	every   [systems]ledger.Micros
	// lag is how long the answer of the request under way took.
	lag ledger.Micros
	// acked are the events that were acknowledged to whoever sent them.
	acked map[ledger.EventID]bool
	// paused systems are not polled, though they would answer.
	paused [systems]bool
}

func newEdge(r *run) *edge {
	return &edge{r: r, rnd: r.stream(4), acked: map[ledger.EventID]bool{}}
}

// acknowledging notes what the sink acknowledged.
type acknowledging struct {
	*logsink.Sink
	e *edge
}

func (a acknowledging) Append(ctx context.Context, out connector.Outgoing) error {
	err := a.Sink.Append(ctx, out)
	if err == nil {
		for _, ev := range out.Events {
			a.e.acked[ev.ID] = true
		}
		for _, u := range out.Unkeyed {
			a.e.acked[u.Event.ID] = true
		}
	}
	return err
}

// clock is the edge's time: exact, but a request takes a while.
type clock struct{ e *edge }

func (c clock) Now() time.Time { return c.e.r.now.Add(-c.e.lag).Time() }

func (c clock) Wait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// start begins the process anew.
func (e *edge) start() {
	e.up = true
	e.life++
	e.sink = logsink.New(e.r.broker.client(func() ledger.Instant { return e.r.now }), e.r.shop.codec)
	for i := range systems {
		e.begin(i)
		life := e.life
		e.r.in(between(e.rnd, 0, e.every[i]), func() { e.poll(i, life, 0) })
	}
}

// begin makes one system's poller.
func (e *edge) begin(i int) {
	sys := e.r.shop.systems[i]
	feed := sys.PollFeeds()[0]
	e.every[i] = feed.Poll.Interval.Micros()
	p, err := poll.New(poll.Options{Source: &e.r.shop.sources[i], System: sys, Feed: feed.Name, Instance: "edge-0", Sink: acknowledging{e.sink, e}, Store: e.sink,
		Clock: clock{e}, Client: doer{e, e.r.systems[i]}, Logger: slog.New(slog.DiscardHandler), Jitter: func() float64 { return 0.5 }, Nonce: func() string { return "n" },
		Remember: 1000})
	if err != nil {
		panic(err)
	}
	e.pollers[i] = p
}

// poll takes one step of a poller and plans the next.
func (e *edge) poll(i, life, faults int) {
	if !e.up || life != e.life {
		return
	}
	again := e.every[i]
	if !e.paused[i] {
		e.lag = between(e.rnd, 0, 1500*ledger.Millisecond)
		done, err := e.pollers[i].Step(context.Background())
		e.lag = 0
		e.r.note("poll", int64(i), yes(done), yes(err == nil))
		switch {
		case err != nil:
			faults++
			again = min(ledger.Second<<min(faults, 5), 20*ledger.Second)
		case !done:
			again = between(e.rnd, 100*ledger.Millisecond, ledger.Second)
		default:
			faults = 0
		}
	}
	e.r.in(again, func() { e.poll(i, life, faults) })
}

// doer is a system as a poller's client: the answer takes a while.
type doer struct {
	e *edge
	*system
}

// Do implements poll.Doer.
func (d doer) Do(req *http.Request) (*http.Response, error) {
	d.e.lag = 0
	return d.system.Do(req)
}

// deliver takes a webhook's document and reports whether it was acknowledged.
func (e *edge) deliver(body []byte) bool {
	if !e.up {
		return false
	}
	res := e.r.shop.edge.Map(catalog.Input{Feed: e.r.shop.systems[web].WebhookFeed(), Raw: body, ReceivedAt: e.r.now})
	err := acknowledging{e.sink, e}.Append(context.Background(), res.Outgoing())
	e.r.note("webhook", yes(err == nil))
	return err == nil
}

// loseCursor makes a feed's newest status one whose cursor nobody can read, as an
// older version or a careless hand might leave it, and starts its poller anew.
func (e *edge) loseCursor(i int) {
	if !e.up || e.r.broker.down {
		return
	}
	feed := e.r.shop.systems[i].PollFeeds()[0].Name
	st, err := e.sink.Load(context.Background(), ledger.Source(names[i]), feed, "edge-0")
	if err != nil || st == nil {
		return
	}
	c := *st
	c.Cursor = []byte("{}")
	if e.sink.Save(context.Background(), &c) == nil {
		e.begin(i)
	}
}

// kill ends the process; it is started again after a while.
func (e *edge) kill(after ledger.Micros) {
	e.up = false
	e.r.in(after, func() {
		if !e.up {
			e.start()
		}
	})
}

func yes(v bool) int64 {
	if v {
		return 1
	}
	return 0
}
