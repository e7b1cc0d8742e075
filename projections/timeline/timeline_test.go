package timeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections/timeline"
)

func story(t *testing.T, l *ledgertest.Log, id string) []timeline.Entry {
	t.Helper()
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	told, err := r.Timeline(ledgertest.Key(id))
	if err != nil {
		t.Fatal(err)
	}
	return timeline.Tell(told)
}

// placed is an order that never reaches the ERP, told up to the breach of both
// steps, heard twice, with an action of a person.
func placed(t *testing.T) *ledgertest.Log {
	t.Helper()
	ev := ledgertest.ShopEvent("1001", ledgertest.Clock(9, 59, 59), ledgertest.Clock(10, 0, 0),
		ledgertest.Words{Order: "open", Payment: "paid", Created: ledgertest.Clock(9, 59, 59), Minor: 4990})
	again := *ev
	again.ReceivedAt = ledgertest.Clock(10, 0, 9)
	covered := func(until ledger.Instant) ledger.FeedCoverage {
		return ledgertest.Covered(ledgertest.ERP, ledgertest.ERPOrders, ledgertest.Clock(9, 0, 0), until)
	}
	l := ledgertest.NewLog().Append(ledgertest.Policy()).Append(ev).Append(&again).
		Append(ledgertest.Tick(ledgertest.Clock(10, 2, 45), covered(ledgertest.Clock(10, 2, 1))))
	x := l.Exceptions[len(l.Exceptions)-1].Exception
	l.Append(&ledger.OperatorAction{RequestID: "r1", Kind: ledger.ActionAcknowledge, Exception: x.ID, Episode: 1, Actor: "duty", Comment: "looking"})
	l.Append(&ledger.OperatorAction{RequestID: "r2", Kind: ledger.ActionAcknowledge, Exception: x.ID, Episode: 9, Actor: "duty"})
	return l.Append(ledgertest.Tick(ledgertest.Clock(10, 15, 45), covered(ledgertest.Clock(10, 15, 1))))
}

func TestStoryOfAnOrderThatNeverArrives(t *testing.T) {
	got := story(t, placed(t), "1001")
	var lines []string
	for i, e := range got {
		if e.Sequence != int64(i)+1 {
			t.Fatalf("entry %d is numbered %d", i, e.Sequence)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Lane, e.Kind, e.Text))
	}
	want := []string{
		`shop CLAIM shop created order 1001: PLACED. Ordered: 49.90 EUR. Heard 2 times.`,
		`shop CLAIM shop says the order is PLACED ("open").`,
		`shop CLAIM shop says the payment is CAPTURED ("paid").`,
		`orderledger VERDICT Rule ingestion is broken: its promise ran out at 10:01:59, proven by every source that should have spoken.`,
		`orderledger EXCEPTION_OPENED Exception IngestionPendingAudit opened.`,
		`people OPERATOR_ACTION duty acknowledged the exception: looking`,
		`people OPERATOR_ACTION duty asked to acknowledge, and was refused: episode mismatch.`,
		`orderledger VERDICT Rule ingestion is broken: its promise ran out at 10:14:59, proven by every source that should have spoken.`,
		`orderledger EXCEPTION_STEPPED The exception moved up: it is CheckoutDisconnect now.`,
	}
	if !slices.Equal(lines, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if lanes := timeline.Lanes(got); !slices.Equal(lanes, []string{"shop", timeline.LaneLedger, timeline.LanePeople}) {
		t.Fatalf("lanes %v", lanes)
	}
}

