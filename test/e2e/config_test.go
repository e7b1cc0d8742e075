package e2e_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// refusedStart starts an instance that must not start, and returns why.
func refusedStart(t *testing.T, cfg *config.Config) string {
	t.Helper()
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{}, slog.New(slog.DiscardHandler))
	if err == nil {
		_ = i.Close()
		t.Fatal("it starts")
	}
	return err.Error()
}

// lacks reports what a message should say and does not.
func lacks(t *testing.T, message string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(message, w) {
			t.Errorf("%q is not said in:\n%s", w, message)
		}
	}
}

// TestAWrongConfigurationIsRefusedWhole: every problem at once, each where it
// stands, with what was probably meant.
func TestAWrongConfigurationIsRefusedWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orderledger.yaml")
	text := "data_dri: /tmp/x\nephemeral: perhaps\nlisten:\n  webhook: 127.0.0.1:0\nsources:\n- name: shop\n  system: shopify\n  poll: {intervall: 1s}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := config.Default().Read(file)
	if err == nil {
		t.Fatal("it is taken")
	}
	lacks(t, err.Error(), file+":1:1:", `"data_dir"`, file+":2:12:", "true or false", file+":4:3:", `"webhooks"`, file+":8:10:", `"interval"`)

	numbers := "partitions: 8\nreplication: 3\nledger: {outbox_max_bytes: 1048576, disk_reserve_bytes: 1024, cache_orders: 5}\nkafka: {producer: {linger: 5ms, broken_after: 3s}}\n"
	if err := os.WriteFile(file, []byte(numbers), 0o600); err != nil {
		t.Fatal(err)
	}
	numbered := config.Default()
	if err := numbered.Read(file); err != nil || numbered.Partitions != 8 || numbered.Replication != 3 || numbered.Ledger.DiskReserveBytes != 1024 || numbered.Kafka.Producer.Linger != 5*time.Millisecond {
		t.Errorf("numbers of every width: %+v, %v", numbered, err)
	}

	cfg := loopback()
	cfg.Ephemeral, cfg.DataDir = false, ""
	cfg.Log.Level = "loud"
	cfg.Listen.REST = "0.0.0.0:0"
	cfg.Sources = deskSources(t)
	cfg.Sources[1].OriginSource = "nowhere"
	cfg.Sources[2].Name = "Not A Name"
	lacks(t, refusedStart(t, cfg), "data_dir", "--data", "log.level", `"loud"`, "listen.rest", "auth.token_files", "origin_source", `"nowhere"`, "Not A Name")

	cfg = loopback()
	cfg.Sources = deskSources(t)
	cfg.Sources[0].System = "shopifi"
	lacks(t, refusedStart(t, cfg), `shopifi`, "shopify")

	cfg = loopback()
	cfg.Sources = deskSources(t)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte("groups:\n- name: own\n  rules:\n  - rule: mine\n    expr: storefront.ordr == PLACED\n    for: 1m\n    exception: Mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Policy.Rules = []string{rules}
	lacks(t, refusedStart(t, cfg), rules+":5", "ordr", "order")
}

// TestAnEmbeddedLogKeepsItsPartitions: another number than the log was made
// with would move every key.
func TestAnEmbeddedLogKeepsItsPartitions(t *testing.T) {
	data := t.TempDir()
	first := newDesk(t, func(cfg *config.Config) { cfg.Ephemeral, cfg.DataDir = false, data })
	first.accept("shop", "orders/create", order(1001, "pending"))
	first.close()
	cfg := loopback()
	cfg.Ephemeral, cfg.DataDir, cfg.Partitions, cfg.AllowUnsafeTopics = false, data, 2*partitions, true
	lacks(t, refusedStart(t, cfg), kafkalog.TopicEvents, "partitions is 4, wanted 8", "can not be overridden")
}

// TestUnsafeTopicsAreRefused: a log that forgets, compacts or is cut in another
// way is no truth; the refusal names the setting and the way on (I-8).
func TestUnsafeTopicsAreRefused(t *testing.T) {
	addr := startKafka(t).Addr()
	log, err := kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{addr}}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions})
	for i := range specs {
		switch specs[i].Name {
		case kafkalog.TopicEvents:
			specs[i].RetentionMillis = 7 * 24 * 3600 * 1000
		case kafkalog.TopicUnkeyed:
			specs[i].Cleanup = kafkalog.CleanupCompact
		}
	}
	if _, err := log.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	over := func(n int32, allow bool) *config.Config {
		cfg := loopback()
		cfg.Kafka.Brokers, cfg.Partitions, cfg.AllowUnsafeTopics = []string{addr}, n, allow
		cfg.Sources = deskSources(t)
		return cfg
	}
	message := refusedStart(t, over(partitions, false))
	lacks(t, message, "topic "+kafkalog.TopicEvents+": retention.ms is 604800000, wanted -1", "topic "+kafkalog.TopicUnkeyed+": cleanup.policy is compact, wanted delete", kafkalog.OverrideFlag)
	if strings.Contains(message, "partitions is") {
		t.Errorf("blames the partitions: %s", message)
	}
	lacks(t, refusedStart(t, over(2*partitions, true)), "partitions is 4, wanted 8", "can not be overridden")
	// With the override, and the right number, it starts and works.
	cfg := over(partitions, true)
	cfg.Finish()
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, Instance: i}
	t.Cleanup(d.close)
	d.accept("shop", "orders/create", order(1001, "pending"))
	if got := d.claims(orderKey(1001), "shop"); len(got) == 0 {
		t.Error("the order is not in the ledger")
	}
}
