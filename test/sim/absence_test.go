package sim

import (
	"flag"
	"strings"
	"testing"
)

var absences = flag.Int("sim.absences", 300, "how many absences are judged")

// TestAbsence: whether we were not listening, the ERP was not heard, or the order
// was not there, the verdict says which; and nothing that was there is ever
// called missing.
func TestAbsence(t *testing.T) {
	a := shop(t).RunAbsence(*seed, *absences)
	t.Log(a)
	if a.FalseMissing > 0 || a.Right*1000 < a.Runs*999 {
		t.Errorf("%s\n  %s", a, strings.Join(a.Wrong, "\n  "))
	}
	for c, n := range a.ByCause {
		if n[0]*5 < a.Runs {
			t.Errorf("%s was drawn %d times of %d", Cause(c), n[0], a.Runs)
		}
	}
}
