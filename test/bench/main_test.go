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
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/role"
)

var (
	full   = flag.Bool("bench-report", false, "measure at full size, write results/ and the README's table")
	only   = flag.String("bench-parts", "", "comma-separated parts to measure; empty: all")
	rounds = flag.Int("bench-rounds", 0, "rounds of each side; 0: as the scale says")
)

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
		case foldCommand:
			os.Exit(runChild(os.Args[2], runFold))
		case ledgerCommand:
			os.Exit(runChild(os.Args[2], runLedger))
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
	name          string
	rounds        int   // interleaved, of each side
	orders        int   // of the ordinary stream
	open          []int // open orders of the log → fold → Pebble runs
	many          int   // orders of the storm and of the timeline
	reads         int   // timelines read
	long          int   // claims of the long order
	blockRows     int
	blocks        int // per side and round
	devBinary     string
	countLoops    bool          // let encode and decode run for a second
	flowOrders    int           // of the comparison with Kafka Streams
	flowOpen      int           // open at a time
	commitMillis  []int         // of Kafka Streams
	growOrders    int           // of the growing log
	readOrders    int           // of the timelines
	alarms        int           // deadlines
	alarmSpread   time.Duration // in which they become due
	alarmLead     time.Duration // to arm them in
	recoverOrders int
	history       []int // rows of the views' histories, ascending
	questions     int   // asked of each view
	deliveries    int   // of webhooks, per side and round
}

func smoke() scale {
	return scale{name: "smoke", rounds: 1, orders: 60, open: []int{60}, many: 120, reads: 50, long: 200, blockRows: 50, blocks: 1,
		flowOrders: 2_000, flowOpen: 800, commitMillis: []int{100}, growOrders: 2_000, readOrders: 1_000,
		alarms: 2_000, alarmSpread: 2 * time.Second, alarmLead: 3 * time.Second, recoverOrders: 1_000, deliveries: 300, history: []int{60_000}, questions: 3}
}

func whole() scale {
	return scale{
		name: "full", rounds: 3, orders: 20_000, open: []int{20_000, 100_000}, many: 100_000, reads: 20_000, long: 5_000,
		blockRows: 20_000, blocks: 4, devBinary: "../../bin/orderledger", countLoops: true,
		flowOrders: 600_000, flowOpen: 20_000, commitMillis: []int{100, 1000}, growOrders: 2_000_000, readOrders: 1_000_000,
		alarms: 1_000_000, alarmSpread: 250 * time.Second, alarmLead: 2 * time.Minute, recoverOrders: 200_000, deliveries: 40_000,
		history: []int{10_000_000, 100_000_000}, questions: 20,
	}
}

// part is one thing that is measured.
type part struct {
	name string
	// seeds say what chance there is in it.
	seeds   string
	measure func(*testing.T, scale) []figure
	// java: it measures a JVM, too.
	java bool
}

const (
	noChance   = "none: the stream is computed"
	bodySeed   = "bodies 1, 2"
	ordersSeed = "orders 3, 4"
	readsSeed  = "bodies 1, 2; orders 3, 4"
)

func parts() []part {
	return []part{
		{name: "streams", seeds: noChance, measure: measureStreams, java: true},
		{name: "growth", seeds: noChance, measure: measureGrowth},
		{name: "drift", seeds: noChance, measure: measureDrift},
		{name: "reads", seeds: ordersSeed, measure: measureReads},
		{name: "timers", seeds: noChance, measure: measureTimers},
		{name: "webhook", seeds: noChance, measure: measureWebhook},
		{name: "recovery", seeds: noChance, measure: measureRecovery},
		{name: "fold", seeds: noChance, measure: measureFold},
		{name: "replay", seeds: bodySeed, measure: measureReplay},
		{name: "join", seeds: bodySeed, measure: measureJoin},
		{name: "history", seeds: bodySeed, measure: measureHistory},
		{name: "storm", seeds: noChance, measure: measureStorm},
		{name: "timeline", seeds: readsSeed, measure: measureTimeline},
		{name: "long-order", seeds: noChance, measure: measureLongOrder},
		{name: "quiet", seeds: noChance, measure: measureQuiet},
		{name: "codec", seeds: bodySeed, measure: measureCodec},
		{name: "sizes", seeds: bodySeed, measure: measureSizes},
		{name: "dev-memory", seeds: bodySeed, measure: measureDev},
	}
}

// chosen are the parts that -bench-parts names, all if it names none.
func chosen(t *testing.T) []part {
	t.Helper()
	all := parts()
	if *only == "" {
		return all
	}
	var out []part
	for name := range strings.SplitSeq(*only, ",") {
		at := slices.IndexFunc(all, func(p part) bool { return p.name == strings.TrimSpace(name) })
		if at < 0 {
			var names []string
			for _, p := range all {
				names = append(names, p.name)
			}
			t.Fatalf("there is no part %q: choose among %s", name, strings.Join(names, ", "))
		}
		out = append(out, all[at])
	}
	return out
}

// TestReport measures every part. Without -bench-report it does so on a tiny
// scale and writes nowhere that lasts: that every measurement still works.
func TestReport(t *testing.T) {
	s, dir, readme := smoke(), t.TempDir(), ""
	if *full {
		s, dir, readme = whole(), "results", "README.md"
	}
	if *rounds > 0 {
		s.rounds = *rounds
	}
	of := commit(t)
	for _, p := range chosen(t) {
		t.Run(p.name, func(t *testing.T) {
			r := &result{Part: p.name, Commit: of, Seeds: p.seeds, Scale: s.name, Rounds: s.rounds, Machine: describe(t)}
			if p.java {
				r.Machine.Java = javaVersion(t)
			}
			r.Figures = p.measure(t, s)
			r.Machine.LoadAfter = load(t)
			for _, f := range r.Figures {
				t.Logf("%s", f.line())
			}
			if t.Failed() {
				return
			}
			if err := r.store(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
	list, err := stored(dir, parts())
	if err != nil {
		t.Fatal(err)
	}
	if readme == "" {
		return
	}
	if err := show(readme, list); err != nil {
		t.Fatal(err)
	}
}
