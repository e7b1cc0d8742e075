package file

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/document"
)

// plan is what becomes of one column.
type plan struct {
	name   string // in expressions
	column *catalog.Column
}

// shaper turns records of one file into rows for the catalog. It is safe for
// concurrent use.
type shaper struct {
	dialect *dialect
	files   *catalog.Files
	plans   []plan // of the header's columns
	zone    *time.Location
	limits  document.Limits
}

func newShaper(d *dialect, f *catalog.Files, zone *time.Location) *shaper {
	s := &shaper{dialect: d, files: f, zone: zone, limits: document.DefaultLimits()}
	for _, name := range d.header {
		p := plan{name: name, column: f.Columns[name]}
		if p.column != nil {
			p.name = p.column.Name.Text
		}
		s.plans = append(s.plans, p)
	}
	return s
}

// refusal is why a record gives no row.
type refusal struct {
	reason string
	err    error
	// row is what could be made of it nevertheless; nil if nothing.
	row map[string]any
}

// scratch is what shaping one record after the other can share.
type scratch struct{ columns []string }

// row makes a row of a record's bytes.
func (s *shaper) row(raw []byte, x *scratch) (map[string]any, *refusal) {
	text, ok := s.dialect.text(raw)
	if !ok {
		return nil, &refusal{reason: catalog.ReasonBrokenEncoding, err: fmt.Errorf("the row is not %s", s.dialect.encodingName)}
	}
	if s.dialect.format != catalog.FormatCSV {
		return s.object(text)
	}
	cols, err := fields(text, s.dialect.delimiter, x.columns)
	if err != nil {
		return nil, &refusal{reason: catalog.ReasonBrokenRow, err: err}
	}
	x.columns = cols
	n := len(s.plans)
	for len(cols) > n && strings.TrimSpace(cols[len(cols)-1]) == "" {
		cols = cols[:len(cols)-1]
	}
	if len(cols) != n {
		return nil, &refusal{reason: catalog.ReasonBrokenRow, err: fmt.Errorf("the row has %d columns, the header %d", len(cols), n)}
	}
	row := make(map[string]any, n+len(s.files.Columns))
	empty := true
	var bad *refusal
	for i := range s.plans {
		p := &s.plans[i]
		v := strings.TrimSpace(cols[i])
		if v == "" || slices.Contains(s.files.Nothing, v) {
			row[p.name] = nil
			continue
		}
		empty = false
		if p.column != nil {
			read, err := p.column.Read(v, s.zone)
			if err != nil && bad == nil {
				bad = &refusal{reason: catalog.ReasonBrokenRow, err: fmt.Errorf("column %q %w", s.dialect.header[i], err)}
			}
			if err == nil {
				v = read
			}
		}
		row[p.name] = v
	}
	if empty {
		return nil, nil
	}
	s.complete(row)
	if bad != nil {
		bad.row = row
		return nil, bad
	}
	return row, nil
}

// complete adds the columns that a file lacks, so that expressions may name them.
func (s *shaper) complete(row map[string]any) {
	for _, c := range s.files.Columns {
		if c.Optional {
			if _, there := row[c.Name.Text]; !there {
				row[c.Name.Text] = nil
			}
		}
	}
}

var errObject = errors.New("the row is no JSON object")

// object makes a row of a JSON object: keys of its first level are renamed and
// converted like columns.
func (s *shaper) object(text string) (map[string]any, *refusal) {
	v, err := document.Decode([]byte(text), s.limits)
	if err != nil {
		return nil, &refusal{reason: catalog.ReasonBroken, err: err}
	}
	row, ok := v.(map[string]any)
	if !ok {
		return nil, &refusal{reason: catalog.ReasonBroken, err: errObject}
	}
	var bad *refusal
	named := make(map[string]any, len(s.files.Columns))
	for _, key := range slices.Sorted(maps.Keys(s.files.Columns)) {
		c := s.files.Columns[key]
		v, there := row[key]
		if !there {
			continue
		}
		delete(row, key)
		if t, is := v.(string); is {
			t = strings.TrimSpace(t)
			read, err := c.Read(t, s.zone)
			switch {
			case t == "" || slices.Contains(s.files.Nothing, t):
				v = nil
			case err != nil:
				bad = &refusal{reason: catalog.ReasonBrokenRow, err: fmt.Errorf("key %q %w", key, err)}
			case err == nil:
				v = read
			}
		}
		named[c.Name.Text] = v
	}
	maps.Copy(row, named)
	s.complete(row)
	if bad != nil {
		bad.row = row
		return nil, bad
	}
	return row, nil
}
