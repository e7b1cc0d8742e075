package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/broker"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

// fresh is what an answer says of its own age.
type fresh struct {
	Order     struct{ Key string }
	Freshness []struct {
		Topic, AppliedOffset string
		Partition            int32
	}
}

// TestWithoutTheBrokerNothingIsAcknowledged: senders are told to come back, at
// once from the second on; reads go on; when the broker is back everything goes
// on by itself (I-12, I-21).
func TestWithoutTheBrokerNothingIsAcknowledged(t *testing.T) {
	data := t.TempDir()
	d := newDesk(t, func(cfg *config.Config) { cfg.Ephemeral, cfg.DataDir = false, data })
	d.accept("shop", "orders/create", order(1001, "pending"))
	d.folded()
	addr := d.Stack.Broker.Addr()
	d.Stack.Broker.Close()

	var refused []int64
	deliver := func(id int64) answer {
		body := order(id, "pending")
		a := d.post("shop", body, signed("shop", "orders/create", body))
		if a.Code != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("without a broker: %d, Retry-After %q", a.Code, a.Header.Get("Retry-After"))
		}
		refused = append(refused, id)
		return a
	}
	if a := deliver(2001); a.Took > 4*time.Second {
		t.Errorf("the first waited %s", a.Took)
	}
	for id := int64(2002); id < 2012; id++ {
		if a := deliver(id); a.Took > time.Second {
			t.Errorf("delivery %d waited %s though the log is known to be away", id, a.Took)
		}
	}
	var view fresh
	d.get("/v1/orders/"+string(orderKey(1001)), &view)
	if len(view.Freshness) != 1 || view.Freshness[0].AppliedOffset == "" || view.Freshness[0].Partition != d.Node.PartitionOf(orderKey(1001)) {
		t.Errorf("without a broker an order is answered with %+v", view)
	}

	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Start(broker.Options{DataDir: filepath.Join(data, "log"), Port: n, Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for _, id := range refused {
		body := order(id, "pending")
		await(t, 20*time.Second, func() error {
			if a := d.post("shop", body, signed("shop", "orders/create", body)); a.Code != http.StatusOK {
				return yet("answered %d", a.Code)
			}
			return nil
		})
	}
	for _, id := range append(refused, 1001) {
		if got := d.claims(orderKey(id), "shop"); len(got) == 0 {
			t.Errorf("order %d is not in the ledger", id)
		}
	}
	if err := d.Node.Ready(); err != nil {
		t.Error(err)
	}
}

// ask asks ClickHouse one question over HTTP; an error while it is away, or
// has no tables yet.
func ask(addr, question string) (string, error) {
	res, err := http.Post("http://"+addr+"/?database="+clickhouse.Database, "text/plain", strings.NewReader(question))
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s %s: %w", question, res.Status, raw, errYet)
	}
	return strings.TrimSpace(string(raw)), nil
}

// dense waits until ClickHouse tells of so many orders, and checks that every
// row is there once.
func dense(t *testing.T, addr string, orders int) {
	t.Helper()
	for question, want := range map[string]string{
		"SELECT uniqExact(order_key) FROM events":                                        fmt.Sprint(orders),
		"SELECT uniqExact(order_key) FROM orders":                                        fmt.Sprint(orders),
		"SELECT count() > 0, countIf(dense = 0), countIf(rows != last_seq) FROM v_audit": "1\t0\t0",
	} {
		await(t, 30*time.Second, func() error {
			got, err := ask(addr, question)
			if err == nil && got != want {
				err = yet("%s: %s, want %s", question, got, want)
			}
			return err
		})
	}
}

// TestWithoutClickHouseTheLedgerGoesOn: history is late, nothing else is, and it
// catches up by itself: from the outbox, or by refolding the log where it was
// away for longer than the outbox may grow (S-41).
func TestWithoutClickHouseTheLedgerGoesOn(t *testing.T) {
	whole := awayWith(t, 0)
	if capped := awayWith(t, 1); capped == 0 || capped > whole/2 {
		t.Errorf("the capped outbox kept %d bytes, the other %d", capped, whole)
	}
}

