package role_test

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/config"
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
