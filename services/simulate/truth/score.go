package truth

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Count is one line of a score: what became of one class of faults.
type Count struct {
	Fault    string
	Injected int // orders or feeds it happened to
	// Expected is how many exceptions must be claimed because of it.
	Expected int
	Found    int
	Missed   int
	NotYet   int // not yet knowable
	// Over were healed before anybody could have known, or before the ledger
	// began to listen.
	Over int
}

// False is a claim that nothing in the truth supports.
type False struct {
	Claim Claim
	Why   string
}

// Missing is an expectation that was not met although it was knowable.
type Missing struct {
	Expectation Expectation
	Step        Step
}

// Card is the outcome of a comparison.
type Card struct {
	At      time.Time
	Counts  []Count // one per fault that was injected, in order of first injection
	Missing []Missing
	False   []False
	// Healthy is how many orders had no fault at all.
	Healthy int
}

// Perfect reports whether everything knowable was found and nothing else was
// claimed.
func (c *Card) Perfect() bool { return len(c.Missing) == 0 && len(c.False) == 0 }

// Complete reports whether the card is perfect and nothing is left to be known.
func (c *Card) Complete() bool {
	return c.Perfect() && !slices.ContainsFunc(c.Counts, func(n Count) bool { return n.NotYet > 0 })
}

// Score compares a truth with everything that was claimed up to an instant:
// exceptions open and resolved, each under every name it had.
func Score(t *Truth, claimed []Claim, at time.Time) *Card {
	card := &Card{At: at}
	for i := range t.Orders {
		o := &t.Orders[i]
		switch {
		case o.Born.After(at):
		case o.Fault == "":
			card.Healthy++
		default:
			card.count(o.Fault).Injected++
		}
	}
	for i := range t.Feeds {
		card.count(t.Feeds[i].Fault).Injected++
	}
	all := t.Expectations()
	for i := range all {
		card.judge(t, &all[i], claimed)
	}
	for i := range claimed {
		if why := unsupported(all, &claimed[i]); why != "" {
			card.False = append(card.False, False{Claim: claimed[i], Why: why})
		}
	}
	return card
}

// count returns the line of a fault, adding it if new.
func (c *Card) count(fault string) *Count {
	at := slices.IndexFunc(c.Counts, func(n Count) bool { return n.Fault == fault })
	if at < 0 {
		c.Counts = append(c.Counts, Count{Fault: fault})
		at = len(c.Counts) - 1
	}
	return &c.Counts[at]
}

// judge counts one expectation.
func (c *Card) judge(t *Truth, e *Expectation, claimed []Claim) {
	n := c.count(e.Fault)
	n.Expected++
	last := c.At
	if !e.Heals.IsZero() && e.Heals.Before(last) {
		last = e.Heals
	}
	due := -1
	for i := range e.Steps {
		if known := latest(e.Steps[i].Knowable, t.ListeningFrom); !known.After(last) {
			due = i
		}
	}
	found := false
	for i := max(due, 0); i < len(e.Steps); i++ {
		found = found || slices.ContainsFunc(claimed, func(x Claim) bool { return supports(e, i, &x) })
	}
	switch {
	case found:
		n.Found++
	case due >= 0:
		n.Missed++
		c.Missing = append(c.Missing, Missing{Expectation: *e, Step: e.Steps[due]})
	case last.Before(c.At):
		n.Over++
	default:
		n.NotYet++
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// supports reports whether step i of an expectation is what a claim says.
func supports(e *Expectation, i int, x *Claim) bool {
	return e.Subject == x.Subject && (e.Steps[i].Exception == x.Exception || e.Steps[i].Exception == AnyException) && (x.SaidAt.IsZero() || !x.SaidAt.Before(e.Steps[i].NotBefore))
}

// unsupported returns why nothing in the truth supports a claim, or nothing.
func unsupported(all []Expectation, x *Claim) string {
	why := "nothing is wrong with it"
	for i := range all {
		if all[i].Subject != x.Subject {
			continue
		}
		for k := range all[i].Steps {
			switch {
			case supports(&all[i], k, x):
				return ""
			case all[i].Steps[k].Exception == x.Exception:
				why = "too early: not before " + all[i].Steps[k].NotBefore.UTC().Format(time.RFC3339)
			case !strings.HasPrefix(why, "too early"):
				why = "another thing is wrong with it: " + all[i].Fault
			}
		}
	}
	return why
}

// Write prints the card as a table for people.
func (c *Card) Write(w io.Writer) error {
	rows := [][]string{{"fault", "injected", "to claim", "found", "missed", "not yet knowable", "over before"}}
	for _, n := range c.Counts {
		row := []string{n.Fault}
		for k, v := range []int{n.Injected, n.Expected, n.Found, n.Missed, n.NotYet, n.Over} {
			text := strconv.Itoa(v)
			if k > 0 && v == 0 && (k > 1 || n.Expected == 0) {
				text = "·"
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	rows = append(rows, []string{"(healthy orders)", strconv.Itoa(c.Healthy), "·", "·", "·", "·", "·"})
	var b strings.Builder
	writeTable(&b, rows)
	for _, m := range c.Missing {
		fmt.Fprintf(&b, "missed: %s %s (%s), knowable since %s\n", m.Step.Exception, m.Expectation.Subject, m.Expectation.Fault, m.Step.Knowable.UTC().Format(time.RFC3339))
	}
	for _, f := range c.False {
		fmt.Fprintf(&b, "false claim: %s %s: %s\n", f.Claim.Exception, f.Claim.Subject, f.Why)
	}
	fmt.Fprintf(&b, "false claims: %d · %s\n", len(c.False), c.verdict())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
}

func (c *Card) verdict() string {
	switch {
	case c.Complete():
		return "perfect: every fault was found and nothing else was claimed"
	case c.Perfect():
		return "perfect so far: every knowable fault was found and nothing else was claimed"
	default:
		return fmt.Sprintf("not perfect: %d missed, %d false", len(c.Missing), len(c.False))
	}
}

// writeTable aligns columns: the first to the left, the others to the right.
func writeTable(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, s := range r {
			width[i] = max(width[i], len([]rune(s)))
		}
	}
	for _, r := range rows {
		for i, s := range r {
			pad := strings.Repeat(" ", width[i]-len([]rune(s)))
			if i == 0 {
				b.WriteString(s + pad)
			} else {
				b.WriteString("  " + pad + s)
			}
		}
		b.WriteString("\n")
	}
}
