// Package ledgertest is what any test needs to speak ledger: a small shop with
// a storefront, an ERP and a payment gateway, builders for their events and
// ticks, and a log that folds them.
package ledgertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// The shop's sources.
const (
	Shop     ledger.Source = "shop"
	ERP      ledger.Source = "erp"
	Payments ledger.Source = "payments"
)

// Feeds of the shop's sources.
const (
	ShopOrders = "orders"
	ERPOrders  = "sales-orders"
	PayEvents  = "payments"
)

// Noon is the instant the tests' stories are told around.
var Noon = ledger.At(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))

// Clock returns the instant of h:m:s on the day of Noon.
func Clock(h, m, s int) ledger.Instant {
	return ledger.At(time.Date(2026, 3, 2, h, m, s, 0, time.UTC))
}

func cell(r ledger.Role, a ledger.Axis, states ...ledger.State) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpIn, Cell: ledger.CellRef{Role: r, Axis: a}, States: ledger.StateSet(states...)}
}

func heard(r ledger.Role, a ledger.Axis) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpNotIn, Cell: ledger.CellRef{Role: r, Axis: a}, States: ledger.StateSet(ledger.Absent)}
}

func atOr(r ledger.Role, a ledger.Axis, s ledger.State) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpAtOr, Cell: ledger.CellRef{Role: r, Axis: a}, State: s}
}

func and(args ...*ledger.Predicate) *ledger.Predicate {
	return &ledger.Predicate{Op: ledger.OpAnd, Args: args}
}

// Policy is the shop's policy, version 1, in force since ever: an ingestion
// deadline in two steps and a shipment-lag drift rule.
func Policy() *ledger.Policy {
	src := func(name ledger.Source, system string, role ledger.Role, feed ledger.FeedSpec) ledger.SourceSpec {
		return ledger.SourceSpec{Name: name, System: system, Role: role, Origin: role == ledger.RoleStorefront, Skew: ledger.Second, Feeds: []ledger.FeedSpec{feed}}
	}
	proves := func(object string, axes ...ledger.Axis) (out []ledger.Proof) {
		for _, a := range axes {
			out = append(out, ledger.Proof{Axis: a, Object: object})
		}
		return out
	}
	poll := func(name string, pr []ledger.Proof) ledger.FeedSpec {
		return ledger.FeedSpec{Name: name, Settle: 30 * ledger.Second, ExpectedEvery: 10 * ledger.Second, Proves: pr}
	}
	pay := ledger.FeedSpec{Name: PayEvents, Settle: 30 * ledger.Second, ExpectedEvery: 60 * ledger.Second, Coverage: ledger.CoverageAssumed,
		Proves: proves("payment", ledger.AxisPayment)}
	p := &ledger.Policy{
		Version: 1,
		Sources: []ledger.SourceSpec{
			src(ERP, "erp", ledger.RoleERP, poll(ERPOrders, proves("sales_order", ledger.AxisOrder, ledger.AxisPayment, ledger.AxisFulfilment))),
			src(Payments, "gateway", ledger.RolePayment, pay),
			src(Shop, "shop", ledger.RoleStorefront, poll(ShopOrders, proves("order", ledger.AxisOrder, ledger.AxisPayment, ledger.AxisFulfilment))),
		},
		Bindings: []ledger.Binding{{Origin: Shop, Role: ledger.RolePayment, Source: Payments}, {Origin: Shop, Role: ledger.RoleERP, Source: ERP}},
		Rows: []ledger.MatrixRow{
			row("erp", ledger.AxisOrder, "approved", ledger.OrderConfirmed),
			row("erp", ledger.AxisOrder, "cancelled", ledger.OrderCancelled),
			row("erp", ledger.AxisOrder, "createddate", ledger.OrderReceived),
			row("erp", ledger.AxisFulfilment, "pending", ledger.FulfilmentPending),
			row("erp", ledger.AxisFulfilment, "shipped", ledger.FulfilmentShipped),
			row("gateway", ledger.AxisPayment, "captured", ledger.PaymentCaptured),
			row("gateway", ledger.AxisPayment, "pending", ledger.PaymentPending),
			row("shop", ledger.AxisOrder, "cancelled", ledger.OrderCancelled),
			row("shop", ledger.AxisOrder, "cancelled_at", ledger.OrderCancelled),
			row("shop", ledger.AxisOrder, "created_at", ledger.OrderPlaced),
			row("shop", ledger.AxisOrder, "open", ledger.OrderPlaced),
			row("shop", ledger.AxisPayment, "paid", ledger.PaymentCaptured),
			row("shop", ledger.AxisPayment, "pending", ledger.PaymentPending),
			row("shop", ledger.AxisFulfilment, "(null)", ledger.FulfilmentPending),
			row("shop", ledger.AxisFulfilment, "fulfilled", ledger.FulfilmentShipped),
			row("shop", ledger.AxisFulfilment, "partial", ledger.FulfilmentPartiallyShipped),
		},
		Rules: []ledger.Rule{
			{
				Name: "ingestion", From: cell(ledger.RoleStorefront, ledger.AxisOrder, ledger.OrderPlaced), Until: heard(ledger.RoleERP, ledger.AxisOrder),
				Steps: []ledger.Step{
					{After: 2 * ledger.Minute, Exception: "IngestionPendingAudit", Severity: ledger.SeverityWarning},
					{After: 15 * ledger.Minute, Exception: "CheckoutDisconnect", Severity: ledger.SeverityCritical}},
				DependsOn: []ledger.FeedRef{{Role: ledger.RoleERP, Feed: ERPOrders}}, Hop: "storefront→erp", Owner: "integration",
				Impact: "The order was never sent to the warehouse.", Remedy: "Re-process the storefront payload.", Money: ledger.AmountOrdered,
			},
			{
				Name: "shipment-lag", Expr: and(atOr(ledger.RoleStorefront, ledger.AxisFulfilment, ledger.FulfilmentShipped),
					cell(ledger.RoleERP, ledger.AxisFulfilment, ledger.FulfilmentPending)),
				Steps: []ledger.Step{{After: 15 * ledger.Minute, Exception: "ShipmentLag", Severity: ledger.SeverityWarning}},
				Hop:   "erp→storefront", Owner: "fulfilment",
			},
		},
		Settings: ledger.Settings{ReopenWindow: ledger.Hour, HoldMax: ledger.Hour, ResetOperators: 1},
	}
	slices.SortFunc(p.Rows, ledger.MatrixRow.Compare)
	return p
}

