package simulatetest_test

import (
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/simulatetest"
	"github.com/orderledger/orderledger/services/simulate/transport"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// pairs counts the pairs of n records.
func pairs(n int) int { return n * (n - 1) / 2 }

// joins compares where records stand with whose they are: of the pairs of
// records that stand together, how many belong together (precision), and of
// those that belong together, how many stand together (recall).
func joins(records []simulatetest.Record, found map[ledger.EventID][]ledger.OrderKey) (precision, recall float64) {
	belong, stand, both := map[ledger.OrderKey]int{}, map[ledger.OrderKey]int{}, map[[2]ledger.OrderKey]int{}
	for _, r := range records {
		belong[r.Order]++
		for _, k := range found[r.ID] {
			stand[k]++
			both[[2]ledger.OrderKey{r.Order, k}]++
		}
	}
	sum := func(counts []int) (n int) {
		for _, c := range counts {
			n += pairs(c)
		}
		return n
	}
	var b, s, x []int
	for _, n := range belong {
		b = append(b, n)
	}
	for _, n := range stand {
		s = append(s, n)
	}
	for _, n := range both {
		x = append(x, n)
	}
	return float64(sum(x)) / float64(sum(s)), float64(sum(x)) / float64(sum(b))
}

// seasons is a shop that sells for an hour, rests for a hundred days, and sells
// again, while its courier has no more numbers than one season needs.
func seasons(each int) shop.Config {
	cfg := shop.Config{
		Seed: 77, Opening: opening, Orders: 2 * each, Every: 3 * time.Second, TrackingNumbers: 4 * each,
		Pauses: []shop.Pause{{Before: each, For: 100 * 24 * time.Hour}},
	}
	for i, f := range []shop.Fault{
		shop.PaymentNamedLate, shop.WebhookLost, shop.PaymentNamedLate, shop.WebhookDuplicated, shop.PaymentUnnamed, shop.WebhookReordered, shop.PaymentNamedLate,
		shop.TrackingTwice, shop.StaleAfterFresh, shop.PaymentNamedLate,
	} {
		for n := 10 + 7*i; n < 2*each-1; n += 200 {
			cfg.Injections = append(cfg.Injections, shop.Injection{Order: n, Fault: f})
		}
	}
	return cfg
}

// TestJoinsAreRight measures how well records find their orders: payments,
// warehouse documents and parcels of 2,020 orders, none of which names its
// order, with tracking numbers used again, names that come late, payments that
// are never named, numbers that two orders claim, and every arrival shuffled.
func TestJoinsAreRight(t *testing.T) {
	const each = 1010
	before := debug.SetGCPercent(300) // all that the shop ever said is kept: collecting often finds little
	t.Cleanup(func() { debug.SetGCPercent(before) })
	w, err := shop.New(seasons(each))
	if err != nil {
		t.Fatal(err)
	}
	sources, err := transport.Sources(transport.SourcesOptions{Names: w.Config().Sources, Credentials: transport.NewCredentials(1), BaseURL: "http://127.0.0.1:1", Dir: t.TempDir(), LiveFrom: opening})
	if err != nil {
		t.Fatal(err)
	}
	l, err := simulatetest.New(simulatetest.Config{World: w, Sources: sources, Every: 30 * time.Second, Shuffle: rand.New(rand.NewPCG(9, 9)), Hold: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var end time.Time
	for _, begin := range []time.Time{opening, opening.Add(100 * 24 * time.Hour)} {
		end = begin.Add(2 * time.Hour)
		if err := l.Run(begin, end); err != nil {
			t.Fatal(err)
		}
		if err := l.Idle(end, end.Add(ledger.Day.Duration())); err != nil {
			t.Fatal(err)
		}
		end = end.Add(ledger.Day.Duration())
	}
	tr, err := w.Truth(end, opening, truth.TimingOf(l.Policy, time.Minute, 2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Found()
	if err != nil {
		t.Fatal(err)
	}
	records := l.Records()
	unkeyed := 0
	for _, r := range records {
		if r.By.Type != "" {
			unkeyed++
		}
	}
	precision, recall := joins(records, found)
	lost, reported := orphans(tr, records, l.Claims())
	t.Logf("%d orders, %d records, %d of them without their order's key: precision %.5f, recall %.5f; %d can never be joined, %d of them reported: orphan recall %.5f",
		len(tr.Orders), len(records), unkeyed, precision, recall, lost, reported, float64(reported)/float64(lost))
	if len(tr.Orders) < 2000 || unkeyed < 20*len(tr.Orders)/2 || lost < 40 {
		t.Error("too little was measured")
	}
	if precision < 0.999 || recall < 0.99 || float64(reported)/float64(lost) < 0.99 {
		t.Error("joins are wrong")
	}
	if n := again(records); n < each/2 {
		t.Errorf("%d tracking numbers were used again", n)
	}
	// At this slow pace a feed may be called silent for a moment while its records
	// wait for their names.
	claims := slices.DeleteFunc(l.Claims(), func(c truth.Claim) bool { return c.Exception == ledger.NameSilent && !c.Open })
	if card := truth.Score(tr, claims, end); !card.Complete() {
		var table strings.Builder
		if err := card.Write(&table); err != nil {
			t.Fatal(err)
		}
		t.Error(table.String())
	}
}

// orphans counts the records that nobody can join, and those of them whose name
// an OrphanEvent tells.
func orphans(tr *truth.Truth, records []simulatetest.Record, claims []truth.Claim) (lost, reported int) {
	told := map[string]bool{}
	for _, c := range claims {
		if c.Exception == ledger.NameOrphan {
			told[c.Subject] = true
		}
	}
	names, without := shop.DefaultSources(), map[string]string{} // the source whose records an order lacks
	for i := range tr.Orders {
		switch shop.Fault(tr.Orders[i].Fault) {
		case shop.PaymentUnnamed:
			without[tr.Orders[i].Key] = names.Payment
		case shop.TrackingTwice:
			without[tr.Orders[i].Key], without[tr.Orders[i+1].Key] = names.Courier, names.Courier
		}
	}
	for _, r := range records {
		if r.By.Type == "" || without[string(r.Order)] != string(r.Source) {
			continue
		}
		lost++
		if told[truth.AliasSubject(string(r.By.Scope), r.By.Type, r.By.Value)] {
			reported++
		}
	}
	return lost, reported
}

// again counts the tracking numbers under which records of several orders wait.
func again(records []simulatetest.Record) (n int) {
	of := map[string][]ledger.OrderKey{}
	for _, r := range records {
		if r.By.Type == "tracking-number" && !slices.Contains(of[r.By.Value], r.Order) {
			of[r.By.Value] = append(of[r.By.Value], r.Order)
		}
	}
	for _, orders := range of {
		if len(orders) > 1 {
			n++
		}
	}
	return n
}
