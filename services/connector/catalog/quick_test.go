package catalog_test

import (
	"encoding/json"
	"testing"

	"github.com/orderledger/orderledger/services/connector/catalog"
)

// TestQuickAgreesWithTheInterpreter: whatever the document, the quick way says
// what the interpreter says, or nothing.
func TestQuickAgreesWithTheInterpreter(t *testing.T) {
	docs := []any{
		map[string]any{}, "text", nil, []any{"a"},
		map[string]any{"a": nil, "b": nil}, map[string]any{"a": "1", "b": "2.50"}, map[string]any{"a": "", "b": "x"},
		map[string]any{"a": true, "b": false}, map[string]any{"a": json.Number("7"), "b": json.Number("1.5")},
		map[string]any{"a": map[string]any{"c": "d"}, "b": []any{"e"}},
	}
	answered := 0
	for _, e := range []string{
		"'word'", "7", "true", "null", "it.a", "doc.b", "item.a", "has(it.a)", "has(it.a) && has(it.b)", "it.a != null", "null == it.b",
		"it.a != null || it.b != null", "it.a == null && has(it.b)", "has(it.c) || it.a == null", "it.a == it.b", "text(it.a)", "word(it.a)", "whole(it.a)",
		"unsigned(it.b)", "minor(it.b, 'EUR')", "minor(it.a, it.b)", "minor(it.b, 'eur')", "first([it.a, it.b])", "first([])", "first([it.b, 'x', it.a])",
		"first([it.?a, it.b])", "it.?a", "it.a.c", "has(it.a.c)", "stamp(it.a)", "it['a']", "!has(it.a)", "coded(it.a, 'x')", "text(null)",
	} {
		for _, d := range docs {
			quick, slow, plain, err := catalog.EvalBoth(e, d)
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			if quick != "" {
				answered++
				if quick != slow {
					t.Errorf("%s of %v: quick %s, by the interpreter %s (plain %t)", e, d, quick, slow, plain)
				}
			}
		}
	}
	if answered < 100 {
		t.Errorf("only %d answers: the quick way is hardly taken", answered)
	}
}
