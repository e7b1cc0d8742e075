package catalog_test

import (
	"testing"

	"github.com/orderledger/orderledger/services/connector/catalog"
)

func TestShippedSystemsCompile(t *testing.T) {
	c, err := catalog.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shopify", "netsuite", "generic", "demopay", "demoparcel", "stripe", "shipstation"} {
		if _, err := c.System(name); err != nil {
			t.Error(err)
		}
	}
}
