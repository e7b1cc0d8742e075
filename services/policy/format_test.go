package policy_test

import (
	"testing"

	"github.com/orderledger/orderledger/services/policy"
)

// The shipped files are canonical: Format leaves them as they are.
func TestFormatLeavesShippedFiles(t *testing.T) {
	files, err := policy.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got, problems := policy.Format(f)
		for i := range problems {
			t.Error(problems[i].Error())
		}
		diffLines(t, f.Name, string(f.Data), string(got))
	}
}

const untidy = `# Ours.
groups:
    - name: night
      rules:
        # Why it is here.
        - annotations: {remedy: call}
          from: storefront.order == placed && storefront.fulfillment in [ PARTIALLYSHIPPED,shipped ]
          rule: a
          until: erp.return != ABSENT || erp.order >= Confirmed   # said in June
          within: 2m
          exception: A
        - {rule: b, disabled: true}
matrix:
  shop:
    fulfillment: {sent: PENDING_FULFILLMENT}
    payment:
      # both
      x: {target: t, state: authorized}
`

const tidy = `# Ours.
groups:
- name: night
  rules:
  # Why it is here.
  - rule: a
    from: storefront.order == PLACED && storefront.fulfilment in [ PARTIALLY_SHIPPED,SHIPPED ]
    until: erp.returns != ABSENT || erp.order >= CONFIRMED # said in June
    within: 2m
    exception: A
    annotations: {remedy: call}

  - {rule: b, disabled: true}

matrix:
  shop:
    fulfilment: {sent: PENDING}
    payment:
      # both
      x: {target: t, state: AUTHORISED}
`

func TestFormat(t *testing.T) {
	got, problems := policy.Format(policy.File{Name: "own.yaml", Data: []byte(untidy)})
	for i := range problems {
		t.Error(problems[i].Error())
	}
	diffLines(t, "own.yaml", tidy, string(got))
	again, _ := policy.Format(policy.File{Name: "own.yaml", Data: got})
	diffLines(t, "formatted again", tidy, string(again))
}

func TestFormatRefusesBrokenFiles(t *testing.T) {
	got, problems := policy.Format(policy.File{Name: "own.yaml", Data: []byte("groups: [{name: x, rules: [{rule: a, expr: erp.order == SHIPPED, for: 1m, exception: A}]}]")})
	if got != nil || !policy.Failed(problems) {
		t.Fatalf("formatted a file with errors: %q", got)
	}
}

func diffLines(t *testing.T, name, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	w, g := splitLines(want), splitLines(got)
	for i := range max(len(w), len(g)) {
		if at(w, i) != at(g, i) {
			t.Errorf("%s:%d:\n want %q\n got  %q", name, i+1, at(w, i), at(g, i))
			return
		}
	}
}