// What the log gains is added at the end: earlier entries keep their numbers
// and what they say about state.
func TestEntriesKeepTheirNumbers(t *testing.T) {
	l := placed(t)
	before := story(t, l, "1001")
	l.Append(ledgertest.ERPEvent("1001", ledgertest.Clock(10, 20, 0), ledgertest.Clock(10, 20, 5), 0, ledgertest.Words{Order: "approved", Created: ledgertest.Clock(10, 20, 0)}))
	l.Append(ledgertest.Tick(ledgertest.Clock(10, 20, 30)))
	after := story(t, l, "1001")
	if len(after) <= len(before) {
		t.Fatalf("%d entries after %d", len(after), len(before))
	}
	for i := range before {
		if before[i] != after[i] {
			t.Fatalf("entry %d changed from %+v to %+v", i+1, before[i], after[i])
		}
	}
	last := after[len(after)-1]
	if last.Kind != timeline.KindExceptionResolved || !strings.Contains(last.Text, "what was missing came") {
		t.Fatalf("last entry %+v", last)
	}
}

func TestUnknownWordIsShelvedAndReleased(t *testing.T) {
	l := ledgertest.NewLog().Append(ledgertest.Policy()).Append(ledgertest.ShopEvent("7", ledgertest.Noon, ledgertest.Noon.Add(ledger.Second), ledgertest.Words{Order: "odd"}))
	got := story(t, l, "7")
	if got[0].Kind != timeline.KindShelved || got[0].State != ledger.Unmapped || got[1].Kind != timeline.KindNote {
		t.Fatalf("entries %+v", got)
	}
	p := ledgertest.Policy()
	p.Version, p.EffectiveAt = 2, ledgertest.Clock(10, 1, 0)
	p.Rows = append(p.Rows, ledger.MatrixRow{System: "shop", Axis: ledger.AxisOrder, Native: "odd", State: ledger.OrderHold})
	slices.SortFunc(p.Rows, ledger.MatrixRow.Compare)
	l.Append(p).Append(ledgertest.Tick(ledgertest.Clock(10, 2, 0)))
	got = story(t, l, "7")
	if got[0].Kind != timeline.KindClaim || got[0].State != ledger.OrderHold {
		t.Fatalf("first entry %+v", got[0])
	}
	i := slices.IndexFunc(got, func(e timeline.Entry) bool { return e.Kind == timeline.KindPolicy })
	if i < 0 || got[i].Text != `A new policy reads the order status "odd" as HOLD.` {
		t.Fatalf("no release in %+v", got)
	}
}

func TestMoney(t *testing.T) {
	for _, c := range []struct {
		m    ledger.Money
		want string
	}{
		{ledger.Money{Minor: 4990, Currency: "EUR"}, "49.90 EUR"},
		{ledger.Money{Minor: -5, Currency: "USD"}, "-0.05 USD"},
		{ledger.Money{Minor: 700, Currency: "JPY"}, "700 JPY"},
		{ledger.Money{Minor: 1234, Currency: "KWD"}, "1.234 KWD"},
	} {
		if got := timeline.Money(c.m); got != c.want {
			t.Errorf("%+v: %q, want %q", c.m, got, c.want)
		}
	}
}

func TestJoinedDocumentSaysByWhichName(t *testing.T) {
	key := ledgertest.Key("1001")
	ev := ledgertest.PayEvent("1001", ledgertest.Clock(10, 0, 5), ledgertest.Clock(10, 0, 6), "captured")
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	reemit := func(route int64, live bool) {
		l.Append(&ledger.Reemit{Order: key, Alias: ledger.Alias{Scope: ledgertest.Payments, Type: "payment-id", Value: "pi_1"}, Route: route, Live: live,
			Delivered: true, Copies: 1, Event: *ev})
	}
	tell := func() string {
		r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
		if err != nil {
			t.Fatal(err)
		}
		told, err := r.Timeline(key)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, e := range timeline.Tell(told) {
			text += e.Text + "\n"
		}
		return text
	}
	reemit(4, true)
	if got := tell(); !strings.Contains(got, " Joined by payment-id pi_1.") {
		t.Errorf("told %q", got)
	}
	reemit(9, false)
	reemit(7, true) // an older word, sent again
	if got := tell(); strings.Contains(got, "Joined by") || !strings.Contains(got, "A document of payments payment was taken back") {
		t.Errorf("told %q", got)
	}
}
