package policy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

// FuzzLoad: whatever stands in a file of rules or of the matrix, it is refused
// with a place and a reason, or becomes a policy that is the same each time and
// survives its own encoding.
func FuzzLoad(f *testing.F) {
	shipped, err := policy.Shipped()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range shipped {
		f.Add(s.Data)
	}
	more, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range more {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		"groups:\n- name: a\n  rules:\n  - rule: r\n    exception: X\n    expr: storefront.fulfilment == SHIPPED && erp.fulfilment == PENDING\n    for: 15m\n",
		"groups:\n- name: a\n  rules:\n  - rule: r\n    from: storefront.order == PLACED\n    until: erp.order != ABSENT\n    steps:\n    - {after: 2m, exception: A, severity: warning}\n    - {after: 15m, exception: B}\n    depends_on: [erp]\n",
		"matrix:\n  shopify:\n    order:\n      open: PLACED\n", "groups: [{name: &a [*a]}]", "a: &x {b: *x}", "groups:\n- rules:\n  - expr: 'since(storefront.order) > duration(\"1h\")'\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := policy.File{Name: "own.yaml", Data: data}
		if len(data) > 64<<10 {
			return
		}
		text, problems := policy.Format(file)
		if !policy.Failed(problems) {
			again, problems := policy.Format(policy.File{Name: "own.yaml", Data: text})
			if policy.Failed(problems) || !bytes.Equal(text, again) {
				t.Fatalf("formatted twice it is\n%s\nwas\n%s (%v)", again, text, problems)
			}
		}
		one, two := compiled(t, shipped, file), compiled(t, shipped, file)
		if (one == nil) != (two == nil) {
			t.Fatal("refused once")
		}
		if one == nil {
			return
		}
		tree := ledger.EncodePolicy(one)
		if !bytes.Equal(tree, ledger.EncodePolicy(two)) {
			t.Fatal("one file became two policies")
		}
		back, err := ledger.DecodePolicy(bytes.Clone(tree))
		if err != nil {
			t.Fatalf("its encoding is refused: %v", err)
		}
		if !bytes.Equal(ledger.EncodePolicy(back), tree) {
			t.Fatal("its encoding came back otherwise")
		}
	})
}

// compiled is the policy of the shipped files with one of the user's, nil if it
// is refused.
func compiled(t *testing.T, shipped []policy.File, own policy.File) *ledger.Policy {
	t.Helper()
	d, problems := policy.Load(shipped, []policy.File{own})
	if policy.Failed(problems) {
		for _, p := range problems {
			if p.Error() == "" {
				t.Fatal("refused without a reason")
			}
		}
		return nil
	}
	p, problems := d.Compile(policy.Options{Version: 1, Sources: []ledger.SourceSpec{
		origin("shop", ledger.RoleStorefront), source("erp", ledger.RoleERP), source("pay", ledger.RolePayment), source("wms", ledger.RoleWMS),
	}})
	if policy.Failed(problems) {
		return nil
	}
	d.Check(p)
	return p
}
