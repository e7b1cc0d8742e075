package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// column is one column of a block: its name and a typed slice with one value
// per row.
type column struct {
	name   string
	values any
}

// insertInto is the statement for a block; the names are constants of ours.
func insertInto(t projections.Table, cols []column) string {
	names := make([]string, len(cols))
	for i := range cols {
		names[i] = "`" + cols[i].name + "`"
	}
	return "INSERT INTO " + t.String() + " (" + strings.Join(names, ", ") + ")"
}

// table collects columns by name.
type table struct {
	cols []column
	n    int
}

func add[T any](t *table, name string, of func(i int) T) {
	values := make([]T, t.n)
	for i := range values {
		values[i] = of(i)
	}
	t.cols = append(t.cols, column{name, values})
}

// instant turns an instant into what DateTime64(6) takes; what was never or for
// ever is 1970. The client reads a plain number as milliseconds, whatever the
// precision of the column.
func instant(i ledger.Instant) time.Time {
	if i <= 0 || i >= ledger.Forever {
		return time.Unix(0, 0).UTC()
	}
	return i.Time()
}

func columnsOf(b *projections.Block) ([]column, error) {
	t := &table{n: projections.Count(b.Rows, b.Table)}
	if uint64(t.n) != b.To-b.From+1 {
		return nil, fmt.Errorf("block %s holds %d rows", b.Token(), t.n)
	}
	add(t, "partition", func(int) uint32 { return uint32(b.Partition) })
	add(t, "fold_version", func(int) uint32 { return ledger.FoldVersion })
	switch b.Table {
	case projections.History:
		historyColumns(t, b.Rows.History)
	case projections.Exceptions:
		exceptionColumns(t, b.Rows.Exceptions)
	case projections.Orders:
		orderColumns(t, b.Rows.Orders)
	case projections.Quarantine:
		quarantineColumns(t, b.Rows.Quarantine)
	default:
		return nil, fmt.Errorf("no table %d", b.Table)
	}
	return t.cols, nil
}

// hashOf is the row's own hash: of its canonical encoding, as the ledger told it.
func hashOf(one *ledger.Rows, buf *[]byte) uint64 {
	*buf = ledger.EncodeRows((*buf)[:0], one)
	sum := sha256.Sum256(*buf)
	return binary.BigEndian.Uint64(sum[:8])
}

func historyColumns(t *table, rows []ledger.HistoryRow) {
	none, noFact := &ledger.Event{}, &ledger.Fact{}
	ev := func(i int) *ledger.Event {
		if rows[i].Event == nil {
			return none
		}
		return rows[i].Event
	}
	fact := func(i int) *ledger.Fact {
		if rows[i].Fact == nil {
			return noFact
		}
		return rows[i].Fact
	}
	var buf []byte
	add(t, "seq", func(i int) uint64 { return rows[i].Seq })
	add(t, "log_offset", func(i int) int64 { return rows[i].Offset })
	add(t, "recorded_at", func(i int) time.Time { return instant(rows[i].RecordedAt) })
	add(t, "order_key", func(i int) string { return string(rows[i].Order) })
	add(t, "row_hash", func(i int) uint64 { return hashOf(&ledger.Rows{History: rows[i : i+1]}, &buf) })
	add(t, "entry", func(i int) string {
		if rows[i].Fact != nil {
			return rows[i].Fact.Kind.String()
		}
		return "event"
	})
	add(t, "outcome", func(i int) string { return rows[i].Outcome.String() })
	add(t, "event_id", func(i int) string {
		if rows[i].Event == nil {
			return ""
		}
		return rows[i].Event.ID.String()
	})
	documentColumns(t, ev)
	claimColumns(t, rows, ev)
	add(t, "occurred_at", func(i int) time.Time {
		if rows[i].Fact != nil {
			return instant(rows[i].Fact.Anchor.Latest)
		}
		newest := ledger.Instant(0)
		for k := range ev(i).Claims {
			newest = max(newest, ev(i).Claims[k].Earliest)
		}
		return instant(newest)
	})
	add(t, "body_codec", func(i int) string { return rows[i].Body.Codec })
	add(t, "body", func(i int) string { return string(rows[i].Body.Bytes) })
	factColumns(t, fact)
}

