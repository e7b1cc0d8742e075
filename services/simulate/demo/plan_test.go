package demo_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/demo"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/simulatetest"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// play lets a ledger listen to a plan without a network.
func play(t *testing.T, o demo.Options) (*demo.Plan, *simulatetest.Ledger, *truth.Card) {
	t.Helper()
	p, err := demo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := demo.Start(p, connector.SystemClock{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	sources, err := demo.SourcesFor(d, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := shop.New(p.Shop)
	if err != nil {
		t.Fatal(err)
	}
	l, err := simulatetest.New(simulatetest.Config{World: w, Sources: sources, Every: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(p.Begin, p.End); err != nil {
		t.Fatal(err)
	}
	tr, err := d.Truth(p.End)
	if err != nil {
		t.Fatal(err)
	}
	return p, l, truth.Score(tr, l.Claims(), p.End)
}

// TestEverythingInjectedIsFound is what makes the demonstration end well.
func TestEverythingInjectedIsFound(t *testing.T) {
	for _, length := range []time.Duration{demo.Shortest, 45 * time.Second, 3 * time.Minute} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(length, seed), func(t *testing.T) {
				_, _, card := play(t, demo.Options{Seed: seed, Now: now, For: length})
				var b strings.Builder
				if err := card.Write(&b); err != nil {
					t.Fatal(err)
				}
				if !card.Complete() {
					t.Error(b.String())
				}
				want := len(shop.Table()) - 1 // every class but payments that wait for a day
				switch {
				case length < 45*time.Second:
					return
				case length < 3*time.Minute:
					want-- // a source's silence takes longer to notice
				}
				if len(card.Counts) != want {
					t.Errorf("%d classes of faults, want %d: %s", len(card.Counts), want, b.String())
				}
			})
		}
	}
}

// TestSpansAreThoseOfTheShippedRules guards the plan against rules that change.
func TestSpansAreThoseOfTheShippedRules(t *testing.T) {
	p, l, _ := play(t, demo.Options{Seed: 1, Now: now, For: demo.Shortest})
	got := truth.TimingOf(l.Policy, p.Timing.Poll, p.Timing.Slack)
	for name, after := range got.After {
		if p.Timing.After[name] != after {
			t.Errorf("%s: planned %s, in force %s", name, p.Timing.After[name], after)
		}
	}
	for name := range p.Timing.After {
		if _, ok := got.After[name]; !ok {
			t.Errorf("%s: planned, but no rule raises it", name)
		}
	}
}
