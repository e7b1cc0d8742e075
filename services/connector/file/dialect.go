package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/orderledger/orderledger/services/connector/catalog"
)

// sampleBytes is how much of a file is looked at to find out how it is written.
const sampleBytes = 256 << 10

// fallbackEncoding is that of files that are no UTF-8 and declare nothing.
const fallbackEncoding = "windows-1252"

// dialect is how one file is written.
type dialect struct {
	format       string
	delimiter    byte
	encodingName string
	// encoding is nil for UTF-8, which includes what the stream converted to it.
	encoding encoding.Encoding
	// single: the encoding has one byte a character.
	single bool
	header []string
	// width is how many columns the header line has, unnamed ones at its end
	// included.
	width int
	// start and startLine are where the rows begin.
	start     int64
	startLine int64
}

// errHeader is the identity of a header that is not there completely.
var errHeader = errors.New("the header line is not there yet")

// detect finds out how a file is written, as far as neither the catalog nor an
// earlier look at it says so. A header without its line end counts in a file that
// rests.
func detect(path string, f *catalog.Files, known *state, rest bool) (*dialect, error) {
	d := &dialect{format: f.Format.Text, delimiter: f.DelimiterByte(), encodingName: f.Encoding.Text}
	if known != nil && known.Format != "" {
		d.format, d.encodingName = known.Format, known.Encoding
		if known.Delimiter != "" {
			d.delimiter = known.Delimiter[0]
		}
	}
	s, err := openStream(path, d.encodingName)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sample, err := io.ReadAll(io.LimitReader(s, sampleBytes))
	if err != nil {
		return nil, fmt.Errorf("read the beginning: %w", err)
	}
	d.guessEncoding(sample, isUTF16(d.encodingName))
	if d.encodingName != "" && !isUTF16(d.encodingName) && !bytes.HasPrefix(sample, bomUTF8) {
		if d.encoding, err = catalog.EncodingNamed(d.encodingName); err != nil {
			return nil, err
		}
		_, d.single = d.encoding.(*charmap.Charmap)
	}
	d.guessFormat(path, sample)
	if d.format != catalog.FormatCSV {
		return d, nil
	}
	return d, d.table(f, sample, rest && int64(len(sample)) < sampleBytes)
}

func isUTF16(name string) bool { return strings.HasPrefix(name, "utf-16") }

// guessEncoding decides between UTF-8 and the fallback by what most lines with
// characters outside ASCII are.
func (d *dialect) guessEncoding(sample []byte, converted bool) {
	if d.encodingName != "" || converted {
		return
	}
	d.encodingName = "utf-8"
	if bytes.HasPrefix(sample, bomUTF8) {
		return
	}
	if i := bytes.LastIndexByte(sample, '\n'); i > 0 {
		sample = sample[:i]
	}
	valid, invalid := 0, 0
	for line := range bytes.SplitSeq(sample, newline) {
		switch {
		case !utf8.Valid(line):
			invalid++
		case !isASCII(line):
			valid++
		}
	}
	if invalid > valid {
		d.encodingName = fallbackEncoding
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// guessFormat goes by the first character, then by the name.
func (d *dialect) guessFormat(path string, sample []byte) {
	if d.format != "" {
		return
	}
	name := strings.ToLower(filepath.Base(path))
	for _, ext := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, ext)
	}
	switch first := bytes.TrimLeft(sample, "\ufeff \t\r\n"); {
	case strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson"):
		d.format = catalog.FormatLines
	case len(first) > 0 && (first[0] == '{' || first[0] == '['):
		d.format = catalog.FormatJSON
	default:
		d.format = catalog.FormatCSV
	}
}

