package sim

import (
	"fmt"
	"runtime/debug"
)

// Play runs one configuration and checks everything about it; every fourth seed
// is also compared with a run without faults. A panic of what runs in it is a
// failure of the run.
func (s *Shop) Play(cfg Config) (out *Result) {
	r := newRun(s, cfg)
	defer func() {
		if v := recover(); v != nil {
			out = &Result{Hash: r.Hash(), Steps: r.steps, Failures: append(r.failures, fmt.Sprintf("broken assertion: %v\n%s", v, debug.Stack()))}
		}
	}()
	r.play()
	out = r.examine()
	if r.unclean || cfg.Seed%4 != 0 {
		return out
	}
	calm := cfg
	calm.Rules, calm.Nodes, calm.Trace = nil, 1, nil
	c := newRun(s, calm)
	c.play()
	want := c.examine()
	for _, f := range want.Failures {
		r.fail("without faults: %s", f)
	}
	r.converge(out, want)
	out.Failures = r.failures
	return out
}

// Draw makes the world and the faults of a seed.
func Draw(seed uint64) Config {
	w := NewWorld(seed)
	cfg := Config{Seed: seed, World: w, Nodes: 1 + int(seed%3)}
	cfg.Rules = NewRules(seed, w, cfg.Nodes)
	if seed%5 == 0 {
		cfg.OutboxBytes = 600
	}
	return cfg
}
