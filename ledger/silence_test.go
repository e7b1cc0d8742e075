package ledger_test

import (
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// A source whose records wait for their orders is not silent: its connector goes
// on proving what it heard. It is once that stops (S-22, S-37).
func TestParkedRecordsAreNoSilence(t *testing.T) {
	l := NewLog().Append(joined())
	erp := func(until ledger.Instant, offset int64) ledger.FeedCoverage {
		c := Covered(ERP, ERPOrders, Clock(9, 0, 0), until)
		c.Unkeyed = []ledger.UnkeyedOffset{{Partition: 0, Offset: offset}} // never forwarded
		return c
	}
	tick := func(at ledger.Instant, feeds ...ledger.FeedCoverage) {
		l.Append(Tick(at, append(feeds, Covered(Shop, ShopOrders, Clock(9, 0, 0), at.Add(-5*ledger.Second)))...))
	}
	at := Clock(10, 0, 0)
	for i := range int64(20) {
		at = at.Add(30 * ledger.Second)
		tick(at, erp(at.Add(-30*ledger.Second), i))
		if slices.Contains(l.Open(), ledger.NameSilent) {
			t.Fatalf("at %s: called silent while it is heard", at)
		}
	}
	tick(at.Add(3 * ledger.Minute))
	if !slices.Contains(l.Open(), ledger.NameSilent) {
		t.Fatal("not called silent after three minutes of silence")
	}
}
