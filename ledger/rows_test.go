package ledger_test

import (
	"reflect"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
)

// TestFewRows: whoever wants neither histories nor states of orders gets all the
// rest as it is, and is told of broken bytes like everybody.
func TestFewRows(t *testing.T) {
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	at := ledgertest.Noon
	for _, word := range []string{"open", "a word that nobody maps", "open"} {
		at = at.Add(ledger.Minute)
		l.Append(ledgertest.ShopEvent("1", at, at, ledgertest.Words{Order: word, Payment: "paid", Created: ledgertest.Noon, Minor: 700}))
	}
	l.Append(ledgertest.Tick(at.Add(ledger.Day)))
	all := ledger.Rows{History: l.History, Exceptions: l.Exceptions, Orders: l.Orders, Quarantine: l.Quarantine, Outgoing: []ledger.Outgoing{
		{Seq: 1, Binding: &ledger.AliasBinding{Alias: ledger.Alias{Scope: "shop", Type: "order-number", Value: "1"}, Order: ledgertest.Key("1"), Live: true, Version: 1}},
	}}
	if len(all.History) == 0 || len(all.Exceptions) == 0 || len(all.Orders) == 0 || len(all.Quarantine) == 0 {
		t.Fatalf("too little: %d %d %d %d", len(all.History), len(all.Exceptions), len(all.Orders), len(all.Quarantine))
	}
	for _, root := range []ledger.OrderKey{"", ledgertest.Key("0")} {
		all.Orders[0].Summary.MergedInto, all.Exceptions[0].Exception.MovedTo = root, root
		fewRows(t, &all)
	}
}

func fewRows(t *testing.T, all *ledger.Rows) {
	t.Helper()
	b := ledger.EncodeRows(nil, all)
	want, err := ledger.DecodeRows(b)
	if err != nil {
		t.Fatal(err)
	}
	few, err := ledger.DecodeFewRows(b)
	if err != nil {
		t.Fatal(err)
	}
	if few.History != nil || few.Orders != nil {
		t.Error("histories and states are decoded")
	}
	want.History, want.Orders = nil, nil
	if !reflect.DeepEqual(want, few) {
		t.Errorf("%+v is not %+v", few, want)
	}
	for n := range b {
		if _, err := ledger.DecodeFewRows(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for all", n, len(b))
		}
	}
}
