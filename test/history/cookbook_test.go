package history_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
)

// story folds a morning of the shop whose figures are known:
//
//	1001  in the ERP after 1 minute; shipped 09:10, told to the ERP 09:30, taken back 09:40: ShipmentLag twice; 10.00 refunded, 6.00 credited
//	1002  in the ERP after 5 minutes: late
//	1003  never in the ERP: breached, 49.90 EUR
//	1004  cancelled after 1 minute: lapsed
//	1005  in the ERP after 90 seconds; its payment carries a word that nobody mapped
//	1007  in the ERP after 1 minute, which was only heard 5 minutes later: said to be missing, and taken back
//	1006  placed 10:30, and the ERP was last heard at 10:20: undetermined
func story() *ledger.Rows {
	at := ledgertest.Clock
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	place := func(id string, when ledger.Instant, w ledgertest.Words) *ledger.Event {
		w.Order, w.Created = "open", when
		return ledgertest.ShopEvent(id, when, when.Add(2*ledger.Second), w)
	}
	erp := func(id string, when ledger.Instant, w ledgertest.Words) *ledger.Event {
		if w.Order == "" {
			w.Order = "approved"
		}
		return ledgertest.ERPEvent(id, when, when.Add(10*ledger.Second), when.Add(-10*ledger.Second), w)
	}
	tick := func(wall, heard ledger.Instant) {
		l.Append(ledgertest.Tick(wall,
			ledgertest.Covered(ledgertest.ERP, ledgertest.ERPOrders, at(8, 0, 0), heard),
			ledgertest.Covered(ledgertest.Shop, ledgertest.ShopOrders, at(8, 0, 0), wall.Add(-31*ledger.Second))))
	}
	silent := func(wall ledger.Instant) { tick(wall, at(10, 20, 0)) }
	live := func(wall ledger.Instant) { tick(wall, wall.Add(-31*ledger.Second)) }

	tick(at(8, 59, 0), at(8, 58, 30))
	l.Append(place("1001", at(9, 0, 0), ledgertest.Words{Minor: 10000}))
	l.Append(place("1002", at(9, 0, 0), ledgertest.Words{Minor: 2000}))
	l.Append(place("1003", at(9, 0, 0), ledgertest.Words{Minor: 4990}))
	l.Append(place("1007", at(9, 0, 0), ledgertest.Words{Minor: 900}))
	l.Append(place("1004", at(9, 0, 0), ledgertest.Words{Minor: 700}))
	l.Append(place("1005", at(9, 0, 0), ledgertest.Words{Minor: 800}))
	l.Append(ledgertest.PayEvent("1005", at(9, 0, 30), at(9, 0, 31), "mystery"))
	l.Append(ledgertest.ShopEvent("1004", at(9, 1, 0), at(9, 1, 2), ledgertest.Words{Order: "cancelled", Created: at(9, 0, 0), Cancelled: at(9, 1, 0), Minor: 700}))
	l.Append(erp("1001", at(9, 1, 0), ledgertest.Words{Fulfilment: "pending"}))
	l.Append(erp("1001", at(9, 1, 0), ledgertest.Words{Fulfilment: "pending"})) // read twice
	l.Append(erp("1005", at(9, 1, 30), ledgertest.Words{}))
	live(at(9, 3, 0))
	live(at(9, 5, 0))
	l.Append(erp("1002", at(9, 5, 0), ledgertest.Words{}))
	live(at(9, 6, 0))
	l.Append(ledgertest.ERPEvent("1007", at(9, 1, 0), at(9, 6, 10), at(9, 6, 0), ledgertest.Words{Order: "approved", Created: at(9, 1, 0)}))
	refund := ledgertest.ShopEvent("1001", at(9, 10, 0), at(9, 10, 2), ledgertest.Words{Order: "open", Created: at(9, 0, 0), Fulfilment: "fulfilled", Minor: 10000})
	refund.Amounts = append(refund.Amounts, ledger.AmountSet{Object: refund.Object, Kind: ledger.AmountRefunded, Complete: true, Amounts: []ledger.Amount{{ID: "r1", Minor: 1000, Currency: "EUR"}}})
	refund.ID = refund.ComputeID()
	l.Append(refund)
	live(at(9, 16, 0))
	live(at(9, 26, 0))
	shipped := erp("1001", at(9, 30, 0), ledgertest.Words{Fulfilment: "shipped"})
	shipped.Amounts = []ledger.AmountSet{{Object: shipped.Object, Kind: ledger.AmountCredited, Complete: true, Amounts: []ledger.Amount{{ID: "c1", Minor: 600, Currency: "EUR"}}}}
	shipped.ID = shipped.ComputeID()
	l.Append(shipped)
	live(at(9, 31, 0))
	l.Append(erp("1001", at(9, 40, 0), ledgertest.Words{Fulfilment: "pending"}))
	live(at(9, 56, 0))
	for _, x := range l.Exceptions {
		if x.Exception.Subject.Order == ledgertest.Key("1003") && x.Change == ledger.FactExceptionOpened {
			l.Append(&ledger.OperatorAction{RequestID: "r1", Kind: ledger.ActionAcknowledge, Exception: x.Exception.ID, Episode: x.Exception.Episode, Actor: "someone", ProposedAt: at(9, 56, 0)})
		}
	}
	live(at(10, 20, 31))
	l.Append(place("1006", at(10, 30, 0), ledgertest.Words{Minor: 300}))
	silent(at(10, 33, 0))
	silent(at(10, 36, 0))
	return &ledger.Rows{History: l.History, Exceptions: l.Exceptions, Orders: l.Orders, Quarantine: l.Quarantine}
}

