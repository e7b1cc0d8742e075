package registry_test

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/orderledger/orderledger/services/embedded/registry"
)

const (
	first  = `{"type":"record","name":"A","fields":[]}`
	second = `{"type":"record","name":"A","fields":[{"name":"x","type":"long","default":0}]}`
)

func TestServesWhatWasSeeded(t *testing.T) {
	r, client := start(t, map[int]registry.Schema{
		7:  {Subjects: []string{"orders.events.v1-A"}, Version: 1, Definition: first},
		12: {Subjects: []string{"orders.events.v1-A"}, Version: 2, Definition: second},
	})
	schema, err := client.SchemaByID(t.Context(), 12)
	if err != nil || schema.Schema != second {
		t.Errorf("schema 12 is %q, %v", schema.Schema, err)
	}
	latest, err := client.SchemaByVersion(t.Context(), "orders.events.v1-A", -1)
	if err != nil || latest.ID != 12 || latest.Version != 2 {
		t.Errorf("the latest version is %d under id %d, %v", latest.Version, latest.ID, err)
	}
	found, err := client.LookupSchema(t.Context(), "orders.events.v1-A", sr.Schema{Schema: first})
	if err != nil || found.ID != 7 {
		t.Errorf("looked up: id %d, %v", found.ID, err)
	}
	same := map[int]registry.Schema{7: {Subjects: []string{"orders.events.v1-A"}, Version: 1, Definition: first}}
	if err := r.Seed(same); err != nil {
		t.Errorf("seeding the same again: %v", err)
	}
}

func TestOneSchemaInTwoTopics(t *testing.T) {
	_, client := start(t, map[int]registry.Schema{
		3: {Subjects: []string{"x-A", "y-A"}, Version: 1, Definition: first},
		4: {Subjects: []string{"x-A", "y-A"}, Version: 2, Definition: second},
	})
	for _, subject := range []string{"x-A", "y-A"} {
		for version, id := range map[int]int{1: 3, 2: 4} {
			got, err := client.SchemaByVersion(t.Context(), subject, version)
			if err != nil || got.ID != id {
				t.Errorf("%s version %d has id %d, want %d (%v)", subject, version, got.ID, id, err)
			}
		}
	}
}

func TestRefusesChanges(t *testing.T) {
	_, client := start(t, map[int]registry.Schema{7: {Subjects: []string{"s"}, Version: 1, Definition: first}})
	ids, err := client.CreateSchema(t.Context(), "s", sr.Schema{Schema: first})
	if err != nil || ids.ID != 7 {
		t.Errorf("registering what is there: id %d, %v", ids.ID, err)
	}
	attempts := map[string]error{}
	_, attempts["a new schema"] = client.CreateSchema(t.Context(), "s", sr.Schema{Schema: second})
	_, attempts["a new subject"] = client.CreateSchema(t.Context(), "other", sr.Schema{Schema: first})
	_, attempts["deleting"] = client.DeleteSubject(t.Context(), "s", sr.SoftDelete)
	attempts["the compatibility level"] = client.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatNone}, "s")[0].Err
	for name, err := range attempts {
		var refusal *sr.ResponseError
		if !errors.As(err, &refusal) || refusal.ErrorCode != 42205 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if subjects, err := client.Subjects(t.Context()); err != nil || len(subjects) != 1 {
		t.Errorf("after all refusals the subjects are %v, %v", subjects, err)
	}
}

func TestSeedRefusesContradictions(t *testing.T) {
	r, client := start(t, map[int]registry.Schema{7: {Subjects: []string{"s"}, Version: 1, Definition: first}})
	for want, schemas := range map[string]map[int]registry.Schema{
		"seed schema 7: the id is taken by s version 1": {7: {Subjects: []string{"s"}, Version: 2, Definition: second}},
		"seed schema 8: s version 1 already has id 7":   {8: {Subjects: []string{"s"}, Version: 1, Definition: second}},
		"seed schema 9: definition is not JSON":         {9: {Subjects: []string{"t"}, Version: 1, Definition: "{"}},
		"seed schema 10: subject must be set":           {10: {Version: 1, Definition: first}},
		"seed schema 0: id 0 and version 1":             {0: {Subjects: []string{"u"}, Version: 1, Definition: first}},
	} {
		schemas[99] = registry.Schema{Subjects: []string{"innocent"}, Version: 1, Definition: first}
		if err := r.Seed(schemas); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, wanted %q", err, want)
		}
	}
	if _, err := client.SchemaByID(t.Context(), 99); err == nil {
		t.Error("part of a refused seed was added")
	}
}

func start(t *testing.T, schemas map[int]registry.Schema) (*registry.Registry, *sr.Client) {
	t.Helper()
	r, err := registry.Start(registry.Options{Schemas: schemas, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	return r, client
}
