package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/embedded/internal/child"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

// serveCommand makes this test binary an embedded broker.
const serveCommand = "__serve"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == serveCommand {
		os.Exit(serve(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

func serve(dir, port string) int {
	number, err := strconv.Atoi(port)
	if err == nil {
		_, err = broker.Start(broker.Options{DataDir: dir, Port: number, Logger: kafkalogtest.Logger()})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	select {}
}

func TestAcknowledgedRecordsSurviveKills(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	addr := "127.0.0.1:" + port
	process := serveInChild(t, dir, port)
	l := open(t, addr)
	ensure(t, l, kafkalogtest.Spec("t", 2))
	id, err := l.TopicID(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	acked := make(map[kafkalog.Position]string)
	const rounds, perRound = 5, 400
	for round := range rounds {
		answers := make(chan struct{}, perRound)
		for i := range perRound {
			value := fmt.Sprintf("%d/%d", round, i)
			rec := kafkalog.Record{Topic: "t", Partition: int32(i % 2), Value: []byte(value)}
			l.AppendAsync(rec, func(at kafkalog.Position, err error) {
				if err != nil {
					t.Errorf("append %s: %v", value, err)
				}
				acked[at] = value
				answers <- struct{}{}
			})
		}
		for range perRound / 2 { // the kill comes in the middle
			<-answers
		}
		process.Kill()
		process = serveInChild(t, dir, port)
		for range perRound / 2 {
			<-answers
		}
	}
	if len(acked) != rounds*perRound {
		t.Errorf("%d records were acknowledged at %d positions", rounds*perRound, len(acked))
	}
	fresh := open(t, addr)
	if now, err := fresh.TopicID(t.Context(), "t"); err != nil || now != id {
		t.Errorf("the topic became %v, %v", now, err)
	}
	for p := range int32(2) {
		records, err := kafkalog.ReadRange(t.Context(), fresh, kafkalog.Position{Topic: "t", Partition: p}, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range records {
			if want, ok := acked[rec.Position()]; ok && want != string(rec.Value) {
				t.Errorf("%v holds %s, acknowledged as %s", rec.Position(), rec.Value, want)
			}
			delete(acked, rec.Position())
		}
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged records are lost, among them %v", len(acked), acked)
	}
}

func TestOneBrokerPerDirectory(t *testing.T) {
	dir := t.TempDir()
	process := serveInChild(t, dir, freePort(t))
	b, err := broker.Start(broker.Options{DataDir: dir, Logger: kafkalogtest.Logger()})
	if err == nil {
		b.Close()
		t.Fatal("two brokers on one directory")
	}
	if !errors.Is(err, broker.ErrInUse) || !strings.Contains(err.Error(), "process "+strconv.Itoa(process.Pid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the refusal does not name the directory and its holder %d: %v", process.Pid(), err)
	}
	process.Kill()
	b, err = broker.Start(broker.Options{DataDir: dir, Logger: kafkalogtest.Logger()})
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	b.Close()
	b, err = broker.Start(broker.Options{DataDir: dir, Logger: kafkalogtest.Logger()})
	if err != nil {
		t.Fatalf("after the holder closed it: %v", err)
	}
	b.Close()
}

func TestDirectoryIsPrivateAndListenerIsLoopback(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := start(t, broker.Options{DataDir: dir})
	for _, path := range []string{dir, filepath.Join(dir, "log")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: mode %v, %v", path, info.Mode().Perm(), err)
		}
	}
	host, _, err := net.SplitHostPort(b.Addr())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("listens at %s", b.Addr())
	}
	if banner := b.Banner(); !strings.Contains(banner, b.Addr()) || !strings.Contains(banner, dir) || !strings.Contains(banner, "--kafka") {
		t.Errorf("banner: %s", banner)
	}
	if _, port, _ := net.SplitHostPort(b.Addr()); port != "" {
		number, _ := strconv.Atoi(port)
		_, err := broker.Start(broker.Options{DataDir: t.TempDir(), Port: number, Logger: kafkalogtest.Logger()})
		if err == nil || !strings.Contains(err.Error(), "choose another port") {
			t.Errorf("start on a taken port: %v", err)
		}
	}
}

func TestOptionsValidate(t *testing.T) {
	_, err := broker.Start(broker.Options{Port: 70000, MaxBytes: -1})
	for _, part := range []string{"data_dir", "port", "max_bytes", "logger"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not complained about: %v", part, err)
		}
	}
}

func start(t *testing.T, opts broker.Options) *broker.Broker {
	t.Helper()
	if opts.DataDir == "" {
		opts.DataDir = t.TempDir()
	}
	opts.Logger = kafkalogtest.Logger()
	b, err := broker.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func serveInChild(t *testing.T, dir, port string) *child.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process, err := child.Start(exec.Command(self, serveCommand, dir, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := process.Await(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		return conn.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return process
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func open(t *testing.T, addr string) *kafkalog.Log {
	t.Helper()
	l, err := kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{addr}}, kafkalogtest.Logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func ensure(t *testing.T, l *kafkalog.Log, specs ...kafkalog.TopicSpec) {
	t.Helper()
	if _, err := l.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
}
