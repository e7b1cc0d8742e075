package api

import (
	"strings"
	"testing"
	"time"
)

// FuzzFilter: a filter is refused by name, or selects the same items each time.
// Parsing and selecting end, and never blow up.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		"", `severity = CRITICAL`, `open = true AND type = "ShipmentLag"`, `NOT (owner = "finance" OR owner = ops)`, `open_time > "2026-03-02T10:00:00Z"`,
		`hop:"erp"`, `type = "Check*"`, `a b`, `((`, `severity >= WARNING`, `-open`, `owner != ""`, `open_time < timestamp("x")`, `"x"`, `type = rule`,
	} {
		f.Add(text)
	}
	fs := fields{"type": {}, "owner": {}, "hop": {}, "open": {kind: boolField}, "open_time": {kind: timeField}, "severity": {kind: rankField, words: []string{"INFO", "WARNING", "CRITICAL"}}}
	items := []map[string]any{
		{"type": "ShipmentLag", "owner": "finance", "hop": []string{"storefront→erp", "erp"}, "open": true, "open_time": time.Unix(1_772_450_000, 0), "severity": "WARNING"},
		{"type": "", "owner": "", "hop": []string(nil), "open": false, "open_time": time.Time{}, "severity": "CRITICAL"},
	}
	f.Fuzz(func(t *testing.T, text string) {
		one, err := fs.parse(text)
		two, again := fs.parse(text)
		if (err == nil) != (again == nil) {
			t.Fatalf("refused once: %v, %v", err, again)
		}
		if err != nil {
			if len(text) > 0 && !strings.Contains(err.Error(), "filter") {
				t.Fatalf("refused without a name: %v", err)
			}
			return
		}
		for _, x := range items {
			of := func(name string) any { return x[name] }
			if one.match(of) != two.match(of) {
				t.Fatalf("%q selects %v once", text, x)
			}
		}
		for _, name := range one.mentions {
			if _, ok := fs[name]; !ok {
				t.Fatalf("%q mentions %q, which is no field", text, name)
			}
		}
	})
}

// FuzzPageToken: nothing but what this service sealed is opened, and only for
// the request it was given to.
func FuzzPageToken(f *testing.F) {
	p, err := newPages([]byte("a secret of the tests"))
	if err != nil {
		f.Fatal(err)
	}
	other, err := newPages([]byte("another secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "id", uint64(1))
	f.Add("AAAA", "id", uint64(7))
	f.Add(other.token(cursor{Request: 7, ID: "x"}), "x", uint64(7))
	f.Fuzz(func(t *testing.T, token, id string, request uint64) {
		if c, err := p.open(token, request); token != "" && err == nil {
			t.Fatalf("opened a token that was never given: %+v", c)
		}
		id = strings.ToValidUTF8(id, "")
		given := p.token(cursor{Request: request, Key: []string{id}, ID: id})
		c, err := p.open(given, request)
		if err != nil || c.ID != id || len(c.Key) != 1 || c.Key[0] != id {
			t.Fatalf("its own token became %+v, %v", c, err)
		}
		if _, err := p.open(given, request+1); err == nil {
			t.Fatal("a token of another request is taken")
		}
		if len(token) > 0 { // one byte of it changed
			bent := []byte(given)
			at := int(token[0]) % len(bent)
			if bent[at] = "Aw"[request%2]; string(bent) != given {
				if c, err := p.open(string(bent), request); err == nil && c.ID != id {
					t.Fatalf("a bent token became %+v", c)
				}
			}
		}
	})
}
