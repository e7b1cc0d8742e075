package truth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

// world is one healthy order, one never exported, one exported late.
func world() *truth.Truth {
	never := truth.Expectation{Fault: "never", Subject: truth.OrderSubject("s~2"), Steps: []truth.Step{
		{Exception: "Audit", NotBefore: minute(2), Knowable: minute(3)}, {Exception: "Disconnect", NotBefore: minute(15), Knowable: minute(16)},
	}}
	late := truth.Expectation{Fault: "late", Subject: truth.OrderSubject("s~3"), Heals: minute(5), Steps: never.Steps[:1]}
	return &truth.Truth{ListeningFrom: noon, Orders: []truth.Order{
		{Key: "s~1", Born: noon},
		{Key: "s~2", Born: noon, Fault: "never", Expect: []truth.Expectation{never}},
		{Key: "s~3", Born: noon, Fault: "late", Expect: []truth.Expectation{late}},
	}}
}

func claim(key, name string, at time.Time) truth.Claim {
	return truth.Claim{ID: key, Exception: name, Subject: truth.OrderSubject(key), Open: true, SaidAt: at}
}

func TestScore(t *testing.T) {
	for name, tc := range map[string]struct {
		claims       []truth.Claim
		at           time.Time
		found        int
		missed, not  int
		over, untrue int
		why          string
	}{
		"nothing is knowable yet":        {at: minute(1), not: 2},
		"both missed":                    {at: minute(4), missed: 2},
		"both found":                     {claims: []truth.Claim{claim("s~2", "Audit", minute(3)), claim("s~3", "Audit", minute(3))}, at: minute(4), found: 2},
		"found before it must be":        {claims: []truth.Claim{claim("s~2", "Audit", minute(2)), claim("s~3", "Audit", minute(2))}, at: minute(2), found: 2},
		"too early is false":             {claims: []truth.Claim{claim("s~2", "Audit", minute(1))}, at: minute(2), not: 2, untrue: 1, why: "too early"},
		"the second step is missing":     {claims: []truth.Claim{claim("s~2", "Audit", minute(3)), claim("s~3", "Audit", minute(3))}, at: minute(16), found: 1, missed: 1},
		"the second step was taken":      {claims: []truth.Claim{claim("s~2", "Disconnect", minute(16)), claim("s~3", "Audit", minute(3))}, at: minute(16), found: 2},
		"a healthy order was blamed":     {claims: []truth.Claim{claim("s~1", "Audit", minute(3))}, at: minute(1), not: 2, untrue: 1, why: "nothing is wrong"},
		"the wrong thing was said":       {claims: []truth.Claim{claim("s~2", "Gap", minute(3))}, at: minute(1), not: 2, untrue: 1, why: "another thing"},
		"an instant that is not known":   {claims: []truth.Claim{claim("s~2", "Audit", time.Time{}), claim("s~3", "Audit", time.Time{})}, at: minute(4), found: 2},
		"a healed one stays to be found": {claims: []truth.Claim{claim("s~2", "Disconnect", minute(16))}, at: minute(20), found: 1, missed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			card := truth.Score(world(), tc.claims, tc.at)
			var found, missed, not, over int
			for _, n := range card.Counts {
				found, missed, not, over = found+n.Found, missed+n.Missed, not+n.NotYet, over+n.Over
			}
			if found != tc.found || missed != tc.missed || not != tc.not || over != tc.over || len(card.False) != tc.untrue || len(card.Missing) != tc.missed {
				t.Errorf("found %d, missed %d, not yet %d, over %d, false %d", found, missed, not, over, len(card.False))
			}
			if tc.untrue > 0 && !strings.HasPrefix(card.False[0].Why, tc.why) {
				t.Errorf("why: %s", card.False[0].Why)
			}
			perfect := tc.missed == 0 && tc.untrue == 0
			if card.Perfect() != perfect || card.Complete() != (perfect && tc.not == 0) {
				t.Errorf("perfect %v, complete %v", card.Perfect(), card.Complete())
			}
			if card.Healthy != 1 {
				t.Errorf("%d healthy", card.Healthy)
			}
		})
	}
}

// TestOverBeforeAnybodyListened: what healed before the ledger began to listen
// may be claimed, and need not be.
func TestOverBeforeAnybodyListened(t *testing.T) {
	w := world()
	w.ListeningFrom = minute(6)
	for _, claims := range [][]truth.Claim{{claim("s~2", "Audit", minute(6))}, {claim("s~2", "Audit", minute(6)), claim("s~3", "Audit", minute(6))}} {
		card := truth.Score(w, claims, minute(7))
		if !card.Complete() || card.Counts[1].Found+card.Counts[1].Over != 1 {
			t.Errorf("%+v", card)
		}
	}
}

func TestCardIsReadable(t *testing.T) {
	var b strings.Builder
	if err := truth.Score(world(), []truth.Claim{claim("s~1", "Audit", minute(3))}, minute(4)).Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"never", "missed: Audit order:s~2", "false claim: Audit order:s~1: nothing is wrong with it", "false claims: 1 · not perfect: 2 missed, 1 false"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing from\n%s", want, b.String())
		}
	}
}

func TestTruthSurvivesItsFile(t *testing.T) {
	var b strings.Builder
	if err := world().Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := truth.Read(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	var again strings.Builder
	if err := back.Write(&again); err != nil || again.String() != b.String() {
		t.Errorf("%v\n%s", err, again.String())
	}
	if _, err := truth.Read(strings.NewReader(`{"seeed": 1}`)); err == nil {
		t.Error("an unknown key was read")
	}
}

func TestWordsShareTheirBeginning(t *testing.T) {
	w := &truth.Truth{}
	for _, m := range []int{9, 4, 7} {
		w.Orders = append(w.Orders, truth.Order{Fault: "word", Born: noon, Expect: []truth.Expectation{{
			Fault: "word", Subject: truth.WordSubject("s", "order", "w"),
			Steps: []truth.Step{{Exception: "UnmappedStatus", NotBefore: minute(m), Knowable: minute(m + 1)}},
		}}})
	}
	w.Join()
	card := truth.Score(w, []truth.Claim{{ID: "w", Exception: "UnmappedStatus", Subject: "word:s:order:w", SaidAt: minute(5)}}, minute(20))
	if !card.Complete() || card.Counts[0].Found != 3 {
		t.Errorf("%+v", card)
	}
}

func TestTracker(t *testing.T) {
	tr := truth.NewTracker()
	kinds := func(list ...truth.Claim) (out string) {
		for _, c := range tr.Observe(minute(9), list) {
			out += c.Kind + " " + c.Claim.Exception + ";"
		}
		return out
	}
	a := claim("a", "Audit", minute(2))
	moved := a
	moved.Exception, moved.Step, moved.SaidAt = "Disconnect", 1, time.Time{}
	for i, step := range []struct {
		list []truth.Claim
		want string
	}{
		{[]truth.Claim{a}, "opened Audit;"},
		{[]truth.Claim{a}, ""},
		{[]truth.Claim{moved}, "moved-up Disconnect;"},
		{nil, "resolved Disconnect;"},
		{nil, ""},
		{[]truth.Claim{moved}, "opened Disconnect;"},
	} {
		if got := kinds(step.list...); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	all := tr.Claims()
	if len(all) != 3 || all[1].SaidAt != minute(9) {
		t.Errorf("%+v", all)
	}
}
