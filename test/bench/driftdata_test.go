package bench_test

import (
	"fmt"
	"testing"

	"github.com/orderledger/orderledger/projections/clickhouse"
)

// Rows of `events` that the ledger tells of an order of the flow: five documents
// and a verdict.
const rowsPerOrder = 6

// generated are the rows of so many orders, told over so many days, made inside
// ClickHouse: the distribution is the flow's. Rows stand in the order in which
// they are told, so an order's lie far apart.
type generated struct {
	orders int
	open   int
	days   float64
}

// eventsSQL inserts the rows [from, to) of the stream. Of 200 orders one breaks
// the rule, half of these are told late; a quarter of the orders is told in the
// night's hours.
func (g generated) eventsSQL(from, to int) string {
	return fmt.Sprintf(`INSERT INTO events (partition, seq, fold_version, log_offset, recorded_at, order_key, entry, outcome, event_id, source, system, feed, kind,
	object_type, object_id, received_at, occurred_at, claims.axis, claims.mode, claims.object, claims.native, claims.state, claims.earliest, claims.latest,
	rule, verdict, basis, anchor, deadline, evaluated_at, row_hash)
WITH number %% 6 AS k, intDiv(number, 6) AS slot, [0, %[3]d, %[4]d, %[5]d, %[6]d, %[4]d][k + 1] AS back,
	slot - back AS n, toString(1000000 + n) AS id,
	toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalMicrosecond(toInt64(n * (%[7]f * 86400000000. / %[8]d))) AS placed,
	placed + toIntervalSecond([0, 5, 39, 120, 200, 39][k + 1]) AS at,
	k = 5 AS fact, cityHash64(n) AS h, h %% 200 = 7 AS broken,
	['shop', 'payments', 'erp', 'erp', 'shop', ''][k + 1] AS src
SELECT h %% 4, number + 1, 1, number + 1, at + toIntervalSecond(1), concat('shop~', id), if(fact, 'verdict', 'event'), if(fact, 'none', 'applied'),
	if(fact, '', lower(hex(sipHash128(number)))), src, ['shop', 'gateway', 'erp', 'erp', 'shop', ''][k + 1], ['orders', 'payments', 'sales-orders', 'sales-orders', 'orders', ''][k + 1],
	['order', 'payment', 'order', 'order', 'order', 'unknown'][k + 1], ['order', 'payment', 'sales_order', 'sales_order', 'order', ''][k + 1],
	if(fact, '', concat(['', 'pay-', 'so-', 'so-', '', ''][k + 1], id)), if(fact, toDateTime64(0, 6, 'UTC'), at + toIntervalSecond(1)), at,
	if(fact, [], [['order', 'payment', 'order', 'fulfilment', 'fulfilment', ''][k + 1]]), if(fact, [], ['current']), if(fact, [], [concat('order/', id)]),
	if(fact, [], [['open', 'captured', 'approved', 'shipped', 'fulfilled', ''][k + 1]]), if(fact, [], [['PLACED', 'CAPTURED', 'CONFIRMED', 'SHIPPED', 'SHIPPED', ''][k + 1]]),
	if(fact, [], [at]), if(fact, [], [at]),
	if(fact, 'ingestion', ''), if(NOT fact, '', if(broken, if(h %% 400 = 7, 'MET_LATE', 'BREACHED'), 'MET')), if(fact, 'proven', ''),
	if(fact, placed, toDateTime64(0, 6, 'UTC')), if(fact, placed + toIntervalSecond(120), toDateTime64(0, 6, 'UTC')), if(fact, placed + toIntervalSecond(if(broken, 153, 70)), toDateTime64(0, 6, 'UTC')),
	cityHash64(number, 1)
FROM numbers(%[1]d, %[2]d) WHERE n >= 0`, from, to-from, g.open/40, g.open/5, g.open*3/5, g.open, g.days, g.orders)
}

// exceptionsSQL inserts what became of the broken promises: opened, and of half
// of them resolved.
func (g generated) exceptionsSQL() string {
	return fmt.Sprintf(`INSERT INTO exceptions (partition, seq, fold_version, log_offset, recorded_at, change, id, name, rule, step, severity, subject_kind, subject, order_key,
	hop, owner, open, episode, since, deadline, opened_at, resolved_at, cause, announced, basis, at_risk_minor, at_risk_currency, row_hash)
WITH intDiv(number, 2) AS n, number %% 2 = 1 AS later, cityHash64(n) AS h, h %% 400 = 7 AS heals, toString(1000000 + n) AS id,
	toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalMicrosecond(toInt64(n * (%[2]f * 86400000000. / %[1]d))) AS placed, h %% 3 AS s
SELECT h %% 4, number + 1, 1, number + 1, placed + toIntervalSecond(154), if(later, 'exception-resolved', 'exception-opened'), lower(hex(sipHash128(n))),
	'IngestionPendingAudit', 'ingestion', 0, ['warning', 'critical', 'warning'][s + 1], 'order', concat('shop~', id), concat('shop~', id),
	'storefront→erp', ['integration', 'fulfilment', 'finance'][s + 1], NOT later, 1, placed, placed + toIntervalSecond(120), placed + toIntervalSecond(153),
	if(later, placed + toIntervalSecond(200 + h %% 3600), toDateTime64(0, 6, 'UTC')), if(later, 'healed', ''), 1, 'proven', 1000 + h %% 20000, ['EUR', 'USD', 'EUR'][s + 1], cityHash64(number, 2)
FROM numbers(%[3]d) WHERE h %% 200 = 7 AND (heals OR NOT later)`, g.orders, g.days, 2*g.orders)
}

// chunk is how many rows one insert brings: after it, ClickHouse merges as it
// does what a sink sends.
const chunk = 2_000_000

// into makes the rows, those of the stream in chunks. It begins where an earlier
// call for fewer orders over the same span per order ended.
func (g generated) into(t *testing.T, s *clickhouse.Sink, have int) {
	t.Helper()
	exec := func(sql string) {
		t.Helper()
		if err := s.Conn().Exec(t.Context(), sql+" SETTINGS max_insert_threads = 1, max_threads = 2, insert_deduplicate = 0"); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	for from := have; from < g.orders*rowsPerOrder; from += chunk {
		exec(g.eventsSQL(from, min(from+chunk, g.orders*rowsPerOrder)))
	}
	if err := s.Conn().Exec(t.Context(), "TRUNCATE TABLE exceptions"); err != nil {
		t.Fatal(err)
	}
	exec(g.exceptionsSQL())
}
