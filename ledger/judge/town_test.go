package judge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// town is a random world of several orders under random rules.
type town struct {
	rnd   *rand.Rand
	now   ledger.Instant
	pol   *ledger.Policy
	out   []any
	holes []ledger.Hole
	epoch uint64
	boots byte
}

func township(seed uint64) *Log {
	w := &town{rnd: rand.New(rand.NewPCG(seed, 72)), now: Clock(10, 0, 0), epoch: 1, boots: 1}
	w.pol = w.rules(1, nil)
	l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: pick(w.rnd, 4, 16), CacheOrders: 1 + w.rnd.IntN(4)})
	declared := w.rnd.IntN(4) > 0 // else the policy comes later
	if declared {
		l.Append(PolicyRecord(w.pol))
	}
	for range 10 + w.rnd.IntN(60) {
		w.now = w.now.Add(ledger.Micros(w.rnd.IntN(120)) * ledger.Second)
		switch n := w.rnd.IntN(20); {
		case n < 11:
			w.document(l)
		case n < 17:
			w.tick(l)
		case n == 17:
			src, feed := ERP, ERPOrders
			l.Append(&ledger.Looked{Source: src, Feed: feed, Order: Key(w.order()), AskedAt: w.now, Found: w.rnd.IntN(2) == 0})
		case n == 18 && !declared:
			l.Append(PolicyRecord(w.pol))
			declared = true
		case n == 18 && w.pol.Version < 3:
			w.pol = w.rules(w.pol.Version+1, w.pol)
			l.Append(PolicyRecord(w.pol))
		case n == 19 && w.rnd.IntN(4) == 0:
			l.Append(&ledger.ClockReset{Wall: w.now, Operators: []string{"ops"}})
		}
	}
	if !declared {
		l.Append(PolicyRecord(w.pol))
	}
	w.now = w.now.Add(ledger.Micros(w.rnd.IntN(40)) * ledger.Minute)
	w.tick(l)
	w.tick(l)
	return l
}

func (w *town) order() string { return fmt.Sprint(w.rnd.IntN(4)) }

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

// rules makes a policy: the shop's, with rules and roll-ups of chance.
func (w *town) rules(version uint64, before *ledger.Policy) *ledger.Policy {
	p := Policy()
	p.Version = version
	if before != nil {
		p.EffectiveAt = max(before.EffectiveAt, w.now.Add(ledger.Micros(w.rnd.IntN(900)-300)*ledger.Second))
		if w.rnd.IntN(2) == 0 {
			p.Rows = append(p.Rows, ledger.MatrixRow{System: "erp", Axis: ledger.AxisFulfilment, Native: "packing", State: ledger.FulfilmentPacked})
			slices.SortFunc(p.Rows, ledger.MatrixRow.Compare)
		}
	}
	if w.rnd.IntN(3) == 0 {
		p.Settings.HoldMax = 5 * ledger.Minute
	}
	if w.rnd.IntN(3) == 0 {
		p.Sources[2].LiveFrom = Clock(10, 10, 0)
	}
	if w.rnd.IntN(2) == 0 {
		p.Sources[0].Feeds[0].Lookup, p.Sources[0].Feeds[0].LookupLag = true, ledger.Micros(w.rnd.IntN(30))*ledger.Second
	}
	p.Rows = append(p.Rows,
		ledger.MatrixRow{System: "erp", Axis: ledger.AxisFulfilment, Native: "delivered", State: ledger.FulfilmentDelivered},
		ledger.MatrixRow{System: "erp", Axis: ledger.AxisFulfilment, Native: "hold", State: ledger.FulfilmentHold},
		ledger.MatrixRow{System: "erp", Axis: ledger.AxisFulfilment, Native: "picked", State: ledger.FulfilmentPicked})
	slices.SortFunc(p.Rows, ledger.MatrixRow.Compare)
	p.Rollups = []ledger.Rollup{{System: "erp", Axis: ledger.AxisFulfilment, Objects: []string{"sales_order", "parcel"},
		How: pick(w.rnd, ledger.RollupProgress, ledger.RollupFurthest, ledger.RollupLead)}}
	if w.rnd.IntN(3) == 0 {
		p.Rollups = nil
	}
	names := []string{"arrives", "ingestion", "paid", "refreshed", "shipment-lag", "sums", "waits"}
	p.Rules = nil
	for _, n := range names {
		if w.rnd.IntN(3) > 0 {
			p.Rules = append(p.Rules, w.rule(n))
		}
	}
	if len(p.Rules) == 0 {
		p.Rules = []ledger.Rule{w.rule("ingestion")}
	}
	return p
}

func ref(r ledger.Role, a ledger.Axis) ledger.CellRef { return ledger.CellRef{Role: r, Axis: a} }

func in(r ledger.Role, a ledger.Axis, s ...ledger.State) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpIn, Cell: ref(r, a), States: ledger.StateSet(s...)}
}

