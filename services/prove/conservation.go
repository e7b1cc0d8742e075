package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// ConservationOptions say what is counted.
type ConservationOptions struct {
	Options
	// History is the ClickHouse to hold against the log; nil: none.
	History *clickhouse.Auditor
}

// ConservationReport says what became of every record.
type ConservationReport struct {
	Accounts []Account     `json:"accounts"`
	Tables   []TableProven `json:"tables,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	Findings []Finding     `json:"findings"`
}

// Account is what became of one source's records in one partition (S-40).
type Account struct {
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Source    string            `json:"source"` // empty: what can not be decoded has none
	Records   uint64            `json:"records"`
	Outcomes  map[string]uint64 `json:"outcomes"`
	// Residual is the records without an outcome, or the outcomes too many.
	Residual int64 `json:"residual"`
}

// Err is ErrUnproven if something was found.
func (r *ConservationReport) Err() error {
	if len(r.Findings) > 0 {
		return ErrUnproven
	}
	return nil
}

// conserver carries a proof of conservation out.
type conserver struct {
	o      ConservationOptions
	report *ConservationReport
}

// Conservation counts the records of every source in every partition of the log
// and holds them against the outcomes that a replay, and the store of a stopped
// instance, booked for them; and the rows that a replay tells against those of
// ClickHouse, each by its hash.
func Conservation(ctx context.Context, o ConservationOptions) (*ConservationReport, error) {
	parts, err := o.parts(ctx)
	if err != nil {
		return nil, err
	}
	c := &conserver{o: o, report: &ConservationReport{Findings: []Finding{}}}
	for i := range parts {
		if err := c.partition(ctx, &parts[i]); err != nil {
			return nil, err
		}
	}
	return c.report, nil
}

// tally is what a partition's log holds up to some offset.
type tally struct {
	records map[string]uint64
	// digests are those of the records, for finding one that was left out.
	digests [][32]byte
	sources []string // of each record; "-" for what needs no outcome
	first   int64
}

// needsNone marks a record that needs no outcome.
const needsNone = "-"

// sourceOf is whose a record is, needsNone if it needs no outcome.
func sourceOf(r *ledger.Record) string {
	switch {
	case r.Event != nil:
		return string(r.Event.Source)
	case r.Unkeyed != nil:
		return string(r.Unkeyed.Event.Source)
	case r.Poison != nil:
		return ""
	default:
		return needsNone
	}
}

// count reads a partition's log up to an offset.
func (c *conserver) count(ctx context.Context, p *part, until int64) (*tally, error) {
	t := &tally{records: map[string]uint64{}}
	next := int64(0)
	err := c.o.each(ctx, p, 0, until, func(d *engine.Decoded, rec *kafkalog.Record) error {
		if rec.Offset != next {
			f := p.finding("the log does not hold the records from offset %d to %d", next, rec.Offset-1)
			f.Offset = next
			c.report.Findings = append(c.report.Findings, f)
		}
		if t.digests == nil {
			t.first = rec.Offset
		}
		next = rec.Offset + 1
		src := sourceOf(&d.Record)
		if src != needsNone {
			t.records[src]++
		}
		t.digests, t.sources = append(t.digests, d.Digest), append(t.sources, src)
		return nil
	})
	return t, err
}

func (c *conserver) partition(ctx context.Context, p *part) error {
	t, err := c.count(ctx, p, p.end)
	if err != nil {
		return err
	}
	var told *toldRows
	if c.o.History != nil {
		told = newToldRows(nil)
	}
	if err := c.replayed(ctx, p, t, told); err != nil {
		return err
	}
	if err := c.keptStore(ctx, p); err != nil || told == nil {
		return err
	}
	return c.history(ctx, p, told)
}

// replayed books the outcomes of a replay.
func (c *conserver) replayed(ctx context.Context, p *part, t *tally, told *toldRows) (err error) {
	f, err := c.o.scratch(p, told.listener())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.to(ctx, p.end); err != nil {
		return err
	}
	c.account(p, t.records, f.fold.Part().Counts(), "a replay")
	return nil
}

// keptStore books the outcomes of a stopped instance's store, up to where it
// stands, and names the record that it left out, if it left one out.
func (c *conserver) keptStore(ctx context.Context, p *part) error {
	kept := c.o.kept(p, func(s string) { c.report.Notes = append(c.report.Notes, s) })
	if kept == nil {
		return nil
	}
	defer func() { _ = kept.Close() }()
	at, ok, err := engine.PlaceOf(kept)
	if err != nil || !ok {
		return err
	}
	opt := p.readerOptions()
	state, err := ledger.Open(kept, opt)
	if err != nil {
		return err
	}
	if at.Offset > p.end {
		c.report.Findings = append(c.report.Findings, p.finding("the store stands at %d, the log ends at %d", at.Offset, p.end))
		return nil
	}
	quiet := &conserver{o: c.o, report: &ConservationReport{}} // gaps of the log were told already
	t, err := quiet.count(ctx, p, at.Offset)
	if err != nil {
		return err
	}
	short := c.account(p, t.records, state.Counts(), fmt.Sprintf("the store at %d", at.Offset))
	chain := [32]byte{}
	for _, d := range t.digests {
		chain = engine.Chained(chain, d)
	}
	if chain == at.Chain && state.Offset() == at.Offset {
		return nil
	}
	f := p.finding("the store at %d was folded from other records than the log holds before it", at.Offset)
	if n, ok := t.leftOut(at.Chain, short); ok {
		f.What, f.Offset = fmt.Sprintf("the store at %d was folded without the record at offset %d", at.Offset, n), n
		f.Order = c.orderAt(ctx, p, n)
	}
	c.report.Findings = append(c.report.Findings, f)
	return nil
}

// orderAt is the order that a record speaks of, "" if of none.
func (c *conserver) orderAt(ctx context.Context, p *part, offset int64) string {
	order := ""
	_ = c.o.each(ctx, p, offset, offset+1, func(d *engine.Decoded, _ *kafkalog.Record) error {
		switch r := &d.Record; {
		case r.Event != nil:
			order = string(r.Event.Order)
		case r.Reemit != nil:
			order = string(r.Reemit.Order)
		}
		return nil
	})
	return order
}

// account compares records with outcomes, source by source, and lists the
// sources that are short of some. The replay's go into the table.
func (c *conserver) account(p *part, records map[string]uint64, counts map[ledger.Source][ledger.Outcomes]uint64, whose string) []string {
	sources := map[string]bool{}
	for s := range records { //lint:sorted below
		sources[s] = true
	}
	for s := range counts { //lint:sorted below
		sources[string(s)] = true
	}
	var names, short []string
	for s := range sources { //lint:sorted below
		names = append(names, s)
	}
	slices.Sort(names)
	for _, s := range names {
		a := Account{Topic: p.topic, Partition: p.index, Source: s, Records: records[s], Outcomes: map[string]uint64{}}
		a.Residual = int64(a.Records)
		for o := ledger.OutcomeQuarantined; o < ledger.Outcomes; o++ {
			n := counts[ledger.Source(s)][o]
			a.Outcomes[o.String()] = n
			a.Residual -= int64(n)
		}
		if whose == "a replay" {
			c.report.Accounts = append(c.report.Accounts, a)
		}
		if a.Residual != 0 {
			short = append(short, s)
			f := p.finding("%s: of %s %d records have no outcome", whose, nameOf(s), a.Residual)
			f.Want, f.Got = fmt.Sprint(a.Records), fmt.Sprint(int64(a.Records)-a.Residual)
			c.report.Findings = append(c.report.Findings, f)
		}
	}
	return short
}

// nameOf names a source for people.
func nameOf(source string) string {
	if source == "" {
		return "(undecodable)"
	}
	return source
}

// mostHashes bounds the search for a record that was left out: some ten seconds.
const mostHashes = 60_000_000

// leftOut looks for the one record without which the log gives a chain: first
// among those of the sources that are short, the newest first.
func (t *tally) leftOut(chain [32]byte, short []string) (int64, bool) {
	prefix := make([][32]byte, len(t.digests)+1)
	for i, d := range t.digests {
		prefix[i+1] = engine.Chained(prefix[i], d)
	}
	budget := mostHashes
	for _, suspected := range []bool{true, false} {
		for i := len(t.digests) - 1; i >= 0 && budget > 0; i-- {
			if slices.Contains(short, t.sources[i]) != suspected {
				continue
			}
			h := prefix[i]
			for _, d := range t.digests[i+1:] {
				h = engine.Chained(h, d)
			}
			if h == chain {
				return t.first + int64(i), true
			}
			budget -= len(t.digests) - i
		}
	}
	return 0, false
}
