package ruletest

import (
	"fmt"
	"io"
)

// WritePlain writes findings and a summary, one line each.
func (r *Report) WritePlain(w io.Writer) error {
	passed := 0
	for i := range r.Problems {
		if _, err := fmt.Fprintln(w, r.Problems[i].Error()); err != nil {
			return err
		}
	}
	for i := range r.Results {
		x := &r.Results[i]
		if x.Passed() {
			passed++
			continue
		}
		if _, err := fmt.Fprintf(w, "FAIL %s: %s\n", x.File, x.Name); err != nil {
			return err
		}
		for k := range x.Findings {
			if _, err := fmt.Fprintf(w, "  %s\n", x.Findings[k].String()); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d of %d tests passed\n", passed, len(r.Results))
	return err
}

// WriteTAP writes the report in the Test Anything Protocol, version 13. Files
// that could not be run are bail-outs.
func (r *Report) WriteTAP(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "TAP version 13\n1..%d\n", len(r.Results)); err != nil {
		return err
	}
	for i := range r.Results {
		x := &r.Results[i]
		word := "ok"
		if !x.Passed() {
			word = "not ok"
		}
		if _, err := fmt.Fprintf(w, "%s %d - %s: %s\n", word, i+1, x.File, x.Name); err != nil {
			return err
		}
		for k := range x.Findings {
			if _, err := fmt.Fprintf(w, "# %s\n", x.Findings[k].String()); err != nil {
				return err
			}
		}
	}
	for i := range r.Problems {
		if _, err := fmt.Fprintf(w, "Bail out! %s\n", r.Problems[i].Error()); err != nil {
			return err
		}
	}
	return nil
}
