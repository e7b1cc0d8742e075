// Package strictyaml decodes hand-written YAML into structs and reports every
// problem at once, each with file, line, column and a hint. It exists because
// the files it reads are written by people who add a system without reading
// our code: an unknown key is an error, never a silent default.
package strictyaml

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Unmarshaler is implemented by values that need their node, for example to
// remember where they stand.
type Unmarshaler interface {
	// UnmarshalNode sets the receiver from a resolved node.
	UnmarshalNode(n *yaml.Node) error
}

// Problem is one thing wrong with a file, at a place a person can go to.
type Problem struct {
	File   string
	Line   int
	Column int
	Text   string
}

// Error returns "file:line:column: text".
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// maxProblems bounds the report of a file that is not what it should be.
const maxProblems = 50

// maxDepth bounds the nesting of a file, aliases included.
const maxDepth = 40

// Decode reads exactly one YAML document into out, a pointer to a struct. The
// error joins one *Problem per finding. Fields are named by their yaml tag;
// untagged fields are not part of the file.
func Decode(file string, data []byte, out any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := dec.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return &Problem{File: file, Line: 1, Column: 1, Text: "the file is empty"}
		}
		return &Problem{File: file, Line: lineOf(err), Column: 1, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return &Problem{File: file, Line: max(more.Line, 1), Column: 1, Text: "more than one YAML document; keep one per file"}
	}
	d := &decoder{file: file}
	d.value(root.Content[0], reflect.ValueOf(out).Elem(), 0)
	return d.err()
}

// lineOf finds the line that the YAML parser names in its message.
func lineOf(err error) int {
	_, rest, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return 1
	}
	digits, _, _ := strings.Cut(rest, ":")
	n, convErr := strconv.Atoi(digits)
	if convErr != nil {
		return 1
	}
	return n
}

type decoder struct {
	file     string
	problems []error
}

func (d *decoder) err() error { return errors.Join(d.problems...) }

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, &Problem{File: d.file, Line: n.Line, Column: n.Column, Text: fmt.Sprintf(format, args...)})
	}
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, depth int) {
	if depth > maxDepth {
		d.problem(n, "nested deeper than %d levels", maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(Unmarshaler); ok {
			if err := u.UnmarshalNode(n); err != nil {
				d.problem(n, "%s", err)
			}
			return
		}
		if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			d.text(n, u)
			return
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, depth)
	case reflect.Slice:
		d.sequence(n, v, depth)
	case reflect.Map:
		d.mapping(n, v, depth)
	default:
		d.scalar(n, v)
	}
}

func (d *decoder) text(n *yaml.Node, u encoding.TextUnmarshaler) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, "want a single value, found a %s", kindName(n))
		return
	}
	if err := u.UnmarshalText([]byte(n.Value)); err != nil {
		d.problem(n, "%s", err)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want key: value pairs, found a %s", kindName(n))
		return
	}
	fields := map[string]int{}
	names := []string{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields[name] = i
			names = append(names, name)
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		f, ok := fields[key.Value]
		switch {
		case !ok:
			d.problem(key, "unknown key %q%s", key.Value, Hint(key.Value, names))
		case seen[key.Value]:
			d.problem(key, "key %q stands twice", key.Value)
		default:
			seen[key.Value] = true
			d.value(val, v.Field(f), depth+1)
		}
	}
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(n, "want a list, found a %s", kindName(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i), depth+1)
	}
	v.Set(out)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, "want key: value pairs, found a %s", kindName(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(v.Type().Key())
		if out.MapIndex(key).IsValid() {
			d.problem(n.Content[i], "key %q stands twice", n.Content[i].Value)
			continue
		}
		val := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], val, depth+1)
		out.SetMapIndex(key, val)
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, "want a single value, found a %s", kindName(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil || n.Tag != "!!bool" {
			d.problem(n, "want true or false, found %q", n.Value)
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == reflect.TypeFor[time.Duration]() {
			span, err := time.ParseDuration(n.Value)
			if err != nil {
				d.problem(n, "want a span such as 30s or 5m, found %q", n.Value)
				return
			}
			v.SetInt(int64(span))
			return
		}
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil {
			d.problem(n, "want a whole number, found %q", n.Value)
			return
		}
		v.SetInt(i)
	case reflect.Uint64:
		u, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			d.problem(n, "want a whole number, found %q", n.Value)
			return
		}
		v.SetUint(u)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			d.problem(n, "want a number, found %q", n.Value)
			return
		}
		v.SetFloat(f)
	default:
		d.problem(n, "this key takes no value of its own")
	}
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "block of key: value pairs"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}
