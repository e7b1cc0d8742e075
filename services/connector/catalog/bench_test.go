package catalog_test

import (
	"os"
	"testing"

	"github.com/orderledger/orderledger/services/connector/catalog"
)

// BenchmarkMap is the cost of one order with all it embeds.
func BenchmarkMap(b *testing.B) {
	c, err := shippedOnce()
	if err != nil {
		b.Fatal(err)
	}
	s, err := c.System("shopify")
	if err != nil {
		b.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: sourceOf("shopify")})
	if err != nil {
		b.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/shopify/order.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: receivedAt}).Event == nil {
			b.Fatal("no event")
		}
	}
}
