package ledger_test

import (
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// The worked case of the semantics: a storefront order placed 09:59:59, an ERP
// polled every 10 s with minute stamps, settle 30 s, skews 1 s, grace 0.

func placed(l *Log) *Log {
	return l.Append(Policy()).
		Append(ShopEvent("1001", Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Payment: "paid", Fulfilment: "(null)", Created: Clock(9, 59, 59), Minor: 4990}))
}

func erpDoc(asked, prev ledger.Instant) *ledger.Event {
	return ERPEvent("1001", Clock(10, 1, 0), asked, prev,
		Words{Order: "approved", Fulfilment: "pending", Created: Clock(10, 1, 0), Precision: ledger.Minute})
}

func heardUntil(h, m, s int) ledger.FeedCoverage {
	return Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(h, m, s))
}

func TestWorkedCaseMet(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 1, 15), heardUntil(10, 0, 40), Covered(Shop, ShopOrders, Clock(9, 0, 0), Clock(10, 0, 40))))
	l.Append(erpDoc(Clock(10, 1, 20), Clock(10, 1, 10)))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictMet {
		t.Fatalf("verdict %s, want MET at the first poll that shows it", v.State)
	}
	l.Append(Tick(Clock(10, 3, 0), heardUntil(10, 2, 30), Covered(Shop, ShopOrders, Clock(9, 0, 0), Clock(10, 2, 30))))
	if len(l.Exceptions) != 0 {
		t.Fatalf("%d exceptions told, want silence", len(l.Exceptions))
	}
}

func TestWorkedCaseBreached(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 1), heardUntil(10, 1, 25)))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictPending {
		t.Fatalf("at 10:02:01 verdict %s, want PENDING: the feed's lag is within its patience", v.State)
	}
	l.Append(Tick(Clock(10, 2, 35), heardUntil(10, 2, 0)))
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictPending {
		t.Fatalf("coverage to 10:02:00 gives %s, want PENDING: D+σ is 10:02:01", v.State)
	}
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	v := l.Verdict("1001", "ingestion", 0)
	if v.State != ledger.VerdictBreached || v.Basis != ledger.BasisProven || v.Deadline != Clock(10, 1, 59) {
		t.Fatalf("verdict %s basis %s deadline %s, want BREACHED proven 10:01:59", v.State, v.Basis, v.Deadline)
	}
	if got := l.Open(); !slices.Equal(got, []string{"IngestionPendingAudit"}) {
		t.Fatalf("open %v", got)
	}
	id := l.Exceptions[0].Exception.ID
	if at := l.Exceptions[0].Exception.AtRisk; at != (ledger.Money{Minor: 4990, Currency: "EUR"}) {
		t.Fatalf("at risk %v", at)
	}
	l.Append(Tick(Clock(10, 15, 45), heardUntil(10, 15, 10)))
	last := l.Exceptions[len(l.Exceptions)-1]
	if last.Change != ledger.FactExceptionStepped || last.Exception.Name != "CheckoutDisconnect" || last.Exception.ID != id {
		t.Fatalf("last change %s %s, want the same exception moved up", last.Change, last.Exception.Name)
	}
}

func TestWorkedCaseSilent(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 1), heardUntil(9, 55, 0)))
	v := l.Verdict("1001", "ingestion", 0)
	if v.State != ledger.VerdictUndetermined || v.Feed != (ledger.FeedKey{Source: ERP, Feed: ERPOrders}) || v.Since != Clock(9, 55, 0) {
		t.Fatalf("verdict %s (%s since %s), want UNDETERMINED since 09:55", v.State, v.Feed, v.Since)
	}
	l.Append(Tick(Clock(10, 30, 0), Covered(Shop, ShopOrders, Clock(9, 0, 0), Clock(10, 29, 30))))
	var silent []string
	for _, n := range l.Open() {
		if n != "SourceSilent" {
			t.Fatalf("%s blamed on an order", n)
		}
		silent = append(silent, n)
	}
	if len(silent) != 1 {
		t.Fatalf("open %v, want one SourceSilent", silent)
	}

	t.Run("back with the order", func(t *testing.T) {
		l := placed(NewLog())
		l.Append(Tick(Clock(10, 2, 1), heardUntil(9, 55, 0)))
		l.Append(erpDoc(Clock(11, 0, 0), Clock(9, 55, 30)))
		if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictMet {
			t.Fatalf("verdict %s, want MET", v.State)
		}
		l.Append(Tick(Clock(11, 0, 30), heardUntil(10, 59, 30)))
		for _, x := range l.Exceptions {
			if x.Exception.Subject.Kind == ledger.SubjectOrder {
				t.Fatalf("%s announced", x.Exception.Name)
			}
		}
	})
	t.Run("back without the order", func(t *testing.T) {
		l := placed(NewLog())
		l.Append(Tick(Clock(10, 2, 1), heardUntil(9, 55, 0)))
		l.Append(Tick(Clock(11, 0, 30), heardUntil(10, 59, 30)))
		if v := l.Verdict("1001", "ingestion", 1); v.State != ledger.VerdictBreached || v.Basis != ledger.BasisProven {
			t.Fatalf("verdict %s %s, want BREACHED proven", v.State, v.Basis)
		}
	})
}

