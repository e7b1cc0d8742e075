package connector

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// FileSettings say which files of a source are read, and watched.
type FileSettings struct {
	// Paths are files, folders and patterns such as /drop/orders-*.csv.
	Paths []string `yaml:"paths"`
	// Every is how often they are looked at; 5s if zero.
	Every Span `yaml:"every"`
	// Covers is the stretch of time of which the files hold every order.
	Covers *Covers `yaml:"covers"`
}

// Covers declares that files hold everything their source has to say about a
// stretch of time (S-17). Only whoever made the files can know that.
type Covers struct {
	From Moment `yaml:"from"`
	// Until is an instant, or UntilWritten.
	Until Until `yaml:"until"`
}

// Until is the end of a declared stretch.
type Until struct {
	At ledger.Instant
	// Written: up to when the newest of the files was last written, less settle.
	Written bool
}

// untilWritten is how Until.Written is written.
const untilWritten = "written"

// UnmarshalText reads an instant, a date, or the word written.
func (u *Until) UnmarshalText(text []byte) error {
	if string(text) == untilWritten {
		u.Written = true
		return nil
	}
	var m Moment
	if err := m.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w, or the word %s", err, untilWritten)
	}
	u.At = m.Instant()
	return nil
}

// MarshalText writes an end as UnmarshalText reads it.
func (u Until) MarshalText() ([]byte, error) {
	if u.Written {
		return []byte(untilWritten), nil
	}
	return Moment(u.At).MarshalText()
}

// ParseCovers reads a stretch written as FROM..UNTIL, such as
// 2023-01-01..2024-01-01 or 2023-01-01..written.
func ParseCovers(text string) (*Covers, error) {
	from, until, ok := strings.Cut(text, "..")
	if !ok {
		return nil, fmt.Errorf("%q: want a stretch such as 2023-01-01..2024-01-01, or 2023-01-01..written", text)
	}
	c := &Covers{}
	if err := errors.Join(c.From.UnmarshalText([]byte(from)), c.Until.UnmarshalText([]byte(until))); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// Validate requires both ends, in order.
func (c *Covers) Validate() error {
	switch {
	case c.From == 0:
		return errors.New("from: say since when the files hold every order")
	case c.Until.At == 0 && !c.Until.Written:
		return fmt.Errorf("until: say up to when the files hold every order, or %q for files that are complete up to when they were written", untilWritten)
	case !c.Until.Written && c.Until.At <= c.From.Instant():
		return errors.New("until: must be after from")
	}
	return nil
}

func (s *Source) validateFiles(bad func(path, format string, args ...any)) {
	if s.Files.Covers != nil {
		if err := s.Files.Covers.Validate(); err != nil {
			bad("files.covers", "%w", err)
		}
	}
	for _, p := range s.Files.Paths {
		if strings.TrimSpace(p) == "" {
			bad("files.paths", "a path is empty")
		}
	}
}
