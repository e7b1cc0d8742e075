package scenario_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/policy/ruletest"
)

// variation is another way in which the same could have been heard.
type variation struct {
	name string
	of   func(rnd *rand.Rand, log []ledger.Record) []ledger.Record
	// loose: batches, restarts and the cache vary as well.
	loose bool
}

// variations lead to the same cells and current verdicts, by the law of
// convergence (S-8): they are functions of the sets of claims and policies, of
// coverage and clock.
var variations = []variation{
	{name: "other batches, restarts and caches", of: func(_ *rand.Rand, log []ledger.Record) []ledger.Record { return log }, loose: true},
	{name: "every document heard again, at once or later", of: repeated},
	{name: "documents in another order between two ticks", of: shuffled},
	{name: "everything heard before the first tick, as history is imported", of: func(rnd *rand.Rand, log []ledger.Record) []ledger.Record { return gathered(log, false) }},
	{name: "everything heard after the last tick but one", of: func(rnd *rand.Rand, log []ledger.Record) []ledger.Record { return gathered(log, true) }},
	{name: "all of it at once", of: func(rnd *rand.Rand, log []ledger.Record) []ledger.Record { return shuffled(rnd, repeated(rnd, log)) }, loose: true},
}

// TestScenariosHeardOtherwise tells every story in other ways. What people do
// refers to what was said at that moment, so that stories with actions are only
// batched and repeated.
func TestScenariosHeardOtherwise(t *testing.T) {
	names, err := filepath.Glob("*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenario files (%v)", err)
	}
	tried := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		report := ruletest.Run(ruletest.Options{ReadFile: os.ReadFile}, policy.File{Name: name, Data: data})
		for i := range report.Results {
			r := &report.Results[i]
			log := withFurtherTick(r.Log)
			if log == nil {
				continue // without a clock nothing is judged
			}
			want := concluded(t, log, nil)
			acted := slices.ContainsFunc(log, func(x ledger.Record) bool { return x.Action != nil || x.Reset != nil })
			for k, v := range variations {
				if acted && k > 1 {
					continue
				}
				for seed := range uint64(4) {
					rnd := rand.New(rand.NewPCG(seed, uint64(k)))
					var loose *rand.Rand
					if v.loose {
						loose = rnd
					}
					if got := concluded(t, v.of(rnd, log), loose); got != want {
						t.Errorf("%s, %s, heard otherwise (%s, seed %d) ends as\n%s\nwant\n%s", name, r.Name, v.name, seed, got, want)
					}
					tried++
				}
			}
		}
	}
	t.Logf("%d tellings", tried)
}

// withFurtherTick adds the tick after which the law compares; nil if the log has none.
func withFurtherTick(log []ledger.Record) []ledger.Record {
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].Tick != nil {
			last := *log[i].Tick
			last.Wall, last.BootClock = last.Wall.Add(ledger.Second), last.BootClock+ledger.Second
			return append(slices.Clone(log), ledger.Record{Tick: &last, RecordedAt: last.Wall})
		}
	}
	return nil
}

// repeated sends every event again: behind itself, or before the last tick.
func repeated(rnd *rand.Rand, log []ledger.Record) []ledger.Record {
	var out, late []ledger.Record
	for _, r := range log[:len(log)-1] {
		out = append(out, r)
		if r.Event == nil {
			continue
		}
		if rnd.IntN(2) == 0 {
			out = append(out, r)
		} else {
			late = append(late, r)
		}
	}
	return append(append(out, late...), log[len(log)-1])
}

// shuffled mixes the events that stand between two other records.
func shuffled(rnd *rand.Rand, log []ledger.Record) []ledger.Record {
	out := slices.Clone(log)
	for from := 0; from < len(out); from++ {
		to := from
		for to < len(out) && out[to].Event != nil {
			to++
		}
		rnd.Shuffle(to-from, func(i, k int) { out[from+i], out[from+k] = out[from+k], out[from+i] })
		from = to
	}
	return out
}

// gathered moves all events behind the first policy, or before the last tick.
func gathered(log []ledger.Record, late bool) []ledger.Record {
	var events, others []ledger.Record
	for _, r := range log {
		if r.Event != nil {
			events = append(events, r)
		} else {
			others = append(others, r)
		}
	}
	at := 1
	if late {
		at = len(others) - 1
	}
	return slices.Concat(others[:at], events, others[at:])
}

// concluded folds a log and writes down cells and current verdicts of every order.
func concluded(t *testing.T, log []ledger.Record, loose *rand.Rand) string {
	t.Helper()
	store, opt := ledger.NewMemStore(), ledger.Options{Partitions: 1}
	if loose != nil {
		opt.CacheOrders, opt.SliceTimers = 1+loose.IntN(2), 1+loose.IntN(2)
	}
	p, err := ledger.Open(store, opt)
	if err != nil {
		t.Fatal(err)
	}
	finish := func() {
		for p.Continuing() {
			p.Flush(store)
			if err := p.Continue(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p.Offset() < int64(len(log)) {
		r := log[p.Offset()].Own()
		r.Offset = p.Offset()
		if loose == nil || p.NeedsFlush(&r) || loose.IntN(3) == 0 {
			p.Flush(store)
		}
		if err := p.Apply(&r); err != nil {
			t.Fatal(err)
		}
		finish()
		if loose != nil && loose.IntN(4) == 0 { // what was not flushed is folded again
			if p, err = ledger.Open(store, opt); err != nil {
				t.Fatal(err)
			}
			finish()
		}
	}
	p.Flush(store)
	reader, err := ledger.NewReader(store, opt)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = reader.Orders("", func(k ledger.OrderKey) bool {
		v, ok, err := reader.Order(k)
		if err != nil || !ok {
			t.Fatalf("order %s: %v", k, err)
		}
		fmt.Fprintf(&out, "%s\n%s\n", k, ledgertest.State(v))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
