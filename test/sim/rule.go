package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Rule is one fault, as one line of text:
//
//	at 09:03:20 kill node 1
//	at 09:05:00 for 1m30s freeze node 2
//	every 40s drop-ack orders.events.v1/0
//
// "every" draws each pause between half and one and a half of its span, until
// everything is healed. What a fault does is said in README.md.
type Rule struct {
	At    ledger.Instant // 0: Every is set
	Every ledger.Micros
	For   ledger.Micros // 0: an instant, or what the fault itself says
	Verb  string
	Args  []string
}

// String writes the rule as ParseRule reads it.
func (r Rule) String() string {
	var b strings.Builder
	if r.At != 0 {
		fmt.Fprintf(&b, "at %s", r.At.Time().UTC().Format("15:04:05"))
	} else {
		fmt.Fprintf(&b, "every %s", r.Every.Duration())
	}
	if r.For != 0 {
		fmt.Fprintf(&b, " for %s", r.For.Duration())
	}
	b.WriteString(" " + strings.Join(append([]string{r.Verb}, r.Args...), " "))
	return b.String()
}

// ParseRule reads one line.
func ParseRule(line string) (Rule, error) {
	var r Rule
	words := strings.Fields(line)
	take := func() string {
		if len(words) == 0 {
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	switch when := take(); when {
	case "at":
		t, err := time.Parse("15:04:05", take())
		if err != nil {
			return r, fmt.Errorf("fault %q: the time is written as 09:03:20: %w", line, err)
		}
		midnight := Start.Time().UTC().Truncate(24 * time.Hour)
		r.At = ledger.At(midnight.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second))
	case "every":
		d, err := time.ParseDuration(strings.TrimPrefix(take(), "~"))
		if err != nil || d <= 0 {
			return r, fmt.Errorf("fault %q: after every comes a span such as 40s", line)
		}
		r.Every = ledger.Micros(d.Microseconds())
	default:
		return r, fmt.Errorf("fault %q: it begins with at or every", line)
	}
	if len(words) > 1 && words[0] == "for" {
		d, err := time.ParseDuration(words[1])
		if err != nil || d <= 0 {
			return r, fmt.Errorf("fault %q: after for comes a span such as 90s", line)
		}
		r.For, words = ledger.Micros(d.Microseconds()), words[2:]
	}
	r.Verb, r.Args = take(), words
	if err := r.check(); err != nil {
		return r, fmt.Errorf("fault %q: %w", line, err)
	}
	return r, nil
}

// check says what is wrong with the verb or its arguments.
func (r *Rule) check() error {
	v, ok := verbs[r.Verb]
	if !ok {
		return fmt.Errorf("nobody knows %q", r.Verb)
	}
	if len(r.Args) != len(v.args) {
		return fmt.Errorf("%s needs %d words behind it: %s", r.Verb, len(v.args), strings.Join(v.args, " "))
	}
	for i, kind := range v.args {
		if err := checkWord(kind, r.Args[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkWord(kind, w string) error {
	var err error
	switch kind {
	case "number":
		_, err = strconv.Atoi(w)
	case "span":
		_, err = time.ParseDuration(w)
	case "system":
		if systemOf(w) < 0 {
			err = fmt.Errorf("no system is called %q", w)
		}
	case "log":
		if topic, p, ok := strings.Cut(w, "/"); !ok || !strings.HasPrefix(topic, "orders.") || p != "0" && p != "1" {
			err = fmt.Errorf("%q is no partition", w)
		}
	default:
		if !strings.Contains("|"+kind+"|", "|"+w+"|") {
			err = fmt.Errorf("%q is none of %s", w, kind)
		}
	}
	return err
}

func systemOf(name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// ParseRules reads one rule a line; empty lines and what stands behind # are
// passed over.
func ParseRules(text string) ([]Rule, error) {
	var out []Rule
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r, err := ParseRule(line)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
