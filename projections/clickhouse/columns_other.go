package clickhouse

import (
	"time"

	"github.com/orderledger/orderledger/ledger"
)

var subjectNames = [...]string{"none", "order", "feed", "alias", "word", "merged"}

func exceptionColumns(t *table, rows []ledger.ExceptionRow) {
	x := func(i int) *ledger.Exception { return &rows[i].Exception }
	var buf []byte
	add(t, "seq", func(i int) uint64 { return rows[i].Seq })
	add(t, "log_offset", func(i int) int64 { return rows[i].Offset })
	add(t, "recorded_at", func(i int) time.Time { return instant(rows[i].RecordedAt) })
	add(t, "row_hash", func(i int) uint64 { return hashOf(&ledger.Rows{Exceptions: rows[i : i+1]}, &buf) })
	add(t, "change", func(i int) string { return rows[i].Change.String() })
	add(t, "id", func(i int) string { return x(i).ID.String() })
	add(t, "name", func(i int) string { return x(i).Name })
	add(t, "rule", func(i int) string { return x(i).Rule })
	add(t, "step", func(i int) uint8 { return x(i).Step })
	add(t, "severity", func(i int) string { return x(i).Severity.String() })
	add(t, "subject_kind", func(i int) string { return subjectNames[int(x(i).Subject.Kind)%len(subjectNames)] })
	add(t, "subject", func(i int) string { return x(i).Subject.String() })
	add(t, "order_key", func(i int) string { return string(x(i).Subject.Order) })
	add(t, "hop", func(i int) string { return x(i).Hop })
	add(t, "owner", func(i int) string { return x(i).Owner })
	add(t, "open", func(i int) bool { return x(i).Open })
	add(t, "episode", func(i int) uint32 { return x(i).Episode })
	add(t, "since", func(i int) time.Time { return instant(x(i).Since.Latest) })
	add(t, "deadline", func(i int) time.Time { return instant(x(i).Deadline) })
	add(t, "opened_at", func(i int) time.Time { return instant(x(i).OpenedAt) })
	add(t, "resolved_at", func(i int) time.Time { return instant(x(i).ResolvedAt) })
	add(t, "cause", func(i int) string { return x(i).Cause.String() })
	add(t, "announced", func(i int) bool { return x(i).Announced })
	add(t, "historic", func(i int) bool { return x(i).Historic })
	add(t, "basis", func(i int) string { return x(i).Basis.String() })
	add(t, "at_risk_minor", func(i int) int64 { return x(i).AtRisk.Minor })
	add(t, "at_risk_currency", func(i int) string { return x(i).AtRisk.Currency })
	add(t, "acknowledged_by", func(i int) string { return x(i).Ack.Actor })
	add(t, "assignee", func(i int) string { return x(i).Assignee })
}

func orderColumns(t *table, rows []ledger.OrderRow) {
	s := func(i int) *ledger.Summary { return &rows[i].Summary }
	var buf []byte
	add(t, "seq", func(i int) uint64 { return rows[i].Seq })
	add(t, "log_offset", func(i int) int64 { return rows[i].Offset })
	add(t, "recorded_at", func(i int) time.Time { return instant(rows[i].RecordedAt) })
	add(t, "row_hash", func(i int) uint64 { return hashOf(&ledger.Rows{Orders: rows[i : i+1]}, &buf) })
	add(t, "order_key", func(i int) string { return string(s(i).Key) })
	add(t, "origin", func(i int) string { return string(s(i).Key.Origin()) })
	add(t, "created_at", func(i int) time.Time { return instant(s(i).Created) })
	add(t, "updated_at", func(i int) time.Time { return instant(s(i).Updated) })
	add(t, "merged_into", func(i int) string { return string(s(i).MergedInto) })
	add(t, "events", func(i int) uint64 { return s(i).Events })
	add(t, "open_exceptions", func(i int) uint32 { return s(i).Open })
	add(t, "shelved", func(i int) uint32 { return s(i).Shelved })
	each(t, "cells.source", func(i int) []ledger.CellView { return s(i).Cells }, func(c *ledger.CellView) string { return string(c.Source) })
	each(t, "cells.axis", func(i int) []ledger.CellView { return s(i).Cells }, func(c *ledger.CellView) string { return c.Axis.String() })
	each(t, "cells.state", func(i int) []ledger.CellView { return s(i).Cells }, func(c *ledger.CellView) string { return c.Axis.StateName(c.State) })
	each(t, "cells.since", func(i int) []ledger.CellView { return s(i).Cells }, func(c *ledger.CellView) time.Time { return instant(c.Since.Latest) })
	each(t, "sums.source", func(i int) []ledger.SumView { return s(i).Sums }, func(x *ledger.SumView) string { return string(x.Source) })
	each(t, "sums.kind", func(i int) []ledger.SumView { return s(i).Sums }, func(x *ledger.SumView) string { return x.Kind.String() })
	each(t, "sums.minor", func(i int) []ledger.SumView { return s(i).Sums }, func(x *ledger.SumView) int64 { return x.Money.Minor })
	each(t, "sums.currency", func(i int) []ledger.SumView { return s(i).Sums }, func(x *ledger.SumView) string {
		if x.Mixed {
			return ""
		}
		return x.Money.Currency
	})
}

func each[E, T any](t *table, name string, list func(int) []E, of func(*E) T) {
	add(t, name, func(i int) []T {
		items := list(i)
		out := make([]T, len(items))
		for k := range items {
			out[k] = of(&items[k])
		}
		return out
	})
}

func quarantineColumns(t *table, rows []ledger.QuarantineRow) {
	q := func(i int) *ledger.Quarantined { return &rows[i].Entry }
	var buf []byte
	add(t, "seq", func(i int) uint64 { return rows[i].Seq })
	add(t, "log_offset", func(i int) int64 { return rows[i].Offset })
	add(t, "recorded_at", func(i int) time.Time { return instant(rows[i].RecordedAt) })
	add(t, "row_hash", func(i int) uint64 { return hashOf(&ledger.Rows{Quarantine: rows[i : i+1]}, &buf) })
	add(t, "id", func(i int) string { return q(i).ID })
	add(t, "source", func(i int) string { return string(q(i).Source) })
	add(t, "feed", func(i int) string { return q(i).Feed })
	add(t, "reason", func(i int) string { return q(i).Reason })
	add(t, "detail", func(i int) string { return q(i).Detail })
	add(t, "order_key", func(i int) string { return string(q(i).Order) })
	add(t, "event_id", func(i int) string {
		if q(i).Of == (ledger.EventID{}) {
			return ""
		}
		return q(i).Of.String()
	})
	add(t, "axis", func(i int) string { return q(i).Axis.String() })
	add(t, "native", func(i int) string { return q(i).Native })
	add(t, "received_at", func(i int) time.Time { return instant(q(i).ReceivedAt) })
	add(t, "body_codec", func(i int) string { return q(i).Body.Codec })
	add(t, "body", func(i int) string { return string(q(i).Body.Bytes) })
}
