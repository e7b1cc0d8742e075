package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/apitest"
)

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), apitest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// reason is the one reason of an error.
func reason(t *testing.T, err error) string {
	t.Helper()
	var out []string
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			out = append(out, info.Reason)
		}
	}
	if len(out) != 1 {
		t.Fatalf("%v has %d ErrorInfo", err, len(out))
	}
	return out[0]
}

func wantReason(t *testing.T, err error, code codes.Code, want string) {
	t.Helper()
	if err == nil || status.Code(err) != code || reason(t, err) != want {
		t.Fatalf("got %v, want %s with reason %s", err, code, want)
	}
}

// get fetches a REST path.
func get(t *testing.T, s *apitest.Shop, path string) (int, []byte) {
	t.Helper()
	resp, err := http.Get("http://" + s.Surface.REST + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestOneStoryOverBothSurfaces(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001")
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	key := string(ledgertest.Key("1001"))
	viaGRPC, err := c.GetTimeline(soon(t), &orderledgerv1.GetTimelineRequest{Order: key})
	if err != nil {
		t.Fatal(err)
	}
	code, body := get(t, s, "/v1/orders/"+url.PathEscape(key)+"/timeline")
	var viaREST orderledgerv1.GetTimelineResponse
	if err := protojson.Unmarshal(body, &viaREST); err != nil || code != 200 {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	viaGRPC.Freshness, viaREST.Freshness = nil, nil // ticks go on
	if !proto.Equal(viaGRPC, &viaREST) {
		t.Fatalf("gRPC %v\nREST %v", viaGRPC, &viaREST)
	}
	kinds := []string{}
	for _, e := range viaGRPC.Entries {
		kinds = append(kinds, e.Kind.String())
	}
	want := []string{"ENTRY_KIND_CLAIM", "ENTRY_KIND_CLAIM", "ENTRY_KIND_CLAIM", "ENTRY_KIND_VERDICT", "ENTRY_KIND_EXCEPTION_OPENED"}
	if !slices.Equal(kinds, want) {
		t.Fatalf("kinds %v", kinds)
	}
}

func TestOrderInFull(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1001")
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	for _, alias := range []string{"1001", "#1001", "order-number:#1001", string(ledgertest.Key("1001"))} {
		r, err := c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: alias})
		if err != nil || r.GetOrder().GetOrderKey() != "shop~1001" || len(r.Freshness) != apitest.Partitions {
			t.Fatalf("%s: %v %v", alias, r, err)
		}
	}
	r, err := c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~1001"})
	if err != nil {
		t.Fatal(err)
	}
	o, f := r.GetOrder(), r.GetFreshness()
	if len(f) != 1 || f[0].AppliedOffset+1 > f[0].LogEndOffset || f[0].Clock == nil || f[0].Replica != "test-0" {
		t.Fatalf("freshness %v", f)
	}
	if len(o.OpenExceptions) != 1 || o.OpenExceptions[0].Id != ids[0].String() || o.MoneyAtRisk[0].MinorUnits != 4990 {
		t.Fatalf("order %v", o)
	}
	cells := map[string]string{}
	for _, cell := range o.Cells {
		cells[cell.Role+"."+cell.Axis.String()] = cell.State
	}
	if cells["storefront.AXIS_ORDER"] != "PLACED" || cells["erp.AXIS_ORDER"] != "ABSENT" {
		t.Fatalf("cells %v", cells)
	}
	i := slices.IndexFunc(o.Verdicts, func(v *orderledgerv1.Verdict) bool { return v.Rule == "ingestion" && v.Step == 0 })
	if v := o.Verdicts[i]; v.State != orderledgerv1.VerdictState_VERDICT_STATE_BREACHED || v.Basis != orderledgerv1.Basis_BASIS_PROVEN || v.SaidAt == nil || v.Episode != 1 {
		t.Fatalf("verdict %v", v)
	}
}

func TestNamesThatFitNothingOrTooMuch(t *testing.T) {
	s := apitest.Start(t)
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	a, b := ledgertest.ShopEvent("1", ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "open"}), ledgertest.ShopEvent("2", ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "open"})
	for _, e := range []*ledger.Event{a, b} {
		e.Aliases = append(e.Aliases, ledger.Alias{Scope: ledgertest.ERP, Type: "po", Value: "77"})
		e.ID = e.ComputeID()
		s.Event(e)
	}
	r, err := c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: "77"})
	if err != nil || r.Order != nil || len(r.Candidates) != 2 || r.Candidates[0].OrderKey != "shop~1" || r.Candidates[0].Alias.Type != "po" {
		t.Fatalf("%v %v", r, err)
	}
	_, err = c.LookupOrder(soon(t), &orderledgerv1.LookupOrderRequest{Alias: "nobody"})
	wantReason(t, err, codes.NotFound, "ORDER_NOT_FOUND")
	_, err = c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~99"})
	wantReason(t, err, codes.NotFound, "ORDER_NOT_FOUND")
	_, err = c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "1001"})
	wantReason(t, err, codes.InvalidArgument, "INVALID_ORDER_KEY")
	_, err = c.GetOrder(context.Background(), &orderledgerv1.GetOrderRequest{Order: "shop~1"})
	wantReason(t, err, codes.InvalidArgument, "DEADLINE_REQUIRED")
}

