package shop_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// everything is what leaves a shop over two hours, and what is listed at the end.
func everything(t *testing.T, w *shop.World) (sent []string) {
	t.Helper()
	for _, d := range w.Due(opening.Add(2 * time.Hour)) {
		body, err := d.Body("https://depot.example")
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, d.Source+" "+d.Topic+" "+string(body))
	}
	return sent
}

// TestSystemsKnowAnOrderByDifferentNames: neither the account nor the courier
// ever says the order's id or number; the warehouse says the number alone.
func TestSystemsKnowAnOrderByDifferentNames(t *testing.T) {
	w := open(t, shop.Config{Seed: 6, Opening: opening, Orders: 12, Every: 20 * time.Second})
	names, id, end := shop.DefaultSources(), "", opening.Add(2*time.Hour)
	sent := everything(t, w)
	p, err := w.List(shop.Query{Collection: shop.Orders, At: end, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ = strings.Cut(p.Orders[0], "~")
	told := map[string]int{}
	for _, s := range sent {
		source, rest, _ := strings.Cut(s, " ")
		told[source]++
		if source != names.Storefront && strings.Contains(rest, id) {
			t.Errorf("%s knows the storefront's id: %s", source, rest)
		}
		if (source == names.Payment || source == names.Courier) && strings.Contains(rest, "#10") {
			t.Errorf("%s knows the order's number: %s", source, rest)
		}
	}
	for _, source := range []string{names.Storefront, names.Payment, names.Warehouse, names.Courier} {
		if told[source] == 0 {
			t.Errorf("%s never sent anything", source)
		}
	}
	depot, err := w.List(shop.Query{Collection: shop.WarehouseOrders, At: end})
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range depot.Items {
		if s := string(item); strings.Contains(s, `"orderNumber":"#`) == (depot.Orders[i] == "") || strings.Contains(s, id+`"`) {
			t.Errorf("order %q of the warehouse: %s", depot.Orders[i], s)
		}
	}
}

// TestANoticeNamesWhatChanged: every document of the warehouse stands in the
// batches of the notices that were sent.
func TestANoticeNamesWhatChanged(t *testing.T) {
	w := open(t, shop.Config{Seed: 6, Opening: opening, Orders: 30, Every: 20 * time.Second})
	named := map[string]bool{}
	for _, d := range w.Due(opening.Add(2 * time.Hour)) {
		if d.Source != shop.DefaultSources().Warehouse {
			continue
		}
		path, batch, _ := strings.Cut(d.Place, "?importBatch=")
		of := map[string]shop.Collection{"/orders": shop.WarehouseOrders, "/shipments": shop.Shipments}[path]
		p, err := w.List(shop.Query{Collection: of, At: d.Send, Batch: batch})
		if err != nil || len(p.Items) == 0 {
			t.Fatalf("%s names nothing: %v", d.Place, err)
		}
		for _, item := range p.Items {
			named[string(item)] = true
		}
	}
	for _, c := range []shop.Collection{shop.WarehouseOrders, shop.Shipments} {
		p, err := w.List(shop.Query{Collection: c, At: opening.Add(2 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range p.Items {
			if !named[string(item)] {
				t.Errorf("no notice ever named %s", item)
			}
		}
	}
	voids, err := w.List(shop.Query{Collection: shop.Shipments, At: opening.Add(2 * time.Hour), By: shop.Voided})
	if err != nil || len(voids.Items) == 0 || !strings.Contains(string(voids.Items[0]), `"voided":true`) {
		t.Errorf("%d labels were voided, %v", len(voids.Items), err)
	}
}

// TestTheAccountListsTheNewestFirst: by pages as in one, whole families.
func TestTheAccountListsTheNewestFirst(t *testing.T) {
	w, at := open(t, shop.Config{Seed: 6, Opening: opening, Orders: 20, Every: 20 * time.Second}), opening.Add(2*time.Hour)
	var whole, paged []string
	created := int64(1 << 60)
	read := func(p shop.Page) (list []string) {
		for _, item := range p.Items {
			var e struct {
				ID, Type string
				Created  int64
			}
			if err := json.Unmarshal(item, &e); err != nil || !strings.HasPrefix(e.Type, "charge.") {
				t.Fatalf("%v %+v", err, e)
			}
			list = append(list, e.ID)
			if e.Created > created {
				t.Fatalf("%s is newer than what stands before it", e.ID)
			}
			created = e.Created
		}
		return list
	}
	q := shop.Newest{Collection: shop.PaymentEvents, At: at, Since: opening, Family: "charge."}
	all, err := w.Newest(q)
	if err != nil {
		t.Fatal(err)
	}
	whole = read(all)
	q.Limit, created = 7, 1<<60
	for more := true; more; {
		p, err := w.Newest(q)
		if err != nil {
			t.Fatal(err)
		}
		paged, more = append(paged, read(p)...), p.More
		q.After = paged[len(paged)-1]
	}
	if len(whole) < 40 || !slices.Equal(whole, paged) {
		t.Errorf("%d whole, %d by pages", len(whole), len(paged))
	}
}

// TestOneTrackingNumberOfTwoOrders: the fault takes two orders, and a courier
// that runs out of numbers uses them again.
func TestOneTrackingNumberOfTwoOrders(t *testing.T) {
	of := func(c shop.Config) map[string]map[string]bool {
		w, out := open(t, c), map[string]map[string]bool{}
		p, err := w.List(shop.Query{Collection: shop.Orders, At: opening.Add(400 * 24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for i, item := range p.Items {
			var o struct {
				Fulfillments []struct {
					Tracking string `json:"tracking_number"`
				}
			}
			if err := json.Unmarshal(item, &o); err != nil {
				t.Fatal(err)
			}
			for _, f := range o.Fulfillments {
				if out[f.Tracking] == nil {
					out[f.Tracking] = map[string]bool{}
				}
				out[f.Tracking][p.Orders[i]] = true
			}
		}
		return out
	}
	shared := func(m map[string]map[string]bool) (n int) {
		for _, orders := range m {
			if len(orders) > 1 {
				n++
			}
		}
		return n
	}
	c := shop.Config{Seed: 6, Opening: opening, Orders: 10, Every: 20 * time.Second}
	if n := shared(of(c)); n != 0 {
		t.Errorf("%d numbers are shared in a healthy shop", n)
	}
	c.Injections = []shop.Injection{{Order: 3, Fault: shop.TrackingTwice}}
	if n := shared(of(c)); n != 1 {
		t.Errorf("%d numbers are shared, want 1", n)
	}
	w := open(t, c)
	for to, want := range map[time.Duration]int{time.Hour: 1, 26 * time.Hour: 2} {
		tr, err := w.Truth(opening.Add(to), opening, truth.DefaultTiming())
		if err != nil {
			t.Fatal(err)
		}
		if e := tr.Expectations(); len(e) != want || !strings.HasPrefix(e[0].Subject, "alias:demoparcel-eu/tracking-number:PB") {
			t.Errorf("after %s: %+v", to, e)
		}
	}
	again := shop.Config{Seed: 6, Opening: opening, Orders: 10, Every: 20 * time.Second, TrackingNumbers: 20, Pauses: []shop.Pause{{Before: 5, For: 100 * 24 * time.Hour}}}
	if n := shared(of(again)); n == 0 {
		t.Error("no number was used again")
	}
	c.Injections = append(c.Injections, shop.Injection{Order: 4, Fault: shop.WebhookLost})
	if _, err := shop.New(c); err == nil {
		t.Error("the second of two orders had a fault of its own")
	}
}
