package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/engine"
)

// TableProven is one table of ClickHouse, of one partition, held against the
// rows that a replay tells.
type TableProven struct {
	Table     string `json:"table"`
	Partition int32  `json:"partition"` // as the rows carry it
	Told      uint64 `json:"told"`
	Held      uint64 `json:"held"`
	Hash      string `json:"hash"`
	Dense     bool   `json:"dense"`
	Equal     bool   `json:"equal"`
}

// run is how many rows are compared by one hash.
const run = 4_096

// runKey names a run of rows.
type runKey struct {
	table projections.Table
	from  uint64
}

// toldRows sums up the rows that a replay tells. Of the runs that are wanted it
// keeps every row.
type toldRows struct {
	count map[projections.Table]uint64
	runs  map[runKey]*clickhouse.Range
	want  map[runKey]bool
	rows  map[runKey][]clickhouse.Fingerprint
}

func newToldRows(want map[runKey]bool) *toldRows {
	return &toldRows{count: map[projections.Table]uint64{}, runs: map[runKey]*clickhouse.Range{}, want: want, rows: map[runKey][]clickhouse.Fingerprint{}}
}

// listener is told of every commit of a fold; nil for nobody.
func (t *toldRows) listener() func(engine.Committed) {
	if t == nil {
		return nil
	}
	return func(c engine.Committed) {
		for _, table := range clickhouse.HeldTables() {
			for _, f := range clickhouse.Fingerprints(c.Rows, table) {
				k := runKey{table, (f.Seq-1)/run*run + 1}
				if t.runs[k] == nil {
					t.runs[k] = &clickhouse.Range{From: k.from}
				}
				t.runs[k].Rows++
				t.runs[k].Hash ^= f.Hash
				t.count[table]++
				if t.want[k] {
					t.rows[k] = append(t.rows[k], f)
				}
			}
		}
	}
}

// settles is how long rows that were just told may be on their way.
const settles = 10 * time.Second

// history holds the rows of one partition in ClickHouse against a replay's.
func (c *conserver) history(ctx context.Context, p *part, told *toldRows) error {
	bad := map[runKey]bool{}
	for _, table := range clickhouse.HeldTables() {
		if err := c.arrived(ctx, p, table, told.count[table]); err != nil {
			return err
		}
		proven, wrong, err := c.table(ctx, p, table, told)
		if err != nil {
			return err
		}
		c.report.Tables = append(c.report.Tables, proven)
		for _, k := range wrong {
			bad[k] = true
		}
	}
	if len(bad) == 0 {
		return nil
	}
	again := newToldRows(bad)
	f, err := c.o.scratch(p, again.listener())
	if err != nil {
		return err
	}
	if err := errors.Join(f.to(ctx, p.end), f.close()); err != nil {
		return err
	}
	var keys []runKey
	for k := range bad { //lint:sorted below
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b runKey) int {
		if a.table != b.table {
			return int(a.table) - int(b.table)
		}
		return int(a.from/run) - int(b.from/run)
	})
	for _, k := range keys {
		held, err := c.o.History.Rows(ctx, clickhouse.Span{Table: k.table, Partition: p.number(), From: k.from, To: k.from + run - 1})
		if err != nil {
			return err
		}
		c.report.Findings = append(c.report.Findings, compareRows(p, k.table, again.rows[k], held)...)
	}
	return nil
}

// arrived waits a little for the newest rows, which a running instance may have
// on their way.
func (c *conserver) arrived(ctx context.Context, p *part, table projections.Table, want uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	for {
		last, err := c.o.History.Last(ctx, table, p.number())
		if ctx.Err() != nil || err == nil && last >= want {
			return nil
		}
		if err != nil {
			return err
		}
		pause := time.NewTimer(200 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

// table compares run by run, and lists the runs that are not as told.
func (c *conserver) table(ctx context.Context, p *part, table projections.Table, told *toldRows) (TableProven, []runKey, error) {
	out := TableProven{Table: table.String(), Partition: p.number(), Told: told.count[table], Dense: true, Equal: true}
	last := told.count[table]
	if c.o.Live == nil && c.o.Stores != "" { // nothing may have been told since
		last = ^uint64(0)
	}
	held, err := c.o.History.Ranges(ctx, clickhouse.Span{Table: table, Partition: p.number(), From: 1, To: last}, run)
	if err != nil {
		return out, nil, err
	}
	hash := uint64(0)
	at := map[uint64]clickhouse.Range{}
	for _, r := range held {
		at[r.From] = r
		out.Held += r.Rows
		hash ^= r.Hash
	}
	var wrong []runKey
	for k, want := range told.runs { //lint:a set is returned
		if k.table != table {
			continue
		}
		got := at[k.from]
		delete(at, k.from)
		out.Dense = out.Dense && got.Rows == want.Rows && got.Distinct == want.Rows
		if got.Rows != want.Rows || got.Distinct != want.Rows || got.Hash != want.Hash {
			out.Equal = false
			wrong = append(wrong, k)
		}
	}
	for from := range at { //lint:a set is returned
		out.Dense, out.Equal = false, false
		wrong = append(wrong, runKey{table, from})
	}
	out.Hash = fmt.Sprintf("%016x", hash)
	return out, wrong, nil
}

// compareRows names every row that is missing, doubled, changed or too many.
func compareRows(p *part, table projections.Table, want, held []clickhouse.Fingerprint) []Finding {
	var out []Finding
	find := func(f *clickhouse.Fingerprint, format string, args ...any) *Finding {
		x := p.finding("ClickHouse, table "+table.String()+": "+format, args...)
		x.Table, x.Seq, x.Offset, x.Order = table.String(), f.Seq, f.Offset, string(f.Order)
		out = append(out, x)
		return &out[len(out)-1]
	}
	copies := map[uint64][]clickhouse.Fingerprint{}
	for _, f := range held {
		copies[f.Seq] = append(copies[f.Seq], f)
	}
	for i := range want {
		w := &want[i]
		got := copies[w.Seq]
		delete(copies, w.Seq)
		switch {
		case len(got) == 0:
			find(w, "row %d is missing", w.Seq)
		case len(got) > 1:
			find(w, "row %d stands there %d times", w.Seq, len(got))
		case got[0].Hash != w.Hash:
			x := find(w, "row %d is another than was told", w.Seq)
			x.Field, x.Want, x.Got = "row_hash", fmt.Sprintf("%016x", w.Hash), fmt.Sprintf("%016x", got[0].Hash)
		}
	}
	for i := range held {
		if _, extra := copies[held[i].Seq]; extra {
			find(&held[i], "row %d was never told", held[i].Seq)
			delete(copies, held[i].Seq)
		}
	}
	return out
}
