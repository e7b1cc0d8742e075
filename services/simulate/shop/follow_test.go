package shop_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// TestFollowShowsWhatListsShow: followed poll by poll, a collection shows every
// state that its list shows at these instants.
func TestFollowShowsWhatListsShow(t *testing.T) {
	cfg := shop.Config{Seed: 3, Opening: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Orders: 40, Every: 5 * time.Second}
	for _, of := range []shop.Followed{{Collection: shop.Orders}, {Collection: shop.SalesOrders}, {Collection: shop.Shipments, By: shop.Voided}} {
		listing, err := shop.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		following, err := shop.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		f := following.Follow(of)
		var want, got []string
		last := cfg.Opening
		for at := cfg.Opening; at.Before(cfg.Opening.Add(40 * time.Minute)); at = at.Add(10 * time.Second) {
			page, err := listing.List(shop.Query{Collection: of.Collection, By: of.By, At: at, Since: last.Add(-time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				if !slices.Contains(want, string(item)) {
					want = append(want, string(item))
				}
			}
			for _, e := range f.Next(at) {
				body, err := e.Body()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(body))
			}
			last = at
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("%+v: %d states followed, %d listed", of, len(got), len(want))
		}
	}
}
