package file

import "bytes"

// valueSplitter cuts a text into JSON objects: the elements of an array, or one
// after the other. Brackets and commas between objects need no state, so that
// reading goes on behind any of them.
type valueSplitter struct{ *window }

func (s valueSplitter) next() (record, bool, error) {
	for {
		s.skip()
		if len(s.bytes()) == 0 && !s.more() {
			return s.endOf()
		}
		b := s.bytes()
		if len(b) == 0 || isBetween(b[0]) {
			continue
		}
		if b[0] != '{' {
			return s.junk()
		}
		return s.object()
	}
}

func isBetween(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '[' || c == ']' || c == 0xef || c == 0xbb || c == 0xbf
}

// skip moves past what stands between objects.
func (s valueSplitter) skip() {
	for {
		b := s.bytes()
		i := 0
		for i < len(b) && isBetween(b[i]) {
			i++
		}
		s.consume(i)
		if i < len(b) || !s.more() {
			return
		}
	}
}

// object reads up to the brace that closes the first one. An object that is not
// closed costs its first line alone.
func (s valueSplitter) object() (record, bool, error) {
	r := record{line: s.line + 1}
	var c jsonScan
	for {
		n := c.scan(s.bytes())
		if n > 0 {
			r.raw = s.bytes()[:n]
			if n > maxRecord {
				r.broken = brokenLong
			}
			s.consume(n)
			return r, true, nil
		}
		if n == 0 && s.more() {
			continue
		}
		if s.err != nil {
			return s.endOf()
		}
		if n == 0 && !s.eof {
			return s.tooLong(r)
		}
		r.tail = n == 0 && !s.final
		n, _ = s.physical(0)
		r.raw, r.broken = s.bytes()[:min(n, keptOfLong)], brokenValue
		if !r.tail {
			s.consume(n)
		}
		return r, true, nil
	}
}

// junk sets aside what is no object, up to the next line that begins with one.
func (s valueSplitter) junk() (record, bool, error) {
	r := record{line: s.line + 1, broken: brokenValue}
	for {
		n, ended := s.physical(0)
		if r.raw == nil {
			r.raw = bytes.Clone(s.bytes()[:min(n, keptOfLong)])
		}
		s.consume(n)
		if !ended {
			if s.err != nil {
				return s.endOf()
			}
			if s.eof {
				return r, true, nil
			}
			continue
		}
		s.skip()
		if b := s.bytes(); len(b) == 0 || b[0] == '{' {
			return r, true, nil
		}
	}
}

// jsonScan finds the end of an object, and goes on where it stopped.
type jsonScan struct {
	i, depth int
	arrays   uint64 // which of the open brackets are those of arrays, innermost first
	text     bool
	escaped  bool
}

// maxBrackets is how many may be open: more than a document may have.
const maxBrackets = 64

// scan returns the length of the object, 0 if it is not closed yet, and -1 if it
// is closed by a bracket that opened nothing.
func (c *jsonScan) scan(b []byte) int {
	for ; c.i < len(b); c.i++ {
		ch := b[c.i]
		switch {
		case c.escaped:
			c.escaped = false
		case c.text:
			if ch == '\\' {
				c.escaped = true
			} else if ch == '"' {
				c.text = false
			}
		case ch == '"':
			c.text = true
		case ch == '{' || ch == '[':
			c.depth++
			c.arrays = c.arrays<<1 | uint64(ch>>5&1^1)
			if c.depth > maxBrackets {
				return -1
			}
		case ch == '}' || ch == ']':
			if c.arrays&1 != uint64(ch>>5&1^1) {
				return -1
			}
			c.arrays >>= 1
			if c.depth--; c.depth == 0 {
				c.i++
				return c.i
			}
		}
	}
	return 0
}
