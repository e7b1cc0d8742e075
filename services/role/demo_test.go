package role_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/role"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestDemoFindsExactlyWhatWasInjected(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.ClickHouse.NativePort, cfg.ClickHouse.HTTPPort = 0, 0
	cfg.Finish()
	var out bytes.Buffer
	err := role.Demo(t.Context(), cfg, role.DemoOptions{Seed: 1, For: 45 * time.Second, Out: &out}, role.Watchers{}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
}
