package api_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/apitest"
)

// Orders that are merged are found and told as one, whatever name the caller
// has, and stand alone again after the split; the same request is carried out
// once (S-38).
func TestMergeAndSplitOrders(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1001", "1002")
	c, x := orderledgerv1.NewOrderServiceClient(s.Conn), orderledgerv1.NewExceptionServiceClient(s.Conn)
	req := &orderledgerv1.MergeOrdersRequest{Order: "shop~1002", With: "shop~1001", Reason: "placed twice", RequestId: uuid.NewString()}
	for range 2 {
		r, err := c.MergeOrders(soon(t), req)
		if err != nil || r.GetNumber() != 1 || r.GetOrder().GetOrderKey() != "shop~1001" || len(r.GetOrder().GetMembers()) != 2 {
			t.Fatalf("merged as %v, %v", r, err)
		}
	}
	root := func() *orderledgerv1.Order {
		r, err := c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: "#1002"})
		if err != nil {
			t.Fatal(err)
		}
		return r.GetOrder()
	}
	s.Await("the merged order shows both", func() bool {
		o := root()
		return o.GetOrderKey() == "shop~1001" && slices.ContainsFunc(o.GetAliases(), func(a *orderledgerv1.Alias) bool { return a.GetValue() == "#1002" })
	})
	got, err := x.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: ids[1].String()})
	if err != nil || got.GetException().GetState() != orderledgerv1.ExceptionState_EXCEPTION_STATE_MOVED || got.GetException().GetMovedTo() != "shop~1001" {
		t.Fatalf("%v, %v: want it moved", got, err)
	}
	member, err := c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~1002"})
	if err != nil || member.GetOrder().GetMergedInto() != "shop~1001" || len(member.GetOrder().GetOpenExceptions()) != 0 {
		t.Fatalf("%v, %v: want it merged", member, err)
	}
	ack, err := x.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: ids[1].String(), Episode: 1})
	if err != nil || ack.GetResult().GetRefusalReason() != orderledgerv1.RefusalReason_REFUSAL_REASON_MOVED {
		t.Fatalf("%v, %v: want a refusal", ack, err)
	}
	_, err = c.MergeOrders(soon(t), &orderledgerv1.MergeOrdersRequest{Order: "shop~1001", With: "shop~1002", Reason: "again"})
	wantReason(t, err, codes.FailedPrecondition, "ALREADY_MERGED")
	_, err = c.SplitOrders(soon(t), &orderledgerv1.SplitOrdersRequest{Order: "shop~1001", From: "shop~1002", Reason: "no", RequestId: req.RequestId})
	wantReason(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	split, err := c.SplitOrders(soon(t), &orderledgerv1.SplitOrdersRequest{Order: "shop~1001", From: "shop~1002", Reason: "two customers"})
	if err != nil || len(split.GetOrders()) != 2 || len(split.GetOrders()[1].GetOpenExceptions()) != 1 {
		t.Fatalf("split as %v, %v", split, err)
	}
	if o := root(); o.GetOrderKey() != "shop~1002" || o.GetMergedInto() != "" {
		t.Fatalf("#1002 is %s after the split", o.GetOrderKey())
	}
	_, err = c.SplitOrders(soon(t), &orderledgerv1.SplitOrdersRequest{Order: "shop~1001", From: "shop~1002", Reason: "again"})
	wantReason(t, err, codes.FailedPrecondition, "NOT_MERGED")
	story, err := c.GetTimeline(soon(t), &orderledgerv1.GetTimelineRequest{Order: "shop~1002"})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range story.GetEntries() {
		if e.GetKind() == orderledgerv1.EntryKind_ENTRY_KIND_OPERATOR_ACTION {
			said = append(said, e.GetText())
		}
	}
	if !slices.Equal(said, []string{"local said that shop~1002 and shop~1001 are one order: placed twice.", "local said that shop~1001 and shop~1002 are two orders after all: two customers."}) {
		t.Fatalf("the story says %q", said)
	}
}
