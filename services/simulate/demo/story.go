package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Story tells what a ledger finds out, as it happens.
type Story struct {
	out     io.Writer
	numbers map[string]string // order key → number
	told    map[string]bool   // exceptions whose remedy was told once
	zone    *time.Location
	err     error
}

// NewStory tells into a writer, with instants in a zone.
func NewStory(out io.Writer, zone *time.Location) *Story {
	return &Story{out: out, numbers: map[string]string{}, told: map[string]bool{}, zone: zone}
}

// Know teaches the story the numbers of orders.
func (s *Story) Know(t *truth.Truth) {
	for i := range t.Orders {
		s.numbers[t.Orders[i].Key] = t.Orders[i].Number
	}
}

// Say prints a line. The first error of the writer ends the story.
func (s *Story) Say(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// Err returns the first error of the writer.
func (s *Story) Err() error {
	if s.err != nil {
		return fmt.Errorf("tell the story: %w", s.err)
	}
	return nil
}

// Tell prints what changed.
func (s *Story) Tell(now time.Time, changes []truth.Change) {
	for i := range changes {
		s.tell(now, &changes[i])
	}
}

func (s *Story) tell(now time.Time, ch *truth.Change) {
	c := &ch.Claim
	sign := map[string]string{truth.Opened: "!", truth.MovedUp: "‼", truth.Resolved: "✓"}[ch.Kind]
	line := []string{fmt.Sprintf("%s %s %-21s %s", now.In(s.zone).Format(time.TimeOnly), sign, c.Exception, s.subject(c.Subject))}
	if c.Hop != "" && !strings.Contains(c.Subject, c.Hop) {
		line = append(line, c.Hop)
	}
	if ch.Kind == truth.Resolved {
		s.Say("%s", strings.Join(append(line, "healed by itself"), " · "))
		return
	}
	if !c.Since.IsZero() {
		line = append(line, "since "+c.Since.In(s.zone).Format(time.TimeOnly)+" ("+now.Sub(c.Since).Truncate(time.Second).String()+")")
	}
	if c.Minor != 0 {
		line = append(line, fmt.Sprintf("%d.%02d %s at risk", c.Minor/100, c.Minor%100, c.Currency))
	}
	if c.Owner != "" {
		line = append(line, "for "+c.Owner)
	}
	s.Say("%s", strings.Join(line, " · "))
	if s.told[c.Exception] {
		return
	}
	s.told[c.Exception] = true
	for _, part := range [][2]string{{"why", c.Impact}, {"do", c.Remedy}} {
		if part[1] != "" {
			s.Say("           %-4s %s", part[0], part[1])
		}
	}
}

// subject names what a claim is about, for people.
func (s *Story) subject(text string) string {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "order":
		if n := s.numbers[rest]; n != "" {
			return "order " + n
		}
		return "order " + rest
	case "word":
		parts := strings.SplitN(rest, ":", 3)
		if len(parts) == 3 {
			return fmt.Sprintf("%q (%s, %s)", parts[2], parts[0], parts[1])
		}
	}
	return kind + " " + rest
}
