package bench_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

// history opens the sink on an embedded ClickHouse of its own.
func history(t *testing.T) *clickhouse.Sink {
	t.Helper()
	srv, err := embedded.Start(t.Context(), embedded.Options{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	opt, err := clickhouse.ParseDSN(srv.DSN())
	if err != nil {
		t.Fatal(err)
	}
	s, err := clickhouse.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// historyRows are the first n rows that the mixed stream makes the fold tell.
func historyRows(t *testing.T, n int) []ledger.HistoryRow {
	t.Helper()
	p := NewLog().Append(Policy()).P
	var rows []ledger.HistoryRow
	var sink discard
	offset := int64(1)
	for v := range mixed(n/perOrder + 1) {
		r := &ledger.Record{Offset: offset, RecordedAt: Noon}
		r.Event, _ = v.(*ledger.Event)
		if r.Event == nil {
			continue
		}
		offset++
		if err := p.Apply(r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, p.Rows().Clone().History...)
		p.Flush(&sink)
		if len(rows) >= n {
			return rows[:n]
		}
	}
	t.Fatalf("the stream told %d rows, %d are needed", len(rows), n)
	return nil
}

// columns are a table's columns as typed slices, read back from ClickHouse in
// the types the sink sends: instants as integers.
type columns struct {
	names  []string
	values []reflect.Value
}

// readColumns reads one partition of events back.
func readColumns(t *testing.T, s *clickhouse.Sink, partition uint32) *columns {
	t.Helper()
	c := &columns{}
	var exprs []string
	rows, err := s.Conn().Query(t.Context(), "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'events' ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		c.names = append(c.names, "`"+name+"`")
		switch {
		case strings.HasPrefix(kind, "DateTime64"):
			exprs = append(exprs, "toUnixTimestamp64Micro(`"+name+"`)")
		case strings.HasPrefix(kind, "Array(DateTime64"):
			exprs = append(exprs, "arrayMap(x -> toUnixTimestamp64Micro(x), `"+name+"`)")
		default:
			exprs = append(exprs, "`"+name+"`")
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	rows, err = s.Conn().Query(t.Context(), fmt.Sprintf("SELECT %s FROM events WHERE partition = %d ORDER BY seq", strings.Join(exprs, ", "), partition))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	into := make([]any, len(c.names))
	for i, kind := range rows.ColumnTypes() {
		c.values = append(c.values, reflect.MakeSlice(reflect.SliceOf(kind.ScanType()), 0, 1024))
		into[i] = reflect.New(kind.ScanType()).Interface()
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i := range into {
			at := reflect.ValueOf(into[i]).Elem()
			c.values[i] = reflect.Append(c.values[i], at)
			at.SetZero() // the next row gets lists of its own
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// insert sends the columns as one block of a partition, as clickhouse-go does
// it best.
func (c *columns) insert(t *testing.T, s *clickhouse.Sink, partition uint32) {
	t.Helper()
	values := c.values[slices.Index(c.names, "`partition`")]
	for i := range values.Len() {
		values.Index(i).SetUint(uint64(partition))
	}
	batch, err := s.Conn().PrepareBatch(t.Context(), "INSERT INTO bare ("+strings.Join(c.names, ", ")+")")
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.values {
		if err := batch.Column(i).Append(c.values[i].Interface()); err != nil {
			t.Fatalf("column %s: %v", c.names[i], err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
}

// measureHistory compares the sink with bare columnar inserts.
func measureHistory(t *testing.T, s scale) []figure {
	sink := history(t)
	rows := &ledger.Rows{History: historyRows(t, s.blockRows)}
	block := func(partition int) *projections.Block {
		return &projections.Block{Partition: int32(partition), Table: projections.History, From: 1, To: uint64(s.blockRows), Rows: rows}
	}
	send := func(partition int) {
		if err := sink.Insert(t.Context(), block(partition)); err != nil {
			t.Fatal(err)
		}
	}
	send(0)
	if err := sink.Conn().Exec(t.Context(), "CREATE TABLE bare AS events"); err != nil {
		t.Fatal(err)
	}
	cols := readColumns(t, sink, 0)
	cols.insert(t, sink, 0)
	n := float64(s.blocks * s.blockRows)
	var ours, bare, allocs []float64
	next := 1
	for range s.rounds {
		took, a := timed(func() {
			for range s.blocks {
				send(next)
				next++
			}
		})
		ours, allocs = append(ours, n/took.Seconds()), append(allocs, a.count/n)
		took, _ = timed(func() {
			for i := range s.blocks {
				cols.insert(t, sink, uint32(next-s.blocks+i))
			}
		})
		bare = append(bare, n/took.Seconds())
	}
	for _, table := range []string{"events", "bare"} {
		have, want := uint64(0), uint64(next*s.blockRows)
		if err := sink.Conn().QueryRow(t.Context(), "SELECT count() FROM "+table).Scan(&have); err != nil {
			t.Fatal(err)
		}
		if have != want {
			t.Fatalf("%s holds %d rows, %d were sent", table, have, want)
		}
	}
	return []figure{
		of("ClickHouse sink", "rows/s", ours...).noting("blocks of %d event rows, body of %d B; rows to columns, row hashes and boundaries included", s.blockRows, bodyBytes),
		of("bare columnar inserts", "rows/s", bare...).noting("clickhouse-go, the same columns and values, an identical table, same server"),
		of("ratio", "×", ratios(ours, bare)...).atLeast(0.8),
		of("allocations", "per row", allocs...),
	}
}