// awayWith kills ClickHouse, lets twenty orders come in, starts it again and
// waits until it holds all of them. It returns what the outbox held meanwhile.
func awayWith(t *testing.T, outbox uint64) (kept int64) {
	t.Helper()
	data := t.TempDir()
	srv, err := embedded.Start(t.Context(), embedded.Options{DataDir: data, Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *config.Config) {
		cfg.ClickHouse, cfg.Ledger.OutboxMaxBytes = config.ClickHouse{DSN: srv.DSN()}, outbox
	})
	d.accept("shop", "orders/create", order(1, "pending"))
	dense(t, srv.HTTPAddr(), 1)
	srv.Kill()
	for id := int64(2); id <= 20; id++ {
		d.accept("shop", "orders/create", order(id, "pending"))
		if got := d.claims(orderKey(id), "shop"); len(got) == 0 {
			t.Errorf("without ClickHouse the ledger does not fold order %d", id)
		}
	}
	for _, s := range d.Node.Stats() {
		kept += s.Outbox
	}
	again, err := embedded.Start(t.Context(), embedded.Options{DataDir: data, Logger: quiet(t), NativePort: port(t, srv.NativeAddr()), HTTPPort: port(t, srv.HTTPAddr())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Stop)
	dense(t, again.HTTPAddr(), 20)
	d.close()
	return kept
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAKilledClickHouseChildComesBack: the embedded engine is a process of its
// own; when it is killed it is started again.
func TestAKilledClickHouseChildComesBack(t *testing.T) {
	d := newDesk(t, func(cfg *config.Config) { cfg.ClickHouse = config.ClickHouse{} })
	d.accept("shop", "orders/create", order(1, "pending"))
	dense(t, d.Endpoints.ClickHouseHTTP, 1)
	pid := childListening(t, port(t, d.Endpoints.ClickHouseNative))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.accept("shop", "orders/create", order(2, "pending"))
	dense(t, d.Endpoints.ClickHouseHTTP, 2)
}

// childListening is the process id of the ClickHouse child that this process
// started for a native port.
func childListening(t *testing.T, port int) int {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range entries {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		args := strings.Split(string(raw), "\x00")
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(name), "stat"))
		if err != nil || len(args) < 2 || args[1] != embedded.ChildCommand || !strings.Contains(string(raw), fmt.Sprintf("--tcp_port\x00%d\x00", port)) {
			continue
		}
		var state string
		var parent int
		if _, err := fmt.Sscan(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), &state, &parent); err != nil || parent != os.Getpid() {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatal("no ClickHouse child of ours is there")
	return 0
}

// TestANearlyFullDiskMakesFoldingWait: folding stops before the disk is full,
// says so, and nobody else notices.
func TestANearlyFullDiskMakesFoldingWait(t *testing.T) {
	data := t.TempDir()
	full := newDesk(t, func(cfg *config.Config) {
		cfg.Ephemeral, cfg.DataDir, cfg.Ledger.DiskReserveBytes = false, data, 1<<62
	})
	full.accept("shop", "orders/create", order(1001, "pending"))
	await(t, 20*time.Second, func() error {
		a := do(t, http.MethodGet, full.Endpoints.Admin+"/readyz", nil, nil)
		if a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Body, "folding waits") || !strings.Contains(a.Body, "free some space") {
			return yet("readyz answers %d %s", a.Code, a.Body)
		}
		return nil
	})
	if a := do(t, http.MethodGet, full.Endpoints.Admin+"/livez", nil, nil); a.Code != http.StatusOK {
		t.Errorf("livez answers %d: a restart would not mend it", a.Code)
	}
	if n := full.Node.Stats()[full.Node.PartitionOf(orderKey(1001))].Offset; n != 0 {
		t.Errorf("folded to %d", n)
	}
	full.accept("shop", "orders/create", order(1002, "pending"))
	full.close()
	// With space again, everything that was acknowledged is folded.
	roomy := newDesk(t, func(cfg *config.Config) { cfg.Ephemeral, cfg.DataDir = false, data })
	for _, key := range []ledger.OrderKey{orderKey(1001), orderKey(1002)} {
		if got := roomy.claims(key, "shop"); len(got) == 0 {
			t.Errorf("%s is not in the ledger", key)
		}
	}
}