// cookbook reads the queries of the document, by number.
func cookbook(t *testing.T) map[int]string {
	t.Helper()
	raw, err := os.ReadFile("../../projections/clickhouse/COOKBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]string{}
	for _, m := range regexp.MustCompile("(?s)\n## (\\d+)\\. [^\n]+\n\n```sql\n(.*?)```").FindAllStringSubmatch(string(raw), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		out[n] = m[2]
	}
	if len(out) != strings.Count(string(raw), "\n## ") {
		t.Fatalf("%d queries are read", len(out))
	}
	return out
}

// answer runs a query and writes each row as a line.
func answer(t *testing.T, s *clickhouse.Sink, query string) []string {
	t.Helper()
	rows, err := s.Conn().Query(t.Context(), query)
	if err != nil {
		t.Errorf("%v\n%s", err, query)
		return nil
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		values := make([]any, len(rows.ColumnTypes()))
		for i, c := range rows.ColumnTypes() {
			values[i] = reflect.New(c.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			t.Errorf("%v\n%s", err, query)
			return nil
		}
		var line []string
		for _, v := range values {
			line = append(line, plain(reflect.ValueOf(v)))
		}
		out = append(out, strings.Join(line, " | "))
	}
	if err := rows.Err(); err != nil {
		t.Errorf("%v\n%s", err, query)
	}
	return out
}

// plain writes a value of a column.
func plain(v reflect.Value) string {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "NULL"
		}
		v = v.Elem()
	}
	if at, ok := v.Interface().(interface{ Format(string) string }); ok {
		return strings.TrimSuffix(at.Format("2006-01-02 15:04:05"), " 00:00:00")
	}
	return fmt.Sprint(v.Interface())
}

