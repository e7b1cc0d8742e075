package api_test

import (
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
