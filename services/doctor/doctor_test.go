package doctor_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/config/certtest"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/doctor"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/role"
)

// healthy is a configuration of which nothing runs yet.
func healthy(t *testing.T) *config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.EndpointsFile = filepath.Join(t.TempDir(), "endpoints.json")
	cfg.Finish()
	return cfg
}

// examine runs the checks, at an instant if it is not zero.
func examine(t *testing.T, cfg *config.Config, at time.Time) []doctor.Result {
	t.Helper()
	opt := doctor.Options{Config: cfg, Version: "test", Logger: slog.New(slog.DiscardHandler), Patience: 20 * time.Second}
	if !at.IsZero() {
		opt.Now = func() time.Time { return at }
	}
	results, err := doctor.Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// found demands a result of a check that says something.
func found(t *testing.T, results []doctor.Result, check string, status doctor.Status, text string) {
	t.Helper()
	for _, r := range results {
		if r.Check == check && r.Status == status && strings.Contains(r.Detail, text) {
			if status != doctor.OK && r.Remedy == "" {
				t.Errorf("%s: no remedy", check)
			}
			return
		}
	}
	t.Errorf("no %s of %s with %q among %+v", status, check, text, results)
}

func TestHealthy(t *testing.T) {
	for _, r := range examine(t, healthy(t), time.Time{}) {
		if r.Status != doctor.OK {
			t.Errorf("%+v", r)
		}
	}
}

func TestSettingsAreHeldToTheirRules(t *testing.T) {
	cfg := healthy(t)
	cfg.Log.Level = "loud"
	cfg.Partitions = -1
	cfg.Policy.Rules = []string{"/nowhere.yaml"}
	cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, SecretEnv: []string{"NOBODY_SET_THIS"}, Poll: connector.PollSettings{Disabled: true}}}
	got := examine(t, cfg, time.Time{})
	found(t, got, "config", doctor.Fail, "log.level")
	found(t, got, "config", doctor.Fail, "partitions")
	found(t, got, "policy", doctor.Fail, "/nowhere.yaml")
	found(t, got, "secrets", doctor.Fail, "NOBODY_SET_THIS")
}

func TestCertificatesAreToldOfBeforeTheyEnd(t *testing.T) {
	a := certtest.New(t) // an hour before and after now
	cfg := healthy(t)
	cfg.TLS.REST.CertFile, cfg.TLS.REST.KeyFile = a.Issue("rest")
	cfg.TLS.REST.ClientCAFile = a.File
	now := time.Now()
	for at, want := range map[time.Time]doctor.Status{
		now: doctor.Fail, now.Add(2 * time.Hour): doctor.Fail, now.Add(-2 * time.Hour): doctor.Fail,
		now.Add(-20 * 24 * time.Hour): doctor.Fail,
	} {
		found(t, examine(t, cfg, at), "certificates", want, "rest")
	}
	found(t, examine(t, cfg, now.Add(2*time.Hour)), "certificates", doctor.Fail, "it is over")
	found(t, examine(t, cfg, now.Add(-2*time.Hour)), "certificates", doctor.Fail, "begins at")
	cfg.TLS.REST.CertFile = cfg.TLS.REST.KeyFile
	found(t, examine(t, cfg, now), "certificates", doctor.Fail, "holds no certificate")
}

func TestDataDirectoryIsTried(t *testing.T) {
	cfg := healthy(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.DataDir = file
	found(t, examine(t, cfg, time.Time{}), "data_dir", doctor.Fail, file)
	cfg = healthy(t)
	cfg.Ledger.DiskReserveBytes = 1 << 60
	found(t, examine(t, cfg, time.Time{}), "data_dir", doctor.Fail, "folding waits")
	cfg = healthy(t)
	if err := os.MkdirAll(filepath.Join(cfg.DataDir, "ledger", "orders.events.v1-0-fold0"), 0o700); err != nil {
		t.Fatal(err)
	}
	found(t, examine(t, cfg, time.Time{}), "data_dir.stores", doctor.Warn, "fold0")
	if left, err := os.ReadDir(cfg.DataDir); err != nil || len(left) != 1 {
		t.Errorf("examining left %v: %v", left, err)
	}
}

func TestRunningInstance(t *testing.T) {
	cfg := healthy(t)
	b, err := broker.Start(broker.Options{DataDir: filepath.Join(cfg.DataDir, "log"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	found(t, examine(t, cfg, time.Time{}), "data_dir.lock", doctor.Warn, "no endpoints file")
	ready := http.StatusOK
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(ready) }))
	t.Cleanup(admin.Close)
	if err := role.WriteEndpoints(cfg.EndpointsFile, role.Endpoints{Admin: strings.TrimPrefix(admin.URL, "http://"), Kafka: b.Addr(), ClickHouseNative: "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	got := examine(t, cfg, time.Time{})
	found(t, got, "instance", doctor.OK, "is ready")
	found(t, got, "kafka", doctor.OK, b.Addr())
	found(t, got, "kafka.topics", doctor.Warn, "orders.events.v1 does not exist")
	found(t, got, "clickhouse", doctor.Fail, "refused")
	s, err := role.Reach(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := role.ApplyTopics(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	found(t, examine(t, cfg, time.Time{}), "kafka.topics", doctor.OK, "7 topics")
	other := *cfg
	other.Partitions = 6
	ready = http.StatusServiceUnavailable
	got = examine(t, &other, time.Time{})
	found(t, got, "kafka.topics", doctor.Fail, "partitions is 4, wanted 6")
	found(t, got, "instance", doctor.Fail, "is not ready")
	admin.Close()
	found(t, examine(t, cfg, time.Time{}), "instance", doctor.Warn, "nobody answers")
}

func TestClocksOfSources(t *testing.T) {
	off := time.Duration(0)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(shop.Close)
	cfg := healthy(t)
	cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, BaseURL: shop.URL, Since: connector.Moment(time.Now().UnixMicro())}}
	found(t, examine(t, cfg, time.Time{}), "source.shop.clock", doctor.OK, "agrees with ours")
	off = -10 * time.Second
	got := examine(t, cfg, time.Time{})
	found(t, got, "source.shop.clock", doctor.Warn, "is off ours by -")
	found(t, got, "source.shop.skew", doctor.Fail, "prove nothing")
	off = time.Hour
	found(t, examine(t, cfg, time.Time{}), "source.shop.clock", doctor.Fail, "is off ours by 59m")
	shop.Close()
	found(t, examine(t, cfg, time.Time{}), "source.shop", doctor.Warn, "does not answer")
}

func TestEnginesThatAreAway(t *testing.T) {
	cfg := healthy(t)
	cfg.Kafka.Brokers, cfg.ClickHouse.DSN, cfg.SchemaRegistry.URL = []string{"127.0.0.1:1"}, "clickhouse://127.0.0.1:1/", "http://127.0.0.1:1"
	got := examine(t, cfg, time.Time{})
	for _, check := range []string{"kafka", "clickhouse", "schema_registry"} {
		found(t, got, check, doctor.Fail, "refused")
	}
}
