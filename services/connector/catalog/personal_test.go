package catalog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/document"
)

// planted are the personal values in the fixtures.
var planted = []string{"canary", "30 5550199", "305550199", "203.0.113.77", "c4n4ry"}

// TestNothingPersonalLeaves maps every fixture, well and broken, and searches
// all that comes out, bodies unpacked, for the values planted in them.
func TestNothingPersonalLeaves(t *testing.T) {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(raw), []byte("canary")) {
			seen++
		}
		s, m := mapperOf(t, filepath.Base(filepath.Dir(file)))
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		for variant, body := range map[string][]byte{
			"as it is":    raw,
			"unmappable":  bytes.ReplaceAll(raw, []byte("_at\": \"2026"), []byte("_at\": \"soon 2026")),
			"unknown":     bytes.ReplaceAll(raw, []byte("line_items"), []byte("lines_of_it")),
			"wrapped":     []byte(fmt.Sprintf(`{"data":[{"order":%s}]}`, raw)),
			"other shape": bytes.ReplaceAll(raw, []byte("\"id\""), []byte("\"identity\"")),
		} {
			res := m.Map(catalog.Input{Feed: feedOf(t, s, name), Raw: body, ReceivedAt: receivedAt})
			out := res.Outgoing()
			var text bytes.Buffer
			if err := json.NewEncoder(&text).Encode(out); err != nil {
				t.Fatal(err)
			}
			for _, e := range out.Events {
				text.Write(unpack(t, dec, e.Body.Bytes))
			}
			for _, u := range out.Unkeyed {
				text.Write(unpack(t, dec, u.Event.Body.Bytes))
			}
			for _, q := range out.Quarantined {
				text.Write(unpack(t, dec, q.Body.Bytes))
			}
			for _, p := range planted {
				if strings.Contains(strings.ToLower(text.String()), p) {
					t.Errorf("%s (%s): %q left the connector", file, variant, p)
				}
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d fixtures hold planted values; the test proves little", seen)
	}
}

func unpack(t *testing.T, dec *zstd.Decoder, b []byte) []byte {
	t.Helper()
	out, err := dec.DecodeAll(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMailCanStillBeFound: the hash is keyed, and the same for one address
// however it is spelt.
func TestMailCanStillBeFound(t *testing.T) {
	_, m := mapperOf(t, "shopify")
	s, _ := mapperOf(t, "shopify")
	raw, err := os.ReadFile("testdata/shopify/order.json")
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: raw, ReceivedAt: receivedAt})
	body, err := document.Decode(unpack(t, dec, res.Event.Body.Bytes), document.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("test hash key")
	for path, want := range map[string]string{"email": " Canary.Person@Example.org", "customer.email": "canary.person@example.org", "phone": "+49 (30) 555-0199"} {
		if got, _ := document.At(body, path); got != document.HashPersonal(want, key) {
			t.Errorf("%s = %v", path, got)
		}
	}
	if document.HashPersonal("a@b.c", key) == document.HashPersonal("a@b.c", []byte("another key")) {
		t.Error("the hash does not depend on the key")
	}
}