func TestPagesOfExceptions(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1", "2", "3", "4", "5")
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	var got []string
	req := &orderledgerv1.ListExceptionsRequest{PageSize: 2}
	var tokens []string
	for {
		r, err := c.ListExceptions(soon(t), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Exceptions {
			got = append(got, x.Id)
		}
		if r.NextPageToken == "" {
			break
		}
		req.PageToken = r.NextPageToken
		tokens = append(tokens, r.NextPageToken)
	}
	slices.Sort(got)
	var want []string
	for _, id := range ids {
		want = append(want, id.String())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) || len(tokens) != 2 {
		t.Fatalf("pages gave %v, want %v", got, want)
	}
	bent := []byte(tokens[0])
	bent[len(bent)/2] ^= 1
	_, err := c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{PageToken: string(bent)})
	wantReason(t, err, codes.InvalidArgument, "INVALID_PAGE_TOKEN")
	_, err = c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{PageToken: tokens[0], Filter: "severity = CRITICAL"})
	wantReason(t, err, codes.InvalidArgument, "PAGE_TOKEN_MISMATCH")
	_, err = c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{PageSize: -1})
	wantReason(t, err, codes.InvalidArgument, "INVALID_FIELD")
}

func TestFilters(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1", "2")
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	for filter, want := range map[string]int{
		``: 2, `severity >= WARNING`: 2, `severity = CRITICAL`: 0, `severity = "warning" AND order_key = "shop~1"`: 1,
		`type = "Ingestion*" AND NOT order_key = "shop~1"`: 1, `rule:gest`: 2, `historic = false`: 2, `state = RESOLVED`: 0,
		`state = OPEN OR state = ACKNOWLEDGED`: 2, `open_time > "2026-03-02T10:00:00Z"`: 2, `open_time > "2026-03-02T11:00:00Z"`: 0,
		`source = erp`: 2, `source != erp`: 0, `basis = PROVEN`: 2,
	} {
		r, err := c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{Filter: filter})
		if err != nil || len(r.Exceptions) != want {
			t.Errorf("%s: %d exceptions, want %d (%v)", filter, len(r.GetExceptions()), want, err)
		}
	}
	for _, filter := range []string{`colour = "red"`, `severity = LOUD`, `type >`, `type > "a"`, `open_time > "yesterday"`, `"x"`, `type = rule`, `a b`, strings.Repeat("(", 5000)} {
		_, err := c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{Filter: filter})
		wantReason(t, err, codes.InvalidArgument, "INVALID_FILTER")
	}
	for _, by := range []string{"colour", "severity down", "severity, severity"} {
		_, err := c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{OrderBy: by})
		wantReason(t, err, codes.InvalidArgument, "INVALID_ORDER_BY")
	}
	orders := orderledgerv1.NewOrderServiceClient(s.Conn)
	for filter, want := range map[string]int{
		`erp.order = "ABSENT" AND storefront.order = "PLACED"`: 2, `storefront.order = CANCELLED`: 0, `alias = "#1"`: 1,
		`exception = "IngestionPendingAudit"`: 2, `severity = WARNING`: 2, `order_key = "shop~2"`: 1,
	} {
		for _, by := range []string{"", "order_key", "create_time desc"} {
			r, err := orders.ListOrders(soon(t), &orderledgerv1.ListOrdersRequest{Filter: filter, OrderBy: by})
			if err != nil || len(r.Orders) != want {
				t.Errorf("%s: %d orders, want %d (%v)", filter, len(r.GetOrders()), want, err)
			}
		}
	}
}

