package history_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// TestRollUpIsTheView: the roll-up says what the view says, as of an instant
// that it names, and follows it when it is computed anew.
func TestRollUpIsTheView(t *testing.T) {
	s, rows := open(t), story()
	exec := func(sql string) {
		t.Helper()
		if err := s.Conn().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	refresh := func() {
		t.Helper()
		exec("SYSTEM REFRESH VIEW r_sla_attainment_refresh")
		exec("SYSTEM WAIT VIEW r_sla_attainment_refresh")
	}
	const columns = "rule, day, obligations, in_time, late, breached, undetermined, imprecise, share"
	read := func(view string) string {
		t.Helper()
		return strings.Join(answer(t, s, "SELECT "+columns+" FROM "+view+" ORDER BY rule, day"), "\n")
	}
	exec("SYSTEM WAIT VIEW r_sla_attainment_refresh") // the first one, of nothing
	last := projections.Last(rows, projections.History)
	for _, b := range []projections.Block{{From: 1, To: last / 2}, {From: last/2 + 1, To: last}} {
		before := read("v_sla_attainment_asof")
		b.Table, b.Rows = projections.History, &ledger.Rows{}
		projections.Append(b.Rows, rows, b.Table, b.From, b.To)
		if err := s.Insert(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if now := read("v_sla_attainment_asof"); now != before {
			t.Fatalf("it moved without being computed: %s", now)
		}
		var since, asOf string
		if err := s.Conn().QueryRow(t.Context(), "SELECT toString(now64(6, 'UTC'))").Scan(&since); err != nil {
			t.Fatal(err)
		}
		refresh()
		if got, want := read("v_sla_attainment_asof"), read("v_sla_attainment"); got != want || got == before {
			t.Fatalf("rolled up:\n%s\nthe view:\n%s\nbefore:\n%s", got, want, before)
		}
		if err := s.Conn().QueryRow(t.Context(), "SELECT toString(min(as_of)) FROM v_sla_attainment_asof HAVING min(as_of) = max(as_of)").Scan(&asOf); err != nil {
			t.Fatal(err)
		}
		if asOf < since {
			t.Fatalf("as of %s, computed after %s", asOf, since)
		}
	}
}
