package transport_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/connectortest"
	"github.com/orderledger/orderledger/services/connector/lookup"
	"github.com/orderledger/orderledger/services/connector/poll"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/transport"
)

// waiting is a ledger whose orders wait to hear every feed, and the log that its
// answers reach.
type waiting struct {
	*connectortest.Log
	orders []ledger.Awaited
	looked []*ledger.Looked
}

func (w *waiting) Look(_ context.Context, l *ledger.Looked) error {
	w.looked = append(w.looked, l)
	return nil
}

func (w *waiting) Awaiting(f ledger.FeedKey, _ int, skip func(ledger.OrderKey, ledger.Instant) bool) ([]ledger.Awaited, error) {
	var out []ledger.Awaited
	for _, a := range w.orders {
		if a.Feed = f; !skip(a.Order, a.Need) {
			out = append(out, a)
		}
	}
	return out, nil
}

// looker is the real looker of a source.
func (w *wire) looker(src *connector.Source, book *waiting) *lookup.Looker {
	w.t.Helper()
	tokens, err := w.secrets().TokensOf(src)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := lookup.New(lookup.Options{
		Source: src, System: w.system(src), Tokens: tokens, Ledger: book, Log: book, Clock: w.clock, Client: poll.NewClient(http.DefaultTransport),
		Logger: discard(), Jitter: func() float64 { return 0.5 }, Nonce: func() string { return "n0nce" }, Budget: poll.NewBudget(w.clock, 0.5, 5),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// stranger is an order that none of the systems has.
const stranger = ledger.OrderKey("shopify-eu~77")

// awaited are the first orders of the shop, and the stranger, by the names that
// the storefront gave them.
func (w *wire) awaited(n int) []ledger.Awaited {
	w.t.Helper()
	need := ledger.At(w.clock.Now().Add(-10 * time.Minute))
	out := []ledger.Awaited{{Order: stranger, Need: need, Aliases: []ledger.Alias{{Scope: "shopify-eu", Type: "order-number", Value: "77"}, {Scope: "shopify-eu", Type: "order-name", Value: "#77"}}}}
	for _, e := range w.log.Outgoing().Events {
		known := slices.ContainsFunc(out, func(a ledger.Awaited) bool { return a.Order == e.Order })
		if e.Feed != "orders" || known || len(out) > n {
			continue
		}
		out = append(out, ledger.Awaited{Order: e.Order, Need: need, Aliases: e.Aliases})
	}
	return out
}

// TestOneOrderIsShownToWhoAsksForIt: the systems tell of single orders what
// their lists tell, and that they have none; the documents are those that were
// polled, so that nothing new is heard.
func TestOneOrderIsShownToWhoAsksForIt(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 3, Orders: 6, Every: 20 * time.Second, Injections: []shop.Injection{{Order: 2, Fault: shop.OrderNeverExported}}})
	if w.cfg.Sources.Storefront != "shopify-eu" {
		t.Fatal(w.cfg.Sources.Storefront)
	}
	if faults := w.pull(); len(faults) != 0 {
		t.Fatal(faults)
	}
	polled := w.log.EventIDs()
	orders := w.awaited(6)
	if len(orders) != 7 {
		t.Fatalf("%d orders", len(orders))
	}
	for i := range w.sources {
		src := &w.sources[i]
		if len(w.system(src).LookupFeeds()) == 0 {
			continue
		}
		book := &waiting{Log: &connectortest.Log{}, orders: orders}
		if src.Origin {
			book.orders = orders[1:] // it cannot miss its own
		}
		w.clock.Move(time.Minute)
		if err := w.looker(src, book).Round(context.Background()); err != nil {
			t.Errorf("%s: %v", src.Name, err)
		}
		for _, id := range book.EventIDs() {
			if !slices.Contains(polled, id) {
				t.Errorf("%s: a look-up shows what no list shows", src.Name)
			}
		}
		if q := book.Outgoing().Quarantined; len(q) != 0 {
			t.Errorf("%s: %+v", src.Name, q[0])
		}
		w.checkAnswers(src, book)
	}
}

// checkAnswers compares what a source answered with what was polled of it.
func (w *wire) checkAnswers(src *connector.Source, book *waiting) {
	w.t.Helper()
	shown := map[string]bool{} // feed and order, as polled
	for _, e := range w.log.Outgoing().Events {
		if e.Source == ledger.Source(src.Name) {
			shown[e.Feed+" "+string(e.Order)] = true
		}
	}
	parked := map[string]bool{}
	for _, u := range w.log.Outgoing().Unkeyed {
		if u.Event.Source == ledger.Source(src.Name) {
			parked[u.Event.Feed+" "+u.By.Value] = true
		}
	}
	said := map[string]bool{}
	for _, l := range book.looked {
		said[l.Feed+" "+string(l.Order)] = l.Found
	}
	found, absent := 0, 0
	for _, f := range w.system(src).LookupFeeds() {
		for _, a := range book.orders {
			key := f.Name + " " + string(a.Order)
			is, told := said[key]
			here := shown[key]
			if len(f.Lookup.By) != 0 && slices.ContainsFunc(a.Aliases, func(n ledger.Alias) bool { return parked[f.Name+" "+n.Value] }) {
				if told { // it is on its way under its number, so it is no proof yet
					w.t.Errorf("%s %s: answered %v, though it waits under its number", src.Name, key, is)
				}
				found++
				continue
			}
			if !told || is != here {
				w.t.Errorf("%s %s: answered %v %v, polled %v", src.Name, key, told, is, here)
			}
			if here {
				found++
			} else {
				absent++
			}
		}
	}
	if found == 0 || absent == 0 && !src.Origin {
		w.t.Errorf("%s: %d found, %d absent", src.Name, found, absent)
	}
}

// TestLookupsAreNotServedToStrangers: single orders are behind the same keys and
// the same limits as lists.
func TestLookupsAreNotServedToStrangers(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 3})
	c := transport.NewCredentials(7)
	for path, header := range map[string]map[string]string{
		"/admin/api/2026-07/orders.json?status=any&ids=1&limit=10": {"X-Shopify-Access-Token": c.StorefrontToken},
		"/orders?orderNumber=1001&pageSize=500":                    {"basic": c.WarehouseKey},
	} {
		if res, _ := w.ask(path, nil); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d", path, res.StatusCode)
		}
		last := 0
		for range 41 {
			res, body := w.ask(path, header)
			if last = res.StatusCode; last == http.StatusOK && !strings.Contains(string(body["orders"]), "[") {
				t.Errorf("%s: %s", path, body)
			}
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("%s for the 41st time: %d", path, last)
		}
	}
}

// TestNumbersThatBeginAlike: the warehouse shows every order whose number begins
// like the one asked for, and says how many.
func TestNumbersThatBeginAlike(t *testing.T) {
	w := newWire(t, shop.Config{Seed: 4, Orders: 12, Every: time.Second})
	key := map[string]string{"basic": transport.NewCredentials(7).WarehouseKey}
	counts := map[string]int{}
	for _, number := range []string{"%23100", "%231001", "1001", "%2399"} {
		_, body := w.ask("/orders?pageSize=500&orderNumber="+number, key)
		n, err := strconv.Atoi(string(body["total"]))
		if err != nil || n != strings.Count(string(body["orders"]), `"orderKey"`) {
			t.Errorf("%s: %s of %s", number, body["total"], body["orders"])
		}
		counts[number] = n
	}
	if counts["%23100"] < 5 || counts["%231001"] != 1 || counts["1001"] != 0 || counts["%2399"] != 0 {
		t.Errorf("%v", counts)
	}
}
