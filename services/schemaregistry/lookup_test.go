package schemaregistry_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/orderledger/orderledger/services/schemaregistry"
)

// TestLookup: schemas by id, with what they draw in; what the registry does not
// know is told from a registry that is away.
func TestLookup(t *testing.T) {
	fake := srfake.NewRegistry()
	server := httptest.NewServer(fake.Handler())
	defer server.Close()
	client, err := sr.NewClient(sr.URLs(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	line := `{"type":"record","name":"shop.Line","fields":[{"name":"sku","type":"string"}]}`
	order := `{"type":"record","name":"shop.Order","fields":[{"name":"line","type":"shop.Line"}]}`
	if _, err := client.CreateSchema(t.Context(), "line", sr.Schema{Schema: line}); err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateSchema(t.Context(), "order", sr.Schema{Schema: order, References: []sr.SchemaReference{{Name: "shop.Line", Subject: "line", Version: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := schemaregistry.NewLookup(schemaregistry.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Schema(t.Context(), made.ID)
	if err != nil || len(s.References) != 1 || !slices.Equal(s.References, []string{line}) {
		t.Fatalf("%+v %v", s, err)
	}
	if _, err := l.Schema(t.Context(), 4711); !errors.Is(err, schemaregistry.ErrUnknownSchema) {
		t.Errorf("a schema that nobody registered: %v", err)
	}
	server.Close()
	if _, err := l.Schema(context.WithoutCancel(t.Context()), made.ID); err != nil {
		t.Errorf("a schema that was read before: %v", err)
	}
	if _, err := l.Schema(t.Context(), 4711); err == nil || errors.Is(err, schemaregistry.ErrUnknownSchema) {
		t.Errorf("a registry that is away: %v", err)
	}
}

// TestWireID: the wire format, and what is not.
func TestWireID(t *testing.T) {
	if id, rest, ok := schemaregistry.WireID([]byte{0, 0, 0, 1, 2, 'x'}); !ok || id != 258 || string(rest) != "x" {
		t.Errorf("%d %q %t", id, rest, ok)
	}
	for _, b := range [][]byte{nil, {0, 0, 0, 1}, []byte(`{"a":1}`)} {
		if _, _, ok := schemaregistry.WireID(b); ok {
			t.Errorf("%q is taken", b)
		}
	}
}
