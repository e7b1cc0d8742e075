package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// lifeStamps are the instants of a life, by the words that name them.
var lifeStamps = []struct {
	name string
	at   func(*Life) *ledger.Instant
}{
	{"placed", func(l *Life) *ledger.Instant { return &l.Placed }},
	{"cancelled", func(l *Life) *ledger.Instant { return &l.Cancelled }},
	{"captured", func(l *Life) *ledger.Instant { return &l.Captured }},
	{"exported", func(l *Life) *ledger.Instant { return &l.Exported }},
	{"shipped", func(l *Life) *ledger.Instant { return &l.Shipped }},
	{"told", func(l *Life) *ledger.Instant { return &l.Told }},
	{"posted", func(l *Life) *ledger.Instant { return &l.Posted }},
	{"delivered", func(l *Life) *ledger.Instant { return &l.Delivered }},
}

const timeLayout = "15:04:05.999999"

func timeOf(at ledger.Instant) string { return at.Time().UTC().Format(timeLayout) }

func parseTime(w string) (ledger.Instant, error) {
	t, err := time.Parse("15:04:05", w) // takes fractions, too
	if err != nil {
		return 0, fmt.Errorf("the time %q is not written as 09:03:20.5: %w", w, err)
	}
	midnight := Start.Time().UTC().Truncate(24 * time.Hour)
	return ledger.At(midnight.Add(t.Sub(t.Truncate(24 * time.Hour)))), nil
}

// String writes a configuration as a scenario, which ParseScenario reads.
func (c Config) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\nnodes %d\n", c.Seed, c.Nodes)
	if c.OutboxBytes != 0 {
		fmt.Fprintf(&b, "outbox %d\n", c.OutboxBytes)
	}
	fmt.Fprintf(&b, "heal %s\nend %s\n", timeOf(c.World.Heal), timeOf(c.World.End))
	for i := range c.World.Lives {
		l := &c.World.Lives[i]
		fmt.Fprintf(&b, "order %d", l.ID)
		for _, s := range lifeStamps {
			if at := *s.at(l); at != 0 {
				fmt.Fprintf(&b, " %s %s", s.name, timeOf(at))
			}
		}
		b.WriteByte('\n')
	}
	for _, r := range c.Rules {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// ParseScenario reads a configuration: the seed that decides what the text does
// not say, the orders' true lives, and the faults.
func ParseScenario(text string) (Config, error) {
	c := Config{World: &World{}, Nodes: 2}
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := c.take(words, line); err != nil {
			return c, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if len(c.World.Lives) == 0 || c.World.Heal == 0 || c.World.End <= c.World.Heal || c.Nodes < 1 {
		return c, errors.New("a scenario needs nodes, an order, heal and a later end")
	}
	return c, nil
}

func (c *Config) take(words []string, line string) error {
	var err error
	one := func() string {
		if len(words) < 2 {
			return ""
		}
		return words[1]
	}
	switch words[0] {
	case "seed":
		c.Seed, err = strconv.ParseUint(one(), 10, 64)
	case "nodes":
		c.Nodes, err = strconv.Atoi(one())
	case "outbox":
		c.OutboxBytes, err = strconv.ParseUint(one(), 10, 64)
	case "heal":
		c.World.Heal, err = parseTime(one())
	case "end":
		c.World.End, err = parseTime(one())
	case "order":
		var l Life
		if l, err = parseLife(words[1:]); err == nil {
			c.World.Lives = append(c.World.Lives, l)
		}
	default:
		var r Rule
		if r, err = ParseRule(strings.TrimSpace(line)); err == nil {
			c.Rules = append(c.Rules, r)
		}
	}
	return err
}

func parseLife(words []string) (Life, error) {
	var l Life
	if len(words)%2 != 1 {
		return l, errors.New("an order has a number, and then pairs of what happened and when")
	}
	var err error
	if l.ID, err = strconv.Atoi(words[0]); err != nil {
		return l, fmt.Errorf("the order %q is no number", words[0])
	}
	for i := 1; i < len(words); i += 2 {
		known := false
		for _, s := range lifeStamps {
			if s.name == words[i] {
				known = true
				if *s.at(&l), err = parseTime(words[i+1]); err != nil {
					return l, err
				}
			}
		}
		if !known {
			return l, fmt.Errorf("nothing is called %q", words[i])
		}
	}
	if l.Placed == 0 {
		return l, errors.New("an order was placed at some time")
	}
	return l, nil
}

// Shrink makes a failing configuration smaller while it fails: fewer faults,
// fewer orders, fewer nodes, shorter faults. It stops after a number of runs.
func (s *Shop) Shrink(cfg Config, runs int) Config {
	fails := func(c Config) bool {
		if runs <= 0 {
			return false
		}
		runs--
		return len(s.Play(c).Failures) > 0
	}
	for smaller := true; smaller; {
		smaller = false
		for _, c := range cfg.smaller() {
			if fails(c) {
				cfg, smaller = c, true
				break
			}
		}
	}
	return cfg
}

// smaller lists the ways to make a configuration one step smaller.
func (c Config) smaller() []Config {
	var out []Config
	if n := len(c.Rules); n > 1 {
		half := c
		half.Rules = slices.Clone(c.Rules[:n/2])
		other := c
		other.Rules = slices.Clone(c.Rules[n/2:])
		out = append(out, half, other)
	}
	for i := range c.Rules {
		x := c
		x.Rules = slices.Delete(slices.Clone(c.Rules), i, i+1)
		out = append(out, x)
	}
	for i := range c.World.Lives {
		if len(c.World.Lives) == 1 {
			break
		}
		x, w := c, *c.World
		w.Lives = slices.Delete(slices.Clone(w.Lives), i, i+1)
		x.World = &w
		out = append(out, x)
	}
	if c.Nodes > 1 {
		x := c
		x.Nodes--
		out = append(out, x)
	}
	for i := range c.Rules {
		if c.Rules[i].For >= 8*ledger.Second {
			x := c
			x.Rules = slices.Clone(c.Rules)
			x.Rules[i].For = x.Rules[i].For / 2 / ledger.Second * ledger.Second
			out = append(out, x)
		}
	}
	return out
}
