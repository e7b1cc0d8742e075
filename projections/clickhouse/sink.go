package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/orderledger/orderledger/projections"
)

var _ projections.Sink = (*Sink)(nil)

// Sink writes rows to ClickHouse: one insert is one block is one part is one
// contiguous range (S-41).
type Sink struct {
	conn driver.Conn
	opt  *ch.Options
}

// ParseDSN reads a clickhouse:// address; without a database it names ours.
func ParseDSN(dsn string) (*ch.Options, error) {
	opt, err := ch.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("clickhouse.dsn: %w", err)
	}
	if opt.Auth.Database == "" || opt.Auth.Database == "default" {
		opt.Auth.Database = Database
	}
	return opt, nil
}

// Open migrates the database and returns a sink on it.
func Open(ctx context.Context, opt *ch.Options) (*Sink, error) {
	if err := Migrate(ctx, opt); err != nil {
		return nil, err
	}
	conn, err := ch.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("connect to ClickHouse: %w", err)
	}
	return &Sink{conn: conn, opt: opt}, nil
}

// Close closes the connections.
func (s *Sink) Close() error { return s.conn.Close() }

// Conn is the connection, for queries.
func (s *Sink) Conn() driver.Conn { return s.conn }

// Name implements projections.Sink.
func (s *Sink) Name() string { return "clickhouse" }

// Wants implements projections.Sink: every row of a read model.
func (s *Sink) Wants(t projections.Table) bool { return t != projections.Outgoing }

// Held implements projections.Sink: it asks each table for its greatest seq.
func (s *Sink) Held(ctx context.Context, partition int32) (projections.Held, error) {
	var held projections.Held
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"select_sequential_consistency": 1}))
	for t := range projections.Table(projections.Tables) {
		if !s.Wants(t) {
			continue
		}
		row := s.conn.QueryRow(ctx, "SELECT max(seq) FROM "+t.String()+" WHERE partition = $1", uint32(partition))
		if err := row.Scan(&held[t]); err != nil {
			return held, fmt.Errorf("ask for the greatest seq of %s: %w", t, err)
		}
	}
	return held, nil
}

// Insert implements projections.Sink.
func (s *Sink) Insert(ctx context.Context, b *projections.Block) error {
	cols, err := columnsOf(b)
	if err != nil {
		return err
	}
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{
		"insert_deduplication_token": b.Token(), "async_insert": 0, "insert_deduplicate": 1,
		"log_comment": "orderledger sink " + b.Token(),
	}))
	batch, err := s.conn.PrepareBatch(ctx, insertInto(b.Table, cols))
	if err != nil {
		return fmt.Errorf("prepare insert: %w", err)
	}
	for i := range cols {
		if err := batch.Column(i).Append(cols[i].values); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("column %s: %w", cols[i].name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("send block: %w", err)
	}
	return nil
}

// Audit is one row of v_audit.
type Audit struct {
	Table     string
	Partition uint32
	Rows      uint64
	Distinct  uint64
	First     uint64
	Last      uint64
	Dense     bool
	Hash      uint64
}

// Audit asks ClickHouse to prove that every row is there exactly once.
func (s *Sink) Audit(ctx context.Context) ([]Audit, error) {
	rows, err := s.conn.Query(ctx, "SELECT table, partition, rows, distinct_rows, first_seq, last_seq, dense = 1, hash FROM v_audit ORDER BY table, partition")
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Audit
	for rows.Next() {
		var a Audit
		var dense uint8
		if err := rows.Scan(&a.Table, &a.Partition, &a.Rows, &a.Distinct, &a.First, &a.Last, &dense, &a.Hash); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		a.Dense = dense == 1
		out = append(out, a)
	}
	return out, rows.Err()
}
