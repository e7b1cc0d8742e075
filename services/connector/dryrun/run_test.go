package dryrun_test

import (
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/dryrun"
)

const body = `{"id":"e1","order_id":"1001","axis":"fulfilment","object":"parcel","object_id":"p-1","status":"shipped","at":"2026-01-31T10:00:00Z","sequence":7}`

// A dry run says what the connector would have appended: key, id and claims.
func TestRunIsWhatTheMapperWouldGive(t *testing.T) {
	cat, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	sys, err := cat.System("generic")
	if err != nil {
		t.Fatal(err)
	}
	src := &connector.Source{Name: "own", System: "generic", Origin: true}
	m, err := sys.NewMapper(catalog.MapperOptions{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	e := m.Map(catalog.Input{Feed: sys.WebhookFeed(), Raw: []byte(body), ReceivedAt: 1}).Event
	opt := dryrun.Options{Source: src, System: sys, Matrix: dryrun.MatrixOf(sys.Matrix, "generic"), Body: []byte(body), ReceivedAt: ledger.At(ledger.Instant(9).Time())}
	r, err := dryrun.Run(t.Context(), opt)
	if err != nil || r.Total != 1 || r.Findings != 0 {
		t.Fatalf("%+v: %v", r, err)
	}
	d := r.Documents[0]
	if d.Outcome != dryrun.OutcomeKeyed || d.Document != "fulfilment" || d.Order != string(e.Order) || d.EventID != e.ID.String() || len(d.Claims) != len(e.Claims) || d.Claims[0].State != "SHIPPED" || d.Version != "7" {
		t.Errorf("%+v, the mapper gives %+v", d, e)
	}
	opt.Matrix = nil
	if r, err = dryrun.Run(t.Context(), opt); err != nil || r.Findings != 1 || len(r.Documents[0].Unmapped) != 1 {
		t.Errorf("without a matrix: %+v: %v", r, err)
	}
	opt.Feed = "nonsense"
	if _, err := dryrun.Run(t.Context(), opt); err == nil {
		t.Error("a feed that does not exist")
	}
}
