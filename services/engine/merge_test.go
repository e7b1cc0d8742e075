package engine_test

import (
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// TestNodeMergesAndSplits: orders of different partitions are one once an
// operator says so, also over a restart, and stand alone again after the split;
// rivals for one number are both carried out (S-38).
func TestNodeMergesAndSplits(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(numbered()))
	at := ledgertest.Clock(9, 59, 59)
	var keys []ledger.OrderKey
	for _, id := range []string{"1001", "1002", "1003"} {
		ev := ledgertest.ShopEvent(id, at, ledgertest.Clock(10, 0, 0), ledgertest.Words{Order: "open", Created: at, Minor: 4990})
		r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
		keys = append(keys, ev.Order)
	}
	dir := t.TempDir()
	n := r.joining(dir)
	rivals := make(chan error, 2)
	for i, request := range []string{"one", "two"} {
		go func() {
			_, err := n.ProposeMerge(t.Context(), ledger.Merge{A: keys[i], B: keys[i+1], Actor: "op", Reason: "the same", RequestID: request})
			rivals <- err
		}()
	}
	for range 2 {
		if err := <-rivals; err != nil {
			t.Fatal(err)
		}
	}
	events := func(k ledger.OrderKey) uint64 { v := r.view(n, k); return v.Summary.Events }
	until(t, func() bool { return events(keys[0]) == 3 })
	if v := r.view(n, keys[2]); v.Summary.MergedInto != keys[0] || !slices.Equal(v.Members, keys) {
		t.Fatalf("%s is merged into %q with %v", keys[2], v.Summary.MergedInto, v.Members)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = r.joining(dir)
	defer func() { _ = n.Close() }()
	late := ledgertest.ERPEvent("1002", ledgertest.Clock(10, 1, 0), ledgertest.Clock(10, 1, 10), ledgertest.Clock(10, 1, 0),
		ledgertest.Words{Order: "approved", Created: ledgertest.Clock(10, 1, 0)})
	r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(late.Order), late)
	until(t, func() bool {
		v := r.view(n, keys[0])
		return cellOf(&v, ledgertest.ERP, ledger.AxisOrder) == ledger.OrderConfirmed
	})
	for i := range 2 {
		number, err := n.ProposeSplit(t.Context(), ledger.Merge{A: keys[i+1], B: keys[i], Actor: "op", Reason: "they are not", RequestID: "undo-" + string(keys[i])})
		if err != nil || number != uint64(3+i) {
			t.Fatalf("split %d: %v", number, err)
		}
	}
	for _, k := range keys {
		if err := n.WaitMerged(t.Context(), n.PartitionOf(k), 4); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := events(keys[0]), events(keys[1]); a != 1 || b != 2 {
		t.Fatalf("%d and %d documents after the split, want 1 and 2", a, b)
	}
	for log := range n.Logs() {
		if err := n.WaitMerged(t.Context(), log, 4); err != nil {
			t.Fatal(err)
		}
	}
}
