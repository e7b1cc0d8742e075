package sim

import (
	"testing"
	"time"
)

func TestOne(t *testing.T) {
	s, err := NewShop()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	bad := 0
	for seed := range uint64(400) {
		cfg := Draw(seed)
		out := s.Play(cfg)
		if len(out.Failures) > 0 {
			bad++
			t.Log(seed, out.Hash[:8], out.Steps, out.Judged, out.Breaches, out.Refused, out.Refills)
			for _, r := range cfg.Rules {
				t.Log("    ", r)
			}
			for _, f := range out.Failures {
				t.Log("  !!", f)
			}
		}
	}
	t.Log(bad, time.Since(began))
}
