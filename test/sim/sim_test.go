package sim

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

var (
	seeds = flag.Int("sim.seeds", 500, "how many seeds are played")
	seed  = flag.Uint64("sim.seed", 1, "the first seed")
	file  = flag.String("sim.file", "", "a scenario to play instead")
	keep  = flag.Bool("sim.noshrink", false, "do not make what fails smaller")
	trace = flag.String("sim.trace", "", "where the steps of a single seed, or of the scenario, are written")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // runs are short and leave nothing behind
	os.Exit(m.Run())
}

func shop(t *testing.T) *Shop {
	t.Helper()
	s, err := NewShop()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSim plays seeds, or the scenario of -sim.file, and checks every property
// after each. What fails is made smaller, and printed as a scenario.
func TestSim(t *testing.T) {
	s := shop(t)
	if *file != "" {
		raw, err := os.ReadFile(*file)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := ParseScenario(string(raw))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Trace = steps(t)
		if out := s.Play(cfg); len(out.Failures) > 0 {
			t.Errorf("%s\n%s", cfg, strings.Join(out.Failures, "\n"))
		}
		return
	}
	if *seeds == 1 {
		cfg := Draw(*seed)
		cfg.Trace = steps(t)
		s.Play(cfg)
	}
	shown := 0
	c := s.Run(*seed, *seeds, func(cfg Config, out *Result) {
		if shown++; shown > 10 {
			return
		}
		t.Errorf("seed %d: make sim SEEDS=1 SEED=%d\n  %s", cfg.Seed, cfg.Seed, strings.Join(out.Failures, "\n  "))
		if shown == 1 && !*keep {
			small := s.Shrink(cfg, 150)
			t.Logf("made smaller (play it with -sim.file):\n%s\n  %s", small, strings.Join(s.Play(small).Failures, "\n  "))
		}
	})
	t.Log(c)
	if c.Clean != c.Seeds {
		t.Errorf("%d seeds failed, the first: %v", len(c.Failed), c.Failed[:min(len(c.Failed), 40)])
	}
	if *seeds >= 500 && (c.Judged < 10*c.Seeds || c.Breaches < c.Seeds || c.Refused == 0 || c.Refills == 0) {
		t.Errorf("it shows less than it should: %s", c)
	}
}

func steps(t *testing.T) io.Writer {
	t.Helper()
	if *trace == "" {
		return nil
	}
	f, err := os.Create(*trace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestSameSeedSameSteps: a seed decides every step of a run.
func TestSameSeedSameSteps(t *testing.T) {
	s := shop(t)
	different := map[string]bool{}
	for seed := range uint64(25) {
		a, b := s.Play(Draw(seed)), s.Play(Draw(seed))
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: %d steps, %s; again %d, %s", seed, a.Steps, a.Hash, b.Steps, b.Hash)
		}
		different[a.Hash] = true
	}
	if len(different) != 25 {
		t.Errorf("25 seeds gave %d runs", len(different))
	}
}

// TestScenariosAreRead: whatever is drawn can be written, read and played again
// to the same end.
func TestScenariosAreRead(t *testing.T) {
	for seed := range uint64(300) {
		cfg := Draw(seed)
		again, err := ParseScenario(cfg.String())
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, cfg)
		}
		if again.String() != cfg.String() {
			t.Fatalf("seed %d:\n%s\nread as\n%s", seed, cfg, again)
		}
	}
	for _, line := range []string{"at noon kill node 1", "every now rebalance", "at 09:00:01 kill node", "at 09:00:01 kill node one",
		"at 09:00:01 answers nobody 500", "at 09:00:01 lose orders.events.v1", "at 09:00:01 dance", "sometimes rebalance", "order 1 lost 09:00:00", "at 09:00:01 for ever broker down"} {
		if _, err := ParseScenario("nodes 1\n" + line); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

// TestScenarios plays what was found once, and mended.
func TestScenarios(t *testing.T) {
	s := shop(t)
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := ParseScenario(string(raw))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out := s.Play(cfg); len(out.Failures) > 0 || out.Records == 0 {
			t.Errorf("%s: %d records\n  %s", name, out.Records, strings.Join(out.Failures, "\n  "))
		}
	}
}
