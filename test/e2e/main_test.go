// Package e2e_test tries the assembled product from outside: real HTTP, real
// Kafka, real ClickHouse, real kill -9.
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/role"
)

// devCommand is the hidden first argument that makes the test binary a `dev`
// process, so that a test can kill it.
const devCommand = "__dev"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case clickhouse.ChildCommand:
			os.Exit(clickhouse.RunChild(os.Args[2:]))
		case devCommand:
			if err := runDev(os.Args[2]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case logImportCommand:
			if err := runLogImport(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case importCommand:
			if err := runImport(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the product's own binary, once a test asked for it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// product builds the product as it is shipped: what it does with signals and how
// it exits stands in its main.
func product(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "orderledger-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "orderledger"), "github.com/orderledger/orderledger/services/cmd/orderledger")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "orderledger")
}

// runDev is `dev` with a configuration file: everything in this process, until
// it is asked to end.
func runDev(file string) error {
	cfg := config.Default()
	if err := cfg.Read(file); err != nil {
		return err
	}
	cfg.Partitions = partitions
	cfg.Finish()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	i, err := role.Start(ctx, cfg, role.Everything(), role.Watchers{}, logger)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return i.Close()
}

// loopback returns a configuration of which nothing lasts and every port is
// chosen by the machine.
func loopback() *config.Config {
	cfg := config.Default()
	cfg.Ephemeral = true
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.ClickHouse = config.ClickHouse{Disabled: true}
	return cfg
}

// quiet returns a logger that shows what an operator would be warned of.
func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// await polls a condition until it is met; what it still lacks is reported when
// the patience is over.
func await(t *testing.T, patience time.Duration, met func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %v", patience, err)
		case <-tick.C:
		}
	}
}

// errYet says that a condition is not met yet.
var errYet = errors.New("not yet")

func yet(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errYet, fmt.Sprintf(format, args...))
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
