package api_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// sentenceOf asks for an order and checks that its sentence is its clauses.
func sentenceOf(t *testing.T, s *apitest.Shop, key string) (string, []*orderledgerv1.SentenceClause) {
	t.Helper()
	r, err := orderledgerv1.NewOrderServiceClient(s.Conn).GetOrder(soon(t), &orderledgerv1.GetOrderRequest{Order: key})
	if err != nil {
		t.Fatal(err)
	}
	rest := r.Order.Sentence
	for _, c := range r.Order.Clauses {
		var ok bool
		if _, rest, ok = strings.Cut(rest, c.Text); !ok {
			t.Fatalf("%q does not say %q in its place", r.Order.Sentence, c.Text)
		}
		if c.EventId == "" && c.Rule == "" {
			t.Errorf("%q rests on nothing", c.Text)
		}
	}
	return r.Order.Sentence, r.Order.Clauses
}

// A story, step by step, in the words of customer service.
func TestSentenceTellsTheStory(t *testing.T) {
	s := apitest.Start(t)
	s.Heard(ledgertest.Clock(10, 1, 0)) // from here on there is a clock
	mapDelivered(s)
	at := ledgertest.Clock
	const key = "shop~5"
	placed := ledgertest.Words{Order: "open", Payment: "pending", Created: at(9, 59, 59), Minor: 4990}
	shop := func(m int, w ledgertest.Words) func() {
		return func() { s.Event(ledgertest.ShopEvent("5", at(10, m, 0), at(10, m, 1), w)) }
	}
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"placed", shop(0, placed), "Order shop~5 was created at shop on 2026-03-02 09:59:59 UTC, is placed according to shop since 2026-03-02 09:59:59 UTC, " +
			"awaits payment according to shop since 2026-03-02 10:00:00 UTC at the latest"},
		{"paid", func() { s.Event(ledgertest.PayEvent("5", at(10, 0, 30), at(10, 0, 31), "captured")) },
			"is paid according to payments since 2026-03-02 10:00:30 UTC"},
		{"exported", func() {
			s.Event(ledgertest.ERPEvent("5", at(10, 1, 0), at(10, 1, 10), at(10, 0, 59), ledgertest.Words{Order: "approved", Fulfilment: "pending"}))
		}, "is confirmed according to erp since 2026-03-02 10:01:00 UTC"},
		{"shipped", func() {
			s.Event(ledgertest.ERPEvent("5", at(10, 2, 0), at(10, 2, 10), at(10, 1, 59), ledgertest.Words{Order: "approved", Fulfilment: "shipped"}))
		}, "is shipped according to erp since 2026-03-02 10:02:00 UTC"},
		{"delivered", shop(2, ledgertest.Words{Order: "open", Payment: "paid", Fulfilment: "delivered"}), "is delivered according to shop since 2026-03-02 10:02:00 UTC"},
		{"cancelled", shop(3, ledgertest.Words{Order: "cancelled", Payment: "paid", Fulfilment: "delivered"}), "is cancelled according to shop since 2026-03-02 10:03:00 UTC"},
		{"not understood", shop(4, ledgertest.Words{Order: "odd", Payment: "paid", Fulfilment: "delivered"}), "has a status of its order that is not understood according to shop"},
	} {
		step.do()
		if step.what == "placed" {
			s.Await("the policy to be in force", func() bool { return inForce(s, key) })
		}
		if got, _ := sentenceOf(t, s, key); !strings.Contains(got, step.want) {
			t.Fatalf("%s: %s\nwant: %s", step.what, got, step.want)
		}
	}
}

// mapDelivered puts a policy into force that knows deliveries.
func mapDelivered(s *apitest.Shop) {
	s.T.Helper()
	p := ledgertest.Policy()
	p.Version, p.EffectiveAt = 2, ledgertest.Clock(10, 2, 45)
	p.Rows = append(p.Rows, ledger.MatrixRow{System: "shop", Axis: ledger.AxisFulfilment, Native: "delivered", State: ledger.FulfilmentDelivered})
	sortRows(p)
	s.Append(kafkalog.TopicControl, 0, "policy", p.Record([]byte("groups: []\n"), "tests"))
	for i := range int32(apitest.Partitions) { // as their owner does in its own time
		s.Append(kafkalog.TopicEvents, i, "", p.Record([]byte("groups: []\n"), "tests"))
	}
}

// inForce reports whether the policy is adopted where the order lives. The tick
// that is due for the order adopts it.
func inForce(s *apitest.Shop, k ledger.OrderKey) bool {
	version := uint64(0)
	err := s.Node.Read(s.Node.PartitionOf(k), func(r *ledger.Reader, _ engine.Freshness) error {
		if r.Policy() != nil {
			version = r.Policy().Version
		}
		return nil
	})
	return err == nil && version == 2
}

// What is wrong is said with its exception, and what cannot be judged with the
// feed that is wanting; absence is said by no other clause.
func TestSentenceSaysWhatIsWrong(t *testing.T) {
	s := apitest.Start(t)
	id := s.Broken("1")[0]
	got, clauses := sentenceOf(t, s, "shop~1")
	last := clauses[len(clauses)-1]
	if !strings.Contains(got, ", and has the open exception IngestionPendingAudit since 2026-03-02 10:02:45 UTC.") || last.ExceptionId != id.String() ||
		last.Rule != "ingestion" || last.At == nil || strings.Contains(got, "erp") {
		t.Fatalf("%s\n%v", got, last)
	}
}

func TestSentenceSaysWhatCannotBeJudged(t *testing.T) {
	s := apitest.Start(t)
	s.Place("1")
	s.Heard(ledgertest.Clock(10, 1, 0)) // not far enough, and silent since
	const want = "and cannot be judged by rule ingestion for want of erp/sales-orders, not heard since 2026-03-02 10:01:00 UTC."
	s.Await("the order to be undetermined", func() bool {
		got, _ := sentenceOf(t, s, "shop~1")
		return strings.Contains(got, want)
	})
}
