// Package clickhouse runs ClickHouse itself as a child of this process, for
// `orderledger dev`, demos and tests.
//
// The engine is the ClickHouse library of an npm package, fetched once into
// the user's cache directory and checked against a hash kept here. It is loaded
// by a child process: our own binary, started again with [ChildCommand]. No C
// compiler is involved. The child listens on loopback, without a password, and
// dies with its parent. Rows it acknowledged survive its death.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/services/embedded/internal/child"
)

// ChildCommand is the hidden first argument that makes a program of ours a
// ClickHouse child. Main, and TestMain of tests that start servers, must then
// call [RunChild] with the arguments behind it, before anything else.
const ChildCommand = "__clickhouse"

const (
	startPatience = 60 * time.Second
	stopPatience  = 10 * time.Second
	// portAttempts is how often a start is repeated with other free ports.
	portAttempts = 3
)

// keepListening is the query that holds the server open: it starts the
// listeners, then sleeps for years.
const keepListening = "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
	"SELECT sleepEachRow(3) FROM numbers(100000000) SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null"

// Options configures a Server.
type Options struct {
	// DataDir holds the databases. It is created if missing.
	DataDir string
	// NativePort and HTTPPort are on 127.0.0.1; 0 chooses free ones.
	NativePort, HTTPPort int
	Logger               *slog.Logger
}

// Validate reports every unusable option.
func (o Options) Validate() error {
	var errs []error
	if o.DataDir == "" {
		errs = append(errs, errors.New("data_dir: must be set"))
	}
	for _, port := range []struct {
		path  string
		value int
	}{{"native_port", o.NativePort}, {"http_port", o.HTTPPort}} {
		if port.value < 0 || port.value > 65535 {
			errs = append(errs, fmt.Errorf("%s: %d must be between 0 and 65535", port.path, port.value))
		}
	}
	if o.Logger == nil {
		errs = append(errs, errors.New("logger: must be set"))
	}
	return errors.Join(errs...)
}

// Server is a running ClickHouse.
type Server struct {
	process      *child.Process
	logger       *slog.Logger
	native, http string
}

// Start starts ClickHouse and waits until it answers. It fetches the library
// if this user never used it. Ending ctx later does not stop the server.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	library, err := Library(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: create data directory: %w", err)
	}
	if err := os.Chmod(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: make data directory private: %w", err)
	}
	for attempt := 1; ; attempt++ {
		server, err := start(ctx, library, opts)
		chosen := opts.NativePort == 0 || opts.HTTPPort == 0
		if err == nil || attempt == portAttempts || !chosen || ctx.Err() != nil {
			return server, err
		}
	}
}

func start(ctx context.Context, library string, opts Options) (*Server, error) {
	native, err := choosePort(ctx, opts.NativePort)
	if err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	web, err := choosePort(ctx, opts.HTTPPort)
	if err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: find our own binary: %w", err)
	}
	dataDir, err := filepath.Abs(opts.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	// It lives until it is stopped, not until ctx ends.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, ChildCommand, library,
		"--path", dataDir,
		"--tcp_port", strconv.Itoa(native), "--http_port", strconv.Itoa(web),
		"--listen_host", "127.0.0.1",
		"--query", keepListening)
	cmd.Dir = dataDir
	process, err := child.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	s := &Server{process: process, logger: opts.Logger, native: loopback(native), http: loopback(web)}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := process.Await(ctx, s.ping); err != nil {
		process.Kill()
		return nil, fmt.Errorf("start embedded ClickHouse on %s: %w", opts.DataDir, err)
	}
	return s, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// choosePort returns the given port, or one that was free a moment ago.
func choosePort(ctx context.Context, port int) (int, error) {
	if port != 0 {
		return port, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("choose a port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// ping asks the HTTP port for a sign of life and the native port for a
// connection.
func (s *Server) ping(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+"/ping", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	if string(body) != "Ok.\n" {
		return fmt.Errorf("ping: %s %q", resp.Status, body)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.native)
	if err != nil {
		return err
	}
	return conn.Close()
}

// NativeAddr returns the host:port of the native protocol.
func (s *Server) NativeAddr() string { return s.native }

// HTTPAddr returns the host:port of the HTTP interface.
func (s *Server) HTTPAddr() string { return s.http }

// DSN returns the connection string of the native protocol.
func (s *Server) DSN() string { return "clickhouse://default@" + s.native + "/default" }

// Pid returns the child's process id.
func (s *Server) Pid() int { return s.process.Pid() }

// Exited is closed when the child has ended, asked to or not.
func (s *Server) Exited() <-chan struct{} { return s.process.Exited() }

// Wait waits for the child's end and returns how it ended.
func (s *Server) Wait() error { return s.process.Err() }

// Stop ends the child, by force if it takes longer than 10 s.
func (s *Server) Stop() { s.process.Stop(stopPatience) }

// Kill ends the child at once, as a crash would.
func (s *Server) Kill() { s.process.Kill() }
