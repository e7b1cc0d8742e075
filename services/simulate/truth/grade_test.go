package truth_test

import (
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

func TestMark(t *testing.T) {
	second := claim("s~2", "Audit", minute(3))
	second.ID = "another"
	up := claim("s~2", "Disconnect", minute(16))
	for name, tc := range map[string]struct {
		claims               []truth.Claim
		class                string
		found, missed, again int
		claimed, untrue      int
	}{
		"found once":                 {claims: []truth.Claim{claim("s~2", "Audit", minute(3)), up}, class: "never", found: 1, claimed: 1},
		"nothing was said":           {class: "never", missed: 1},
		"said twice is false":        {claims: []truth.Claim{claim("s~2", "Audit", minute(3)), up, second}, class: "never", found: 1, claimed: 2, untrue: 1, again: 1},
		"a false name spoils it all": {claims: []truth.Claim{claim("s~2", "Audit", minute(3)), claim("s~2", "Gap", minute(4)), up}, class: "never", found: 1, claimed: 1, untrue: 1},
		"too early":                  {claims: []truth.Claim{claim("s~2", "Audit", minute(1)), up}, class: "never", found: 1, claimed: 1, untrue: 1},
		"a healthy order was blamed": {claims: []truth.Claim{claim("s~1", "Audit", minute(3))}, class: truth.NoFault, claimed: 1, untrue: 1},
		"an unknown one was blamed":  {claims: []truth.Claim{claim("s~9", "Audit", minute(3))}, class: truth.NoFault, claimed: 1, untrue: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g := truth.Mark(world(), tc.claims, minute(20))
			c := g.Class(tc.class)
			if c.Found != tc.found || c.Missed != tc.missed || c.Claims != tc.claimed || c.False != tc.untrue || c.Again != tc.again {
				t.Errorf("%+v", *c)
			}
		})
	}
}

func TestMarkMeasuresDelays(t *testing.T) {
	w := world()
	w.Orders[1].Expect[0].Steps[0].Earliest = minute(2)
	w.Orders[1].Expect[0].Steps[1].Earliest = minute(15)
	g := truth.Mark(w, []truth.Claim{claim("s~2", "Audit", minute(3)), claim("s~2", "Disconnect", minute(20))}, minute(20))
	sum := &truth.Grade{}
	sum.Merge(g)
	sum.Merge(g)
	c := sum.Class("never")
	half, _ := c.Delay(0.5)
	low, _ := c.Delay(0)
	if len(c.Delays) != 4 || low != time.Minute || half != 5*time.Minute || c.Found != 2 || sum.Orders != 6 {
		t.Errorf("%+v", *c)
	}
	if c.Claimed["Audit"] != 2 || sum.Class("late").Claimed[truth.NoFault] != 2 {
		t.Errorf("confusion: %v, %v", c.Claimed, sum.Class("late").Claimed)
	}
}

// TestMarkMergesWords: partitions say a word each for itself, readers see one.
func TestMarkMergesWords(t *testing.T) {
	subject := truth.WordSubject("s", "order", "w")
	w := &truth.Truth{Orders: []truth.Order{{Key: "s~1", Fault: "word", Born: noon, Expect: []truth.Expectation{{
		Fault: "word", Subject: subject, Steps: []truth.Step{{Exception: "UnmappedStatus", NotBefore: minute(1), Knowable: minute(2)}},
	}}}}}
	say := func(id string) truth.Claim {
		return truth.Claim{ID: id, Exception: "UnmappedStatus", Subject: subject, SaidAt: minute(2)}
	}
	if c := truth.Mark(w, []truth.Claim{say("a"), say("b")}, minute(9)).Class("word"); c.Found != 1 || c.Claims != 1 || c.False != 0 {
		t.Errorf("%+v", *c)
	}
}
