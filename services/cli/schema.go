package cli

import (
	"encoding"
	"reflect"
	"strings"

	"github.com/orderledger/orderledger/services/config"
)

// configSchema is the JSON Schema (2020-12) of the configuration file, so that
// editors complete and check it. Its `$schema` comment in a file is
// `# yaml-language-server: $schema=…`.
func configSchema() map[string]any {
	s := schemaOf(reflect.TypeFor[config.Config](), 0)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "orderledger configuration"
	return s
}

// maxDepth keeps a type that holds itself from running away.
const maxDepth = 12

func schemaOf(t reflect.Type, depth int) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if depth > maxDepth {
		return map[string]any{}
	}
	text := reflect.TypeFor[encoding.TextUnmarshaler]()
	if t.Implements(text) || reflect.PointerTo(t).Implements(text) {
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int64: // durations are written with a unit
		return map[string]any{"type": []string{"integer", "string"}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), depth+1)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), depth+1)}
	case reflect.Struct:
		return structSchema(t, depth)
	default:
		return map[string]any{}
	}
}

func structSchema(t reflect.Type, depth int) map[string]any {
	properties := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if opts == "inline" {
			if inner, ok := schemaOf(f.Type, depth+1)["properties"].(map[string]any); ok {
				for k, v := range inner {
					properties[k] = v
				}
			}
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		properties[name] = schemaOf(f.Type, depth+1)
	}
	if len(properties) == 0 { // it reads itself, in a form of its own
		return map[string]any{}
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}
