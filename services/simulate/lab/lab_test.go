package lab

import (
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	began := time.Now()
	rep, err := Run(t.Context(), Config{Orders: 500, Faults: []string{"all"}, Rate: 300, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rep.Campaigns {
		t.Logf("%s %+v took %s", c.Name, c.Heard, time.Since(began))
		for _, x := range c.Grade.Classes {
			d, _ := x.Delay(0.5)
			e, _ := x.Delay(0.99)
			t.Logf("%+v P %.3f R %.3f delay %v %v n %d", struct {
				F              string
				I, E, F2, M, O int
				C, X, A        int
			}{x.Fault, x.Injected, x.Expected, x.Found, x.Missed, x.Open, x.Claims, x.False, x.Again}, x.Precision(), x.Recall(), d, e, len(x.Delays))
			t.Log(x.Claimed)
		}
		for _, x := range c.Grade.Examples {
			t.Log(x)
		}
	}
}
