package engine_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logsink"
)

// numbered is the shop's policy for an ERP that knows orders by their number.
func numbered() *ledger.Policy {
	p := ledgertest.Policy()
	p.Aliases = []ledger.AliasSpec{{Type: "order-number"}, {Type: "tracking"}}
	p.Settings.ParkSettle = ledger.Second
	return p
}

// unkeyed appends a record that names no order.
func (r *rig) unkeyed(by ledger.Alias, ev *ledger.Event) {
	r.t.Helper()
	ev.Order = ""
	ev.ID = ev.ComputeID()
	r.append(kafkalog.TopicUnkeyed, kafkalog.ByKey, string(by.Key()), &ledger.Unkeyed{By: by, Event: *ev})
}

func (r *rig) joining(dir string) *engine.Node {
	r.t.Helper()
	n, err := engine.Start(r.t.Context(), engine.Config{Dir: dir, Partitions: partitions}, engine.Deps{Journal: r.log, Codec: r.codec,
		Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{logsink.NewJoins(r.log, r.codec)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// view reads an order.
func (r *rig) view(n *engine.Node, k ledger.OrderKey) (v ledger.OrderView) {
	r.t.Helper()
	err := n.Read(n.PartitionOf(k), func(x *ledger.Reader, _ engine.Freshness) (err error) {
		v, _, err = x.Order(k)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

func cellOf(v *ledger.OrderView, src ledger.Source, a ledger.Axis) ledger.State {
	for _, c := range v.Summary.Cells {
		if c.Source == src && c.Axis == a {
			return c.State
		}
	}
	return ledger.Absent
}

// TestNodeJoinsByNames: an ERP that knows the order's number only, and a payment
// that knows the tracking number the ERP gave, reach the order through the log,
// the later name before the earlier one, and again after a restart (S-35, S-36).
func TestNodeJoinsByNames(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(numbered()))
	at := ledgertest.Clock(9, 59, 59)
	track := ledger.Alias{Scope: ledgertest.ERP, Type: "tracking", Value: "1Z9"}
	r.unkeyed(track, ledgertest.PayEvent("1001", at, ledgertest.Clock(10, 0, 9), "captured"))
	erp := ledgertest.ERPEvent("1001", ledgertest.Clock(10, 1, 0), ledgertest.Clock(10, 1, 10), ledgertest.Clock(10, 1, 0),
		ledgertest.Words{Order: "approved", Fulfilment: "pending", Created: ledgertest.Clock(10, 1, 0)})
	erp.Aliases = []ledger.Alias{track}
	r.unkeyed(ledger.Alias{Scope: ledgertest.Shop, Type: "order-number", Value: "#1001"}, erp)
	dir := t.TempDir()
	n := r.joining(dir)
	ev := ledgertest.ShopEvent("1001", at, ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 4990})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	joined := func() bool {
		v := r.view(n, ev.Order)
		return cellOf(&v, ledgertest.ERP, ledger.AxisOrder) == ledger.OrderConfirmed && cellOf(&v, ledgertest.Payments, ledger.AxisPayment) == ledger.PaymentCaptured
	}
	until(t, joined)
	until(t, func() bool {
		x := r.index(track)
		return x != nil && len(x.Claims) == 1 && x.Claims[0].Order == ev.Order && x.Claims[0].Depth == 1
	})
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = r.joining(dir)
	defer func() { _ = n.Close() }()
	late := ledgertest.ERPEvent("1001", ledgertest.Clock(10, 2, 0), ledgertest.Clock(10, 2, 10), ledgertest.Clock(10, 2, 0),
		ledgertest.Words{Order: "approved", Fulfilment: "shipped", Created: ledgertest.Clock(10, 1, 0)})
	r.unkeyed(ledger.Alias{Scope: ledgertest.Shop, Type: "order-number", Value: "#1001"}, late)
	until(t, func() bool {
		v := r.view(n, ev.Order)
		return cellOf(&v, ledgertest.ERP, ledger.AxisFulfilment) == ledger.FulfilmentShipped
	})
	if v := r.view(n, ev.Order); v.Summary.Events != 4 {
		t.Fatalf("%d documents, want 4: something was joined twice", v.Summary.Events)
	}
}

// TestNodeTellsOrphans: a record whose name nobody binds is visible as the
// exception of its alias (S-36).
func TestNodeTellsOrphans(t *testing.T) {
	r := newRig(t)
	p := numbered()
	p.Aliases[0].OrphanAfter = ledger.Second
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(p))
	r.unkeyed(ledger.Alias{Scope: ledgertest.Shop, Type: "order-number", Value: "#404"},
		ledgertest.ERPEvent("404", ledgertest.Clock(10, 1, 0), ledgertest.Clock(10, 1, 10), 0, ledgertest.Words{Order: "approved", Created: ledgertest.Clock(10, 1, 0)}))
	// a source whose Date vouches for the clock
	r.append(kafkalog.TopicSources, 0, "erp", &ledger.SourceStatus{Source: ledgertest.ERP, Feed: ledgertest.ERPOrders, Instance: "i",
		Epoch: ledger.Epoch{Number: 1, OpenedBy: "i"}, LastHeard: ledgertest.Clock(10, 2, 41), SourceDate: ledgertest.Clock(10, 2, 46)})
	n := r.joining(t.TempDir())
	defer func() { _ = n.Close() }()
	var found *ledger.Exception
	until(t, func() bool {
		for log := range n.Logs() {
			err := n.Read(log, func(x *ledger.Reader, _ engine.Freshness) error {
				return x.OpenExceptions(ledger.ExceptionID{}, func(e *ledger.Exception) bool { found = e; return false })
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return found != nil
	})
	if found.Name != "OrphanEvent" || found.Subject.Alias != "shop/order-number:#404" || found.Count != 1 || len(found.Evidence) != 1 {
		t.Fatalf("exception %+v", found)
	}
}

// index is the newest word of orders.aliases.v1 on an alias.
func (r *rig) index(a ledger.Alias) *ledger.AliasIndex {
	r.t.Helper()
	at := ledger.PartitionOf(a.Key(), partitions)
	ends, err := r.log.EndOffsets(r.t.Context(), kafkalog.TopicAliases)
	if err != nil {
		r.t.Fatal(err)
	}
	records, err := kafkalog.ReadRange(r.t.Context(), r.log, kafkalog.Position{Topic: kafkalog.TopicAliases, Partition: at}, ends[at])
	if err != nil {
		r.t.Fatal(err)
	}
	var newest *ledger.AliasIndex
	for i := range records {
		x, err := r.codec.NewDecoder().DecodeAliasIndex(records[i].Value)
		if err != nil {
			r.t.Fatal(err)
		}
		if x.Alias == a && (newest == nil || x.Route > newest.Route) {
			newest = x
		}
	}
	return newest
}
