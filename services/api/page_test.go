package api_test

import (
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

// Replicas with one key go on with each other's pages; others refuse them.
func TestPageTokensHoldOnReplicasWithTheSameKey(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	s := apitest.Start(t, func(o *api.Options) { o.PageKey = key })
	s.Place("1")
	s.Place("2")
	page := func(conn *grpc.ClientConn, token string) (*orderledgerv1.ListOrdersResponse, error) {
		return orderledgerv1.NewOrderServiceClient(conn).ListOrders(soon(t), &orderledgerv1.ListOrdersRequest{OrderBy: "order_key", PageSize: 1, PageToken: token})
	}
	first, err := page(s.Conn, "")
	if err != nil || first.NextPageToken == "" {
		t.Fatalf("%v %v", first, err)
	}
	same := s.Replica(func(o *api.Options) { o.PageKey = append([]byte(nil), key...) })
	next, err := page(same, first.NextPageToken)
	if err != nil || len(next.Orders) != 1 || next.Orders[0].OrderKey == first.Orders[0].OrderKey {
		t.Fatalf("a replica with the same key: %v %v", next, err)
	}
	for name, k := range map[string][]byte{"another key": []byte(strings.Repeat("K", 32)), "a key of its own": nil} {
		_, err := page(s.Replica(func(o *api.Options) { o.PageKey = k }), first.NextPageToken)
		if err == nil {
			t.Fatalf("%s: the token was accepted", name)
		}
		wantReason(t, err, codes.InvalidArgument, "INVALID_PAGE_TOKEN")
	}
}

// pageThrough asks for all pages and returns the keys and the number of pages.
func pageThrough(t *testing.T, c orderledgerv1.OrderServiceClient, req *orderledgerv1.ListOrdersRequest) (keys []string, n int) {
	t.Helper()
	for {
		r, err := c.ListOrders(soon(t), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Orders {
			keys = append(keys, o.OrderKey)
		}
		n++
		if req.PageToken = r.NextPageToken; req.PageToken == "" {
			return keys, n
		}
	}
}

// However it is sorted and selected, the pages make up the whole, in order.
func TestPagesOfOrdersMakeUpTheWhole(t *testing.T) {
	s := apitest.Start(t)
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	for i := range 11 {
		s.Place(string(rune('a' + (i*7)%11))) // later ones stand anywhere among the keys
	}
	whole, err := c.ListOrders(soon(t), &orderledgerv1.ListOrdersRequest{OrderBy: "order_key"})
	if err != nil {
		t.Fatal(err)
	}
	sorted := func(compare func(a, b *orderledgerv1.Order) int) (keys []string) {
		for _, o := range slices.SortedStableFunc(slices.Values(whole.Orders), compare) { // equal ones by key
			keys = append(keys, o.OrderKey)
		}
		return keys
	}
	byKey := func(a, b *orderledgerv1.Order) int { return strings.Compare(a.OrderKey, b.OrderKey) }
	byTime := func(a, b *orderledgerv1.Order) int { return a.CreateTime.AsTime().Compare(b.CreateTime.AsTime()) }
	down := func(compare func(a, b *orderledgerv1.Order) int) func(a, b *orderledgerv1.Order) int {
		return func(a, b *orderledgerv1.Order) int { return compare(b, a) }
	}
	for by, want := range map[string][]string{
		"create_time": sorted(byTime), "create_time desc": sorted(down(byTime)),
		"order_key": sorted(byKey), "order_key desc": sorted(down(byKey)), "update_time desc, order_key": sorted(down(byTime)),
	} {
		for filter, size := range map[string]int{
			"": 11, "origin_source = shop": 11, "storefront.order = PLACED": 11,
			`create_time > "2000-01-01T00:00:00Z"`: 11, `order_key = "shop~c" OR order_key = "shop~f"`: 2, `NOT storefront.order = PLACED`: -1,
		} {
			expect := want
			switch size {
			case 2:
				expect = slices.DeleteFunc(slices.Clone(want), func(k string) bool { return k != "shop~c" && k != "shop~f" })
			case -1:
				expect = nil
			}
			for _, page := range []int32{1, 3, 11, 500} {
				got, n := pageThrough(t, c, &orderledgerv1.ListOrdersRequest{OrderBy: by, Filter: filter, PageSize: page})
				if pages := max(1, (len(expect)+int(page)-1)/int(page)); !slices.Equal(got, expect) || n != pages {
					t.Errorf("%s, %s, pages of %d: %v in %d pages, want %v in %d", by, filter, page, got, n, expect, pages)
				}
			}
		}
	}
}

// A page costs what it shows: of the others no more than the keys is read.
func TestAPageCostsWhatItShows(t *testing.T) {
	s := apitest.Start(t)
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	const n = 200
	for i := range n {
		s.Place(strconv.Itoa(1000 + i))
	}
	cost := func(size int32) uint64 {
		least := uint64(math.MaxUint64)
		for range 3 { // ticks go on beside it
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := c.ListOrders(soon(t), &orderledgerv1.ListOrdersRequest{OrderBy: "order_key desc", PageSize: size})
			runtime.ReadMemStats(&after)
			if err != nil || len(r.Orders) != int(size) {
				t.Fatalf("%d orders: %v", len(r.GetOrders()), err)
			}
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		return least
	}
	if one, all := cost(1), cost(n); one*5 > all {
		t.Errorf("a page of one order allocates %d bytes, one of %d orders %d", one, n, all)
	}
}
