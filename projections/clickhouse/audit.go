package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// Auditor asks a ClickHouse what it holds, row by row where it must. It changes
// nothing, and connects when it is first asked.
type Auditor struct {
	conn driver.Conn
}

// NewAuditor returns an auditor of a server.
func NewAuditor(opt *ch.Options) (*Auditor, error) {
	conn, err := ch.Open(opt)
	if err != nil {
		return nil, fmt.Errorf("connect to ClickHouse: %w", err)
	}
	return &Auditor{conn}, nil
}

// Close closes the connections.
func (a *Auditor) Close() error { return a.conn.Close() }

// Range is what is held of a run of rows of one table and partition.
type Range struct {
	// From is the first seq of the run, whether a row of it is there or not.
	From uint64
	Rows uint64
	// Distinct is how many different seqs there are: fewer than Rows if some row
	// stands twice.
	Distinct uint64
	// Hash is the exclusive or of the rows' hashes.
	Hash uint64
}

// Span names rows of one table and partition: those from From to To, inclusive.
type Span struct {
	Table     projections.Table
	Partition int32
	From, To  uint64
}

// Last is the greatest seq of a table and partition, 0 if it holds none.
func (a *Auditor) Last(ctx context.Context, t projections.Table, partition int32) (uint64, error) {
	var last uint64
	if err := a.conn.QueryRow(ctx, "SELECT max(seq) FROM "+t.String()+" WHERE partition = $1", uint32(partition)).Scan(&last); err != nil {
		return 0, fmt.Errorf("ask for the greatest seq of %s: %w", t, err)
	}
	return last, nil
}

// Ranges counts the rows of a span in runs of size rows, the first of which
// begins with seq 1. Runs without any row are left out.
func (a *Auditor) Ranges(ctx context.Context, s Span, size uint64) ([]Range, error) {
	rows, err := a.conn.Query(ctx, "SELECT toUInt64(intDiv(seq - 1, $1)) AS run, count(), uniqExact(seq), groupBitXor(row_hash) FROM "+s.Table.String()+
		" WHERE partition = $2 AND seq >= $3 AND seq <= $4 GROUP BY run ORDER BY run", size, uint32(s.Partition), s.From, s.To)
	if err != nil {
		return nil, fmt.Errorf("count the rows of %s: %w", s.Table, err)
	}
	defer func() { _ = rows.Close() }()
	var out []Range
	for rows.Next() {
		var run uint64
		var r Range
		if err := rows.Scan(&run, &r.Rows, &r.Distinct, &r.Hash); err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", s.Table, err)
		}
		r.From = run*size + 1
		out = append(out, r)
	}
	return out, rows.Err()
}

// Fingerprint is one row, by what tells it from every other.
type Fingerprint struct {
	Seq    uint64
	Hash   uint64
	Offset int64
	Order  ledger.OrderKey
}

// Rows lists the rows of a span, by seq.
func (a *Auditor) Rows(ctx context.Context, s Span) ([]Fingerprint, error) {
	rows, err := a.conn.Query(ctx, "SELECT seq, row_hash, log_offset, order_key FROM "+s.Table.String()+
		" WHERE partition = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq", uint32(s.Partition), s.From, s.To)
	if err != nil {
		return nil, fmt.Errorf("list the rows of %s: %w", s.Table, err)
	}
	defer func() { _ = rows.Close() }()
	var out []Fingerprint
	for rows.Next() {
		var f Fingerprint
		var order string
		if err := rows.Scan(&f.Seq, &f.Hash, &f.Offset, &order); err != nil {
			return nil, fmt.Errorf("list the rows of %s: %w", s.Table, err)
		}
		f.Order = ledger.OrderKey(order)
		out = append(out, f)
	}
	return out, rows.Err()
}

// Fingerprints are the rows of one table as the ledger told them: what must be
// held.
func Fingerprints(r *ledger.Rows, t projections.Table) []Fingerprint {
	var out []Fingerprint
	var buf []byte
	add := func(seq uint64, offset int64, order ledger.OrderKey, one *ledger.Rows) {
		out = append(out, Fingerprint{seq, hashOf(one, &buf), offset, order})
	}
	switch t {
	case projections.History:
		for i := range r.History {
			add(r.History[i].Seq, r.History[i].Offset, r.History[i].Order, &ledger.Rows{History: r.History[i : i+1]})
		}
	case projections.Exceptions:
		for i := range r.Exceptions {
			add(r.Exceptions[i].Seq, r.Exceptions[i].Offset, r.Exceptions[i].Exception.Subject.Order, &ledger.Rows{Exceptions: r.Exceptions[i : i+1]})
		}
	case projections.Orders:
		for i := range r.Orders {
			add(r.Orders[i].Seq, r.Orders[i].Offset, r.Orders[i].Summary.Key, &ledger.Rows{Orders: r.Orders[i : i+1]})
		}
	case projections.Quarantine:
		for i := range r.Quarantine {
			add(r.Quarantine[i].Seq, r.Quarantine[i].Offset, r.Quarantine[i].Entry.Order, &ledger.Rows{Quarantine: r.Quarantine[i : i+1]})
		}
	}
	return out
}

// HeldTables lists the tables that ClickHouse holds.
func HeldTables() []projections.Table {
	return []projections.Table{projections.History, projections.Exceptions, projections.Orders, projections.Quarantine}
}