func from(r ledger.Role, a ledger.Axis, s ledger.State) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpAtOr, Cell: ref(r, a), State: s}
}

func heardOf(r ledger.Role, a ledger.Axis) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpNotIn, Cell: ref(r, a), States: ledger.StateSet(ledger.Absent)}
}

func all(args ...*ledger.Predicate) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpAnd, Args: args}
}

func (w *town) rule(name string) ledger.Rule {
	shop, erp, pay := ledger.RoleStorefront, ledger.RoleERP, ledger.RolePayment
	r := ledger.Rule{Name: name, Steps: []ledger.Step{{After: ledger.Micros(1+w.rnd.IntN(4)) * ledger.Minute, Exception: "Late", Severity: ledger.SeverityWarning}},
		Grace: ledger.Micros(w.rnd.IntN(2)*w.rnd.IntN(90)) * ledger.Second}
	if w.rnd.IntN(2) == 0 {
		r.Steps = append(r.Steps, ledger.Step{After: 12 * ledger.Minute, Exception: "VeryLate", Severity: ledger.SeverityCritical})
	}
	if w.rnd.IntN(4) == 0 {
		r.Since = Clock(10, 15, 0)
	}
	switch name {
	case "ingestion":
		r.From, r.Until = in(shop, ledger.AxisOrder, ledger.OrderPlaced), heardOf(erp, ledger.AxisOrder)
		r.NoDefaultUnless = w.rnd.IntN(4) == 0
	case "arrives":
		r.From, r.Until = from(erp, ledger.AxisFulfilment, ledger.FulfilmentPicked), in(erp, ledger.AxisFulfilment, ledger.FulfilmentDelivered)
		if w.rnd.IntN(2) == 0 {
			r.Unless = in(erp, ledger.AxisOrder, ledger.OrderCancelled)
		}
	case "paid":
		r.From, r.Until = in(shop, ledger.AxisPayment, ledger.PaymentCaptured), in(pay, ledger.AxisPayment, ledger.PaymentCaptured)
		if w.rnd.IntN(3) == 0 {
			r.DependsOn = []ledger.FeedRef{{Role: ledger.RoleERP, Feed: ERPOrders}, {Role: ledger.RoleWMS}}[:1+w.rnd.IntN(2)]
		}
	case "refreshed":
		r.From, r.Until, r.Fresh = from(shop, ledger.AxisFulfilment, ledger.FulfilmentPartiallyShipped), from(erp, ledger.AxisFulfilment, ledger.FulfilmentPicked), true
	case "shipment-lag":
		r.Expr = all(from(shop, ledger.AxisFulfilment, ledger.FulfilmentShipped), in(erp, ledger.AxisFulfilment, ledger.FulfilmentPending, ledger.FulfilmentHold))
		r.Bridge = ledger.Micros(w.rnd.IntN(2)*w.rnd.IntN(300)) * ledger.Second
	case "sums":
		r.Expr = all(heardOf(erp, ledger.AxisOrder), &ledger.Predicate{Op: ledger.OpAmount, Amount: ledger.AmountRef{Role: shop, Kind: ledger.AmountOrdered},
			Cmp: pick(w.rnd, ledger.CmpNe, ledger.CmpGe, ledger.CmpLt), Minor: 1000, Currency: "EUR"})
	default:
		older := &ledger.Predicate{Op: ledger.OpSince, Cell: ref(shop, ledger.AxisFulfilment), Other: ref(erp, ledger.AxisFulfilment), Cmp: ledger.CmpLt}
		r.Expr = &ledger.Predicate{Op: ledger.OpOr, Args: []*ledger.Predicate{older, {Op: ledger.OpNot, Args: []*ledger.Predicate{in(erp, ledger.AxisOrder, ledger.OrderConfirmed, ledger.Absent)}}}}
	}
	return r
}

