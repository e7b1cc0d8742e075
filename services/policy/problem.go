package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// Level says how bad a problem is.
type Level uint8

// The levels.
const (
	// LevelError keeps a policy from being compiled.
	LevelError Level = 1
	// LevelWarning marks what is valid and probably not meant.
	LevelWarning Level = 2
)

// String returns "error" or "warning".
func (l Level) String() string {
	if l == LevelWarning {
		return "warning"
	}
	return "error"
}

// Problem is one thing wrong with a policy, at a place a person can go to.
// Line and Column count from 1; both are 0 where no file is to blame.
type Problem struct {
	Level  Level
	File   string
	Line   int
	Column int
	Text   string
}

// Error returns "file:line:column: text", with "warning: " before the text of
// a warning.
func (p *Problem) Error() string {
	text := p.Text
	if p.Level == LevelWarning {
		text = "warning: " + text
	}
	if p.Line == 0 {
		if p.File == "" {
			return text
		}
		return p.File + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, text)
}

// Failed reports whether a problem of the list is an error.
func Failed(list []Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.Level == LevelError })
}

// Err joins the errors of the list; nil if it holds only warnings.
func Err(list []Problem) error {
	var errs []error
	for i := range list {
		if list[i].Level == LevelError {
			errs = append(errs, &list[i])
		}
	}
	return errors.Join(errs...)
}

// sortProblems orders problems by file and place, so that reports do not
// depend on the order of checks.
func sortProblems(list []Problem) {
	slices.SortStableFunc(list, func(a, b Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// fromYAML turns the error of strictyaml.Decode into problems.
func fromYAML(file string, err error) []Problem {
	if err == nil {
		return nil
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var out []Problem
	for _, e := range list {
		var p *strictyaml.Problem
		if errors.As(e, &p) {
			out = append(out, Problem{LevelError, p.File, p.Line, p.Column, p.Text})
			continue
		}
		out = append(out, Problem{Level: LevelError, File: file, Text: e.Error()})
	}
	return out
}
