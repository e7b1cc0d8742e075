package ledger_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// shown appends a document of the storefront with the names that it gives.
func shown(n *Net, id string, at ledger.Instant, names ...ledger.Alias) *ledger.Event {
	e := ShopEvent(id, at, at.Add(ledger.Second), Words{Order: "open", Created: Clock(10, 0, 0)})
	e.Aliases = names
	e.ID = e.ComputeID()
	n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	n.Drain()
	return e
}

// minutes ticks once a minute, with everything heard that began 35 s before.
func minutes(n *Net, from, to int, offsets map[int32]int64) {
	for m := from; m <= to; m++ {
		now := Clock(10, m, 0)
		until := now.Add(-35 * ledger.Second)
		n.Everywhere(ledger.Record{Tick: Tick(now, heardERP(until, offsets), Covered(Shop, ShopOrders, Clock(9, 0, 0), until))})
		n.Drain()
	}
}

// seenBy is what a reader sees of an order.
func seenBy(t *testing.T, n *Net, id string) (ledger.OrderView, []ledger.Told) {
	t.Helper()
	r, err := ledger.NewReader(n.OrderMember(Key(id)).Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := r.Order(Key(id))
	if err != nil {
		t.Fatal(err)
	}
	told, err := r.Timeline(Key(id))
	if err != nil {
		t.Fatal(err)
	}
	return v, told
}

// TestBothClaimsAreTold: where two orders' own documents give one name, the
// collision tells both orders and the documents that say so, what hangs on the
// name belongs to neither, and its waiting is told, too (S-35, S-36).
func TestBothClaimsAreTold(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	one, two := shown(n, "1", Clock(10, 0, 0), number("#7")), shown(n, "2", Clock(10, 1, 0), number("#7"))
	e := parked(n, number("#7"), Clock(10, 2, 0))
	m := n.AliasMember(number("#7"))
	minutes(n, 3, 30, map[int32]int64{0: 2})
	open := map[string]ledger.Exception{}
	for _, row := range m.Told {
		open[row.Exception.Name] = row.Exception
	}
	x := open[ledger.NameCollision]
	want := []ledger.Evidence{{Text: "claimed by " + string(one.Order), Event: one.ID}, {Text: "claimed by " + string(two.Order), Event: two.ID}}
	for i := range x.Evidence {
		x.Evidence[i].At = 0
	}
	if !x.Open || x.Subject.String() != "alias:shop/order-number:#7" || !slices.Equal(x.Evidence, want) {
		t.Errorf("told %+v, want the collision with %+v", x, want)
	}
	if to := ledger.Joined(m.Store)[e.ID]; to != "" {
		t.Errorf("joined to %s", to)
	}
	for id, own := range map[string]*ledger.Event{"1": one, "2": two} {
		if got := ledger.Living(n.OrderMember(Key(id)).Store, Key(id)); !slices.Equal(got, []ledger.EventID{own.ID}) {
			t.Errorf("order %s holds %v", id, got)
		}
	}
	if x := open[ledger.NameOrphan]; !x.Open || len(x.Evidence) != 1 || x.Evidence[0].Event != e.ID {
		t.Errorf("told %+v, want what waits", x)
	}
}

// TestALateNameRevises: a record that was given up as an orphan still belongs to
// the order that is named after all; the orphan heals, and what was said without
// the record is revised by a fact, not rewritten (S-24, S-36).
func TestALateNameRevises(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	shown(n, "1", Clock(10, 0, 0))
	e := parked(n, number("#7"), Clock(10, 0, 40))
	m := n.AliasMember(number("#7"))
	minutes(n, 1, 25, map[int32]int64{0: 1})
	before, _ := seenBy(t, n, "1")
	if v := verdictOf(before); v.State != ledger.VerdictBreached || v.Basis != ledger.BasisIncomplete || len(n.Open(t)) != 1 || len(m.Told) == 0 || !m.Told[len(m.Told)-1].Exception.Open {
		t.Fatalf("before the name: %+v, open %+v, told %+v", v, n.Open(t), m.Told)
	}
	shown(n, "1", Clock(10, 25, 30), number("#7"))
	minutes(n, 26, 27, map[int32]int64{0: 1})
	if to := ledger.Joined(m.Store)[e.ID]; to != Key("1") || m.Told[len(m.Told)-1].Exception.Open {
		t.Errorf("joined to %q, told %+v", to, m.Told[len(m.Told)-1])
	}
	after, told := seenBy(t, n, "1")
	if v := verdictOf(after); v.State != ledger.VerdictMet || len(n.Open(t)) != 0 {
		t.Errorf("after the name: %+v, open %+v", v, n.Open(t))
	}
	state, said := ledger.VerdictPending, []ledger.VerdictState{}
	for i := range told {
		if f := told[i].Fact; f != nil && f.Rule == "ingestion" && f.Step == 0 && f.From != f.To {
			if f.From != state {
				t.Errorf("a fact revises %s, and %s was said", f.From, state)
			}
			state = f.To
			said = append(said, state)
		}
	}
	if len(said) < 2 || said[0] != ledger.VerdictBreached || state != ledger.VerdictMet {
		t.Errorf("facts say %v, want BREACHED first and MET in the end", said)
	}
}

// verdictOf is the verdict of the first step of ingestion.
func verdictOf(v ledger.OrderView) ledger.VerdictView {
	for _, x := range v.Verdicts {
		if x.Rule == "ingestion" && x.Step == 0 {
			return x
		}
	}
	return ledger.VerdictView{}
}
