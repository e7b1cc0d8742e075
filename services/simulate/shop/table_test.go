package shop_test

import (
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// TestTheReadmeShowsTheTable: what people read is what the tests assert.
func TestTheReadmeShowsTheTable(t *testing.T) {
	raw, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := shop.Markdown(truth.DefaultTiming()); !strings.Contains(string(raw), table) {
		t.Errorf("README.md does not hold the table as it is now:\n%s", table)
	}
}
