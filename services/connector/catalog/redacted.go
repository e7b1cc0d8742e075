package catalog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/orderledger/orderledger/services/connector/document"
)

// Redacted is a personal field that a document carries.
type Redacted struct {
	// Path is its keys joined by dots; [] stands for every element of a list.
	Path string `json:"path"`
	// Hashed: a keyed hash of it stays, so that equal values can be found.
	Hashed bool `json:"hashed"`
	Count  int  `json:"count"`
}

// Redacted lists what is taken out of a document before anything reads it,
// ascending by path (S-39). Of bytes that are no document nothing is known.
func (m *Mapper) Redacted(raw []byte) []Redacted {
	before, err := document.Decode(raw, m.limits)
	if err != nil {
		return nil
	}
	after, err := document.Decode(raw, m.limits)
	if err != nil {
		return nil
	}
	m.redaction.Apply(after)
	found := map[string]*Redacted{}
	compareRedacted(before, after, "", func(path string, hashed bool) {
		r := found[fmt.Sprint(path, hashed)]
		if r == nil {
			r = &Redacted{Path: path, Hashed: hashed}
			found[fmt.Sprint(path, hashed)] = r
		}
		r.Count++
	})
	var out []Redacted
	for _, k := range slices.Sorted(maps.Keys(found)) {
		out = append(out, *found[k])
	}
	return out
}

// compareRedacted calls hit for every field that is gone or another one.
func compareRedacted(before, after any, path string, hit func(path string, hashed bool)) {
	switch b := before.(type) {
	case map[string]any:
		a, _ := after.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(b)) {
			at := k
			if path != "" {
				at = path + "." + k
			}
			if still, ok := a[k]; ok {
				compareRedacted(b[k], still, at, hit)
			} else {
				hit(at, false)
			}
		}
	case []any:
		a, _ := after.([]any)
		for i := range b {
			if i < len(a) {
				compareRedacted(b[i], a[i], path+"[]", hit)
			}
		}
	case string:
		if after != before {
			hit(path, true)
		}
	}
}
