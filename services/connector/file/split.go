package file

import (
	"bytes"
	"errors"
	"fmt"
)

// record is one row as it stands in the text.
type record struct {
	raw  []byte // valid until the next one
	line int64  // of its first byte, from 1
	// broken says why it is none; the rest of the file is not concerned.
	broken string
	// tail: the text ends without ending the row, so that it may yet grow.
	tail bool
}

// splitter cuts a text into records. At the end it returns false, and the
// window's fault if there was one.
type splitter interface {
	next() (record, bool, error)
}

// Why a record is none.
const (
	brokenQuote = "a quotation mark is not closed, or text follows it"
	brokenLong  = "the row is longer than 1 MiB"
	brokenValue = "no JSON object stands here"
)

// end is what a splitter returns when nothing more can be had.
func (w *window) endOf() (record, bool, error) {
	if w.err != nil {
		return record{}, false, fmt.Errorf("read at byte %d: %w", w.offset, w.err)
	}
	return record{}, false, nil
}

// lineSplitter cuts at line ends: JSON lines.
type lineSplitter struct{ *window }

func (s lineSplitter) next() (record, bool, error) {
	for {
		n, ended := s.physical(0)
		if n == 0 || !ended && s.err != nil {
			return s.endOf()
		}
		r := record{line: s.line + 1, tail: !ended && s.eof}
		if !ended && !s.eof {
			return s.tooLong(r)
		}
		r.raw = bytes.Trim(s.bytes()[:n], " \t\r\n\ufeff")
		if len(r.raw) > maxRecord {
			r.broken = brokenLong
		}
		if r.tail {
			if len(r.raw) == 0 {
				s.consume(n)
				return s.endOf()
			}
			return r, true, nil
		}
		s.consume(n)
		if len(r.raw) > 0 {
			return r, true, nil
		}
	}
}

// keptOfLong is how much is kept of a row that is too long.
const keptOfLong = 64 << 10

// tooLong sets a line aside that does not fit into the window, and reads over
// the rest of it.
func (w *window) tooLong(r record) (record, bool, error) {
	r.raw, r.broken = bytes.Clone(w.bytes()[:keptOfLong]), brokenLong
	for {
		if k := bytes.IndexByte(w.bytes(), '\n'); k >= 0 {
			w.consume(k + 1)
			return r, true, nil
		}
		w.consume(w.end - w.pos)
		if !w.more() {
			return r, true, nil
		}
	}
}

// csvSplitter cuts at line ends outside of quotation marks.
type csvSplitter struct {
	*window
	delimiter byte
	columns   int // how many a row has, 0 while unknown
}

func (s *csvSplitter) next() (record, bool, error) {
	for {
		n, ended := s.physical(0)
		if n == 0 || !ended && s.err != nil {
			return s.endOf()
		}
		r := record{line: s.line + 1, tail: !ended && s.eof}
		if !ended && !s.eof {
			return s.tooLong(r)
		}
		if bytes.IndexByte(s.bytes()[:n], '"') >= 0 {
			n = s.quoted(n, &r)
		}
		r.raw = bytes.TrimRight(s.bytes()[:n], "\r\n")
		if len(r.raw) > maxRecord && r.broken == "" {
			r.broken = brokenLong
		}
		if s.err != nil {
			return s.endOf()
		}
		if r.tail {
			return r, true, nil
		}
		blank := len(bytes.Trim(r.raw, " \t")) == 0
		s.consume(n)
		if !blank {
			return r, true, nil
		}
	}
}

// quoted finds the end of a record whose first line has a quotation mark. A
// record that goes over several lines must be whole; otherwise its first line
// alone is broken, so that a mark that was forgotten costs one row.
func (s *csvSplitter) quoted(first int, r *record) int {
	c := csvScan{delimiter: s.delimiter}
	for {
		ended := s.eof
		n, state := c.scan(s.bytes(), ended)
		switch {
		case state == scanMore && !ended && (s.more() || s.eof):
			continue
		case state == scanMore && s.err != nil:
			return first
		case state == scanMore && c.open && !s.final:
			r.tail = true // it may yet be closed
			return first
		case state != scanEnd:
			r.broken = brokenQuote
			return first
		case n > first && s.columns > 0 && c.fields != s.columns:
			r.broken = brokenQuote
			return first
		}
		r.tail = s.eof && n == s.end-s.pos && s.bytes()[n-1] != '\n'
		return n
	}
}

type scanState uint8

const (
	scanEnd  scanState = iota // the record is whole
	scanMore                  // the text ends inside
	scanBad
)

// csvScan walks over one record. It goes on where it stopped when more of the
// text is there.
type csvScan struct {
	delimiter byte
	i         int
	quoted    bool // inside quotation marks
	start     bool // not at a field's first byte
	fields    int
	open      bool // at the end of the text
}

// scan returns the length of the record with its line end.
func (c *csvScan) scan(b []byte, eof bool) (int, scanState) {
	for c.i < len(b) {
		if c.quoted {
			k := bytes.IndexByte(b[c.i:], '"')
			if k < 0 {
				c.i = len(b)
				break
			}
			if c.i+k+1 == len(b) && !eof {
				c.i += k
				return 0, scanMore // whether it is doubled is not known yet
			}
			c.i += k + 1
			if c.i < len(b) && b[c.i] == '"' {
				c.i++
				continue
			}
			c.quoted = false
			if c.i < len(b) && b[c.i] != c.delimiter && b[c.i] != '\n' && b[c.i] != '\r' {
				return 0, scanBad
			}
			continue
		}
		switch ch := b[c.i]; {
		case ch == '\n':
			c.fields++
			return c.i + 1, scanEnd
		case ch == c.delimiter:
			c.fields++
			c.start = false
		case ch == '"' && !c.start:
			c.quoted, c.start = true, true
		default:
			c.start = true
		}
		c.i++
	}
	if !eof {
		return 0, scanMore
	}
	if c.quoted {
		c.open = true
		return 0, scanMore
	}
	c.fields++
	return len(b), scanEnd
}

// errBroken is the identity of a row of which columns cannot be made.
var errBroken = errors.New(brokenQuote)

// fields cuts a record into its columns, without quotation marks.
func fields(rec string, delimiter byte, into []string) ([]string, error) {
	into = into[:0]
	for {
		if rec == "" || rec[0] != '"' {
			i := indexByte(rec, delimiter)
			if i < 0 {
				return append(into, rec), nil
			}
			into = append(into, rec[:i])
			rec = rec[i+1:]
			continue
		}
		text, rest, ok := unquote(rec)
		if !ok || rest != "" && rest[0] != delimiter {
			return nil, errBroken
		}
		into = append(into, text)
		if rest == "" {
			return into, nil
		}
		rec = rest[1:]
	}
}