func row(system string, a ledger.Axis, word string, s ledger.State) ledger.MatrixRow {
	return ledger.MatrixRow{System: system, Axis: a, Native: word, State: s}
}

// Key is the order key of the shop's order with the given native id.
func Key(id string) ledger.OrderKey {
	k, err := ledger.NewOrderKey(Shop, id)
	if err != nil {
		panic(err)
	}
	return k
}

// Words are the native words of an order document, per axis; an empty word
// makes no claim.
type Words struct {
	Order, Payment, Fulfilment string
	// Precision of the stamps.
	Precision ledger.Micros
	// Created, if set, adds a creation claim.
	Created ledger.Instant
	// Cancelled, if set, adds a dated cancellation.
	Cancelled ledger.Instant
	Minor     int64
}

func (w *Words) claims(obj ledger.Object, v ledger.Version, updated ledger.Instant, created string) (out []ledger.Claim) {
	add := func(a ledger.Axis, m ledger.Mode, word string, at ledger.Instant) {
		if word != "" {
			out = append(out, ledger.Claim{Axis: a, Object: obj, Mode: m, Native: word, Version: v, Earliest: at, Latest: at.Add(w.Precision)})
		}
	}
	if w.Created != 0 {
		add(ledger.AxisOrder, ledger.Created, created, w.Created)
	}
	if w.Cancelled != 0 {
		add(ledger.AxisOrder, ledger.Dated, "cancelled_at", w.Cancelled)
	}
	add(ledger.AxisOrder, ledger.Current, w.Order, updated)
	add(ledger.AxisPayment, ledger.Current, w.Payment, updated)
	add(ledger.AxisFulfilment, ledger.Current, w.Fulfilment, updated)
	return out
}

func stamped(at ledger.Instant) ledger.Version {
	return ledger.Version{Scheme: ledger.SchemeTimestamp, Parts: [3]int64{int64(at) * 1000}}
}

// ShopEvent is an order document of the storefront, as its webhook delivers it.
func ShopEvent(id string, updated, received ledger.Instant, w Words) *ledger.Event {
	obj := ledger.Object{Type: "order", ID: id}
	e := &ledger.Event{Source: Shop, System: "shop", Feed: ShopOrders, Order: Key(id), Kind: ledger.KindOrder, Object: obj,
		Version: stamped(updated), ReceivedAt: received, Aliases: []ledger.Alias{{Scope: Shop, Type: "order-number", Value: "#" + id}}}
	e.Claims = w.claims(obj, e.Version, updated, "created_at")
	if w.Minor != 0 {
		e.Amounts = []ledger.AmountSet{{Object: obj, Kind: ledger.AmountOrdered, Complete: true,
			Amounts: []ledger.Amount{{ID: "total", Minor: w.Minor, Currency: "EUR"}}}}
	}
	e.ID = e.ComputeID()
	return e
}

// ERPEvent is a sales order of the ERP, as a poll asked at asked reads it.
func ERPEvent(id string, updated, asked, prev ledger.Instant, w Words) *ledger.Event {
	obj := ledger.Object{Type: "sales_order", ID: "so-" + id}
	e := &ledger.Event{Source: ERP, System: "erp", Feed: ERPOrders, Order: Key(id), Kind: ledger.KindOrder, Object: obj,
		Version: stamped(updated), ReceivedAt: asked, AskedAt: asked, PrevAsked: prev}
	e.Claims = w.claims(obj, e.Version, updated, "createddate")
	e.ID = e.ComputeID()
	return e
}

