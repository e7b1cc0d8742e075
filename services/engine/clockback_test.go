package engine_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
)

// TestTicksGoOnAfterAClockWentBack: an owner whose wall clock was an hour ahead
// and is put right proposes again within its ordinary interval, not when the
// right time has caught up with its last, wrong proposal (S-14).
func TestTicksGoOnAfterAClockWentBack(t *testing.T) {
	for _, owner := range []bool{true, false} {
		now := ledgertest.Noon
		var ticker engine.Ticker
		view := func(at ledger.Instant) engine.TickView {
			return engine.TickView{Now: at, Owner: owner, Clock: now}
		}
		ticker.Decide(view(now.Add(ledger.Hour)))
		wait := 2 * ledger.Minute
		for at := now; at < now.Add(wait); at = at.Add(ledger.Second) {
			d := ticker.Decide(view(at))
			if d.Propose {
				wait = 0
			} else if d.Again > at.Add(ledger.Minute) {
				t.Fatalf("owner %t: at %s it wants to be asked again at %s", owner, at, d.Again)
			}
		}
		if wait != 0 {
			t.Errorf("owner %t: two minutes after its clock went back it has proposed nothing", owner)
		}
	}
}
