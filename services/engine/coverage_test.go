package engine_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
)

// A hole is one until its entry was released, whichever is heard of first (S-20).
func TestReleasedEntriesAreNoHoles(t *testing.T) {
	status := func(holes ...string) *ledger.SourceStatus {
		s := &ledger.SourceStatus{Source: "erp", Feed: "orders", Instance: "a", Epoch: ledger.Epoch{Number: 1, OpenedBy: "a"}}
		for _, id := range holes {
			s.Holes = append(s.Holes, ledger.Hole{Quarantine: id})
		}
		return s
	}
	c := engine.NewCoverage()
	c.Observe(status("q1", "q2"))
	before := c.Gen()
	c.Release("q1")
	if got := c.Since(before); len(got) != 1 || len(got[0].Holes) != 1 || got[0].Holes[0].Quarantine != "q2" {
		t.Fatalf("after the release: %+v", got)
	}
	c.Release("q3")
	before = c.Gen()
	c.Observe(status("q1", "q2", "q3"))
	if got := c.Since(before); len(got[0].Holes) != 1 {
		t.Fatalf("holes %+v, want q2 alone", got[0].Holes)
	}
	before = c.Gen()
	if c.Release("q9"); c.Gen() != before {
		t.Fatal("a release of nobody's hole changed coverage")
	}
}
