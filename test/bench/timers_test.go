package bench_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

const (
	// timersSigma is the skews of the storefront and the ERP.
	timersSigma = 2 * ledger.Second
	// timersHeard is how often the ERP proves that it was heard up to now.
	timersHeard = 250 * time.Millisecond
)

// alarms are deadlines that become due on the machine's own clock.
type alarms struct {
	*rig
	orders int
	first  ledger.Instant // when the first deadline is due
	spread ledger.Micros
	node   *engine.Node
}

// timersPolicy promises within an hour, and has feeds without a settling time:
// absence is known at the deadline, not half a minute later.
func timersPolicy() *ledger.Policy {
	p := flowPolicy()
	p.Rules[0].Steps[0].After = ledger.Hour
	for i := range p.Sources {
		p.Sources[i].Feeds[0].Settle = 0
	}
	return p
}

// arm puts the orders into the log, and starts a node that owns the partitions.
func arm(t *testing.T, s scale) *alarms {
	t.Helper()
	a := &alarms{rig: newRigOn(t, codec(t), kafkalog.TopicEvents, partitions, timersPolicy()), orders: s.alarms, spread: ledger.Micros(s.alarmSpread.Microseconds())}
	a.first = ledger.At(time.Now().Add(s.alarmLead))
	for i := range a.orders {
		at := a.first.Add(a.spread/ledger.Micros(a.orders)*ledger.Micros(i) - ledger.Hour - timersSigma)
		f := flow{from: at, open: 1}
		e := f.order(0)
		e.Order, e.Object.ID = Key(orderID(i)), orderID(i)
		for k := range e.Claims {
			e.Claims[k].Object = e.Object
		}
		e.ID = e.ComputeID()
		a.append(kafkalog.ByKey, string(e.Order), e)
	}
	n, err := engine.Start(t.Context(), engine.Config{Dir: t.TempDir(), Partitions: partitions},
		engine.Deps{Journal: a.log, Codec: a.codec, Clock: engine.NewSystemClock(), Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	a.node = n
	return a
}

// hear reports, again and again, that the ERP was heard up to now.
func (a *alarms) hear(stop <-chan struct{}) error {
	tick := time.NewTicker(timersHeard)
	defer tick.Stop()
	from := a.first.Add(-ledger.Day)
	for {
		now := ledger.At(time.Now())
		value, err := a.codec.Encode(nil, &ledger.SourceStatus{Source: ERP, Feed: ERPOrders, Instance: "edge", Epoch: ledger.Epoch{Number: 1, OpenedBy: "edge"},
			Intervals: []ledger.Interval{{From: from, Until: now}}, LastHeard: now, SourceDate: now, ReportedAt: now})
		if err != nil {
			return err
		}
		a.log.AppendAsync(kafkalog.Record{Topic: kafkalog.TopicSources, Value: value}, func(kafkalog.Position, error) {})
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
}

// delays waits for every exception and says how long after its deadline each
// was committed, in s.
func (a *alarms) delays(sub *engine.Subscription) []float64 {
	a.t.Helper()
	out := make([]float64, 0, a.orders)
	end := time.After(time.Until(a.first.Add(a.spread).Time()) + 2*time.Minute)
	for len(out) < a.orders {
		select {
		case c := <-sub.C:
			seen := ledger.At(time.Now())
			for i := range c.Rows.Exceptions {
				x := &c.Rows.Exceptions[i]
				if x.Change == ledger.FactExceptionOpened && x.Exception.Rule == "ingestion" {
					out = append(out, float64(seen.Sub(x.Exception.Deadline.Add(timersSigma)))/1e6)
				}
			}
		case <-end:
			a.t.Fatalf("%d of %d exceptions were seen two minutes after the last deadline", len(out), a.orders)
		}
	}
	return out
}

// measureTimers lets deadlines become due one after the other on the machine's
// clock, while the node proposes its ticks itself.
func measureTimers(t *testing.T, s scale) []figure {
	a := arm(t, s)
	defer func() {
		if err := a.node.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	stop, heard := make(chan struct{}), make(chan error, 1)
	go func() { heard <- a.hear(stop) }()
	a.caughtUp(a.node)
	ready := time.Until(a.first.Time())
	if ready < 0 {
		t.Fatalf("the deadlines were armed %s after the first was due: arm fewer, or earlier", -ready)
	}
	sub := a.node.Subscribe(1 << 16)
	list := a.delays(sub)
	lagged := sub.Lagged()
	sub.Close()
	close(stop)
	if err := <-heard; err != nil || lagged {
		t.Fatalf("heard: %v; the measurement did not keep up: %v", err, lagged)
	}
	if open := a.openExceptions(a.node); open != a.orders {
		t.Fatalf("%d of %d exceptions are open", open, a.orders)
	}
	slices.Sort(list)
	if list[0] < 0 {
		t.Fatalf("an exception was said %f s before its deadline", -list[0])
	}
	n := float64(a.orders)
	at := func(q float64) float64 { return list[int(q*(n-1))] }
	return []figure{
		of("exception visible, p50", "s after its deadline", at(0.5)).noting("%s deadlines over %d partitions, due one after the other in %s s on the machine's clock (%s per s); the ledger proposes its own ticks; the ERP proves every %s that it was heard up to now",
			number(n), partitions, number(float64(a.spread)/1e6), number(n/(float64(a.spread)/1e6)), fmt.Sprint(timersHeard)),
		of("exception visible, p99", "s after its deadline", at(0.99)).atMost(1),
		of("exception visible, the last", "s after its deadline", list[len(list)-1]),
	}
}
