// Package avro holds the Avro contracts of the records that stand in Kafka, as
// files, and the manifest that gives each its id for ever.
package avro

import (
	"embed"
	"encoding/json"
	"fmt"
	"sort"
)

//go:embed manifest.json order/v1/*.avsc
var files embed.FS

// Schema is one version of one record's schema.
type Schema struct {
	// ID stands in the header of every value written with the schema.
	ID uint32
	// Record is the record's name without its name space, such as "OrderEvent".
	Record string
	// Version counts the schemas of the record, from 1.
	Version int
	// Current: writers use this one, readers resolve all others to it.
	Current bool
	// File is the path below proto/avro.
	File string
	// Topics are where values of the record stand; with Name they make the
	// registry's subjects.
	Topics []string
	// CanonicalSHA256 is the hex SHA-256 of the parsing canonical form.
	CanonicalSHA256 string
	// ContractSHA256 is the hex SHA-256 of the schema without its docs, which
	// besides the canonical form covers defaults and logical types.
	ContractSHA256 string
	// Text is the file's content.
	Text []byte
}

// Namespace of all our records.
const Namespace = "orderledger.order.v1"

// Name is the record's full name.
func (s *Schema) Name() string { return Namespace + "." + s.Record }

// Subjects are the registry subjects of the schema by TopicRecordNameStrategy.
func (s *Schema) Subjects() []string {
	out := make([]string, len(s.Topics))
	for i, t := range s.Topics {
		out[i] = t + "-" + s.Name()
	}
	return out
}

type manifest struct {
	Schemas []entry `json:"schemas"`
}

type entry struct {
	ID              uint32   `json:"id"`
	Record          string   `json:"record"`
	Version         int      `json:"version"`
	File            string   `json:"file"`
	Topics          []string `json:"topics"`
	CanonicalSHA256 string   `json:"canonical_sha256"`
	ContractSHA256  string   `json:"contract_sha256"`
}

// Schemas returns every schema that was ever listed, ascending by id. The
// greatest version of each record is current.
func Schemas() ([]Schema, error) {
	raw, err := files.ReadFile("manifest.json")
	if err != nil {
		return nil, fmt.Errorf("read the schema manifest: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("read the schema manifest: %w", err)
	}
	newest := map[string]int{}
	for _, e := range m.Schemas {
		newest[e.Record] = max(newest[e.Record], e.Version)
	}
	out := make([]Schema, 0, len(m.Schemas))
	for _, e := range m.Schemas {
		text, err := files.ReadFile(e.File)
		if err != nil {
			return nil, fmt.Errorf("read schema %d: %w", e.ID, err)
		}
		out = append(out, Schema{
			ID: e.ID, Record: e.Record, Version: e.Version, Current: e.Version == newest[e.Record],
			File: e.File, Topics: e.Topics,
			CanonicalSHA256: e.CanonicalSHA256, ContractSHA256: e.ContractSHA256, Text: text,
		})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}
