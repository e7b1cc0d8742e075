package shop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

var opening = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func config(seed uint64, orders int) shop.Config {
	return shop.Config{Seed: seed, Opening: opening, Orders: orders, Every: 7 * time.Second, Injections: shop.Spread(shop.OrderFaults(), orders)}
}

func open(t *testing.T, c shop.Config) *shop.World {
	t.Helper()
	w, err := shop.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// transcript is every byte a shop lets out up to an instant, taken in steps.
func transcript(t *testing.T, c shop.Config, step time.Duration) []byte {
	t.Helper()
	w := open(t, c)
	var out bytes.Buffer
	end := opening.Add(time.Hour)
	for at := opening; !at.After(end); at = at.Add(step) {
		for _, d := range w.Due(at) {
			body, err := d.Body("")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, d.Source, d.Topic, d.ID, d.Action, d.Triggered, d.Send, string(body))
		}
	}
	for _, c := range collections {
		p, err := w.List(shop.Query{Collection: c, At: end})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range p.Items {
			fmt.Fprintln(&out, c, string(item))
		}
	}
	tr, err := w.Truth(end, opening, truth.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var collections = [...]shop.Collection{shop.Orders, shop.SalesOrders, shop.ItemFulfillments, shop.Invoices, shop.CreditMemos, shop.WarehouseOrders, shop.Shipments}

func TestSameSeedSameBytes(t *testing.T) {
	a := transcript(t, config(4, 60), time.Second)
	if b := transcript(t, config(4, 60), 17*time.Minute); !bytes.Equal(a, b) {
		t.Error("the same seed, advanced in other steps, gives other bytes")
	}
	if b := transcript(t, config(5, 60), time.Second); bytes.Equal(a, b) {
		t.Error("another seed gives the same bytes")
	}
	if len(a) < 100_000 {
		t.Errorf("only %d bytes", len(a))
	}
}

// stampOf reads when an item says it was created and changed.
func stampOf(t *testing.T, c shop.Collection, raw []byte) (id string, created, changed time.Time) {
	t.Helper()
	var v struct {
		ID                       any
		CreatedAt                string `json:"created_at"`
		UpdatedAt                string `json:"updated_at"`
		Createddate              string
		Lastmodifieddate, Status string
		OrderID, ShipmentID      int64
		CreateDate, ModifyDate   string
		VoidDate                 *string
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	layout, from, to := time.RFC3339, v.CreatedAt, v.UpdatedAt
	if c != shop.Orders {
		layout, from, to = shop.Layout, v.Createddate, v.Lastmodifieddate
	}
	zone := time.UTC
	if c == shop.WarehouseOrders || c == shop.Shipments {
		var err error
		if zone, err = time.LoadLocation("America/Los_Angeles"); err != nil {
			t.Fatal(err)
		}
		layout, from, to, v.ID = "2006-01-02T15:04:05.0000000", v.CreateDate, v.ModifyDate, v.OrderID
	}
	if c == shop.Shipments {
		if to, v.ID = from, v.ShipmentID; v.VoidDate != nil {
			to = *v.VoidDate
		}
	}
	a, err := time.ParseInLocation(layout, from, zone)
	if err != nil {
		t.Fatal(err)
	}
	b, err := time.ParseInLocation(layout, to, zone)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v.ID), a.UTC(), b.UTC()
}

// TestVersionsIncrease asks every second and watches every document: what
// changed carries a later stamp, none lies in the future, none goes back.
func TestVersionsIncrease(t *testing.T) {
	w := open(t, config(9, 40))
	for _, c := range collections {
		last, bodies := map[string]time.Time{}, map[string]string{}
		for at := opening; at.Before(opening.Add(25 * time.Minute)); at = at.Add(time.Second) {
			p, err := w.List(shop.Query{Collection: c, At: at, Since: at.Add(-5 * time.Second)})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range p.Items {
				id, created, changed := stampOf(t, c, item)
				if changed.After(at) || created.After(changed) {
					t.Fatalf("%s %s at %s: created %s, changed %s", c, id, at, created, changed)
				}
				if bodies[id] != "" && bodies[id] != string(item) && !changed.After(last[id]) {
					t.Fatalf("%s %s changed without a later stamp: %s", c, id, changed)
				}
				last[id], bodies[id] = changed, string(item)
			}
		}
		if len(last) == 0 {
			t.Errorf("nothing is listed in %s", c)
		}
	}
}

// TestTheAnswerOfAnInstantStays: what comes later has no influence on it.
func TestTheAnswerOfAnInstantStays(t *testing.T) {
	at := opening.Add(5 * time.Minute)
	q := shop.Query{Collection: shop.SalesOrders, At: at}
	early, late := open(t, config(2, 50)), open(t, config(2, 50))
	late.Due(opening.Add(3 * time.Hour))
	a, err := early.List(q)
	if err != nil {
		t.Fatal(err)
	}
	b, err := late.List(q)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Items) == 0 || !slices.EqualFunc(a.Items, b.Items, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }) {
		t.Errorf("%d items, then %d others", len(a.Items), len(b.Items))
	}
}

