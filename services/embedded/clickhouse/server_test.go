package clickhouse

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildCommand {
		os.Exit(RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestRowsSurviveAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	server := startServer(t, dir)
	conn := connect(t, server)
	for _, ddl := range []string{
		"CREATE DATABASE orderledger",
		"CREATE TABLE orderledger.t (seq UInt64, word String) ENGINE = ReplacingMergeTree ORDER BY seq",
	} {
		if err := conn.Exec(t.Context(), ddl); err != nil {
			t.Fatal(err)
		}
	}
	const blocks, rows = 20, 1000
	for block := range blocks {
		batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO orderledger.t")
		if err != nil {
			t.Fatal(err)
		}
		for row := range rows {
			if err := batch.Append(uint64(block*rows+row), "word"); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	if err := server.Wait(); err == nil {
		t.Error("a killed server reports a clean end")
	}

	server = startServer(t, dir)
	var count, greatest uint64
	if err := connect(t, server).QueryRow(t.Context(), "SELECT count(), max(seq) FROM orderledger.t").Scan(&count, &greatest); err != nil {
		t.Fatal(err)
	}
	if count != blocks*rows || greatest != blocks*rows-1 {
		t.Errorf("after the kill: %d rows up to %d, wanted %d", count, greatest, blocks*rows)
	}
	stopped := time.Now()
	server.Stop()
	if took := time.Since(stopped); took >= stopPatience {
		t.Errorf("stopping took %v: it had to be killed", took)
	}
}

func TestPortInUse(t *testing.T) {
	server := startServer(t, t.TempDir())
	_, port, _ := strings.Cut(server.NativeAddr(), ":")
	native := 0
	for _, digit := range port {
		native = native*10 + int(digit-'0')
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	second, err := Start(ctx, Options{DataDir: t.TempDir(), NativePort: native, Logger: logger()})
	if err == nil {
		second.Stop()
		t.Fatal("two servers on one port")
	}
	t.Log(err)
}

func TestOneServerPerDirectory(t *testing.T) {
	dir := t.TempDir()
	startServer(t, dir)
	second, err := Start(t.Context(), Options{DataDir: dir, Logger: logger()})
	if err == nil {
		second.Stop()
		t.Fatal("two servers on one directory")
	}
	if !strings.Contains(err.Error(), "already running") && !strings.Contains(err.Error(), "lock") {
		t.Errorf("the refusal does not say why: %v", err)
	}
}

func startServer(t *testing.T, dir string) *Server {
	t.Helper()
	server, err := Start(t.Context(), Options{DataDir: dir, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func connect(t *testing.T, server *Server) driver.Conn {
	t.Helper()
	opts, err := driver.ParseDSN(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := driver.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func logger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