// figures are what the story gives, worked out by hand.
var figures = map[int][]string{
	1:  {"fulfilment | EUR | 1 | 10000", "integration | EUR | 1 | 4990", "integration |  | 1 | 0", "platform |  | 1 | 0"},
	2:  {"storefront→erp | ingestion | 3 | 2 | 1", "erp/sales-orders | source-silent | 1 | 0 | 1", "erp→storefront | shipment-lag | 1 | 0 | 1", "payments | unmapped-status | 1 | 0 | 1"},
	3:  {"ingestion | 2026-03-02 | 5 | 2 | 1 | 1 | 1 | 0.5", "shipment-lag | 2026-03-02 | 2 | 0 | 1 | 1 | 0 | 0"},
	4:  {"shop | erp | 4 | 90 | 300 | 300 | 300", "shop | payments | 1 | 30 | 30 | 30 | 30"},
	5:  {"2026-03-02 | ingestion | storefront→erp | 1 | 1 | NaN", "2026-03-02 | ingestion | storefront→erp | 2 | 0 | 150", "2026-03-02 | shipment-lag | erp→storefront | 1 | 1 | NaN"},
	6:  {"payments | payment | mystery | 1 | 1 | 2026-03-02 10:00:00 | 2026-03-02 10:00:00"},
	7:  {"feed:erp/sales-orders | 1 | 1 | 2026-03-02 10:33:00 | 0"},
	8:  {"erp/sales-orders | ingestion | 1"},
	10: {"shop~1001 | EUR | 1000 | 600 | 400"},
	11: {"ShipmentLag | shop~1001 | 2 | true | 2026-03-02 09:26:00"},
	12: {"ingestion | until | 1"},
	13: {"erp | sales-orders | 6 | 10 | 310", "payments | payments | 1 | 1 | 1", "shop | orders | 9 | 2 | 2"},
	14: {"erp | 6 | 0 | 0", "payments | 0 | 1 | 0", "shop | 9 | 0 | 0"},
	15: {"shop~1003 | 2026-03-02 09:00:00", "shop~1004 | 2026-03-02 09:00:00", "shop~1006 | 2026-03-02 10:30:00"},
	16: {"SHIPPED | PENDING | 1"},
	17: {"integration | 1 | 3420"},
}

// views are figures of the views beneath.
var views = map[string][]string{
	"SELECT day, hop, rule, name, owner, historic, opened, healed, closed, open_now, reopened, at_risk_minor, at_risk_open_minor, at_risk_currency, median_seconds FROM v_failure_map WHERE hop LIKE '%→%' ORDER BY hop, name": {
		"2026-03-02 | erp→storefront | shipment-lag | ShipmentLag | fulfilment | false | 1 | 0 | 0 | 1 | 1 | 10000 | 10000 | EUR | NULL",
		"2026-03-02 | storefront→erp | ingestion | CheckoutDisconnect | integration | false | 1 | 0 | 0 | 1 | 0 | 4990 | 4990 | EUR | NULL",
		"2026-03-02 | storefront→erp | ingestion | IngestionPendingAudit | integration | false | 2 | 2 | 0 | 0 | 0 | 2900 | 0 | EUR | 180",
	},
	"SELECT * FROM v_sla_attainment ORDER BY rule, day": {
		"ingestion | 2026-03-02 | 5 | 2 | 1 | 1 | 1 | 0 | 0.5",
		"shipment-lag | 2026-03-02 | 2 | 0 | 1 | 1 | 0 | 0 | 0",
	},
}

// TestCookbook: every query runs, and answers what the story says.
func TestCookbook(t *testing.T) {
	s, rows := open(t), story()
	for tab := range projections.Table(projections.Tables) {
		if n := projections.Last(rows, tab); n > 0 && s.Wants(tab) {
			b := &projections.Block{Table: tab, From: 1, To: n, Rows: &ledger.Rows{}}
			projections.Append(b.Rows, rows, tab, 1, n)
			if err := s.Insert(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	queries := cookbook(t)
	if len(queries) < 12 || 2*len(figures) < len(queries) {
		t.Errorf("%d queries, of which %d are held to figures", len(queries), len(figures))
	}
	for n := 1; n <= len(queries); n++ {
		got := answer(t, s, queries[n])
		want, known := figures[n]
		if known && strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("query %d answers\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n != 9 && len(got) == 0 { // the story has no name that belongs to nobody
			t.Errorf("query %d answers nothing", n)
		}
	}
	for q, want := range views {
		if got := answer(t, s, q); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s answers\n%s\nwant\n%s", q, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
