package judge_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/judge"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// seeds is how many random worlds are tried; ORDERLEDGER_SEEDS raises it.
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

// hearAll lets a judge hear what a ledger folded.
func hearAll(records []ledger.Record) *judge.Judge {
	j := judge.New(0, 1)
	for i := range records {
		r := records[i]
		if r.Event != nil {
			c := *r.Event
			r.Event = &c
		}
		j.Hear(&r)
	}
	return j
}

// compare holds everything a log came to against the judge.
func compare(t *testing.T, l *Log) judge.Compared {
	t.Helper()
	j := hearAll(l.Records)
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	if j.Clock() != r.Clock() {
		t.Fatalf("the clock stands at %s, the judge says %s", r.Clock(), j.Clock())
	}
	open := map[ledger.OrderKey][]ledger.Exception{}
	if err := r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		if x.Subject.OfOrder() {
			open[x.Subject.Order] = append(open[x.Subject.Order], *x)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	var all judge.Compared
	for _, k := range j.Orders() {
		v, _, err := r.Order(k)
		if err != nil {
			t.Fatal(err)
		}
		verdicts := j.Verdicts(k)
		c := judge.Compare(v.Verdicts, verdicts)
		all.Add(&c)
		c = judge.CompareOpen(&judge.Standing{Open: open[k], Untouched: j.Policies() > 1 && j.LastHeard(k) < j.PolicySince()}, judge.Open(verdicts))
		all.Add(&c)
	}
	return all
}

// TestAgreesOnShops: on the worlds of the shop, of one order whose systems
// contradict each other, judge and fold say the same.
func TestAgreesOnShops(t *testing.T) {
	var all judge.Compared
	for seed := range seeds(t, 150) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 71))
		w := NewWorld(rnd, 2+rnd.IntN(14))
		l := NewLog().Append(Policy())
		for _, x := range interleave(rnd, w.Shuffled(rnd), w.Ticks(rnd)) {
			l.Append(x)
		}
		c := compare(t, l)
		if len(c.Differences) > 0 {
			t.Fatalf("seed %d: %s\n%s", seed, c.Differences[0], State(l.View("1")))
		}
		all.Add(&c)
	}
	triesAll(t, &all, ledger.VerdictMet, ledger.VerdictMetImprecise, ledger.VerdictMetLate, ledger.VerdictBreached, ledger.VerdictVoid)
}

func triesAll(t *testing.T, c *judge.Compared, states ...ledger.VerdictState) {
	t.Helper()
	t.Logf("%d judged, by state %v, not judged %v", c.Judged, c.States, c.Unjudged)
	for _, s := range states {
		if c.States[s] == 0 {
			t.Errorf("no world gave %s: the comparison proves nothing about it", s)
		}
	}
}

// interleave mixes events and ticks; the ticks keep their order, and the last
// stands at the end.
func interleave(rnd *rand.Rand, events []*ledger.Event, ticks []*ledger.Tick) []any {
	var out []any
	for len(events) > 0 || len(ticks) > 1 {
		if len(ticks) <= 1 || len(events) > 0 && rnd.IntN(len(events)+len(ticks)) < len(events) {
			out, events = append(out, events[0]), events[1:]
		} else {
			out, ticks = append(out, ticks[0]), ticks[1:]
		}
	}
	return append(out, ticks[0])
}

// TestAgreesOnTownships: the same over everything that rules can say: several
// objects and roll-ups, several rules with grace, bridge, fresh, unless and sums,
// several policies, unmapped words, look-ups, holes, epochs, and clocks in doubt.
func TestAgreesOnTownships(t *testing.T) {
	var all judge.Compared
	for seed := range seeds(t, 250) {
		l := township(uint64(seed))
		c := compare(t, l)
		if len(c.Differences) > 0 {
			t.Fatalf("seed %d: %s", seed, c.Differences[0])
		}
		all.Add(&c)
	}
	triesAll(t, &all, ledger.VerdictPending, ledger.VerdictMet, ledger.VerdictMetImprecise, ledger.VerdictMetLate, ledger.VerdictBreached, ledger.VerdictVoid,
		ledger.VerdictUndetermined)
}

// TestEveryTownshipOffset: they agree at every tick of a log, not only at its end.
func TestEveryTownshipOffset(t *testing.T) {
	for seed := range min(seeds(t, 6), 200) {
		whole := township(uint64(seed) + 9000)
		l := NewLog()
		for i := range whole.Records {
			r := &whole.Records[i]
			l.Append(payload(r))
			if r.Tick == nil {
				continue
			}
			if c := compare(t, l); len(c.Differences) > 0 {
				t.Fatalf("seed %d, offset %d: %s", seed, i, c.Differences[0])
			}
		}
	}
}

func payload(r *ledger.Record) any {
	switch {
	case r.Event != nil:
		return r.Event
	case r.Tick != nil:
		return r.Tick
	case r.Policy != nil:
		return r.Policy
	case r.Looked != nil:
		return r.Looked
	default:
		return r.Reset
	}
}
