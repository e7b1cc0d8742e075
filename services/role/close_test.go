package role_test

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/role"
)

// small is an instance on its own log, without sources and history.
func small(data string) *config.Config {
	cfg := config.Default()
	cfg.DataDir = data
	cfg.ClickHouse.Disabled = true
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	return cfg
}

func start(t *testing.T, cfg *config.Config) (*role.Instance, error) {
	t.Helper()
	return startParts(t, cfg, role.Everything())
}

func startParts(t *testing.T, cfg *config.Config, parts role.Parts) (*role.Instance, error) {
	t.Helper()
	cfg.Finish()
	return role.Start(t.Context(), cfg, parts, role.Watchers{}, slog.New(slog.DiscardHandler))
}

// TestAnInstanceClosesOnce: closing again is harmless and says the same.
func TestAnInstanceClosesOnce(t *testing.T) {
	data := t.TempDir()
	for range 2 { // the second finds everything given back
		i, err := start(t, small(data))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := i.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestAFailedStartGivesNoInstance: what was started is closed again, and nobody
// is handed the half of it.
func TestAFailedStartGivesNoInstance(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	for name, spoil := range map[string]func(*config.Config) (says string){
		"data_dir": func(c *config.Config) string { c.DataDir = filepath.Join(file, "data"); return "data_dir" },
		"catalog":  func(c *config.Config) string { c.CatalogDirs = []string{file}; return file },
		"rest":     func(c *config.Config) string { c.Listen.REST = taken.Addr().String(); return "address already in use" },
		"webhooks": func(c *config.Config) string {
			c.Listen.Webhooks = taken.Addr().String()
			return "address already in use"
		},
		"admin": func(c *config.Config) string { c.Listen.Admin = taken.Addr().String(); return "listen.admin" },
		"endpoints": func(c *config.Config) string {
			c.EndpointsFile = filepath.Join(file, "endpoints.json")
			return "write endpoints"
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(data)
			says := spoil(cfg)
			i, err := start(t, cfg)
			if i != nil || err == nil || !strings.Contains(err.Error(), says) {
				t.Fatalf("instance %v, error %v: want none, and %q", i, err, says)
			}
		})
	}
	i, err := start(t, small(data))
	if err != nil {
		t.Fatalf("after the failed starts: %v", err)
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnEndHasATime: what does not come to its end is left, with an error that
// names the setting.
func TestAnEndHasATime(t *testing.T) {
	data := t.TempDir()
	cfg := small(data)
	cfg.Shutdown.Timeout = time.Second
	i, err := start(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		left <- i.Node.Read(0, func(*ledger.Reader, engine.Freshness) error { close(inside); <-leave; return nil })
	}()
	<-inside
	if err := i.Drain(); err == nil || !strings.Contains(err.Error(), "shutdown.timeout, 1s") {
		t.Errorf("an end that takes for ever says %v", err)
	}
	close(leave)
	if err := <-left; err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; { // what was given up ends meanwhile, and gives everything back
		again, err := start(t, small(data))
		if err == nil {
			if err := again.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestAnEndIsAnnounced: readiness says so before anything is closed, and
// everything goes on until then.
func TestAnEndIsAnnounced(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.Shutdown.Delay = 700 * time.Millisecond
	i, err := start(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(url string) int {
		res, err := http.Get(url)
		if err != nil {
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for deadline := time.Now().Add(20 * time.Second); ask(i.Endpoints.Admin+"/readyz") != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("never ready")
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- i.Drain() }()
	for ask(i.Endpoints.Admin+"/readyz") != http.StatusServiceUnavailable {
		select {
		case err := <-ended:
			t.Fatalf("ended without a word: %v", err)
		default:
		}
	}
	if code := ask(i.Endpoints.API + "/v1/orders"); code != http.StatusOK {
		t.Errorf("not ready any more, and not yet ending: the API answers %d", code)
	}
	if code := ask(i.Endpoints.Admin + "/livez"); code != http.StatusOK {
		t.Errorf("livez answers %d", code)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
