package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
)

const (
	// run is how many rows are counted by one group.
	run = 8_192
	// newest is how many of the newest rows of a table are looked at in every
	// pass; older is how many of the others, in turn.
	newest = 128 * run
	older  = 64 * run
	// mostNamed bounds the findings of one table in one pass.
	mostNamed = 20
)

type shelfKey struct {
	log   int32
	table projections.Table
}

// shelf is what is remembered of one table and partition.
type shelf struct {
	hashes map[uint64]uint64 // of full runs, as they were first seen whole
	next   uint64            // where the turn through the older rows goes on
	bad    map[uint64]bool   // runs that were not as they must be
}

// rows looks whether the rows that ClickHouse acknowledged are there, once each,
// and still what they were.
func (a *Auditor) rows(ctx context.Context, log int32, acc *engine.Account) error {
	held, known := a.o.Ledger.Shipped(log, a.o.Sink)
	if !known || !acc.Owner {
		return nil // its owner looks
	}
	for _, t := range clickhouse.HeldTables() {
		if err := a.table(ctx, log, acc, t, held[t]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Auditor) table(ctx context.Context, log int32, acc *engine.Account, t projections.Table, last uint64) error {
	k := shelfKey{log, t}
	s := a.shelves[k]
	if s == nil {
		s = &shelf{hashes: map[uint64]uint64{}, next: 1, bad: map[uint64]bool{}}
		a.shelves[k] = s
	}
	for _, span := range s.spans(last) {
		span.Table, span.Partition = t, acc.Partition
		got, err := a.o.History.Ranges(ctx, span, run)
		if err != nil {
			return err
		}
		s.check(span, got)
	}
	var found []Finding
	wrong := 0
	for _, from := range s.suspects() {
		span := clickhouse.Span{Table: t, Partition: acc.Partition, From: from, To: min(from+run-1, last)}
		list, err := a.o.History.Rows(ctx, span)
		if err != nil {
			return err
		}
		n, f := s.name(span, list)
		if wrong += n; n == 0 {
			delete(s.bad, from)
		}
		found = append(found, f...)
	}
	a.o.Observer.Mismatch(t.String(), acc.Partition, wrong)
	for i := range found {
		found[i].Topic, found[i].Partition, found[i].Table = acc.Topic, acc.Index, t.String()
		found[i].Text = fmt.Sprintf("ClickHouse, table %s, partition %d: %s", t, acc.Partition, found[i].Text)
		if i < mostNamed {
			a.find(found[i])
		}
	}
	a.settle(acc.Topic, acc.Index, t.String(), found)
	return nil
}

// spans are the rows to look at in one pass: the newest, some of the older in
// their turn, and whatever was wrong before.
func (s *shelf) spans(last uint64) []clickhouse.Span {
	if last == 0 {
		return nil
	}
	from := uint64(1)
	if last > newest {
		from = (last-newest)/run*run + 1
	}
	out := []clickhouse.Span{{From: from, To: last}}
	if from > 1 {
		if s.next >= from {
			s.next = 1
		}
		to := min(s.next+older-1, from-1)
		out = append(out, clickhouse.Span{From: s.next, To: to})
		s.next = to + 1
	}
	for _, b := range s.suspects() {
		if b < from {
			out = append(out, clickhouse.Span{From: b, To: b + run - 1})
		}
	}
	return out
}

func (s *shelf) suspects() []uint64 {
	var out []uint64
	for from := range s.bad { //lint:sorted below
		out = append(out, from)
	}
	slices.Sort(out)
	return out
}

// check notes the runs of a span that are not dense, or not what they were.
func (s *shelf) check(span clickhouse.Span, got []clickhouse.Range) {
	at := map[uint64]clickhouse.Range{}
	for _, r := range got {
		at[r.From] = r
	}
	for from := span.From; from <= span.To; from += run {
		to := min(from+run-1, span.To)
		want, r := to-from+1, at[from]
		if r.Rows != want || r.Distinct != want {
			s.bad[from] = true
			continue
		}
		if want < run {
			continue
		}
		if hash, seen := s.hashes[from]; !seen {
			s.hashes[from] = r.Hash
		} else if hash != r.Hash {
			s.bad[from] = true
		}
	}
}

// name says which rows of a run are wrong, stretch by stretch, and how many.
func (s *shelf) name(span clickhouse.Span, list []clickhouse.Fingerprint) (int, []Finding) {
	var out []Finding
	wrong, hash := 0, uint64(0)
	next, before := span.From, int64(-1)
	missing := func(to uint64, after int64) {
		if next > to {
			return
		}
		wrong += int(to - next + 1)
		f := Finding{Kind: Missing, FirstRow: next, LastRow: to, Offset: before, LastOffset: after}
		f.Text = fmt.Sprintf("rows %d to %d are missing, of records at offsets %d to %d", next, to, before, after)
		if next == to {
			f.Text = fmt.Sprintf("row %d is missing, of a record at offsets %d to %d", to, before, after)
		}
		out = append(out, f)
	}
	for i := range list {
		r := &list[i]
		if r.Seq < next {
			wrong++
			out = append(out, Finding{Kind: Doubled, FirstRow: r.Seq, LastRow: r.Seq, Offset: r.Offset, LastOffset: r.Offset, Order: r.Order,
				Text: fmt.Sprintf("row %d stands there more than once, of the record at offset %d", r.Seq, r.Offset)})
			continue
		}
		missing(r.Seq-1, r.Offset)
		hash ^= r.Hash
		next, before = r.Seq+1, r.Offset
	}
	missing(span.To, -1)
	if was, seen := s.hashes[span.From]; wrong == 0 && seen && span.To-span.From+1 == run && was != hash {
		wrong++
		out = append(out, Finding{Kind: Changed, FirstRow: span.From, LastRow: span.To, Offset: list[0].Offset, LastOffset: list[len(list)-1].Offset,
			Text: fmt.Sprintf("some of the rows %d to %d are not what they were: `orderledger prove conservation --clickhouse` names them", span.From, span.To)})
	}
	return wrong, out
}