func documentColumns(t *table, ev func(int) *ledger.Event) {
	add(t, "source", func(i int) string { return string(ev(i).Source) })
	add(t, "system", func(i int) string { return ev(i).System })
	add(t, "feed", func(i int) string { return ev(i).Feed })
	add(t, "kind", func(i int) string { return ev(i).Kind.String() })
	add(t, "native_kind", func(i int) string { return ev(i).NativeKind })
	add(t, "direction", func(i int) string { return ev(i).Direction.String() })
	add(t, "object_type", func(i int) string { return ev(i).Object.Type })
	add(t, "object_id", func(i int) string { return ev(i).Object.ID })
	add(t, "received_at", func(i int) time.Time { return instant(ev(i).ReceivedAt) })
	add(t, "asked_at", func(i int) time.Time { return instant(ev(i).AskedAt) })
	add(t, "delivery_topic", func(i int) string { return ev(i).Delivery.Topic })
	add(t, "delivery_id", func(i int) string { return ev(i).Delivery.ID })
	add(t, "trace_id", func(i int) string { return ev(i).TraceID })
}

var modeNames = [...]string{"none", "dated", "current", "created"}

func claimColumns(t *table, rows []ledger.HistoryRow, ev func(int) *ledger.Event) {
	claims(t, "claims.axis", ev, func(c *ledger.Claim) string { return c.Axis.String() })
	claims(t, "claims.mode", ev, func(c *ledger.Claim) string { return modeNames[int(c.Mode)%len(modeNames)] })
	claims(t, "claims.object", ev, func(c *ledger.Claim) string { return c.Object.Type + "/" + c.Object.ID })
	claims(t, "claims.native", ev, func(c *ledger.Claim) string { return c.Native })
	claims(t, "claims.earliest", ev, func(c *ledger.Claim) time.Time { return instant(c.Earliest) })
	claims(t, "claims.latest", ev, func(c *ledger.Claim) time.Time { return instant(c.Latest) })
	add(t, "claims.state", func(i int) []string {
		out := make([]string, len(ev(i).Claims))
		for k := range out {
			if k < len(rows[i].States) {
				out[k] = ev(i).Claims[k].Axis.StateName(rows[i].States[k])
			}
		}
		return out
	})
	amounts(t, "amounts.kind", ev, func(k ledger.AmountKind, _ *ledger.Amount) string { return k.String() })
	amounts(t, "amounts.minor", ev, func(_ ledger.AmountKind, a *ledger.Amount) int64 { return a.Minor })
	amounts(t, "amounts.currency", ev, func(_ ledger.AmountKind, a *ledger.Amount) string { return a.Currency })
}

func claims[T any](t *table, name string, ev func(int) *ledger.Event, of func(*ledger.Claim) T) {
	add(t, name, func(i int) []T {
		out := make([]T, len(ev(i).Claims))
		for k := range out {
			out[k] = of(&ev(i).Claims[k])
		}
		return out
	})
}

func amounts[T any](t *table, name string, ev func(int) *ledger.Event, of func(ledger.AmountKind, *ledger.Amount) T) {
	add(t, name, func(i int) []T {
		out := []T{}
		for k := range ev(i).Amounts {
			set := &ev(i).Amounts[k]
			for m := range set.Amounts {
				out = append(out, of(set.Kind, &set.Amounts[m]))
			}
		}
		return out
	})
}

func factColumns(t *table, f func(int) *ledger.Fact) {
	add(t, "rule", func(i int) string { return f(i).Rule })
	add(t, "step", func(i int) uint8 { return f(i).Step })
	add(t, "episode", func(i int) uint32 { return f(i).Episode })
	add(t, "verdict_from", func(i int) string { return verdictName(f(i).From) })
	add(t, "verdict", func(i int) string { return verdictName(f(i).To) })
	add(t, "basis", func(i int) string { return f(i).Basis.String() })
	add(t, "because", func(i int) string { return f(i).Because.String() })
	add(t, "anchor", func(i int) time.Time { return instant(f(i).Anchor.Latest) })
	add(t, "deadline", func(i int) time.Time { return instant(f(i).Deadline) })
	add(t, "evaluated_at", func(i int) time.Time { return instant(f(i).At) })
	add(t, "waiting_for", func(i int) string {
		if f(i).Feed.Source == "" {
			return ""
		}
		return f(i).Feed.String()
	})
	add(t, "exception_id", func(i int) string { return exceptionID(f(i).Exception) })
	add(t, "exception", func(i int) string { return f(i).Name })
	add(t, "actor", func(i int) string { return f(i).Actor })
	add(t, "text", func(i int) string { return f(i).Text })
	add(t, "announced", func(i int) bool { return f(i).Announced })
}

func verdictName(v ledger.VerdictState) string {
	if v == ledger.VerdictNone {
		return ""
	}
	return v.String()
}

func exceptionID(id ledger.ExceptionID) string {
	if id == (ledger.ExceptionID{}) {
		return ""
	}
	return id.String()
}
