package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// sourceOf is a configured instance of each shipped system.
func sourceOf(system string) *connector.Source {
	src := &connector.Source{Name: system + "-test", System: system, Poll: connector.PollSettings{Disabled: true}}
	if system == "shipstation" {
		src.BaseURL = "https://warehouse.test"
	}
	if system == "shopify" {
		src.Origin = true
	} else {
		src.OriginSource = "shopify-test"
	}
	return src
}

func mapperOf(t *testing.T, system string) (*catalog.System, *catalog.Mapper) {
	t.Helper()
	c, err := shippedOnce()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.System(system)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: sourceOf(system), HashKey: []byte("test hash key")})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// shippedOnce compiles the catalog once for all tests.
var shippedOnce = sync.OnceValues(catalog.Shipped)

const receivedAt = ledger.Instant(1_772_450_000_000_000)

// feedOf returns the feed that carries a fixture: by webhook if there is one.
func feedOf(t *testing.T, s *catalog.System, document string) *catalog.Feed {
	t.Helper()
	if f := s.WebhookFeed(); f != nil {
		return f
	}
	for _, f := range s.PollFeeds() {
		if slices.Contains(f.Documents, document) {
			return f
		}
	}
	t.Fatalf("no feed of %s carries %s", s.Name, document)
	return nil
}

// describe renders everything extracted, one line each, sorted.
func describe(e *ledger.Event) []string {
	out := []string{fmt.Sprintf("event %s %s/%s order=%s v=%s", e.Kind, e.Object.Type, e.Object.ID, e.Order, versionText(e.Version))}
	for _, c := range e.Claims {
		mode := map[ledger.Mode]string{ledger.Dated: "dated", ledger.Current: "current", ledger.Created: "created"}[c.Mode]
		out = append(out, fmt.Sprintf("claim %s %s/%s %s %s at=%s+%s v=%s", c.Axis, c.Object.Type, c.Object.ID, mode, c.Native, c.Earliest, c.Latest.Sub(c.Earliest), versionText(c.Version)))
	}
	for _, l := range e.Lines {
		for _, x := range l.Lines {
			out = append(out, fmt.Sprintf("line %s %s/%s %s %s x%d complete=%t", l.Kind, l.Object.Type, l.Object.ID, x.ID, x.SKU, x.Quantity, l.Complete))
		}
	}
	for _, a := range e.Amounts {
		for _, x := range a.Amounts {
			out = append(out, fmt.Sprintf("amount %s %s/%s %s %d %s complete=%t", a.Kind, a.Object.Type, a.Object.ID, x.ID, x.Minor, x.Currency, a.Complete))
		}
	}
	for _, a := range e.Aliases {
		out = append(out, fmt.Sprintf("alias %s %s", a.Scope, a))
	}
	slices.Sort(out)
	return out
}

func versionText(v ledger.Version) string {
	if v.Scheme == ledger.SchemeTimestamp {
		return ledger.Instant(v.Parts[0] / 1000).String()
	}
	return fmt.Sprint(v.Parts[0])
}

// TestFixtures maps every fixture and compares all that is extracted with the
// .want file beside it. Set ORDERLEDGER_REWRITE=1 to write them anew, then read
// the difference.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		system := filepath.Base(filepath.Dir(file))
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(system+"/"+name, func(t *testing.T) {
			s, m := mapperOf(t, system)
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			document, _, _ := strings.Cut(name, ".")
			res := m.Map(catalog.Input{Feed: feedOf(t, s, document), Raw: raw, ReceivedAt: receivedAt})
			got := strings.Join(result(&res), "\n") + "\n"
			wantFile := strings.TrimSuffix(file, ".json") + ".want"
			if os.Getenv("ORDERLEDGER_REWRITE") != "" {
				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("extracted:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func result(r *catalog.Result) []string {
	switch {
	case r.Event != nil:
		return describe(r.Event)
	case r.Unkeyed != nil:
		return append([]string{"unkeyed by " + r.Unkeyed.By.String()}, describe(&r.Unkeyed.Event)...)
	case r.Trigger != nil:
		return []string{"trigger " + r.Trigger.URL}
	case r.Quarantined != nil:
		return []string{"quarantined " + r.Quarantined.Reason + ": " + r.Quarantined.Detail}
	default:
		return []string{"foreign"}
	}
}
