package simulatetest_test

import (
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

var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// heard lets a ledger listen to a shop from an instant on, for an hour.
func heard(t *testing.T, cfg shop.Config, from time.Time, change ...func(*simulatetest.Config)) (*simulatetest.Ledger, *truth.Truth, time.Time) {
	t.Helper()
	cfg.Opening = opening
	w, err := shop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := transport.Sources(transport.SourcesOptions{Names: w.Config().Sources, Credentials: transport.NewCredentials(1), BaseURL: "http://127.0.0.1:1", Dir: t.TempDir(), LiveFrom: opening})
	if err != nil {
		t.Fatal(err)
	}
	opt := simulatetest.Config{World: w, Sources: sources}
	for _, c := range change {
		c(&opt)
	}
	l, err := simulatetest.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	end := from.Add(time.Hour)
	if err := l.Run(from, end); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(cfg.Injections, func(in shop.Injection) bool { return in.Fault == shop.PaymentUnnamed || in.Fault == shop.TrackingTwice }) {
		later := end.Add(ledger.Day.Duration()) // until what waits for its order is an orphan
		if err := l.Idle(end, later); err != nil {
			t.Fatal(err)
		}
		end = later
	}
	tr, err := w.Truth(end, from, truth.TimingOf(l.Policy, simulatetest.Interval, 2*simulatetest.Interval))
	if err != nil {
		t.Fatal(err)
	}
	return l, tr, end
}

func TestHealthyOrdersCauseNoClaim(t *testing.T) {
	l, tr, end := heard(t, shop.Config{Seed: 11, Orders: 200, Every: 8 * time.Second}, opening)
	keys, err := l.Orders()
	if err != nil || len(keys) != 200 {
		t.Fatalf("%d orders, %v", len(keys), err)
	}
	if l.Foreign() == 0 {
		t.Error("no foreign document was met")
	}
	for _, c := range l.Claims() {
		t.Errorf("claimed %s on %s (%s..), since %s", c.Exception, c.Subject, c.SaidAt, c.Since)
	}
	lives := map[string]int{}
	for i := range tr.Orders {
		lives[tr.Orders[i].Life]++
	}
	for _, life := range []string{"delivered", "split", "cancelled", "returned"} {
		if lives[life] == 0 {
			t.Errorf("no order is %s: %v", life, lives)
		}
	}
	if card := truth.Score(tr, l.Claims(), end); !card.Complete() || card.Healthy != 200 {
		t.Errorf("%+v", card)
	}
}

// TestEveryFaultIsClaimedAsTheTableSays injects every fault several times,
// heard live and heard as a backlog.
func TestEveryFaultIsClaimedAsTheTableSays(t *testing.T) {
	for _, spec := range shop.Table() {
		t.Run(string(spec.Fault), func(t *testing.T) {
			cfg := shop.Config{Seed: 5, Orders: 12, Every: 20 * time.Second}
			if spec.PerOrder {
				cfg.Injections = shop.Spread([]shop.Fault{spec.Fault}, 12)
			} else {
				cfg.Silences = []shop.Silence{{Source: shop.DefaultSources().ERP, Feeds: transport.ERPFeeds(), From: opening.Add(3 * time.Minute), Until: opening.Add(9 * time.Minute)}}
			}
			for name, from := range map[string]time.Time{"live": opening, "backlog": opening.Add(20 * time.Minute)} {
				if name == "backlog" && !spec.PerOrder {
					continue
				}
				l, tr, end := heard(t, cfg, from)
				card := truth.Score(tr, l.Claims(), end)
				var table strings.Builder
				if err := card.Write(&table); err != nil {
					t.Fatal(err)
				}
				if !card.Complete() {
					t.Errorf("%s: %s", name, table.String())
				}
				checkCounts(t, name, spec, card)
			}
		})
	}
}

func checkCounts(t *testing.T, name string, spec shop.FaultSpec, card *truth.Card) {
	t.Helper()
	for _, n := range card.Counts {
		if len(spec.Claims) == 0 {
			if n.Expected != 0 {
				t.Errorf("%s: expected %d claims of a fault that has none", name, n.Expected)
			}
			continue
		}
		if n.Expected == 0 || n.Found+n.Over != n.Expected || (name == "live" && n.Over != 0) {
			t.Errorf("%s: %+v", name, n)
		}
	}
	if len(card.Counts) != 1 || card.Counts[0].Fault != string(spec.Fault) {
		t.Errorf("%s: %+v", name, card.Counts)
	}
}

// TestClaimsAreAnnounced: nobody hears of historic claims, so that a fault whose
// evidence is live must not become one.
func TestClaimsAreAnnounced(t *testing.T) {
	l, _, _ := heard(t, shop.Config{Seed: 5, Orders: 60, Every: 10 * time.Second, Injections: shop.Spread(shop.OrderFaults(), 60)}, opening)
	for _, c := range l.Claims() {
		if c.Historic {
			t.Errorf("%s on %s is historic", c.Exception, c.Subject)
		}
	}
}

// TestMarks looks for what the timeline must show of faults that claim nothing.
func TestMarks(t *testing.T) {
	cfg := shop.Config{Seed: 5, Orders: 30, Every: 10 * time.Second, Injections: shop.Spread([]shop.Fault{
		shop.WebhookDuplicated, shop.WebhookLost, shop.StaleAfterFresh,
		shop.ManualEditAfterImport, shop.UnmappedStatus,
	}, 30)}
	l, tr, _ := heard(t, cfg, opening)
	for i := range tr.Orders {
		o := &tr.Orders[i]
		v, told, err := l.Order(o.Key)
		if err != nil {
			t.Fatal(err)
		}
		var copies, delivered, late, shelved int
		var newest ledger.Instant
		for _, x := range told {
			if x.Event == nil || x.Event.Source != ledger.Source(shop.DefaultSources().Storefront) {
				continue
			}
			copies = max(copies, int(x.Copies))
			if x.Event.Feed == "webhooks" && x.Event.Object.Type != "transaction" {
				delivered++
			}
			if x.Event.Object.Type == "order" {
				at := ledger.Instant(x.Event.Version.Parts[0] / 1000)
				if at < newest {
					late++
				}
				newest = max(newest, at)
			}
			if x.Outcome == ledger.OutcomeShelved {
				shelved++
			}
		}
		sums := map[ledger.Source]int64{}
		for _, s := range v.Summary.Sums {
			if s.Kind == ledger.AmountOrdered {
				sums[s.Source] = s.Money.Minor
			}
		}
		differs := sums[ledger.Source(shop.DefaultSources().Storefront)] != sums[ledger.Source(shop.DefaultSources().ERP)]
		for fault, ok := range map[shop.Fault]bool{
			shop.WebhookDuplicated: copies >= 2, shop.WebhookLost: delivered == 0, shop.StaleAfterFresh: storefrontAt(v, ledger.AxisFulfilment) == ledger.FulfilmentDelivered && late+copies > 1,
			shop.ManualEditAfterImport: differs, shop.UnmappedStatus: shelved > 0,
		} {
			if shop.Fault(o.Fault) == fault && !ok {
				t.Errorf("%s (%s): copies %d, delivered %d, late %d, shelved %d, sums %v", o.Key, fault, copies, delivered, late, shelved, sums)
			}
		}
	}
}

func storefrontAt(v ledger.OrderView, a ledger.Axis) ledger.State {
	for _, c := range v.Summary.Cells {
		if c.Source == ledger.Source(shop.DefaultSources().Storefront) && c.Axis == a {
			return c.State
		}
	}
	return ledger.Absent
}
