package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// newStorefront is a `dev` process of the product's own binary with one source
// that pushes and is never asked.
func newStorefront(t *testing.T, more string) (d *dev, webhooks string) {
	t.Helper()
	port := freePort(t)
	d = newDev(t, t.TempDir(), fmt.Sprintf("sources:\n- {name: shop, system: shopify, origin: true, secret_files: [%s], poll: {disabled: true}}\n", deskSources(t)[0].SecretFiles[0]),
		fmt.Sprintf("partitions: %d\nlisten: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:%d, kafka_port: 0, schema_registry_port: 0}\n", partitions, port)+more)
	d.role = "dev"
	return d, fmt.Sprintf("http://127.0.0.1:%d/webhooks/shop", port)
}

// load sends orders side by side, each until it is acknowledged, and remembers
// which were.
type load struct {
	t  *testing.T
	to string

	mu      sync.Mutex
	next    int64
	acked   map[ledger.OrderKey]int
	refused map[string]int
	stopped bool
	senders sync.WaitGroup
}

func newLoad(t *testing.T, to string) *load {
	l := &load{t: t, to: to, acked: map[ledger.OrderKey]int{}, refused: map[string]int{}}
	for range 8 {
		l.senders.Go(func() {
			for id, more := l.take(); more; id, more = l.take() {
				for !l.send(id) {
					pause(t.Context(), 10*time.Millisecond)
				}
			}
		})
	}
	return l
}

func (l *load) take() (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next, !l.stopped
}

// send sends an order once and reports whether it is done with.
func (l *load) send(id int64) bool {
	body := order(id, "pending")
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.to, bytes.NewBufferString(body))
	if err != nil {
		l.t.Error(err)
		return true
	}
	for k, v := range signed("shop", "orders/create", body) {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.note("no answer")
		return l.t.Context().Err() != nil
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	switch {
	case res.StatusCode == http.StatusOK:
		l.mu.Lock()
		l.acked[orderKey(id)]++
		l.mu.Unlock()
		return true
	case res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "":
		l.t.Errorf("order %d: answer %d, Retry-After %q", id, res.StatusCode, res.Header.Get("Retry-After"))
	}
	l.note(res.Status)
	return false
}

func (l *load) note(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[why]++
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// more waits until so many more orders were acknowledged.
func (l *load) more(n int) {
	l.t.Helper()
	want := l.count() + n
	await(l.t, 60*time.Second, func() error {
		if have := l.count(); have < want {
			return yet("%d of %d acknowledged", have, want)
		}
		return nil
	})
}

// end sends nothing new, and waits until the last order is acknowledged.
func (l *load) end() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.senders.Wait()
}

// TestSIGTERMUnderLoad: a process under load is asked to end, three times. It
// says first that it is not ready, answers what came in, refuses the rest, and
// exits with 0. Whatever was acknowledged stands in the log exactly once; a
// stream ends with UNAVAILABLE and resumes at the next process.
func TestSIGTERMUnderLoad(t *testing.T) {
	d, webhooks := newStorefront(t, "clickhouse: {disabled: true}\nshutdown: {delay: 600ms}\n")
	d.start()
	d.ready()
	d.settled()
	l := newLoad(t, webhooks)
	t.Cleanup(l.end)
	l.more(1)
	w := newWatch(t, d.ends.GRPC, "")
	place := w.token
	for range 3 {
		l.more(150)
		d.drains(l)
		w.broken()
		d.start()
		d.ready()
		w = newWatch(t, d.ends.GRPC, "")
	}
	newWatch(t, d.ends.GRPC, place) // the place is known after three restarts
	l.more(50)
	l.end()
	d.settled()
	d.stop()
	once(t, d.data(), l.acked)
	t.Logf("%d orders acknowledged; attempts without: %v", len(l.acked), l.refused)
}

