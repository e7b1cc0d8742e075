package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// The formats of files.
const (
	FormatCSV   = "csv"   // one row a line, columns between delimiters
	FormatLines = "jsonl" // one JSON object a line
	FormatJSON  = "json"  // an array of JSON objects, or objects one after the other
)

// Files says how the files of a feed are written. What is left out is found
// out from each file.
type Files struct {
	// Format is csv, jsonl or json; by the file's name and first bytes if empty.
	Format Word `yaml:"format"`
	// Delimiter stands between columns: one character, or "tab".
	Delimiter Word `yaml:"delimiter"`
	// Encoding is a name of the WHATWG list, such as utf-8 or windows-1252.
	Encoding Word `yaml:"encoding"`
	// Skip is how many lines stand before the header.
	Skip int64 `yaml:"skip"`
	// Header names the columns of files that have no header line.
	Header []string `yaml:"header"`
	// Nothing lists the texts that mean no value, besides the empty one.
	Nothing []string `yaml:"nothing"`
	// Columns are those that are renamed or converted, by their names in the
	// file. For JSON they are the keys of a row.
	Columns map[string]*Column `yaml:"columns"`
}

// Column says what a column is called in expressions, and how its text is read.
type Column struct {
	// Name is that of expressions: `it.name`. The column's own if empty.
	Name Word `yaml:"name"`
	// Instant are the ways in which points in time are written, tried in order.
	Instant Layouts `yaml:"instant"`
	// Zone is where instants without offset are local; the source's if empty.
	Zone Word `yaml:"zone"`
	// Months are the names of January to December in another language.
	Months []string `yaml:"months"`
	// Decimal is the character before the fraction, "," or ".".
	Decimal Word `yaml:"decimal"`
	// Optional: files may lack the column.
	Optional bool `yaml:"optional"`

	layouts []layout
	zone    *time.Location
}

// Layouts are one or several ways to write an instant.
type Layouts []Word

// UnmarshalNode reads a single layout or a list of them.
func (l *Layouts) UnmarshalNode(n *yaml.Node) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	for _, c := range list {
		if c.Kind != yaml.ScalarNode {
			return errors.New("want a form such as \"DD.MM.YYYY HH:mm\", or a list of them")
		}
		*l = append(*l, Word{Text: c.Value, Line: c.Line, Column: c.Column})
	}
	return nil
}

// neverExpected is how often files are expected of a feed that does not say:
// history ends, and its end is no silence.
const neverExpected = connector.Span(36_500 * 24 * time.Hour)

// FilesFeed returns the feed that is read from files, nil if the system has
// none.
func (s *System) FilesFeed() *Feed {
	for i := range s.Feeds {
		if s.Feeds[i].Files != nil {
			return &s.Feeds[i]
		}
	}
	return nil
}

// DelimiterByte is the declared delimiter, 0 if it is to be found out.
func (f *Files) DelimiterByte() byte {
	switch {
	case f.Delimiter.Text == "tab":
		return '\t'
	case f.Delimiter.Text == "":
		return 0
	default:
		return f.Delimiter.Text[0]
	}
}

// EncodingNamed returns the encoding of a name of the WHATWG list; nil for
// UTF-8, which needs no conversion.
func EncodingNamed(name string) (encoding.Encoding, error) {
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no encoding; such are utf-8, utf-16le, windows-1252, iso-8859-15, windows-1251, shift_jis", name)
	}
	if canonical, err := htmlindex.Name(enc); err == nil && canonical == "utf-8" {
		return nil, nil
	}
	return enc, nil
}

// files compiles how a feed's files are written.
func (c *compiler) files(s *System, feed *Feed, t *fileFeed) {
	at := "feeds[" + feed.Name + "].files"
	f := t.Files
	if other := s.FilesFeed(); other != nil {
		c.bad(t.Name, "%s: feed %q is read from files already; a system has one such feed", at, other.Name)
	}
	if feed.ExpectedEvery == 0 {
		feed.ExpectedEvery = neverExpected
	}
	if !slices.Contains([]string{"", FormatCSV, FormatLines, FormatJSON}, f.Format.Text) {
		c.bad(f.Format, "%s.format: %q is none of csv, jsonl, json%s", at, f.Format.Text, strictyaml.Hint(f.Format.Text, []string{FormatCSV, FormatLines, FormatJSON}))
	}
	if d := f.Delimiter.Text; d != "" && d != "tab" && (len(d) != 1 || d[0] >= 0x80 || strings.ContainsAny(d, "\"\r\n\\ ") || isLetter(d[0])) {
		c.bad(f.Delimiter, "%s.delimiter: want one character such as \";\", or tab", at)
	}
	if f.Encoding.Text != "" {
		if _, err := EncodingNamed(f.Encoding.Text); err != nil {
			c.bad(f.Encoding, "%s.encoding: %s", at, err)
		}
	}
	if f.Skip < 0 || f.Skip > 1000 {
		c.bad(t.Name, "%s.skip: want 0 to 1000 lines", at)
	}
	names := map[string]string{}
	for _, header := range slices.Sorted(maps.Keys(f.Columns)) {
		col := f.Columns[header]
		c.column(at+".columns["+header+"]", header, col)
		if other, twice := names[col.Name.Text]; twice {
			c.bad(col.Name, "%s.columns: %q and %q are both called %s", at, other, header, col.Name.Text)
		}
		names[col.Name.Text] = header
	}
	for _, d := range feed.documents {
		if d.scheme == 0 && d.nativeID == nil {
			c.bad(c.byName[d.name].text.Name, "documents[%s]: a file carries it, so it needs a version: or a native_id: (the order's number will do); without either a row that is read again cannot be told from news", d.name)
		}
	}
}

func isLetter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

func (c *compiler) column(at, header string, col *Column) {
	if col.Name.Text == "" {
		col.Name.Text = header
	}
	for _, w := range col.Instant {
		l, err := parseLayout(w.Text, len(col.Months) > 0)
		if err != nil {
			c.bad(w, "%s.instant: %s", at, err)
			continue
		}
		col.layouts = append(col.layouts, l)
	}
	if n := len(col.Months); n != 0 && n != 12 {
		c.bad(col.Name, "%s.months: want twelve names, found %d", at, n)
	}
	if col.Zone.Text != "" {
		loc, err := time.LoadLocation(col.Zone.Text)
		if err != nil {
			c.bad(col.Zone, "%s.zone: %q is no IANA time zone, such as Europe/Berlin", at, col.Zone.Text)
		}
		col.zone = loc
	}
	switch {
	case col.Decimal.Text != "" && col.Decimal.Text != "," && col.Decimal.Text != ".":
		c.bad(col.Decimal, "%s.decimal: want \",\" or \".\"", at)
	case col.Decimal.Text != "" && len(col.Instant) > 0:
		c.bad(col.Decimal, "%s: a column is an instant or a decimal number, not both", at)
	case len(col.Instant) == 0 && (col.Zone.Text != "" || len(col.Months) > 0):
		c.bad(col.Zone, "%s.instant: is missing; zone and months belong to it", at)
	}
}
