package ruletest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// document is a test file as written.
type document struct {
	// RuleFiles are policy files, relative to the test file; "shipped" stands
	// for those that come with orderledger. Each is a layer over those before.
	RuleFiles []word `yaml:"rule_files"`
	// Policy is one more layer, written here as a block.
	Policy  word    `yaml:"policy"`
	Sources []entry `yaml:"sources"`
	Tests   []test  `yaml:"tests"`
}

// entry declares a source. What it leaves out, the catalog's entry of its
// system says.
type entry struct {
	Name      word             `yaml:"name"`
	System    word             `yaml:"system"`
	Role      word             `yaml:"role"`
	Origin    bool             `yaml:"origin"`
	Skew      *connector.Span  `yaml:"skew"`
	Precision *connector.Span  `yaml:"precision"`
	LiveFrom  connector.Moment `yaml:"live_from"`
	Feeds     []feed           `yaml:"feeds"`
}

type feed struct {
	Name          word            `yaml:"name"`
	Settle        connector.Span  `yaml:"settle"`
	ExpectedEvery connector.Span  `yaml:"expected_every"`
	Coverage      word            `yaml:"coverage"`
	LookupLag     *connector.Span `yaml:"lookup_lag"`
	// Proves lists axis/object pairs, such as order/sales_order.
	Proves []word `yaml:"proves"`
}

type test struct {
	Name        word             `yaml:"name"`
	Start       connector.Moment `yaml:"start"`
	EffectiveAt *when            `yaml:"effective_at"`
	Input       []input          `yaml:"input"`
	Cells       []expectation    `yaml:"cell_test"`
	Sums        []expectation    `yaml:"sum_test"`
	Verdicts    []expectation    `yaml:"verdict_test"`
	Exceptions  []expectation    `yaml:"exception_test"`
	Told        []expectation    `yaml:"told_test"`
	Facts       []expectation    `yaml:"fact_test"`
	Counts      []expectation    `yaml:"count_test"`
}

// input is one record of the log.
type input struct {
	At     when         `yaml:"at"`
	Event  *event       `yaml:"event"`
	Tick   *tick        `yaml:"tick"`
	Looked *looked      `yaml:"looked"`
	Policy *nextPolicy  `yaml:"policy"`
	Action *actionInput `yaml:"action"`
}

type event struct {
	Source    word     `yaml:"source"`
	Feed      word     `yaml:"feed"`
	Order     word     `yaml:"order"`
	Object    word     `yaml:"object"`
	Kind      word     `yaml:"kind"`
	Words     []claim  `yaml:"claims"`
	Current   axisMap  `yaml:"words"`
	Stamp     *when    `yaml:"stamp"`
	Precision *span    `yaml:"precision"`
	Version   word     `yaml:"version"`
	Received  *when    `yaml:"received"`
	Asked     *when    `yaml:"asked"`
	PrevAsked *when    `yaml:"prev_asked"`
	NativeID  string   `yaml:"native_id"`
	Amounts   []amount `yaml:"amounts"`
}

type claim struct {
	Axis      word  `yaml:"axis"`
	Word      word  `yaml:"word"`
	Mode      word  `yaml:"mode"`
	Stamp     *when `yaml:"stamp"`
	Precision *span `yaml:"precision"`
	Object    word  `yaml:"object"`
}

type amount struct {
	Kind     word   `yaml:"kind"`
	ID       string `yaml:"id"`
	Minor    int64  `yaml:"minor"`
	Currency string `yaml:"currency"`
}

type tick struct {
	Coverage map[string]coverage `yaml:"coverage"`
}

// coverage is the end of what was heard, or all of it spelled out.
type coverage struct {
	From, Until, WithdrawnFrom, WithdrawnUntil *when
	Epoch                                      uint64
}

type looked struct {
	Source word  `yaml:"source"`
	Feed   word  `yaml:"feed"`
	Order  word  `yaml:"order"`
	Asked  *when `yaml:"asked"`
	Found  bool  `yaml:"found"`
}

type nextPolicy struct {
	RuleFiles   []word `yaml:"rule_files"`
	Text        word   `yaml:"text"`
	EffectiveAt *when  `yaml:"effective_at"`
}

type actionInput struct {
	Kind      word   `yaml:"kind"`
	Exception word   `yaml:"exception"`
	Order     word   `yaml:"order"`
	Actor     string `yaml:"actor"`
	Comment   string `yaml:"comment"`
}

// expectation is what must be seen once every input up to At is folded.
type expectation struct {
	At         when  `yaml:"at"`
	Order      word  `yaml:"order"`
	Rule       word  `yaml:"rule"`
	Source     word  `yaml:"source"`
	Cells      items `yaml:"exp_cells"`
	Sums       items `yaml:"exp_sums"`
	Verdicts   items `yaml:"exp_verdicts"`
	Exceptions items `yaml:"exp_exceptions"`
	Told       items `yaml:"exp_told"`
	Facts      items `yaml:"exp_facts"`
	Counts     items `yaml:"exp_counts"`
}