// drains ends the process as an orchestrator does, and checks that readiness
// falls while deliveries are still acknowledged.
func (d *dev) drains(l *load) {
	d.t.Helper()
	if err := d.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	await(d.t, 5*time.Second, func() error {
		res, err := http.Get(d.ends.Admin + "/readyz")
		if err != nil {
			d.t.Fatalf("it ends before it says that it is not ready: %v", err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable {
			return yet("readyz answers %d", res.StatusCode)
		}
		return nil
	})
	before := l.count()
	err := d.Wait()
	if err != nil {
		d.t.Errorf("SIGTERM: %v, want exit code 0", err)
	}
	if l.count() == before {
		d.t.Error("nothing was acknowledged between the word that it ends and the end")
	}
}

// once checks that each order stands in the log exactly as often as it was
// acknowledged: once.
func once(t *testing.T, data string, acked map[ledger.OrderKey]int) {
	t.Helper()
	b, err := broker.Start(broker.Options{DataDir: filepath.Join(data, "log"), Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	log := openLog(t, b.Addr(), true)
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	dec := codec.NewDecoder()
	ends, err := log.EndOffsets(t.Context(), kafkalog.TopicEvents)
	if err != nil {
		t.Fatal(err)
	}
	logged := map[ledger.OrderKey]int{}
	for p, end := range ends {
		records, err := kafkalog.ReadRange(t.Context(), log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: p}, end)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if ev := engine.Decode(dec, &records[i]).Record.Event; ev != nil {
				logged[ev.Order]++
			}
		}
	}
	for order := range acked {
		if logged[order] != 1 {
			t.Errorf("%s was acknowledged, and stands in the log %d times", order, logged[order])
		}
	}
	for order, n := range logged {
		if acked[order] != 1 {
			t.Errorf("%s stands in the log %d times and was acknowledged %d times", order, n, acked[order])
		}
	}
}

// watch is a stream about exceptions.
type watch struct {
	t     *testing.T
	token string
	end   chan error
}

// newWatch opens a stream, and returns when it has a place to resume at.
func newWatch(t *testing.T, addr, token string) *watch {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	st, err := orderledgerv1.NewExceptionServiceClient(conn).WatchExceptions(ctx, &orderledgerv1.WatchExceptionsRequest{ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: t, end: make(chan error, 1)}
	for w.token == "" {
		m, err := st.Recv()
		if err != nil {
			t.Fatalf("a stream that begins at %q: %v", token, err)
		}
		w.token = m.GetResumeToken()
	}
	go func() {
		for {
			if _, err := st.Recv(); err != nil {
				w.end <- err
				return
			}
		}
	}()
	return w
}

// broken waits for the end of the stream.
func (w *watch) broken() {
	w.t.Helper()
	if err := <-w.end; status.Code(err) != codes.Unavailable {
		w.t.Errorf("the stream ended with %v, want UNAVAILABLE", err)
	}
}

// listener is the host and port of a URL of webhooks.
func listener(webhooks string) string {
	return strings.TrimSuffix(strings.TrimPrefix(webhooks, "http://"), "/webhooks/shop")
}

// hang begins a delivery that never ends.
func hang(t *testing.T, webhooks string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", listener(webhooks))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n")) // said by whoever begins to read the body
	if _, err := io.ReadFull(conn, goOn); err != nil || !bytes.Contains(goOn, []byte(" 100 ")) {
		t.Fatalf("the delivery is not read: %q, %v", goOn, err)
	}
	if _, err := io.WriteString(conn, "{"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestAHangingSenderDoesNotHoldTheEnd: what does not come in is cut off and not
// acknowledged, within the time that is configured; asked a second time, the
// process ends at once, with 1.
func TestAHangingSenderDoesNotHoldTheEnd(t *testing.T) {
	d, webhooks := newStorefront(t, "clickhouse: {disabled: true}\nshutdown: {timeout: 5s}\n")
	d.start()
	d.ready()
	d.settled()
	conn := hang(t, webhooks)
	began := time.Now()
	d.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("ended after %s", took)
	}
	if raw, err := io.ReadAll(conn); err == nil && bytes.Contains(raw, []byte(" 200 ")) {
		t.Errorf("the delivery that never ended was answered %s", raw)
	}

	d.start()
	d.ready()
	hang(t, webhooks)
	signals := func() {
		if err := d.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	signals()
	await(t, 5*time.Second, func() error { // it has taken note of the first
		if _, err := net.DialTimeout("tcp", listener(webhooks), time.Second); err == nil {
			return yet("it still listens")
		}
		return nil
	})
	began = time.Now()
	signals()
	err := d.Wait()
	var exit *exec.ExitError
	if took := time.Since(began); !errors.As(err, &exit) || exit.ExitCode() != 1 || took > time.Second {
		t.Errorf("asked twice it ends with %v after %s, want exit code 1 at once", err, took)
	}
}

// TestSIGTERMWithoutKafka: a role that lost its Kafka need not be killed.
func TestSIGTERMWithoutKafka(t *testing.T) {
	kafka := startKafka(t)
	process := func(role string) *dev {
		d := newDev(t, t.TempDir(), fmt.Sprintf("sources:\n- {name: shop, system: shopify, origin: true, secret_files: [%s], poll: {disabled: true}}\n", deskSources(t)[0].SecretFiles[0]),
			fmt.Sprintf("partitions: %d\nlisten: {rest: 127.0.0.1:0, admin: 127.0.0.1:0, grpc: 127.0.0.1:0, webhooks: 127.0.0.1:0}\nkafka: {brokers: [%s]}\nclickhouse: {disabled: true}\nshutdown: {timeout: 15s}\n",
				partitions, kafka.Addr()))
		d.role = role
		return d
	}
	roles := []*dev{process("ledger"), process("api"), process("connector")}
	for _, d := range roles {
		d.start()
	}
	for _, d := range roles {
		d.ready()
		d.settled()
	}
	await(t, 20*time.Second, func() error {
		if owned := roles[0].metric("partition_owned"); owned != 2*partitions {
			return yet("%v partitions are owned", owned)
		}
		return nil
	})
	kafka.Kill9()
	for _, d := range roles {
		began := time.Now()
		d.stop()
		t.Logf("%s ended after %s", d.role, time.Since(began))
	}
}
