package api_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

// pages are those of the shop: every document is shown on its order's page.
type pages struct{}

func (pages) Link(source ledger.Source, o ledger.Object, order ledger.OrderKey) (title, address string, ok bool) {
	return "Shop order", "https://admin.example/" + order.NativeID() + "/" + o.ID, source == ledgertest.Shop
}

func explanation(t *testing.T, s *apitest.Shop, req *orderledgerv1.ExplainOrderRequest) *orderledgerv1.OrderExplanation {
	t.Helper()
	r, err := orderledgerv1.NewOrderServiceClient(s.Conn).ExplainOrder(soon(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.GetFreshness()) != 1 {
		t.Fatalf("freshness %v", r.GetFreshness())
	}
	return r.GetExplanation()
}

func TestExplainOrder(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Links = pages{} })
	s.Broken("1001")
	x := explanation(t, s, &orderledgerv1.ExplainOrderRequest{Order: "shop~1001"})
	if x.GetPolicyVersion() != 1 || x.GetClock() == nil || len(x.GetRules()) != 2 {
		t.Fatalf("explained as %v", x)
	}
	// why a cell is so
	c := x.GetCells()[0]
	g := c.GetRegisters()[0]
	if d := g.GetDecides(); c.GetCell().GetState() != "PLACED" || d.GetNativeWord() != "open" || d.GetMapping().GetSystem() != "shop" || d.GetMapping().GetState() != "PLACED" ||
		d.GetStanding() != orderledgerv1.ClaimStanding_CLAIM_STANDING_DECIDES || d.GetVersion() != "2026-03-02T09:59:59Z" {
		t.Fatalf("cell %v", c)
	}
	if o := g.GetOthers(); len(o) != 1 || o[0].GetStanding() != orderledgerv1.ClaimStanding_CLAIM_STANDING_DATED || g.GetLink().GetUrl() != "https://admin.example/1001/1001" {
		t.Fatalf("register %v", g)
	}
	// why a rule fired, and what proves the absence
	step := x.GetRules()[0].GetEpisodes()[0].GetSteps()[0]
	f := step.GetProof().GetFeeds()[0]
	if step.GetVerdict().GetState() != orderledgerv1.VerdictState_VERDICT_STATE_BREACHED || f.GetHeardBy() != orderledgerv1.HeardBy_HEARD_BY_COVERAGE ||
		f.GetEpoch() != 1 || f.GetEpochOpenedBy() == "" || f.GetIntervalUntil().AsTime().Before(step.GetLateFrom().AsTime()) {
		t.Fatalf("step %v", step)
	}
	if r := x.GetRules()[0]; !r.GetReleasesByDefault() || r.GetOpens().GetTruth() != orderledgerv1.Truth_TRUTH_TRUE || r.GetCloses().GetTruth() != orderledgerv1.Truth_TRUTH_FALSE || r.GetSkew().AsDuration().Seconds() != 2 {
		t.Fatalf("rule %v", r)
	}
	// why another did not
	if r := x.GetRules()[1]; r.GetBecause() != "Never opened: storefront.fulfilment >= SHIPPED and erp.fulfilment == PENDING was never true." {
		t.Fatalf("rule %v", r)
	}
}

