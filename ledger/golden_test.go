package ledger_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares text with a frozen file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("%s is frozen and would change. A new format needs a new fold version.\ngot:\n%s", path, got)
	}
}

func TestFrozenAxes(t *testing.T) {
	var b strings.Builder
	for a := ledger.AxisOrder; a.Valid(); a++ {
		for _, s := range a.States() {
			fmt.Fprintf(&b, "%d %-12s %2d %-22s rank %d\n", a, a, s, a.StateName(s), a.Rank(s))
		}
	}
	for r := ledger.RoleStorefront; int(r) <= ledger.Roles; r++ {
		fmt.Fprintf(&b, "role %d %s\n", r, r)
	}
	golden(t, "axes.golden", b.String())
}

func TestFrozenIdentities(t *testing.T) {
	var b strings.Builder
	for _, id := range []string{"1001", "A/b c", "ü~1", "#1001", "a.b_c-d"} {
		k, err := ledger.NewOrderKey("shopify-eu", id)
		if err != nil {
			t.Fatal(err)
		}
		if k.NativeID() != id {
			t.Fatalf("%q comes back as %q", id, k.NativeID())
		}
		fmt.Fprintf(&b, "key %s partition of 4: %d, of 24: %d\n", k, ledger.PartitionOf([]byte(k), 4), ledger.PartitionOf([]byte(k), 24))
	}
	e := ShopEvent("1001", Noon, Noon, Words{Order: "open", Payment: "paid", Fulfilment: "(null)", Created: Noon, Minor: 4990})
	fmt.Fprintf(&b, "event with versions %s\n", e.ID)
	e.Version, e.NativeID = ledger.Version{}, "evt_1"
	fmt.Fprintf(&b, "event with native id %s\n", e.ComputeID())
	e.NativeID, e.AskedAt = "", Noon
	fmt.Fprintf(&b, "event with neither %s\n", e.ComputeID())
	fmt.Fprintf(&b, "exception %s\n", ledger.NewExceptionID("order:shop~1001", "ingestion", 0))
	fmt.Fprintf(&b, "alias %x\n", ledger.Alias{Scope: "shop", Type: "order-number", Value: "#1001"}.Key())
	golden(t, "identities.golden", b.String())
}

// TestMurmur2 holds the partitioner to the vectors of the Java client.
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971} {
		if got := ledger.PartitionOf([]byte(key), 1<<30); got != (want&0x7fffffff)%(1<<30) {
			t.Errorf("murmur2(%q): partition %d, want %d", key, got, (want&0x7fffffff)%(1<<30))
		}
	}
}

func TestFrozenPolicyEncoding(t *testing.T) {
	p := Policy()
	p.Rules[0].Unless = &ledger.Predicate{Op: ledger.OpOr, Args: []*ledger.Predicate{
		{Op: ledger.OpNot, Args: []*ledger.Predicate{{Op: ledger.OpConst, Value: true}}},
		{Op: ledger.OpSince, Cmp: ledger.CmpLt, Cell: ledger.CellRef{Role: ledger.RoleERP, Axis: ledger.AxisOrder}, Other: ledger.CellRef{Role: ledger.RoleStorefront, Axis: ledger.AxisOrder}},
		{Op: ledger.OpAmount, Cmp: ledger.CmpGt, Amount: ledger.AmountRef{Role: ledger.RolePayment, Kind: ledger.AmountCaptured}, Minor: 100, Currency: "EUR"}}}
	enc := ledger.EncodePolicy(p)
	golden(t, "policy.golden", hex.EncodeToString(enc)+"\n")
	back, err := ledger.DecodePolicy(enc)
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(ledger.EncodePolicy(back)) != hex.EncodeToString(enc) {
		t.Fatal("decoding and encoding again gives other bytes")
	}
	for cut := range enc { // total: no prefix decodes, none panics
		if _, err := ledger.DecodePolicy(enc[:cut]); err == nil {
			t.Fatalf("the first %d bytes decode as a policy", cut)
		}
	}
}

// TestFrozenState freezes the stored state of a small story, key by key.
func TestFrozenState(t *testing.T) {
	l := placed(NewLog())
	l.Append(Tick(Clock(10, 2, 45), heardUntil(10, 2, 1)))
	l.Append(PayEvent("1001", Clock(10, 3, 0), Clock(10, 3, 1), "captured"))
	l.Append(erpDoc(Clock(10, 5, 20), Clock(10, 5, 10)))
	var b strings.Builder
	err := l.Store.Scan([]byte{'A'}, nil, func(k, v []byte) (bool, error) {
		fmt.Fprintf(&b, "%x %x\n", k, v)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := ledger.Digest(l.Store)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "digest %x\n", sum)
	golden(t, "state.golden", b.String())
}