func TestOrdersByKeyPageByPage(t *testing.T) {
	s := apitest.Start(t)
	var want []string
	for i := range 9 {
		want = append(want, string(s.Place(string(rune('a'+i)))))
	}
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	for _, by := range []string{"order_key", "order_key desc"} {
		var got []string
		req := &orderledgerv1.ListOrdersRequest{OrderBy: by, PageSize: 2}
		for {
			r, err := c.ListOrders(soon(t), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range r.Orders {
				got = append(got, o.OrderKey)
			}
			if req.PageToken = r.NextPageToken; req.PageToken == "" {
				break
			}
		}
		if by != "order_key" {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %v", by, got)
		}
	}
}

func TestSourcesShowWhatWasHeard(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1")
	c := orderledgerv1.NewSourceServiceClient(s.Conn)
	r, err := c.GetSource(soon(t), &orderledgerv1.GetSourceRequest{Source: "erp"})
	if err != nil {
		t.Fatal(err)
	}
	f := r.Source.Feeds[0]
	if r.Source.Role != "erp" || f.Coverage.Mode != orderledgerv1.CoverageMode_COVERAGE_MODE_PROVEN || f.ExpectedEvery.AsDuration() != 10*time.Second {
		t.Fatalf("source %v", r.Source)
	}
	list, err := c.ListSources(soon(t), &orderledgerv1.ListSourcesRequest{Filter: "origin = true"})
	if err != nil || len(list.Sources) != 1 || list.Sources[0].Source != "shop" || list.Sources[0].Records != 1 {
		t.Fatalf("%v %v", list, err)
	}
	_, err = c.GetSource(soon(t), &orderledgerv1.GetSourceRequest{Source: "nobody"})
	wantReason(t, err, codes.NotFound, "SOURCE_NOT_FOUND")
}

// Orders wait for a feed until it was heard past their deadline.
func TestSourcesCountWhoWaits(t *testing.T) {
	s := apitest.Start(t)
	c := orderledgerv1.NewSourceServiceClient(s.Conn)
	waiting := func() int64 {
		r, err := c.GetSource(soon(t), &orderledgerv1.GetSourceRequest{Source: "erp"})
		if err != nil {
			t.Fatal(err)
		}
		return r.Source.Feeds[0].WaitingOrders
	}
	for _, id := range []string{"1", "2", "3"} {
		s.Place(id)
	}
	s.Heard(ledgertest.Clock(10, 1, 0)) // not far enough
	s.Await("three orders that wait", func() bool { return waiting() == 3 })
	s.Heard(ledgertest.Clock(10, 2, 1))
	s.Await("nobody to wait", func() bool { return waiting() == 0 })
}

func TestQuarantineShowsWordsSetAside(t *testing.T) {
	s := apitest.Start(t)
	s.Event(ledgertest.ShopEvent("9", ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "odd"}))
	c := orderledgerv1.NewQuarantineServiceClient(s.Conn)
	r, err := c.ListQuarantineEntries(soon(t), &orderledgerv1.ListQuarantineEntriesRequest{})
	if err != nil || len(r.Entries) != 1 || r.Entries[0].NativeWord != "odd" || r.Entries[0].OrderKey != "shop~9" {
		t.Fatalf("%v %v", r, err)
	}
	rel, err := c.ReleaseQuarantineEntry(soon(t), &orderledgerv1.ReleaseQuarantineEntryRequest{Id: r.Entries[0].Id})
	if err != nil || rel.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_STILL_UNREADABLE || !strings.Contains(rel.Result.Detail, "matrix") {
		t.Fatalf("%v %v", rel, err)
	}
	_, err = c.GetQuarantineEntry(soon(t), &orderledgerv1.GetQuarantineEntryRequest{Id: "00"})
	wantReason(t, err, codes.NotFound, "QUARANTINE_ENTRY_NOT_FOUND")
}

func TestPolicyInForce(t *testing.T) {
	s := apitest.Start(t)
	c := orderledgerv1.NewPolicyServiceClient(s.Conn)
	r, err := c.GetPolicy(soon(t), &orderledgerv1.GetPolicyRequest{})
	if err != nil || r.Policy.Version != 1 || r.Policy.Yaml != "groups: []\n" || r.Pending != nil {
		t.Fatalf("%v %v", r, err)
	}
	_, err = c.GetPolicy(soon(t), &orderledgerv1.GetPolicyRequest{Version: 7})
	wantReason(t, err, codes.NotFound, "POLICY_NOT_FOUND")
}

func TestErrorsOverREST(t *testing.T) {
	s := apitest.Start(t)
	for path, want := range map[string]string{
		"/v1/orders/shop~1": "ORDER_NOT_FOUND", "/v1/exceptions?page_size=x": "INVALID_FIELD", "/v1/exceptions?filter=colour%3D1": "INVALID_FILTER",
		"/v2/orders": "NO_SUCH_METHOD", "/v1/exceptions?colour=1": "INVALID_FIELD",
	} {
		code, body := get(t, s, path)
		var e struct {
			Details []struct {
				Type   string `json:"@type"`
				Reason string `json:"reason"`
			} `json:"details"`
		}
		if err := json.Unmarshal(body, &e); err != nil || code < 400 || len(e.Details) == 0 || e.Details[0].Reason != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body := get(t, s, "/openapi.yaml"); code != 200 || !strings.Contains(string(body), "/v1/orders/{order}/timeline") {
		t.Errorf("openapi: %d", code)
	}
}