func TestWorkedCaseLookedUp(t *testing.T) {
	l := placed(NewLog())
	awaiting := func() []ledger.Awaited {
		t.Helper()
		r, err := ledger.NewReader(l.Store, ledger.Options{Partition: 0, Partitions: 1})
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.Awaiting(ledger.FeedKey{Source: ERP, Feed: ERPOrders}, 10, func(ledger.OrderKey, ledger.Instant) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	l.Append(Tick(Clock(10, 2, 0), heardUntil(10, 1, 30)))
	if list := awaiting(); len(list) != 0 {
		t.Fatalf("%+v waits before it is due", list)
	}
	l.Append(Tick(Clock(10, 2, 1), heardUntil(10, 1, 30)))
	if list := awaiting(); len(list) != 1 || list[0].Order != Key("1001") || list[0].Need != Clock(10, 2, 1) {
		t.Fatalf("%+v waits, want order 1001 until 10:02:01", list)
	}
	l.Append(&ledger.Looked{Source: ERP, Feed: ERPOrders, Order: Key("1001"), AskedAt: Clock(10, 2, 2)})
	if v := l.Verdict("1001", "ingestion", 0); v.State != ledger.VerdictBreached {
		t.Fatalf("verdict %s, want BREACHED by the look-up at 10:02:02", v.State)
	}
	if list := awaiting(); len(list) != 0 {
		t.Fatalf("%+v waits for what was answered", list)
	}
}

func TestHealsAndReopens(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 45), heardUntil(10, 2, 1)))
	l.Append(ERPEvent("1001", Clock(10, 5, 0), Clock(10, 5, 10), Clock(10, 5, 0), Words{Order: "approved", Created: Clock(10, 5, 0)}))
	v := l.Verdict("1001", "ingestion", 0)
	if v.State != ledger.VerdictMetLate {
		t.Fatalf("verdict %s, want MET_LATE", v.State)
	}
	if got := l.Open(); len(got) != 0 {
		t.Fatalf("open %v, want none", got)
	}
	if x := l.Exceptions[len(l.Exceptions)-1]; x.Change != ledger.FactExceptionResolved || x.Exception.Cause != ledger.BecauseHealed {
		t.Fatalf("change %s cause %s", x.Change, x.Exception.Cause)
	}
}

func TestUnmappedWordIsShelvedAndReleased(t *testing.T) {
	l := placed(NewLog())
	l.Append(ShopEvent("1001", Clock(10, 0, 10), Clock(10, 0, 11), Words{Order: "open", Payment: "mystery"}))
	if got := l.Open(); !slices.Equal(got, []string{"UnmappedStatus"}) {
		t.Fatalf("open %v", got)
	}
	if len(l.Quarantine) != 1 || l.Quarantine[0].Entry.Native != "mystery" {
		t.Fatalf("quarantine %v", l.Quarantine)
	}
	next := Policy()
	next.Version, next.EffectiveAt = 2, Clock(10, 1, 0)
	next.Rows = append(next.Rows, ledger.MatrixRow{System: "shop", Axis: ledger.AxisPayment, Native: "mystery", State: ledger.PaymentAuthorised})
	slices.SortFunc(next.Rows, func(a, b ledger.MatrixRow) int { return a.Compare(b) })
	l.Append(next).Append(Tick(Clock(10, 1, 5)))
	for _, n := range l.Open() {
		if n == "UnmappedStatus" {
			t.Fatal("the word is mapped, and its exception still open")
		}
	}
	for _, c := range l.View("1001").Summary.Cells {
		if c.Source == Shop && c.Axis == ledger.AxisPayment && c.State != ledger.PaymentAuthorised {
			t.Fatalf("payment %s", c.Axis.StateName(c.State))
		}
	}
}

func TestFirstPolicyVisitsWhatCameBefore(t *testing.T) {
	l := NewLog().Append(ShopEvent("1001", Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Created: Clock(9, 59, 59)}))
	l.Append(Policy()).Append(Tick(Clock(10, 2, 45), heardUntil(10, 2, 1)))
	if got := l.Open(); !slices.Equal(got, []string{"IngestionPendingAudit"}) {
		t.Fatalf("open %v", got)
	}
}

// TestWordFromBeforeThePolicy: a word heard before the first policy, which does
// not map it either, is quarantined with the place of its record, once for each
// axis it stands on (S-10).
func TestWordFromBeforeThePolicy(t *testing.T) {
	l := NewLog()
	ev := ShopEvent("1001", Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Payment: "mystery", Fulfilment: "mystery", Created: Clock(9, 59, 59)})
	l.Append(ev)
	if len(l.Quarantine) != 0 {
		t.Fatalf("%d entries before there is a matrix", len(l.Quarantine))
	}
	l.Append(Policy())
	if len(l.Quarantine) != 2 || l.Quarantine[0].Entry.ID == l.Quarantine[1].Entry.ID {
		t.Fatalf("want two entries of two names, got %+v", l.Quarantine)
	}
	for _, q := range l.Quarantine {
		if e := q.Entry; e.Native != "mystery" || e.Offset != 0 || e.Of != ev.ID || e.Reason != "unmapped-status" {
			t.Errorf("entry %+v does not lead to the record", e)
		}
	}
}
