package alerts_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/metrics"
	"github.com/orderledger/orderledger/services/prove"
	"github.com/orderledger/orderledger/services/role"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == embedded.ChildCommand {
		os.Exit(embedded.RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// telling is a log that a test may read while a process writes it.
type telling struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *telling) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *telling) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// instance is `dev` on the embedded engines, with its metrics.
type instance struct {
	*role.Instance
	log *telling
}

func start(t *testing.T) *instance {
	t.Helper()
	cfg := config.Default()
	cfg.Ephemeral, cfg.Partitions, cfg.ClickHouse = true, 2, config.ClickHouse{}
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.Ledger.AuditEvery = 2 * time.Second
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, SecretFiles: []string{secret}, Poll: connector.PollSettings{Disabled: true}}}
	cfg.Finish()
	m, log := metrics.New(metrics.Options{}), &telling{}
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{Engine: m.Engine(), Edge: m.Edge(), API: m.API(), Audit: m.Audit(),
		Metrics: m.Handler(), Started: m.Watch}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = i.Close()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return &instance{i, log}
}

// orders appends documents of orders to the log.
func (i *instance) orders(t *testing.T, n int) {
	t.Helper()
	for k := range n {
		at := ledgertest.Clock(10, k/60, k%60)
		ev := ledgertest.ShopEvent(fmt.Sprint(k), at, at, ledgertest.Words{Order: "open", Created: at})
		value, err := i.Stack.Codec.Encode(nil, ev)
		if err != nil {
			t.Fatal(err)
		}
		rec := kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: ledger.PartitionOf([]byte(ev.Order), 2), Key: []byte(ev.Order), Value: value}
		if _, err := i.Stack.Log.Append(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
}

// scrape reads the process' metrics, over HTTP.
func (i *instance) scrape(t *testing.T) []series {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.Endpoints.Admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return scraped(string(text))
}

// bound is how long a fault may stay unseen.
const bound = 60 * time.Second

// await polls until a condition is met, for as long as a fault may stay unseen.
func await(t *testing.T, what string, met func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bound)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %s", bound, what)
		case <-tick.C:
		}
	}
	return time.Since(began)
}

// TestDeletedRow deletes one row from a real ClickHouse: the metric of a running
// process shows it within 60 s, the shipped alert fires, the log line names the
// row, and `prove conservation` its record and order.
func TestDeletedRow(t *testing.T) {
	i := start(t)
	i.orders(t, 60)
	opt, err := clickhouse.ParseDSN("clickhouse://" + i.Endpoints.ClickHouseNative)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ch.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	one := func(query string, into ...any) error { return conn.QueryRow(t.Context(), query).Scan(into...) }
	await(t, "the orders have not arrived", func() bool {
		var n uint64
		return one("SELECT count() FROM orderledger.events WHERE partition = 0 AND entry = 'event'", &n) == nil && n >= 20
	})
	rule := exprOf(t, "OrderledgerHistoryMismatch")
	fires := func() []map[string]string {
		got, err := (&evaluator{all: i.scrape(t), now: time.Now()}).fires(rule)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	await(t, "ClickHouse has not been looked at", func() bool {
		return slices.ContainsFunc(i.scrape(t), func(s series) bool { return s.name == "orderledger_audit_mismatch" && s.labels["table"] == "orders" })
	})
	if got := fires(); len(got) > 0 {
		t.Fatalf("the alert fires before anything is wrong: %v", got)
	}
	seenByName(t, i)
	const seq = 9
	var order string
	var offset int64
	if err := one(fmt.Sprintf("SELECT order_key, log_offset FROM orderledger.events WHERE partition = 0 AND seq = %d", seq), &order, &offset); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(t.Context(), fmt.Sprintf("DELETE FROM orderledger.events WHERE partition = 0 AND seq = %d", seq)); err != nil {
		t.Fatal(err)
	}
	took := await(t, "nobody noticed the deleted row", func() bool { return len(fires()) > 0 })
	t.Logf("seen after %s", took.Round(time.Millisecond))
	if got := fires(); len(got) != 1 || got[0]["table"] != "events" || got[0]["partition"] != "0" {
		t.Errorf("the alert names %v", got)
	}
	if said := i.log.String(); !strings.Contains(said, fmt.Sprintf("table events, partition 0: row %d is missing", seq)) {
		t.Errorf("the log says\n%s", said)
	}
	proven := i.conservation(t)
	if len(proven.Findings) != 1 || proven.Findings[0].Table != "events" || proven.Findings[0].Seq != seq || proven.Findings[0].Offset != offset || proven.Findings[0].Order != order {
		t.Errorf("row %d of offset %d and order %s is told as %+v", seq, offset, order, proven.Findings)
	}
}

// conservation proves a running instance's log and ClickHouse.
func (i *instance) conservation(t *testing.T) *prove.ConservationReport {
	t.Helper()
	opt, err := clickhouse.ParseDSN("clickhouse://" + i.Endpoints.ClickHouseNative)
	if err != nil {
		t.Fatal(err)
	}
	history, err := clickhouse.NewAuditor(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = history.Close() })
	report, err := prove.Conservation(t.Context(), prove.ConservationOptions{History: history, Options: prove.Options{
		Log: i.Stack.Log, Codec: i.Stack.Codec, Partitions: 2, Scratch: t.TempDir(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	report.Print(&out)
	t.Log("\n" + out.String())
	return report
}

// onceOnly are metrics that a process shows when there is something to show.
var onceOnly = []string{
	"orderledger_partition_stopped", "orderledger_tick_delay_seconds", "orderledger_sink_failures_total", "orderledger_quarantine_expiring_entries",
	"orderledger_feed_last_heard_timestamp_seconds", "orderledger_feed_clock_skew_exceeded",
}

// seenByName holds every metric of the shipped rules against what the process
// shows.
func seenByName(t *testing.T, i *instance) {
	t.Helper()
	shown := map[string]bool{}
	for _, s := range i.scrape(t) {
		shown[s.name] = true
	}
	for _, a := range shipped(t) {
		names, err := metricsIn(a.Expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if !shown[n] && !slices.Contains(onceOnly, n) {
				t.Errorf("%s: %s is not among what a running process shows", a.Alert, n)
			}
		}
	}
}