func TestExplainIsNarrowed(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001")
	rules := func(x *orderledgerv1.OrderExplanation) (out []string) {
		for _, r := range x.GetRules() {
			out = append(out, r.GetRule())
		}
		return out
	}
	cells := func(x *orderledgerv1.OrderExplanation) (out []string) {
		for _, c := range x.GetCells() {
			out = append(out, c.GetCell().GetSource()+" "+c.GetCell().GetAxis().String())
		}
		return out
	}
	for _, c := range []struct {
		req          *orderledgerv1.ExplainOrderRequest
		rules, cells []string
	}{
		{&orderledgerv1.ExplainOrderRequest{Rule: "ingestion"}, []string{"ingestion"}, []string{"shop AXIS_ORDER", "erp AXIS_ORDER"}},
		{&orderledgerv1.ExplainOrderRequest{Axis: orderledgerv1.Axis_AXIS_PAYMENT}, nil, []string{"shop AXIS_PAYMENT", "payments AXIS_PAYMENT", "erp AXIS_PAYMENT"}},
		{&orderledgerv1.ExplainOrderRequest{Rule: "ingestion", Axis: orderledgerv1.Axis_AXIS_FULFILMENT}, nil, nil},
	} {
		c.req.Order = "shop~1001"
		x := explanation(t, s, c.req)
		if !slices.Equal(rules(x), c.rules) || !slices.Equal(cells(x), c.cells) {
			t.Errorf("%v gives %v and %v, want %v and %v", c.req, rules(x), cells(x), c.rules, c.cells)
		}
	}
	ask := orderledgerv1.NewOrderServiceClient(s.Conn)
	_, err := ask.ExplainOrder(soon(t), &orderledgerv1.ExplainOrderRequest{Order: "shop~1001", Rule: "nonsense"})
	wantReason(t, err, codes.InvalidArgument, "INVALID_FIELD")
	_, err = ask.ExplainOrder(soon(t), &orderledgerv1.ExplainOrderRequest{Order: "shop~1001", Axis: 77})
	wantReason(t, err, codes.InvalidArgument, "INVALID_FIELD")
	_, err = ask.ExplainOrder(soon(t), &orderledgerv1.ExplainOrderRequest{Order: "shop~none"})
	wantReason(t, err, codes.NotFound, "ORDER_NOT_FOUND")
	_, err = ask.ExplainOrder(soon(t), &orderledgerv1.ExplainOrderRequest{Order: "none"})
	wantReason(t, err, codes.InvalidArgument, "INVALID_ORDER_KEY")
}

// A merged order is explained as its root stands for all, whoever is asked for.
func TestExplainMergedOrder(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001", "1002")
	if _, err := orderledgerv1.NewOrderServiceClient(s.Conn).MergeOrders(soon(t), &orderledgerv1.MergeOrdersRequest{Order: "shop~1002", With: "shop~1001",
		Reason: "placed twice", RequestId: uuid.NewString()}); err != nil {
		t.Fatal(err)
	}
	s.Await("the merged order shows both", func() bool {
		x := explanation(t, s, &orderledgerv1.ExplainOrderRequest{Order: "shop~1002", Rule: "ingestion"})
		return x.GetOrderKey() == "shop~1001" && len(x.GetMembers()) == 2 && len(x.GetCells()[0].GetRegisters()) == 2
	})
}

// Pages stand wherever a document is spoken of, and nowhere without a catalog.
func TestLinks(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Links = pages{} })
	id := s.Broken("1001")[0].String()
	const page = "https://admin.example/1001/1001"
	c, xs := orderledgerv1.NewOrderServiceClient(s.Conn), orderledgerv1.NewExceptionServiceClient(s.Conn)
	full, err := c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~1001"})
	if err != nil {
		t.Fatal(err)
	}
	if l := full.GetOrder().GetLinks(); len(l) != 1 || l[0].GetUrl() != page || l[0].GetTitle() != "Shop order" || l[0].GetSource() != "shop" || l[0].GetObject().GetType() != "order" {
		t.Fatalf("links %v", l)
	}
	basic, err := c.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~1001", View: orderledgerv1.OrderView_ORDER_VIEW_BASIC})
	if err != nil || len(basic.GetOrder().GetLinks()) != 0 {
		t.Fatalf("basic view %v, %v", basic, err)
	}
	story, err := c.GetTimeline(soon(t), &orderledgerv1.GetTimelineRequest{Order: "shop~1001"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range story.GetEntries() {
		if want := map[bool]string{true: page}[e.GetEventId() != ""]; e.GetLink().GetUrl() != want {
			t.Errorf("entry %v, want the page %q", e, want)
		}
	}
	one, err := xs.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]*orderledgerv1.Evidence{one.GetException().GetEvidence(), full.GetOrder().GetOpenExceptions()[0].GetEvidence()} {
		if len(list) != 2 || list[0].GetLink().GetUrl() != page || list[1].GetLink() != nil {
			t.Errorf("evidence %v, want the document's page, and none of an absence", list)
		}
	}
	bare := orderledgerv1.NewOrderServiceClient(s.Replica(func(o *api.Options) { o.Links = nil }))
	if r, err := bare.GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: "shop~1001"}); err != nil || len(r.GetOrder().GetLinks()) != 0 {
		t.Fatalf("without a catalog: %v, %v", r, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Surface.REST+"/v1/orders/shop~1001:explain?rule=ingestion", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), page) {
		t.Fatalf("over REST: %d %s %v", answer.StatusCode, body, err)
	}
}
