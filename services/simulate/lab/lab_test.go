package lab_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/simulate/lab"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// slice is a campaign of a few hundred orders.
func slice(t *testing.T, c lab.Config) map[string]*lab.Campaign {
	t.Helper()
	rep, err := lab.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := rep.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if !rep.Met() {
		t.Errorf("a target was missed:\n%s", table.String())
	}
	out := map[string]*lab.Campaign{}
	for _, x := range rep.Campaigns {
		out[x.Name] = x
	}
	return out
}

// TestSliceOfTheCampaign injects every class, judges by all detectors, and plays
// the same seed without a fault under clocks that go wrong.
func TestSliceOfTheCampaign(t *testing.T) {
	got := slice(t, lab.Config{Orders: 160, Seeds: []uint64{7}, Faults: []string{"all"}, Rate: 450, Null: true, Baselines: true})
	faults, null := got[lab.Faulty], got[lab.NullRun]
	for _, c := range lab.Classes() {
		spec, _ := shop.Lookup(c.Fault)
		switch x := faults.Grade.Class(string(c.Fault)); {
		case x.Injected == 0:
			t.Errorf("%s was not injected", c.Fault)
		case len(spec.Claims) == 0 && x.Expected != 0, len(spec.Claims) > 0 && x.Expected == 0:
			t.Errorf("%s: %d to claim of a class that claims %v", c.Fault, x.Expected, spec.Claims)
		}
	}
	for _, h := range []lab.Heard{faults.Heard, null.Heard} {
		if h.Refused == 0 || h.Crashes == 0 || h.Foreign == 0 || h.Quarantined != h.Poisoned {
			t.Errorf("the noise was not what it says: %+v", h)
		}
	}
	if null.Grade.Orders != 160 || null.Grade.Total().Injected != 160 {
		t.Errorf("null: %+v", null.Grade.Total())
	}
	// Who does not know that a source was not heard blames orders for its silence.
	for _, name := range []string{"touch-timer", "stream-join"} {
		if x := faults.Baselines[name].Class(truth.NoFault); x.False == 0 {
			t.Errorf("%s blamed no healthy order in an outage", name)
		}
	}
	for _, name := range []string{"poller-3h", "sweep-48h"} {
		if d, ok := faults.Baselines[name].Class(string(shop.OrderNeverExported)).Delay(0.5); !ok || d.Hours() < 2 {
			t.Errorf("%s found it after %s", name, d)
		}
	}
	if x := faults.Baselines["error-log"].Total(); x.Recall() > 0.3 {
		t.Errorf("the log of errors knows what never happened: recall %f", x.Recall())
	}
}

// TestSameFiguresWhateverTheWorkers plays a few shops by one worker and by two.
func TestSameFiguresWhateverTheWorkers(t *testing.T) {
	var seen []lab.Heard
	for _, workers := range []int{1, 2} {
		got := slice(t, lab.Config{Orders: 12, Seeds: []uint64{1, 2}, Faults: []string{"order-never-exported"}, Rate: 300, Workers: workers})
		seen = append(seen, got[lab.Faulty].Heard)
		if x := got[lab.Faulty].Grade.Class("order-never-exported"); x.Found == 0 {
			t.Errorf("%+v", *x)
		}
	}
	if seen[0] != seen[1] {
		t.Errorf("%+v\n%+v", seen[0], seen[1])
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []lab.Config{{Orders: -1}, {Rate: 501}, {Faults: []string{"order-never-exportd"}}} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestReadmeNamesEveryClass holds the README's table to what is played.
func TestReadmeNamesEveryClass(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range lab.Classes() {
		if !strings.Contains(string(raw), "`"+string(c.Fault)+"`") {
			t.Errorf("%s is not in the README", c.Fault)
		}
	}
}
