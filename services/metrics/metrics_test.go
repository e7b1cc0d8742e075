package metrics_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/metrics"
)

var _ api.Observer = (*metrics.API)(nil)

// busy is a process that has done a bit of everything.
func busy(t *testing.T) *metrics.Metrics {
	t.Helper()
	m := metrics.New(metrics.Options{Version: "1.2.3", Commit: "abc"})
	s := apitest.Start(t, func(o *api.Options) { o.Observer = m.API() })
	s.Broken("1", "2")
	m.Watch(s.Node)
	e := m.Engine()
	e.Committed(engine.Committed{Partition: 1, Records: 7}, time.Millisecond)
	e.TickProposed(1)
	e.Pumped("clickhouse", 1, 3)
	e.SinkFailed("clickhouse", 1, errors.New("away"))
	e.Refilling("clickhouse", 1, 500)
	e.Stopped(2, errors.New("log lost"))
	m.Edge().Observe(connector.Observation{Source: "shop", Feed: "orders", Outcome: connector.OutcomeAccepted, Count: 2, Took: time.Millisecond})
	m.Quarantine(api.QuarantineReport{Counts: []api.QuarantineCount{{Source: "shop", Held: 3, Expiring: 2, Released: 5, Expired: 1}}, Removed: 9})
	m.Quarantine(api.QuarantineReport{
		Counts: []api.QuarantineCount{{Source: "shop", Held: 2, Expiring: 1, Released: 5, Expired: 2}},
		Gone:   map[ledger.Source]int{"shop": 1}, Removed: 11,
	})
	a := m.Audit()
	a.Residual("shop", 1, -2)
	a.Skipped(1, 1)
	a.Mismatch("events", ledger.AliasPartitions, 4)
	a.Behind(0, 9)
	a.Finished(time.Unix(1_772_445_721, 0))
	m.API().Called("OrderService/GetOrder", "OK", 0.01)
	return m
}

func TestEveryMetricIsDocumented(t *testing.T) {
	m := busy(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(orderledger_[a-z_]+)`").FindAllStringSubmatch(string(readme), -1) {
		documented = append(documented, row[1])
	}
	names := m.Names()
	slices.Sort(names)
	slices.Sort(documented)
	if !slices.Equal(names, documented) {
		t.Fatalf("metrics   %v\ndocumented %v", names, documented)
	}
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "orderledger_") {
			seen[f.GetName()] = true
			if f.GetHelp() == "" || !slices.Contains(names, f.GetName()) {
				t.Errorf("%s: help %q", f.GetName(), f.GetHelp())
			}
		}
	}
	for _, n := range names {
		if !seen[n] {
			t.Errorf("%s was never shown", n)
		}
	}
	problems, err := testutil.GatherAndLint(m.Gatherer(), names...)
	if err != nil || len(problems) > 0 {
		t.Fatalf("lint: %v %v", problems, err)
	}
}

func TestWhatIsShownIsTrue(t *testing.T) {
	m := busy(t)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`orderledger_exceptions_open{rule="ingestion",severity="warning"} 2`,
		`orderledger_exceptions_open{rule="ingestion",severity="critical"} 0`,
		`orderledger_records_total{outcome="applied",source="shop"} 2`,
		`orderledger_conservation_residual{partition="1",source="shop"} -2`,
		`orderledger_audit_skipped_records{partition="1"} 1`,
		`orderledger_audit_mismatch{partition="unkeyed-0",table="events"} 4`,
		`orderledger_audit_lag_records{partition="0"} 9`,
		`orderledger_audit_finished_timestamp_seconds 1.772445721e+09`,
		`orderledger_edge_outcomes_total{feed="orders",outcome="accepted",source="shop"} 2`,
		`orderledger_partition_owned{partition="0"} 1`,
		`orderledger_partition_stopped{partition="2"} 1`,
		`orderledger_partition_policy_version{partition="3"} 1`,
		`orderledger_fold_records_total{partition="1"} 7`,
		`orderledger_sink_refill_remaining_records{partition="1",sink="clickhouse"} 500`,
		`orderledger_build_info{commit="abc",version="1.2.3"} 1`,
		`orderledger_feed_covered_until_timestamp_seconds{feed="sales-orders",source="erp"} 1.772445721e+09`,
		`orderledger_quarantine_entries{source="shop",state="held"} 2`,
		`orderledger_quarantine_entries{source="shop",state="released"} 5`,
		`orderledger_quarantine_entries{source="shop",state="expired"} 2`,
		`orderledger_quarantine_expiring_entries{source="shop"} 1`,
		`orderledger_quarantine_expired_total{source="shop"} 1`,
		`orderledger_quarantine_removed_records_total 11`,
		`go_goroutines`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("missing %s", want)
		}
	}
}
