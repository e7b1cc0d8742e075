// Package chaos_test takes the product apart while it works: processes, broker,
// ClickHouse, connections, disks and deliveries fail by a drawn schedule, and
// after every round everything that is left behind is examined.
package chaos_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/clickhouse"
)

var (
	faultsFlag = flag.Int("chaos.faults", 0, "faults of the whole campaign; 0 plays the slice alone")
	seedFlag   = flag.Uint64("chaos.seed", 1, "seed of the campaign")
	rulesFlag  = flag.String("chaos.rules", "", "file with the faults of one round, instead of drawn ones")
	program    = flag.String("chaos.program", "", "binary of the product, instead of the one that is built")
	perRound   = flag.Int("chaos.round", 25, "faults of a round")
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// build builds the product as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	if *program != "" {
		return *program
	}
	made := filepath.Join(t.TempDir(), "orderledger")
	cmd := exec.Command("go", "build", "-o", made, "github.com/orderledger/orderledger/services/cmd/orderledger")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return made
}

// impossible lists the faults that cannot be had here, and why.
func impossible() map[kind]string {
	out := map[kind]string{}
	if why := namespaces(); why != "" {
		out[mute], out[deafen] = why, why
	}
	if os.Geteuid() != 0 {
		out[diskFull] = "needs root to mount a small disk"
	}
	return out
}

func newTally() *tally { return &tally{faults: map[kind]int{}, answers: map[string]int{}} }

// tell prints what a campaign came to.
func (s *tally) tell(t *testing.T, seed uint64, not map[kind]string, took time.Duration) {
	total := 0
	for _, k := range slices.Sorted(maps.Keys(s.faults)) {
		total += s.faults[k]
		fmt.Printf("  %-16s %5d\n", k, s.faults[k])
	}
	fmt.Printf("%d faults in %d rounds, seed %d, %s: %d deliveries acknowledged, %d orders, %d events in effect, %d claims, %d answers of the API\n",
		total, s.rounds, seed, took.Round(time.Second), s.acked, s.orders, s.records, s.missing, s.asked)
	fmt.Printf("answers to deliveries: %v\n", s.answers)
	if len(s.own) > 0 {
		fmt.Printf("roles that ended by themselves and were started again: %d, such as %q\n", len(s.own), s.own[:min(200, len(s.own))])
	}
	for _, k := range slices.Sorted(maps.Keys(not)) {
		fmt.Printf("NOT RUN: %s: %s\n", k, not[k])
	}
	if t.Failed() {
		fmt.Println("FOUND: see above")
	} else {
		fmt.Println("lost 0, doubled 0, mismatched 0, false claims 0, missing claims 0")
	}
}

// TestSlice is a round over two processes, with faults of most kinds.
func TestSlice(t *testing.T) {
	if *faultsFlag > 0 || *rulesFlag != "" {
		t.Log("the campaign is run instead")
		return
	}
	rules, err := parse(`
		after 20 kill ledger
		after 10 duplicate
		after 10 poison
		after 10 freeze ledger
		after 5 reorder
		after 5 cut connector
		after 20 late
		after 20 broker-kill
		after 40 kill connector
		after 20 clickhouse-kill`)
	if err != nil {
		t.Fatal(err)
	}
	sum, began := newTally(), time.Now()
	not := map[kind]string{mute: "the slice is short", deafen: "the slice is short", diskFull: "the slice is short"}
	round(t, roundOptions{program: build(t), seed: *seedFlag, cast: []string{"ledger", "connector"}, rules: rules, impossible: not}, sum)
	sum.tell(t, *seedFlag, not, time.Since(began))
}

// TestCampaign plays rounds until so many faults have happened.
func TestCampaign(t *testing.T) {
	if *faultsFlag == 0 && *rulesFlag == "" {
		t.Log("run by make chaos")
		return
	}
	not, began := impossible(), time.Now()
	cast := []string{"ledger-a", "ledger-b", "connector", "api"}
	sum, left, seed := newTally(), *faultsFlag, *seedFlag
	opt := roundOptions{program: build(t), seed: seed, cast: cast, impossible: not}
	if *rulesFlag != "" {
		raw, err := os.ReadFile(*rulesFlag)
		if err == nil {
			opt.rules, err = parse(string(raw))
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run("given", func(t *testing.T) { round(t, opt, sum) })
		left = 0
	}
	for n := uint64(0); left > 0 && !t.Failed(); n++ {
		opt.seed = seed + n*1_000_003
		opt.rules = schedule(opt.seed, min(*perRound, left), cast, not)
		left -= len(opt.rules)
		before := time.Now()
		ok := t.Run(fmt.Sprintf("round-%d", n+1), func(t *testing.T) { round(t, opt, sum) })
		fmt.Printf("round %d, seed %d: %d faults, %s, sound: %t\n", n+1, opt.seed, len(opt.rules), time.Since(before).Round(time.Second), ok)
	}
	sum.tell(t, seed, not, time.Since(began))
}
