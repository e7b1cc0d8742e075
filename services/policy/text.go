package policy

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// place is where something stands: a file, and line and column from 1.
type place struct {
	file         *source
	line, column int
}

func (p place) known() bool { return p.line != 0 }

func (p place) problem(level Level, text string) Problem {
	name := ""
	if p.file != nil {
		name = p.file.name
	}
	return Problem{level, name, p.line, p.column, text}
}

// source is one file as read.
type source struct {
	name  string
	lines []string
}

// text is a single value that remembers where and how it stands in its file.
type text struct {
	value        string
	line, column int
	style        yaml.Style
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (t *text) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("want a single value")
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return errors.New("put quotes around it: YAML reads what begins with ! as a tag")
	}
	t.value, t.line, t.column, t.style = n.Value, n.Line, n.Column, n.Style
	return nil
}

func (t *text) set() bool { return t.line != 0 }

func (t *text) in(f *source) place { return place{f, t.line, t.column} }

// locate finds line and column of an offset inside the value: row and col
// count from 0 inside the value. Where YAML folds lines the value's own place
// is the best there is.
func (t *text) locate(f *source, row, col int) place {
	p := t.in(f)
	switch {
	case t.style&yaml.LiteralStyle != 0:
		line := t.line + 1 + row
		if line-1 < len(f.lines) {
			return place{f, line, blockIndent(f.lines, t.line) + col + 1}
		}
	case t.style&yaml.FoldedStyle != 0 || row > 0:
	case t.style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		p.column += col + 1
	default:
		p.column += col
	}
	return p
}

// blockIndent is the indentation of the block that follows a line's indicator.
func blockIndent(lines []string, after int) int {
	for i := after; i < len(lines); i++ {
		if trimmed := strings.TrimLeft(lines[i], " "); trimmed != "" {
			return len(lines[i]) - len(trimmed)
		}
	}
	return 0
}

// span is a length of time that remembers where it stands.
type span struct {
	text
	micros ledger.Micros
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (s *span) UnmarshalNode(n *yaml.Node) error {
	if err := s.text.UnmarshalNode(n); err != nil {
		return err
	}
	var d connector.Span
	if err := d.UnmarshalText([]byte(n.Value)); err != nil {
		return err
	}
	s.micros = d.Micros()
	return nil
}

// tree keeps a part of the file whose keys are data, for a walk of its own.
type tree struct{ node *yaml.Node }

// UnmarshalNode implements strictyaml.Unmarshaler.
func (t *tree) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("want key: value pairs")
	}
	t.node = n
	return nil
}
