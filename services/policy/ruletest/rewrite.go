package ruletest

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/policy"
)

// edit is an expectation that failed, and what was seen instead.
type edit struct {
	node *yaml.Node
	seen []pairs
}

// Rewrite returns the file with every failed expectation replaced by what was
// seen, keeping the keys that were written. Everything else stays as it is.
// The results are those of the file before.
func Rewrite(opt Options, f policy.File) ([]byte, []Result, []policy.Problem) {
	if err := opt.Validate(); err != nil {
		return nil, nil, []policy.Problem{{Level: policy.LevelError, Text: err.Error()}}
	}
	results, problems := runFile(f, opt)
	if len(problems) > 0 {
		return nil, results, problems
	}
	var edits []edit
	for i := range results {
		edits = append(edits, results[i].edits...)
	}
	slices.SortFunc(edits, func(a, b edit) int { // from the end, so that places stay valid
		return cmp.Or(cmp.Compare(b.node.Line, a.node.Line), cmp.Compare(b.node.Column, a.node.Column))
	})
	lines := strings.SplitAfter(string(f.Data), "\n")
	for _, e := range edits {
		lines = e.apply(lines)
	}
	return []byte(strings.Join(lines, "")), results, nil
}

// apply replaces the expectation's lines, or its part of them if it is written
// in flow style.
func (e *edit) apply(lines []string) []string {
	from := e.node.Line - 1
	want := maps(e.node)
	keys := keysOf(want, e.seen)
	if e.node.Style&yaml.FlowStyle != 0 {
		text := flowList(e.seen, keys)
		if e.node.Kind == yaml.MappingNode {
			text = flowMap(e.seen[0], keys)
		}
		head := []rune(lines[from])
		start := len(string(head[:e.node.Column-1]))
		rest := lines[from][start:]
		to := from
		for flowEnd(rest) < 0 && to+1 < len(lines) {
			to++
			rest += lines[to]
		}
		return slices.Replace(lines, from, to+1, lines[from][:start]+text+rest[flowEnd(rest):])
	}
	indent := strings.Repeat(" ", e.node.Column-1)
	var b bytes.Buffer
	if e.node.Kind == yaml.MappingNode {
		for _, k := range keys {
			if v, ok := e.seen[0].get(k); ok {
				b.WriteString(indent + flowScalar(k) + ": " + flowScalar(v) + "\n")
			}
		}
	} else {
		for _, p := range e.seen {
			b.WriteString(indent + "- " + flowMap(p, keys) + "\n")
		}
		if len(e.seen) == 0 { // an empty list cannot be written as a block
			b.WriteString(indent + "  []\n")
		}
	}
	return slices.Replace(lines, from, lastLine(e.node), b.String())
}

// lastLine is the last line a block node reaches.
func lastLine(n *yaml.Node) int {
	last := n.Line
	for _, c := range n.Content {
		last = max(last, lastLine(c))
	}
	return last
}

// flowEnd is the end of the flow collection that text begins with, -1 if it
// does not end there.
func flowEnd(text string) int {
	depth, quoted := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted != 0:
			if c == quoted {
				quoted = 0
			}
		case c == '"' || c == '\'':
			quoted = c
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// keysOf are the keys an expectation writes, or the telling ones if it writes
// none.
func keysOf(want []*yaml.Node, seen []pairs) []string {
	var keys []string
	for _, m := range want {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if !slices.Contains(keys, m.Content[i].Value) {
				keys = append(keys, m.Content[i].Value)
			}
		}
	}
	if len(keys) > 0 || len(seen) == 0 {
		return keys
	}
	for _, k := range []string{"change", "kind", "exception", "rule", "step", "from", "to", "state", "basis"} {
		if _, ok := seen[0].get(k); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return seen[0].keys()
	}
	return keys
}

func flowList(list []pairs, keys []string) string {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = flowMap(p, keys)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func flowMap(p pairs, keys []string) string {
	var parts []string
	for _, k := range keys {
		if v, ok := p.get(k); ok {
			parts = append(parts, flowScalar(k)+": "+flowScalar(v))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// flowScalar quotes what YAML would misread.
func flowScalar(s string) string {
	plain := s != "" && !strings.ContainsAny(s, "{}[],#&*!|>'\"%@`\n\t") && !strings.Contains(s, ": ") &&
		!strings.HasSuffix(s, ":") && s == strings.TrimSpace(s) && !strings.HasPrefix(s, "- ") && !strings.HasPrefix(s, "? ")
	if plain {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}