// word is a single value that remembers its place.
type word struct {
	text         string
	line, column int
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (w *word) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errors.New("want a single value")
	}
	w.text, w.line, w.column = n.Value, n.Line, n.Column
	return nil
}

// items is an expectation's list of maps, or one map, kept with its node so
// that Rewrite finds it.
type items struct{ node *yaml.Node }

// UnmarshalNode implements strictyaml.Unmarshaler.
func (i *items) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode && n.Kind != yaml.MappingNode {
		return errors.New("want a list of {key: value} maps, or one such map")
	}
	for _, c := range n.Content {
		if n.Kind == yaml.SequenceNode && c.Kind != yaml.MappingNode {
			return errors.New("want a list of {key: value} maps")
		}
	}
	i.node = n
	return nil
}

// axisMap is axis → native word, in the order written.
type axisMap struct{ pairs [][2]word }

// UnmarshalNode implements strictyaml.Unmarshaler.
func (m *axisMap) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("want axis: word pairs")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		var p [2]word
		for k := range p {
			if err := p[k].UnmarshalNode(n.Content[i+k]); err != nil {
				return err
			}
		}
		m.pairs = append(m.pairs, p)
	}
	return nil
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (c *coverage) UnmarshalNode(n *yaml.Node) error {
	read := func(n *yaml.Node) (*when, error) {
		w := new(when)
		return w, w.UnmarshalNode(n)
	}
	var err error
	switch n.Kind {
	case yaml.ScalarNode:
		c.Until, err = read(n)
		return err
	case yaml.MappingNode:
	default:
		return errors.New("want the instant until which the feed was heard, or {from, until, epoch, withdrawn_from, withdrawn_until}")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch v := n.Content[i+1]; n.Content[i].Value {
		case "from":
			c.From, err = read(v)
		case "until":
			c.Until, err = read(v)
		case "withdrawn_from":
			c.WithdrawnFrom, err = read(v)
		case "withdrawn_until":
			c.WithdrawnUntil, err = read(v)
		case "epoch":
			err = v.Decode(&c.Epoch)
		default:
			err = fmt.Errorf("unknown key %q; known here: from, until, epoch, withdrawn_from, withdrawn_until", n.Content[i].Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// span is a length of time.
type span struct{ micros ledger.Micros }

// UnmarshalText reads a span.
func (s *span) UnmarshalText(b []byte) error {
	var d connector.Span
	if err := d.UnmarshalText(b); err != nil {
		return err
	}
	s.micros = d.Micros()
	return nil
}

// when is an instant of a test: a span from its start (which may be negative),
// a time of day on the start's day, or an instant in RFC 3339.
type when struct {
	offset   time.Duration
	clock    bool // offset counts from midnight
	absolute ledger.Instant
	line     int
	column   int
}

var errWhen = errors.New("want a span from the start such as 2m or -1s, a time of day such as 10:01:20, or an instant in RFC 3339")

// UnmarshalNode implements strictyaml.Unmarshaler.
func (w *when) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errWhen
	}
	w.line, w.column = n.Line, n.Column
	return w.parse(n.Value)
}

func (w *when) parse(s string) error {
	if d, err := time.ParseDuration(s); err == nil {
		w.offset = d
		return nil
	}
	for _, layout := range []string{"15:04:05.999999999", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			w.clock = true
			w.offset = t.Sub(t.Truncate(24 * time.Hour))
			return nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		w.absolute = ledger.At(t)
		return nil
	}
	return fmt.Errorf("%q: %w", s, errWhen)
}

// instant resolves w against a test's start.
func (w *when) instant(start ledger.Instant) ledger.Instant {
	switch {
	case w.absolute != 0:
		return w.absolute
	case w.clock:
		return ledger.At(start.Time().Truncate(24 * time.Hour).Add(w.offset))
	default:
		return start.Add(ledger.Span(w.offset))
	}
}

// showInstant writes an instant as a test would: the time of day on the
// start's day, RFC 3339 on others.
func showInstant(i, start ledger.Instant) string {
	switch {
	case i == 0 || i <= ledger.Beginning || i >= ledger.Forever:
		return i.String()
	case i.Time().Truncate(24 * time.Hour).Equal(start.Time().Truncate(24 * time.Hour)):
		return i.Time().Format("15:04:05.999999")
	default:
		return i.String()
	}
}

// cut splits "a/b" at its first slash.
func cut(s string) (a, b string, ok bool) { return strings.Cut(s, "/") }
