package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Format rewrites a policy file canonically: two spaces, lists at their key's
// column, a rule's keys in one order, one empty line between parts and rules,
// states and axes in their canonical spelling. Comments stay with what they
// stand before. A file with errors is not rewritten.
func Format(f File) ([]byte, []Problem) {
	if _, list := Load([]File{f}); Failed(list) {
		return nil, list
	}
	var root yaml.Node
	if err := yaml.Unmarshal(f.Data, &root); err != nil {
		return nil, []Problem{{Level: LevelError, File: f.Name, Text: err.Error()}}
	}
	p, err := newParser()
	if err != nil {
		return nil, []Problem{{Level: LevelError, Text: err.Error()}}
	}
	formatter{p}.document(root.Content[0])
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(&root); err != nil {
		return nil, []Problem{{Level: LevelError, File: f.Name, Text: fmt.Sprintf("write: %s", err)}}
	}
	return spaced(b.String()), nil
}

type formatter struct{ p *parser }

// document walks the known parts of a file.
func (f formatter) document(n *yaml.Node) {
	each(n, func(key, val *yaml.Node) {
		switch key.Value {
		case "matrix":
			each(val, func(_, axes *yaml.Node) { each(axes, f.axis) })
		case "rollups":
			for _, r := range val.Content {
				each(r, func(key, val *yaml.Node) {
					if key.Value == "axis" {
						respellAxis(val)
					}
				})
			}
		case "groups":
			for _, g := range val.Content {
				each(g, func(key, val *yaml.Node) {
					if key.Value == "rules" {
						for _, r := range val.Content {
							f.rule(r)
						}
					}
				})
			}
		}
	})
}

// each visits the pairs of a mapping.
func each(n *yaml.Node, fn func(key, val *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		fn(n.Content[i], n.Content[i+1])
	}
}

func respellAxis(n *yaml.Node) {
	if a, ok := parseAxis(n.Value); ok {
		n.Value = a.String()
	}
}

func (f formatter) axis(key, words *yaml.Node) {
	respellAxis(key)
	axis, ok := parseAxis(key.Value)
	if !ok {
		return
	}
	respell := func(n *yaml.Node) {
		if s, ok := parseState(axis, n.Value); ok && n.Kind == yaml.ScalarNode {
			n.Value = axis.StateName(s)
		}
	}
	each(words, func(_, row *yaml.Node) {
		respell(row)
		each(row, func(key, val *yaml.Node) {
			if key.Value == "state" {
				respell(val)
			}
		})
	})
}

// ruleKeys is the order of a rule's keys.
var ruleKeys = [...]string{
	"rule", "disabled", "from", "until", "unless", "fresh", "within", "expr", "for", "bridge", "exception", "severity",
	"steps", "depends_on", "grace", "labels", "annotations", "money",
}

func (f formatter) rule(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	type field struct{ key, val *yaml.Node }
	var fields []field
	each(n, func(key, val *yaml.Node) {
		switch key.Value {
		case "from", "until", "unless", "expr":
			val.Value = f.expression(val)
		}
		fields = append(fields, field{key, val})
	})
	slices.SortStableFunc(fields, func(a, b field) int {
		return slices.Index(ruleKeys[:], a.key.Value) - slices.Index(ruleKeys[:], b.key.Value)
	})
	for i, x := range fields {
		n.Content[2*i], n.Content[2*i+1] = x.key, x.val
	}
}

// expression respells the states and axes of an expression where they stand.
func (f formatter) expression(n *yaml.Node) string {
	t := &text{value: n.Value, line: n.Line, column: n.Column, style: n.Style}
	p, low := f.p.lower(t, &source{})
	if p == nil {
		return n.Value
	}
	lines := strings.Split(n.Value, "\n")
	names := slices.Clone(low.states)
	slices.SortFunc(names, func(a, b stateAt) int { // from the end, so that places stay valid
		if a.row != b.row {
			return b.row - a.row
		}
		return b.col - a.col
	})
	for _, s := range names {
		if s.row >= len(lines) {
			continue
		}
		runes := []rune(lines[s.row])
		end := s.col + len([]rune(s.written))
		if end <= len(runes) && string(runes[s.col:end]) == s.written {
			lines[s.row] = string(runes[:s.col]) + s.canonical + string(runes[end:])
		}
	}
	return strings.Join(lines, "\n")
}

// spaced puts one empty line before every part, group, rule and system but
// the first of its kind, ahead of the comments that belong to it.
func spaced(s string) []byte {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	var out []string
	part := ""
	for i, line := range lines {
		first := i == 0 || opens(lines[i-1])
		if k, ok := topKey(line); ok {
			part = k
		}
		if starts(part, line) && !first {
			at := len(out)
			indent := len(line) - len(strings.TrimLeft(line, " "))
			for at > 0 && isComment(out[at-1], indent) {
				at--
			}
			if at > 0 && out[at-1] != "" && !opens(out[at-1]) {
				out = slices.Insert(out, at, "")
			}
		}
		out = append(out, line)
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

func topKey(line string) (string, bool) {
	if line == "" || line[0] == ' ' || line[0] == '-' || line[0] == '#' {
		return "", false
	}
	k, _, ok := strings.Cut(line, ":")
	return k, ok
}

// opens reports whether a line only opens a block, so that what follows is its
// first entry.
func opens(line string) bool {
	return !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.HasSuffix(line, ":")
}

func starts(part, line string) bool {
	if _, ok := topKey(line); ok {
		return true
	}
	switch part {
	case "groups":
		return strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "  - ")
	case "matrix":
		return strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && !strings.HasPrefix(line, "  #")
	default:
		return false
	}
}

// isComment reports whether a line is a comment at an indentation.
func isComment(line string, indent int) bool {
	trimmed := strings.TrimLeft(line, " ")
	return strings.HasPrefix(trimmed, "#") && len(line)-len(trimmed) == indent
}
