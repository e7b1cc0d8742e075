package file

import (
	"bytes"
	"errors"
	"io"
)

// maxRecord bounds one row, and with it the memory that a file takes.
const maxRecord = 1 << 20

// window is the part of a text that is being looked at. What was consumed is
// digested and counted.
type window struct {
	r        io.Reader
	buf      []byte
	pos, end int
	eof      bool
	err      error // other than the end
	// final: the text is not being written any more, so that what stands open at
	// its end is broken.
	final bool

	digest *digest
	offset int64
	line   int64 // lines before the window
}

func newWindow(r io.Reader, d *digest, offset, line int64) *window {
	return &window{r: r, buf: make([]byte, 64<<10), digest: d, offset: offset, line: line}
}

// bytes is what is there and not consumed.
func (w *window) bytes() []byte { return w.buf[w.pos:w.end] }

// more reads on. It reports false if nothing more can be had: at the end, after a
// fault, or because the window is as large as a row may be.
func (w *window) more() bool {
	if w.eof || w.err != nil || w.end-w.pos >= maxRecord+(64<<10) {
		return false
	}
	if w.end == len(w.buf) {
		if w.pos > 0 {
			copy(w.buf, w.buf[w.pos:w.end])
			w.end -= w.pos
			w.pos = 0
		} else {
			w.buf = append(w.buf, make([]byte, len(w.buf))...)
		}
	}
	n, err := w.r.Read(w.buf[w.end:])
	w.end += n
	switch {
	case errors.Is(err, io.EOF):
		w.eof = true
	case err != nil:
		w.err = err
	}
	return n > 0 || !w.eof && w.err == nil
}

// consume moves past the next n bytes.
func (w *window) consume(n int) {
	b := w.buf[w.pos : w.pos+n]
	_, _ = w.digest.Write(b)
	w.line += int64(bytes.Count(b, newline))
	w.offset += int64(n)
	w.pos += n
}

var newline = []byte{'\n'}

// physical is the length of the next line with its end, from offset i. Without
// an end it reads on, up to what a row may be; ended is false then.
func (w *window) physical(i int) (n int, ended bool) {
	for {
		if k := bytes.IndexByte(w.bytes()[i:], '\n'); k >= 0 {
			return i + k + 1, true
		}
		i = w.end - w.pos
		if !w.more() {
			return w.end - w.pos, false
		}
	}
}
