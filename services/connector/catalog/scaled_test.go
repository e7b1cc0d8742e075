package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// TestScaled: a system's own smallest units become those of ISO 4217, exactly
// or not at all.
func TestScaled(t *testing.T) {
	text := strings.Replace(plain, "words:\n", "  amounts:\n  - {kind: captured, id: \"'x'\", minor: \"scaled(it.n, it.c, it.d)\", currency: it.c}\nwords:\n", 1)
	s, err := catalog.Parse("acme.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: &connector.Source{Name: "acme", System: "acme", OriginSource: "shop"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		n        string
		currency string
		digits   int
		want     int64
	}{
		{"1250", "usd", 2, 1250},
		{"500", "jpy", 0, 500},
		{"5120", "kwd", 3, 5120},
		{"700", "isk", 2, 7},
		{"701", "isk", 2, -1},
		{"30", "mga", 0, 3000},
		{"-40", "mga", 0, -4000},
		{"9223372036854775807", "mga", 0, -1},
		{"92233720368547758", "mga", 0, 9223372036854775800},
		{`"12"`, "usd", 2, -1},
		{"1", "xyz", 2, -1},
		{"1", "usd", 9, -1},
	} {
		raw := fmt.Sprintf(`{"id":"1","order":"7","rev":1,"status":"packed","at":1772446530,"n":%s,"c":%q,"d":%d}`, tc.n, tc.currency, tc.digits)
		res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: []byte(raw), ReceivedAt: receivedAt})
		switch {
		case tc.want == -1 && res.Quarantined == nil:
			t.Errorf("%s was taken: %+v", raw, res.Event.Amounts)
		case tc.want != -1 && (res.Event == nil || res.Event.Amounts[0].Amounts[0].Minor != tc.want):
			t.Errorf("%s: %+v %+v, want %d", raw, res.Event, res.Quarantined, tc.want)
		}
	}
}
