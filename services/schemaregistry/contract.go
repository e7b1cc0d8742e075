package schemaregistry

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/orderledger/orderledger/proto/avro"
)

// Contract is one committed schema: what a registry must answer for its id.
type Contract struct {
	ID         int
	Version    int
	Subjects   []string
	Definition string
}

// Contracts are all committed schemas, ascending by id and so, within a
// record, by version.
func Contracts() ([]Contract, error) {
	schemas, err := avro.Schemas()
	if err != nil {
		return nil, err
	}
	out := make([]Contract, len(schemas))
	for i := range schemas {
		s := &schemas[i]
		out[i] = Contract{ID: int(s.ID), Version: s.Version, Subjects: s.Subjects(), Definition: string(s.Text)}
	}
	return out, nil
}

// same reports whether two definitions say the same but for docs and layout,
// which registries change and readers ignore.
func same(a, b string) bool {
	x, errX := bare(a)
	y, errY := bare(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func bare(definition string) (any, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(definition)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return withoutDocs(v), nil
}

func withoutDocs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "doc")
		for k, e := range v {
			v[k] = withoutDocs(e)
		}
	case []any:
		for i, e := range v {
			v[i] = withoutDocs(e)
		}
	}
	return v
}
