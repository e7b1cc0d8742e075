package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// state is how far one file has been read. Every row before Offset is in the log,
// or in quarantine.
type state struct {
	Path string `json:"path"`
	// Size, Modified and Inode are those of the file when it was last opened.
	Size     int64  `json:"size"`
	Modified int64  `json:"mtime"` // nanoseconds since 1970
	Inode    uint64 `json:"inode,omitempty"`
	// Offset and Line count the text as it is unpacked.
	Offset int64 `json:"offset"`
	Line   int64 `json:"line"`
	Rows   int64 `json:"rows"`
	mark
	// Format, Delimiter and Encoding are as they were found out at first.
	Format    string `json:"format,omitempty"`
	Delimiter string `json:"delimiter,omitempty"`
	Encoding  string `json:"encoding,omitempty"`
	// Bad counts quarantined rows; FirstBad is the first one's entry, BadAt when
	// the newest was set aside.
	Bad      int64          `json:"bad,omitempty"`
	FirstBad string         `json:"first_bad,omitempty"`
	BadAt    ledger.Instant `json:"bad_at,omitempty"`
	// Done: everything up to Size was read.
	Done bool `json:"done,omitempty"`
}

// same reports whether a file is as it was when it was last opened.
func (s *state) same(t *state) bool {
	return s.Size == t.Size && s.Modified == t.Modified && s.Inode == t.Inode
}

// cursor is what a feed of files needs to go on after a kill.
type cursor struct {
	Format int      `json:"format"`
	Files  []*state `json:"files"`
}

const cursorFormat = 1

// maxFiles bounds the cursor, which is one record of the log.
const maxFiles = 8_000

var errTooMany = fmt.Errorf("more than %d files: move those that were read to another folder", maxFiles)

func (c *cursor) encode() ([]byte, error) {
	if len(c.Files) > maxFiles {
		return nil, errTooMany
	}
	c.Format = cursorFormat
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode cursor: %w", err)
	}
	return b, nil
}

// decodeCursor reads a cursor; one that is lost means reading again, which
// doubles nothing.
func decodeCursor(b []byte) (*cursor, error) {
	c := &cursor{}
	if len(b) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(b, c); err != nil || c.Format != cursorFormat {
		return &cursor{}, errors.New("cursor of the files is lost or of another version: they are read again")
	}
	return c, nil
}

// find returns the state of a path, nil if it was never read.
func (c *cursor) find(path string) *state {
	i, ok := slices.BinarySearchFunc(c.Files, path, func(s *state, p string) int { return strings.Compare(s.Path, p) })
	if !ok {
		return nil
	}
	return c.Files[i]
}

// put keeps a state, in place of an older one of its path.
func (c *cursor) put(s *state) {
	i, ok := slices.BinarySearchFunc(c.Files, s.Path, func(x *state, p string) int { return strings.Compare(x.Path, p) })
	if ok {
		c.Files[i] = s
		return
	}
	c.Files = slices.Insert(c.Files, i, s)
}

// badRetention is that of quarantined originals: so long a file that is gone is
// remembered for its rows that could not be read.
const badRetention = 90 * ledger.Day

// prune forgets files that are gone, unless rows of theirs are still missed.
func (c *cursor) prune(now ledger.Instant, gone func(path string) bool) {
	c.Files = slices.DeleteFunc(c.Files, func(s *state) bool {
		return gone(s.Path) && (s.Bad == 0 || s.BadAt < now.Add(-badRetention))
	})
}
