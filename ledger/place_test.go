package ledger_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestAKeyOfAnotherPartitionIsSetAside: what does not belong here changes no
// order; it is kept in quarantine, and counted (I-7, I-10).
func TestAKeyOfAnotherPartitionIsSetAside(t *testing.T) {
	ev := ShopEvent("1001", Noon, Noon, Words{Order: "open"})
	here := ledger.PartitionOf([]byte(ev.Order), 4)
	for p := range int32(4) {
		l := NewLogWith(ledger.Options{Partition: p, Partitions: 4})
		l.Append(Policy())
		c := *ev
		l.Append(&c)
		counts := l.P.Counts()[Shop]
		want := ledger.OutcomeQuarantined
		if p == here {
			want = ledger.OutcomeApplied
		}
		if counts[want] != 1 {
			t.Errorf("partition %d of an order of %d: %v", p, here, counts)
		}
		if got := l.View("1001").Summary.Events; (got == 1) != (p == here) {
			t.Errorf("partition %d of an order of %d holds %d of its events", p, here, got)
		}
	}
}

// TestAStoreOfAnotherFoldIsRefused: a store is written by one fold of one
// partition only (I-7, I-11).
func TestAStoreOfAnotherFoldIsRefused(t *testing.T) {
	l := NewLogWith(ledger.Options{Partition: 1, Partitions: 4})
	l.Append(Policy())
	if _, err := ledger.Open(l.Store, ledger.Options{Partition: 2, Partitions: 4}); err == nil || !strings.Contains(err.Error(), "partition 1 of 4") {
		t.Errorf("a store of another partition: %v", err)
	}
	if _, err := ledger.Open(l.Store, ledger.Options{Partition: 1, Partitions: 8}); err == nil || !strings.Contains(err.Error(), "partition 1 of 4") {
		t.Errorf("a store of a log of fewer partitions: %v", err)
	}
	ledger.Age(l.Store)
	if _, err := ledger.Open(l.Store, ledger.Options{Partition: 1, Partitions: 4}); err == nil || !strings.Contains(err.Error(), "fold version") {
		t.Errorf("a store of another fold version: %v", err)
	}
}

// TestPoisonIsKept: bytes that are no record are one entry and one count each,
// whatever stands around them (I-10).
func TestPoisonIsKept(t *testing.T) {
	l := NewLog()
	l.Append(Policy())
	for i := range 3 {
		l.Append(&ledger.Poison{Reason: "malformed", Raw: []byte{byte(i)}})
		l.Append(ShopEvent("1001", Noon.Add(ledger.Micros(i)*ledger.Second), Noon, Words{Order: "open"}))
	}
	if got := l.P.Counts()[""][ledger.OutcomeQuarantined]; got != 3 {
		t.Errorf("%d of 3 counted", got)
	}
	entries := 0
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Quarantine(func(*ledger.Quarantined) bool { entries++; return true }); err != nil {
		t.Fatal(err)
	}
	if entries != 3 || l.View("1001").Summary.Events != 3 {
		t.Errorf("%d of 3 entries, %d of 3 events", entries, l.View("1001").Summary.Events)
	}
}
