// Package history_test holds ClickHouse itself to what a sink promises.
package history_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/projections/projectiontest"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildCommand {
		os.Exit(embedded.RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func open(t *testing.T) *clickhouse.Sink {
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

func TestClickHouseSink(t *testing.T) {
	s := open(t)
	projectiontest.Run(t, s)
	audit, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(audit) != 4 {
		t.Fatalf("%d tables audited", len(audit))
	}
	for _, a := range audit {
		if !a.Dense || a.Rows != a.Distinct {
			t.Errorf("%s: %d rows, %d distinct, %d…%d: a repeated block doubled rows", a.Table, a.Rows, a.Distinct, a.First, a.Last)
		}
	}
	for _, q := range []string{
		"SELECT count() FROM v_open_exceptions WHERE name = 'IngestionPendingAudit' AND at_risk_minor = 4990",
		"SELECT count() FROM v_orders WHERE order_key = 'shop~1001' AND has(cell_state, 'PLACED')",
		"SELECT count() > 3 FROM v_order_history(order = 'shop~1001')",
		"SELECT count() FROM v_quarantine WHERE native = 'mystery'",
		"SELECT count() > 0 FROM v_verdicts WHERE verdict = 'BREACHED'",
		"SELECT count() > 0 FROM v_drift_daily",
		"SELECT count() > 0 FROM v_time_to_sync",
	} {
		var n uint64
		if err := s.Conn().QueryRow(t.Context(), "SELECT toUInt64(("+q+"))").Scan(&n); err != nil {
			t.Errorf("%s: %v", q, err)
		} else if n != 1 {
			t.Errorf("%s: %d, want 1", q, n)
		}
	}
}

// TestTokenOutlivesItsRows: ClickHouse remembers a block's token when its rows
// are gone, and takes a repeat for a duplicate, which is why a pump asks what
// landed; under another token the range lands (I-19).
func TestTokenOutlivesItsRows(t *testing.T) {
	s, ctx := open(t), t.Context()
	b := &projections.Block{Table: projections.History, From: 1, To: 2, Rows: &ledger.Rows{}}
	projections.Append(b.Rows, projectiontest.Rows(), b.Table, 1, 2)
	held := func() uint64 {
		t.Helper()
		h, err := s.Held(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		return h[b.Table]
	}
	insert := func() {
		t.Helper()
		if err := s.Insert(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	insert()
	if err := s.Conn().Exec(ctx, "ALTER TABLE events DELETE WHERE 1 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	if insert(); held() != 0 {
		t.Fatalf("holds %d: a known token is taken again, so nothing need be asked after an insert", held())
	}
	b.Attempt++
	if insert(); held() != 2 {
		t.Fatalf("holds %d of 2 under another token", held())
	}
}

func TestEverythingIsCommented(t *testing.T) {
	s := open(t)
	var bare []string
	rows, err := s.Conn().Query(t.Context(), `SELECT concat(table, '.', name) FROM system.columns WHERE database = 'orderledger' AND comment = ''
		AND (table IN ('events','exceptions','orders','quarantine') OR table LIKE 'v\_%' OR table LIKE 'r\_%' AND table NOT LIKE '%\_refresh')
		UNION ALL SELECT name FROM system.tables WHERE database = 'orderledger' AND comment = '' AND name NOT LIKE 'goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		bare = append(bare, n)
	}
	if len(bare) > 0 {
		t.Fatalf("without a comment: %s", strings.Join(bare, ", "))
	}
}

// Of merged orders the root alone stands in the view of orders (S-38).
func TestMergedOrdersStandOnce(t *testing.T) {
	s := open(t)
	b := &projections.Block{Table: projections.Orders, From: 1, To: 3, Rows: &ledger.Rows{Orders: []ledger.OrderRow{
		{Seq: 1, Summary: ledger.Summary{Key: "shop~1", Events: 1}}, {Seq: 2, Summary: ledger.Summary{Key: "shop~2", Events: 1}},
		{Seq: 3, Summary: ledger.Summary{Key: "shop~2", Events: 1, MergedInto: "shop~1"}},
	}}}
	if err := s.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var keys []string
	if err := s.Conn().QueryRow(t.Context(), "SELECT groupArray(order_key) FROM v_orders").Scan(&keys); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0] != "shop~1" {
		t.Fatalf("v_orders holds %v, want the root alone", keys)
	}
}
