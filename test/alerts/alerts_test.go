// Package alerts_test holds the shipped alerting rules against the process that
// they are about: they parse, what they name exists, and they fire on the fault
// that they are for.
package alerts_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/metrics"
)

// alert is one shipped rule.
type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         time.Duration     `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func shipped(t *testing.T) []alert {
	t.Helper()
	raw, err := os.ReadFile("../../deploy/alerts/orderledger.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string  `yaml:"name"`
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var out []alert
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

func exprOf(t *testing.T, name string) string {
	t.Helper()
	for _, a := range shipped(t) {
		if a.Alert == name {
			return a.Expr
		}
	}
	t.Fatalf("no alert is called %s", name)
	return ""
}

// TestRulesAreWhole: every rule has a severity, says what it is and what to do,
// and names only metrics that a process of ours declares.
func TestRulesAreWhole(t *testing.T) {
	declared := metrics.New(metrics.Options{})
	declared.Declare()
	seen := map[string]bool{}
	for _, a := range shipped(t) {
		if a.Alert == "" || seen[a.Alert] || !slices.Contains([]string{"critical", "warning"}, a.Labels["severity"]) || a.Annotations["summary"] == "" || a.Annotations["action"] == "" {
			t.Errorf("%+v is not whole, or there twice", a)
		}
		seen[a.Alert] = true
		names, err := metricsIn(a.Expr)
		if err != nil || len(names) == 0 {
			t.Errorf("%s: %v, %v", a.Alert, names, err)
		}
		for _, n := range names {
			if !slices.Contains(declared.Names(), n) {
				t.Errorf("%s names %s, which no process shows", a.Alert, n)
			}
		}
	}
}

// TestEveryAlertFires: of a healthy process no alert fires, and each fires on the
// fault that it is for.
func TestEveryAlertFires(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	unix := float64(now.Unix())
	healthy := []series{
		steady("orderledger_conservation_residual", 0, "source", "shop", "partition", "0"), steady("orderledger_audit_skipped_records", 0, "partition", "0"),
		steady("orderledger_audit_mismatch", 0, "table", "events", "partition", "0"), steady("orderledger_audit_lag_records", 12, "partition", "0"),
		steady("orderledger_audit_finished_timestamp_seconds", unix-20),
		steady("orderledger_fold_lag_records", 3, "partition", "0"), steady("orderledger_tick_delay_seconds", 20, "partition", "0"),
		steady("orderledger_partition_owned", 0, "partition", "0", "instance", "b"), steady("orderledger_partition_owned", 1, "partition", "0", "instance", "a"),
		steady("orderledger_sink_waiting_seconds", 0.2, "sink", "clickhouse", "partition", "0"), steady("orderledger_sink_failures_total", 41, "sink", "clickhouse", "partition", "0"),
		steady("orderledger_feed_last_heard_timestamp_seconds", unix-60, "source", "shop", "feed", "orders"),
		steady("orderledger_feed_clock_skew_exceeded", 0, "source", "shop", "feed", "orders"), steady("orderledger_quarantine_expiring_entries", 0, "source", "shop"),
	}
	faults := map[string]series{
		"OrderledgerRecordsUnaccounted": steady("orderledger_conservation_residual", -1, "source", "shop", "partition", "1"),
		"OrderledgerRecordsSkipped":     steady("orderledger_audit_skipped_records", 1, "partition", "1"),
		"OrderledgerHistoryMismatch":    steady("orderledger_audit_mismatch", 1, "table", "orders", "partition", "1"),
		"OrderledgerAuditFails":         steady("orderledger_audit_finished_timestamp_seconds", unix-4000, "instance", "b"),
		"OrderledgerAuditBehind":        steady("orderledger_audit_lag_records", 2e6, "partition", "1"),
		"OrderledgerPartitionStopped":   steady("orderledger_partition_stopped", 1, "partition", "1"),
		"OrderledgerFoldBehind":         steady("orderledger_fold_lag_records", 1e6, "partition", "1"),
		"OrderledgerClockStands":        steady("orderledger_tick_delay_seconds", 900, "partition", "1"),
		"OrderledgerPartitionUnowned":   steady("orderledger_partition_owned", 0, "partition", "1", "instance", "a"),
		"OrderledgerSinkWaits":          steady("orderledger_sink_waiting_seconds", 5000, "sink", "clickhouse", "partition", "1"),
		"OrderledgerSinkFails": {
			name: "orderledger_sink_failures_total", labels: map[string]string{"sink": "clickhouse", "partition": "1"},
			at: func(ago time.Duration) float64 { return 1000 - ago.Seconds()/2 },
		},
		"OrderledgerFeedNotHeard":    steady("orderledger_feed_last_heard_timestamp_seconds", unix-9000, "source", "erp", "feed", "orders"),
		"OrderledgerFeedClockSkewed": steady("orderledger_feed_clock_skew_exceeded", 1, "source", "erp", "feed", "orders"),
		"OrderledgerOriginalsExpire": steady("orderledger_quarantine_expiring_entries", 3, "source", "erp"),
	}
	rules := shipped(t)
	if len(rules) != len(faults) {
		t.Errorf("%d alerts, and faults for %d", len(rules), len(faults))
	}
	for _, a := range rules {
		well := &evaluator{all: healthy, now: now}
		if got, err := well.fires(a.Expr); err != nil || len(got) > 0 {
			t.Errorf("%s fires on a healthy process: %v, %v", a.Alert, got, err)
		}
		ill := &evaluator{all: append(slices.Clone(healthy), faults[a.Alert]), now: now}
		if got, err := ill.fires(a.Expr); err != nil || len(got) != 1 {
			t.Errorf("%s: fires %d times on its fault: %v", a.Alert, len(got), err)
		}
	}
}
