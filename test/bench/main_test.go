// Package bench_test measures orderledger against the raw engines it stands
// on, in the same run, and reports. It asserts that what was measured is
// correct, never how long it took.
package bench_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/role"
)

// devCommand is the hidden first argument that makes the test binary a `dev`
// process: the smoke run needs no built binary.
const devCommand = "__dev"

var full = flag.Bool("bench-report", false, "measure at full size and write results/")

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case clickhouse.ChildCommand:
			os.Exit(clickhouse.RunChild(os.Args[2:]))
		case devCommand:
			if err := runDev(os.Args[2]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// runDev is `dev` with a configuration file, until it is asked to end.
func runDev(file string) error {
	cfg := config.Default()
	if err := cfg.Read(file); err != nil {
		return err
	}
	cfg.Finish()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	i, err := role.Start(ctx, cfg, role.Everything(), role.Watchers{}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return i.Close()
}

// scale is how much is measured.
type scale struct {
	name       string
	rounds     int   // interleaved, of each side
	orders     int   // of the ordinary stream
	open       []int // open orders of the log → fold → Pebble runs
	many       int   // orders of the storm and of the timeline
	reads      int   // timelines read
	long       int   // claims of the long order
	blockRows  int
	blocks     int // per side and round
	devBinary  string
	countLoops bool // let encode and decode run for a second
}

func smoke() scale {
	return scale{name: "smoke", rounds: 1, orders: 60, open: []int{60}, many: 120, reads: 50, long: 200, blockRows: 50, blocks: 1}
}

func whole() scale {
	return scale{
		name: "full", rounds: 3, orders: 20_000, open: []int{20_000, 100_000}, many: 100_000, reads: 20_000, long: 5_000,
		blockRows: 20_000, blocks: 4, devBinary: "../../bin/orderledger", countLoops: true,
	}
}

// TestReport measures everything. Without -bench-report it does so on a tiny
// scale and writes nowhere that lasts: that every measurement still works.
func TestReport(t *testing.T) {
	s, dir := smoke(), t.TempDir()
	if *full {
		s, dir = whole(), "results"
	}
	r := &report{Machine: describe(t), Scale: s.name}
	parts := []struct {
		name    string
		measure func(*testing.T, scale) []figure
	}{
		{"fold", measureFold},
		{"replay", measureReplay},
		{"join", measureJoin},
		{"history", measureHistory},
		{"storm", measureStorm},
		{"timeline", measureTimeline},
		{"long-order", measureLongOrder},
		{"quiet", measureQuiet},
		{"codec", measureCodec},
		{"sizes", measureSizes},
		{"dev-memory", measureDev},
	}
	ran := 0
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			ran++
			for _, f := range part.measure(t, s) {
				f.Bench = part.name
				t.Logf("%s", f.line())
				r.Figures = append(r.Figures, f)
			}
		})
	}
	r.Machine.LoadAfter = load(t)
	if t.Failed() {
		t.Fatal("a measurement failed: nothing is written")
	}
	if ran < len(parts) {
		return // a selection is looked at, not kept
	}
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
}
