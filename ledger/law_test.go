package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// seeds is how many random worlds each law is tried in; ORDERLEDGER_SEEDS
// raises it for campaigns.
func seeds(t *testing.T, least int) int {
	v := os.Getenv("ORDERLEDGER_SEEDS")
	if v == "" {
		return least
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("ORDERLEDGER_SEEDS=%q: %v", v, err)
	}
	return n
}

// interleave mixes events and ticks; the ticks keep their order.
func interleave(rnd *rand.Rand, events []*ledger.Event, ticks []*ledger.Tick) []any {
	var out []any
	for len(events) > 0 || len(ticks) > 1 {
		if len(ticks) <= 1 || len(events) > 0 && rnd.IntN(len(events)+len(ticks)) < len(events) {
			out, events = append(out, events[0]), events[1:]
		} else {
			out, ticks = append(out, ticks[0]), ticks[1:]
		}
	}
	return append(out, ticks[0]) // one further tick after everything (S-8)
}

// TestConvergence: cells, histories and current verdicts are functions of the
// sets of claims, of coverage and clock, not of the order of arrival (S-8).
func TestConvergence(t *testing.T) {
	for seed := range seeds(t, 300) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		w := NewWorld(rnd, 2+rnd.IntN(25))
		ticks := w.Ticks(rnd)
		var first string
		for round := range 4 {
			l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: []int{16, 4, 1000, 6}[round]})
			l.Append(Policy())
			for _, x := range interleave(rnd, w.Shuffled(rnd), ticks) {
				l.Append(x)
			}
			got := State(l.View("1")) + ledger.Judged(l.P, Key("1"))
			if round == 0 {
				first = got
			} else if got != first {
				t.Fatalf("seed %d, round %d:\n%s\nwant as in round 0:\n%s", seed, round, got, first)
			}
		}
	}
}

// TestReplay: batches, restarts and cache sizes change nothing of the state,
// byte for byte (I-1, S-34).
func TestReplay(t *testing.T) {
	for seed := range seeds(t, 100) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		w := NewWorld(rnd, 5+rnd.IntN(40))
		l := NewLogWith(ledger.Options{Partitions: 1, TailLimit: 6})
		l.Append(Policy())
		for _, x := range interleave(rnd, w.Shuffled(rnd), w.Ticks(rnd)) {
			l.Append(x)
		}
		want, err := ledger.Digest(l.Store)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			store := ledger.NewMemStore()
			if err := replay(rnd, store, l.Records); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			got, err := ledger.Digest(store)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				diff, err := ledger.FirstMismatch(l.Store, store)
				t.Fatalf("seed %d: the replay differs: %s (%v)", seed, diff, err)
			}
		}
	}
}

// replay folds records with random batches, reopening the store now and then.
func replay(rnd *rand.Rand, store *ledger.MemStore, records []ledger.Record) error {
	opt := ledger.Options{Partitions: 1, TailLimit: 6, CacheOrders: 1 + rnd.IntN(3), SliceTimers: 1 + rnd.IntN(3)}
	p, err := ledger.Open(store, opt)
	if err != nil {
		return err
	}
	for i := range records {
		r := records[i]
		if r.Event != nil {
			c := *r.Event
			r.Event = &c
		}
		if p.NeedsFlush(&r) || rnd.IntN(4) == 0 {
			p.Flush(store)
		}
		if rnd.IntN(5) == 0 { // a crash: what was not flushed is folded again
			if p, err = ledger.Open(store, opt); err != nil {
				return err
			}
			if err := refold(p, store, records[:i]); err != nil {
				return err
			}
			if p.NeedsFlush(&r) {
				p.Flush(store)
			}
		}
		if err := p.Apply(&r); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		for p.Continuing() {
			p.Flush(store)
			if err := p.Continue(); err != nil {
				return err
			}
		}
	}
	p.Flush(store)
	return nil
}

// refold brings a reopened partition to the end of the records.
func refold(p *ledger.Partition, store *ledger.MemStore, records []ledger.Record) error {
	finish := func() error {
		for p.Continuing() {
			p.Flush(store)
			if err := p.Continue(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := finish(); err != nil { // the crash left slices of a tick
		return err
	}
	for i := int(p.Offset()); i < len(records); i++ {
		r := records[i]
		if r.Event != nil {
			c := *r.Event
			r.Event = &c
		}
		if p.NeedsFlush(&r) {
			p.Flush(store)
		}
		if err := p.Apply(&r); err != nil {
			return err
		}
		for p.Continuing() {
			p.Flush(store)
			if err := p.Continue(); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestOracle holds the fold's verdicts against an oracle that shares nothing
// with it and looks at the whole history again for every question.
func TestOracle(t *testing.T) {
	said := map[ledger.VerdictState]int{}
	for seed := range seeds(t, 400) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 3))
		w := NewWorld(rnd, 2+rnd.IntN(14))
		l, o := NewLog().Append(Policy()), NewOracle()
		for _, x := range interleave(rnd, w.Shuffled(rnd), w.Ticks(rnd)) {
			l.Append(x)
			o.Hear(x)
		}
		want := o.Verdicts()
		got := map[string]ledger.VerdictState{}
		for _, v := range l.View("1").Verdicts {
			got[fmt.Sprintf("%s/%d#%d", v.Rule, v.Step, v.Episode)] = v.State
			said[v.State]++
		}
		for k, v := range want {
			if got[k] != v {
				t.Fatalf("seed %d: %s is %s, the oracle says %s\n%s", seed, k, got[k], v, State(l.View("1")))
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d verdicts, the oracle has %d\n%s\n%v", seed, len(got), len(want), State(l.View("1")), want)
		}
	}
	for _, v := range []ledger.VerdictState{ledger.VerdictMet, ledger.VerdictMetImprecise, ledger.VerdictMetLate, ledger.VerdictBreached, ledger.VerdictVoid} {
		if said[v] == 0 {
			t.Errorf("no world gave %s: the comparison proves nothing about it", v)
		}
	}
}