// document tells something, now or of a while ago.
func (w *town) document(l *Log) {
	rnd, id := w.rnd, w.order()
	at := w.now.Add(-ledger.Micros(rnd.IntN(2)*rnd.IntN(600)) * ledger.Second)
	words := Words{Precision: ledger.Micros(rnd.IntN(3)*rnd.IntN(60)) * ledger.Second}
	if id == "3" { // of which no document has a version, so that none is the first to say something
		words.Precision = 0
	}
	asked, prev := ledger.Instant(0), ledger.Instant(0)
	if rnd.IntN(2) == 0 {
		asked = w.now
		if rnd.IntN(4) > 0 {
			prev = asked.Add(-ledger.Micros(10+rnd.IntN(60)) * ledger.Second)
		}
	}
	var e *ledger.Event
	switch rnd.IntN(6) {
	case 0, 1:
		words.Order, words.Payment, words.Fulfilment = pick(rnd, "open", "open", "cancelled"), pick(rnd, "pending", "paid"), pick(rnd, "(null)", "partial", "fulfilled")
		words.Created, words.Minor = Clock(9, 59, 0), pick[int64](rnd, 0, 1000, 2500)
		if words.Order == "cancelled" {
			words.Cancelled = at
		}
		e = ShopEvent(id, at, w.now, words)
	case 2:
		words.Order, words.Fulfilment = pick(rnd, "approved", "approved", "odd"), pick(rnd, "pending", "picked", "hold", "packing", "shipped")
		words.Created = at.Add(-ledger.Micros(rnd.IntN(100)) * ledger.Second)
		e = ERPEvent(id, at, w.now, prev, words)
	case 3, 4:
		e = w.parcel(id, at, pick(rnd, "picked", "shipped", "delivered", "delivered", "packing", "hold"), words.Precision)
	default:
		e = PayEvent(id, at, w.now, pick(rnd, "pending", "captured"))
	}
	if unversioned := e.Object.ID == "3" || e.Object.ID == "p"+id+"2"; unversioned { // of one object all documents are, or none
		for i := range e.Claims {
			e.Claims[i].Version = ledger.Version{}
		}
		e.Version = ledger.Version{}
		if rnd.IntN(2) == 0 {
			e.NativeID = fmt.Sprint("n", at)
		}
	}
	e.AskedAt, e.PrevAsked, e.ReceivedAt = asked, prev, w.now
	if e.AskedAt == 0 {
		e.PrevAsked = 0
	}
	e.ID = e.ComputeID()
	for range 1 + rnd.IntN(2)*rnd.IntN(2) {
		c := *e
		l.Append(&c)
		e.ReceivedAt = e.ReceivedAt.Add(-ledger.Second)
		if e.Version.Scheme != ledger.SchemeNone || e.NativeID != "" { // which no asking identifies
			e.AskedAt, e.PrevAsked = w.now.Add(ledger.Micros(rnd.IntN(90))*ledger.Second), w.now.Add(-ledger.Micros(rnd.IntN(60))*ledger.Second)
		}
	}
}

// parcel is a document about one of an order's shipments.
func (w *town) parcel(id string, at ledger.Instant, word string, precision ledger.Micros) *ledger.Event {
	n := w.rnd.IntN(3)
	if n == 2 { // of which no document has a version
		precision = 0
	}
	obj := ledger.Object{Type: "parcel", ID: fmt.Sprint("p", id, n)}
	e := &ledger.Event{Source: ERP, System: "erp", Feed: ERPOrders, Order: Key(id), Kind: ledger.KindShipment, Object: obj,
		Version: ledger.Version{Scheme: ledger.SchemeTimestamp, Parts: [3]int64{int64(at) * 1000}}}
	e.Claims = []ledger.Claim{{Axis: ledger.AxisFulfilment, Object: obj, Mode: pick(w.rnd, ledger.Current, ledger.Current, ledger.Dated),
		Native: word, Version: e.Version, Earliest: at, Latest: at.Add(precision)}}
	return e
}

// tick tells the time, mostly with what was heard, now and then by a clock that
// nobody believes, after a hole, or in a new epoch.
func (w *town) tick(l *Log) {
	rnd := w.rnd
	t := Tick(w.now)
	if rnd.IntN(3) == 0 {
		t.SourceDate = 0
	}
	switch rnd.IntN(12) {
	case 0:
		w.boots++
	case 1:
		t.Wall, t.SourceDate = t.Wall.Add(ledger.Hour), 0
	case 2:
		t.Wall = t.Wall.Add(-ledger.Micros(rnd.IntN(60)) * ledger.Second)
	}
	t.BootID = [16]byte{w.boots}
	if rnd.IntN(3) > 0 {
		until := w.now.Add(-ledger.Micros(30+rnd.IntN(40)) * ledger.Second)
		erp := Covered(ERP, ERPOrders, Clock(9, 0, 0), until)
		if rnd.IntN(6) == 0 {
			w.holes = append(w.holes, ledger.Hole{Interval: ledger.Interval{From: until.Add(-ledger.Minute), Until: until}, ReceivedAt: w.now, Quarantine: fmt.Sprint("q", len(w.holes))})
		} else if rnd.IntN(6) == 0 {
			w.holes = nil
		}
		erp.Holes = slices.Clone(w.holes)
		if rnd.IntN(8) == 0 {
			w.epoch++
			erp.Withdrawn = []ledger.Interval{{From: until.Add(-10 * ledger.Minute), Until: until.Add(-5 * ledger.Minute)}}
			erp.Intervals = []ledger.Interval{{From: until.Add(-5 * ledger.Minute), Until: until}}
		}
		erp.Epoch.Number = w.epoch
		if rnd.IntN(10) == 0 {
			erp.Epoch.OpenedBy = "rival"
		}
		t.Feeds = append(t.Feeds, erp)
	}
	if rnd.IntN(3) > 0 {
		t.Feeds = append(t.Feeds, Covered(Shop, ShopOrders, Clock(9, 0, 0), w.now.Add(-ledger.Micros(30+rnd.IntN(40))*ledger.Second)))
	}
	l.Append(t)
}