// TestPagesAreTheList: pages by key give what one answer gives.
func TestPagesAreTheList(t *testing.T) {
	w, at := open(t, config(3, 50)), opening.Add(time.Hour)
	whole, err := w.List(shop.Query{Collection: shop.Orders, At: at})
	if err != nil {
		t.Fatal(err)
	}
	var paged []json.RawMessage
	q := shop.Query{Collection: shop.Orders, At: at, Limit: 7}
	for more := true; more; {
		p, err := w.List(q)
		if err != nil {
			t.Fatal(err)
		}
		paged, more = append(paged, p.Items...), p.More
		q.After = &shop.Key{Stamp: p.Last.Stamp, ID: p.Last.ID}
	}
	if len(whole.Items) != 50 || !slices.EqualFunc(whole.Items, paged, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }) {
		t.Errorf("%d items whole, %d by pages", len(whole.Items), len(paged))
	}
}

// topics lists what leaves for the order that has a fault, with when.
func topics(t *testing.T, f shop.Fault) []*shop.Delivery {
	t.Helper()
	w := open(t, shop.Config{Seed: 6, Opening: opening, Orders: 1, Injections: []shop.Injection{{Order: 0, Fault: f}}})
	return w.Due(opening.Add(2 * time.Hour))
}

func count(list []*shop.Delivery, keep func(d *shop.Delivery) bool) (n int) {
	for _, d := range list {
		if keep(d) {
			n++
		}
	}
	return n
}

// rows counts the ERP's documents of the order that has a fault, by status.
func rows(t *testing.T, f shop.Fault) map[string]int {
	t.Helper()
	w := open(t, shop.Config{Seed: 6, Opening: opening, Orders: 1, Injections: []shop.Injection{{Order: 0, Fault: f}}})
	out := map[string]int{}
	for _, c := range collections[1:5] {
		p, err := w.List(shop.Query{Collection: c, At: opening.Add(2 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range p.Items {
			var r struct{ Recordtype, Status string }
			if err := json.Unmarshal(item, &r); err != nil {
				t.Fatal(err)
			}
			out[r.Recordtype+":"+r.Status]++
		}
	}
	return out
}

func TestFaultsInTheERP(t *testing.T) {
	for f, want := range map[shop.Fault]map[string]int{
		shop.OrderNeverExported:   {},
		shop.ERPRejection:         {"SalesOrd:C": 1},
		shop.CaptureNotPropagated: {"SalesOrd:A": 1},
		shop.PaymentCallbackLost:  {"SalesOrd:B": 1},
		shop.ShippedButERPPending: {"SalesOrd:B": 1},
		shop.CancelledButShipped:  {"SalesOrd:F": 1, "ItemShip:C": 1},
		shop.ReturnNotPropagated:  {"SalesOrd:G": 1, "ItemShip:C": 1, "CustInvc:B": 1},
	} {
		if got := rows(t, f); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", f, got, want)
		}
	}
}

func TestFaultsOfWebhooks(t *testing.T) {
	front := func(d *shop.Delivery) bool { return d.Source == shop.DefaultSources().Storefront }
	topic := func(name string) func(d *shop.Delivery) bool {
		return func(d *shop.Delivery) bool { return d.Topic == name }
	}
	if n := count(topics(t, shop.WebhookLost), func(d *shop.Delivery) bool { return front(d) && d.Topic != "order_transactions/create" }); n != 0 {
		t.Errorf("%d webhooks were not lost", n)
	}
	if n := count(topics(t, shop.WebhookDuplicated), topic("orders/create")); n < 2 {
		t.Errorf("orders/create left %d times", n)
	}
	stale := topics(t, shop.StaleAfterFresh)
	if last := stale[len(stale)-1]; last.Topic != "orders/create" || last.Send.Sub(last.Triggered) < time.Minute {
		t.Errorf("the last webhook is %s, %s late", last.Topic, last.Send.Sub(last.Triggered))
	}
	reordered := topics(t, shop.WebhookReordered)
	if slices.IsSortedFunc(reordered, func(a, b *shop.Delivery) int { return a.Triggered.Compare(b.Triggered) }) {
		t.Error("no webhook overtook another")
	}
	if n := count(topics(t, shop.PaymentCallbackLost), topic("orders/paid")); n != 0 {
		t.Error("the storefront heard of the payment")
	}
	if n := count(topics(t, shop.ReturnNotPropagated), topic("returns/request")); n != 1 {
		t.Errorf("%d returns were requested", n)
	}
	if n := count(topics(t, shop.ManualEditAfterImport), topic("orders/edited")); n != 1 {
		t.Errorf("%d edits", n)
	}
	found := false
	for _, d := range topics(t, shop.UnmappedStatus) {
		body, err := d.Body("")
		if err != nil {
			t.Fatal(err)
		}
		found = found || d.Topic == "fulfillments/update" && bytes.Contains(body, []byte("held_at_depot"))
	}
	if !found {
		t.Error("nobody used the unmapped word")
	}
}

func TestConfigIsChecked(t *testing.T) {
	bad := config(1, 5)
	bad.Injections = []shop.Injection{{Order: 1, Fault: shop.SourceSilent}, {Order: 1, Fault: shop.WebhookLost}}
	if _, err := shop.New(bad); err == nil {
		t.Error("a silence was injected into an order, and an order had two faults")
	}
	if _, err := shop.New(shop.Config{}); err == nil {
		t.Error("a shop opened at no time")
	}
}

// TestSpreadCoversEveryFault: with orders enough, each class happens.
func TestSpreadCoversEveryFault(t *testing.T) {
	seen := map[shop.Fault]bool{}
	for _, in := range shop.Spread(shop.OrderFaults(), len(shop.OrderFaults())+1) { // one takes two orders
		seen[in.Fault] = true
	}
	if len(seen) != len(shop.OrderFaults()) {
		t.Errorf("%d of %d", len(seen), len(shop.OrderFaults()))
	}
}