// table finds delimiter and header of a CSV file.
func (d *dialect) table(f *catalog.Files, sample []byte, whole bool) error {
	skipped := int64(0)
	if bytes.HasPrefix(sample, bomUTF8) {
		skipped = int64(len(bomUTF8))
	}
	for range f.Skip {
		i := bytes.IndexByte(sample[skipped:], '\n')
		if i < 0 {
			return errHeader
		}
		skipped += int64(i) + 1
	}
	sample = sample[skipped:]
	if d.delimiter == 0 {
		d.delimiter = d.guessDelimiter(f, sample)
	}
	if len(f.Header) > 0 {
		d.header, d.width, d.start, d.startLine = f.Header, len(f.Header), skipped, f.Skip
		return d.check(f)
	}
	w := newWindow(bytes.NewReader(sample), newDigest(), 0, 0)
	rec, ok, err := (&csvSplitter{window: w, delimiter: d.delimiter}).next()
	switch {
	case err != nil:
		return err
	case !ok || rec.tail && !whole || rec.tail && rec.broken != "":
		return errHeader
	case rec.broken != "":
		return fmt.Errorf("the header line cannot be read: %s", rec.broken)
	}
	text, ok := d.text(rec.raw)
	if !ok {
		return fmt.Errorf("the header line is not %s: declare encoding:", d.encodingName)
	}
	names, err := fields(text, d.delimiter, nil)
	if err != nil {
		return fmt.Errorf("the header line cannot be read: %w", err)
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	d.width = len(names)
	for len(names) > 1 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	if rec.tail {
		w.consume(len(rec.raw))
	}
	d.header, d.start, d.startLine = names, skipped+w.offset, f.Skip+w.line
	return d.check(f)
}

// check holds the header to what the catalog expects of it.
func (d *dialect) check(f *catalog.Files) error {
	for i, name := range d.header {
		if slices.Contains(d.header[:i], name) {
			return fmt.Errorf("column %q stands twice in the header: name the columns with header: and skip: 1", name)
		}
	}
	var missing []string
	for name, c := range f.Columns {
		if !c.Optional && !slices.Contains(d.header, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("the header lacks %q; it has %q. Is it another delimiter (%q) or encoding (%s)? A column that may be missing is declared optional: true",
			missing, d.header, d.delimiter, d.encodingName)
	}
	return nil
}

// guessDelimiter takes the character that gives the most of the declared
// columns, then the most rows of equal width, then the most columns.
func (d *dialect) guessDelimiter(f *catalog.Files, sample []byte) byte {
	best, bestScore := byte(','), [3]int{}
	for _, delimiter := range []byte{',', ';', '\t', '|'} {
		w := newWindow(bytes.NewReader(sample), newDigest(), 0, 0)
		split := &csvSplitter{window: w, delimiter: delimiter}
		var score [3]int
		for row := range 20 {
			rec, ok, err := split.next()
			if !ok || err != nil || rec.tail && row > 0 {
				break
			}
			text, _ := d.text(rec.raw)
			cols, err := fields(text, delimiter, nil)
			switch {
			case err != nil:
			case row == 0:
				score[2] = len(cols)
				for _, c := range cols {
					if f.Columns[strings.TrimSpace(c)] != nil {
						score[0]++
					}
				}
			case len(cols) == score[2] && score[2] > 1:
				score[1]++
			}
			if rec.tail {
				break
			}
		}
		if slices.Compare(score[:], bestScore[:]) > 0 {
			best, bestScore = delimiter, score
		}
	}
	return best
}

// text decodes a row; false if it is not in the file's encoding.
func (d *dialect) text(raw []byte) (string, bool) {
	if d.encoding == nil {
		return string(raw), utf8.Valid(raw)
	}
	if isASCII(raw) {
		return string(raw), true
	}
	if d.single && utf8.Valid(raw) {
		return "", false // several bytes that happen to be UTF-8 are UTF-8
	}
	out, err := d.encoding.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", false
	}
	return string(out), true
}

// splitter cuts a text of this dialect.
func (d *dialect) splitter(w *window) splitter {
	switch d.format {
	case catalog.FormatCSV:
		return &csvSplitter{window: w, delimiter: d.delimiter, columns: d.width}
	case catalog.FormatLines:
		return lineSplitter{w}
	default:
		return valueSplitter{w}
	}
}
