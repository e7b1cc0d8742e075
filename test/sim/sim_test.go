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
	for seed := range uint64(20) {
		w := NewWorld(seed)
		r := newRun(s, Config{Seed: seed, World: w, Nodes: 2 + int(seed%2)})
		r.play()
		n := 0
		for i := range logs {
			n += len(r.broker.log(i).records)
		}
		t.Log(seed, len(w.Lives), r.steps, n, len(r.broker.topics["orders.sources.v1"][0].records), r.Hash()[:8], r.failures)
	}
	t.Log(time.Since(began))
}
