package engine_test

import (
	"fmt"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// TestAStrictReadSeesWhatWasAcknowledged: behind a barrier every record is
// folded that the log held when it was asked for (I-17).
func TestAStrictReadSeesWhatWasAcknowledged(t *testing.T) {
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	n := r.start(t.TempDir())
	defer func() { _ = n.Close() }()
	for round := range 5 {
		var last *ledger.Event
		for i := range 1000 {
			at := ledgertest.Clock(10, 0, round)
			last = ledgertest.ShopEvent(fmt.Sprint(round, "-", i), at, at, ledgertest.Words{Order: "open", Created: at})
			r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(last.Order), last)
		}
		p := n.PartitionOf(last.Order)
		if err := n.Barrier(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		err := n.Read(p, func(read *ledger.Reader, _ engine.Freshness) error {
			if v, ok, err := read.Order(last.Order); err != nil || !ok || v.Summary.Events != 1 {
				t.Errorf("round %d: what was acknowledged before the barrier is not there: %v, %v", round, ok, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