// PayEvent is a payment document of the gateway.
func PayEvent(id string, updated, received ledger.Instant, word string) *ledger.Event {
	obj := ledger.Object{Type: "payment", ID: "pay-" + id}
	e := &ledger.Event{Source: Payments, System: "gateway", Feed: PayEvents, Order: Key(id), Kind: ledger.KindPayment, Object: obj,
		Version: stamped(updated), ReceivedAt: received}
	w := Words{Payment: word}
	e.Claims = w.claims(obj, e.Version, updated, "")
	e.ID = e.ComputeID()
	return e
}

// PolicyRecord wraps a policy as its record.
func PolicyRecord(p *ledger.Policy) *ledger.PolicyRecord { return p.Record(nil, "tests") }

// Covered is a tick's copy of a feed heard over [from, until).
func Covered(src ledger.Source, feed string, from, until ledger.Instant) ledger.FeedCoverage {
	return ledger.FeedCoverage{Source: src, Feed: feed, Epoch: ledger.Epoch{Number: 1, OpenedBy: "t"}, LastHeard: until,
		Intervals: []ledger.Interval{{From: from, Until: until}}}
}

// Tick is a tick whose wall a source's Date confirms.
func Tick(wall ledger.Instant, feeds ...ledger.FeedCoverage) *ledger.Tick {
	return &ledger.Tick{Wall: wall, Proposer: "tests", BootID: [16]byte{1}, BootClock: wall.Sub(Noon) + ledger.Day, SourceDate: wall, Feeds: feeds}
}

// Log folds records one after another and keeps them for replay.
type Log struct {
	Store   *ledger.MemStore
	P       *ledger.Partition
	Records []ledger.Record
	// Told are the rows of all records so far.
	Exceptions []ledger.ExceptionRow
	History    []ledger.HistoryRow
	Orders     []ledger.OrderRow
	Quarantine []ledger.QuarantineRow

	opt ledger.Options
}

// NewLog opens an empty partition 0 of 1.
func NewLog() *Log { return NewLogWith(ledger.Options{Partitions: 1}) }

// NewLogWith opens an empty partition.
func NewLogWith(opt ledger.Options) *Log {
	l := &Log{Store: ledger.NewMemStore(), opt: opt}
	p, err := ledger.Open(l.Store, opt)
	if err != nil {
		panic(fmt.Errorf("open an empty partition: %w", err))
	}
	l.P = p
	return l
}

// Append folds one payload and commits it.
func (l *Log) Append(payload any) *Log {
	r := ledger.Record{Offset: int64(len(l.Records)), RecordedAt: Noon}
	switch v := payload.(type) {
	case *ledger.Event:
		c := *v
		r.Event = &c
	case *ledger.Tick:
		r.Tick = v
	case *ledger.PolicyRecord:
		r.Policy = v
	case *ledger.Policy:
		r.Policy = PolicyRecord(v)
	case *ledger.OperatorAction:
		r.Action = v
	case *ledger.Looked:
		r.Looked = v
	case *ledger.Mute:
		r.Mute = v
	case *ledger.ClockReset:
		r.Reset = v
	case *ledger.Poison:
		r.Poison = v
	case *ledger.Reemit:
		r.Reemit = v
	default:
		panic(fmt.Sprintf("no record carries a %T", payload))
	}
	l.Records = append(l.Records, r)
	if r.Event != nil {
		c := *r.Event
		r.Event = &c
	}
	if err := l.P.Apply(&r); err != nil {
		panic(err)
	}
	l.commit()
	for l.P.Continuing() {
		if err := l.P.Continue(); err != nil {
			panic(err)
		}
		l.commit()
	}
	return l
}

func (l *Log) commit() {
	rows := l.P.Rows().Clone()
	l.History = append(l.History, rows.History...)
	l.Exceptions = append(l.Exceptions, rows.Exceptions...)
	l.Orders = append(l.Orders, rows.Orders...)
	l.Quarantine = append(l.Quarantine, rows.Quarantine...)
	l.P.Flush(l.Store)
}

// View returns an order as readers see it.
func (l *Log) View(id string) ledger.OrderView {
	r, err := ledger.NewReader(l.Store, l.opt)
	if err != nil {
		panic(err)
	}
	v, _, err := r.Order(Key(id))
	if err != nil {
		panic(err)
	}
	return v
}

// Verdict returns an order's verdict on a rule's step in its first episode.
func (l *Log) Verdict(id, rule string, step uint8) ledger.VerdictView {
	for _, v := range l.View(id).Verdicts {
		if v.Rule == rule && v.Step == step {
			return v
		}
	}
	return ledger.VerdictView{}
}

// Open lists the names of the open exceptions in the order they were told.
func (l *Log) Open() []string {
	r, err := ledger.NewReader(l.Store, l.opt)
	if err != nil {
		panic(err)
	}
	var out []string
	err = r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		out = append(out, x.Name)
		return true
	})
	if err != nil {
		panic(err)
	}
	return out
}
