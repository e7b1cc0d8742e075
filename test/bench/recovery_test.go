package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// ledgerTask is a ledger in a process of its own: it folds what Kafka holds and
// answers over HTTP until it is killed.
type ledgerTask struct {
	Broker string
	Dir    string
	// Address is written to this file once it listens.
	Address string
}

func runLedger(task *ledgerTask) error {
	ctx := context.Background()
	logger := slog.New(slog.DiscardHandler)
	log, err := kafkalog.Open(ctx, kafkalog.Config{Brokers: []string{task.Broker}}, logger)
	if err != nil {
		return err
	}
	c, err := avroevent.New()
	if err != nil {
		return err
	}
	n, err := engine.Start(ctx, engine.Config{Dir: task.Dir, Partitions: partitions, Standby: true}, engine.Deps{Journal: log, Codec: c, Clock: engine.NewSystemClock(), Logger: logger})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /timeline/{order}", func(w http.ResponseWriter, r *http.Request) {
		key, lines := ledger.OrderKey(r.PathValue("order")), 0
		err := n.Read(n.PartitionOf(key), func(x *ledger.Reader, _ engine.Freshness) error {
			told, err := x.Timeline(key)
			lines = len(told)
			return err
		})
		if err != nil || lines == 0 {
			http.Error(w, fmt.Sprintf("%s has %d lines: %v", key, lines, err), http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprintln(w, lines)
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	if err := os.WriteFile(task.Address+".new", []byte(l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(task.Address+".new", task.Address); err != nil {
		return err
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Second}).Serve(l)
}

// victim is a ledger that is killed.
type victim struct {
	*cluster
	dir  string
	cmd  *exec.Cmd
	file string
}

// start starts the ledger and returns how long until it answered each of the
// paths, in s.
func (v *victim) start(paths ...string) []float64 {
	v.t.Helper()
	if err := os.RemoveAll(v.file); err != nil {
		v.t.Fatal(err)
	}
	v.cmd = child(v.t, ledgerCommand, ledgerTask{Broker: v.broker.Addr(), Dir: v.dir, Address: v.file})
	var stderr strings.Builder
	v.cmd.Stderr = &stderr
	begun := time.Now()
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	var out []float64
	for _, path := range paths {
		awaitEvery(v.t, 2*time.Millisecond, func() error {
			addr, err := os.ReadFile(v.file)
			if err != nil {
				return fmt.Errorf("%w: %s", err, stderr.String())
			}
			_, err = fetched(v.t.Context(), "http://"+string(addr)+path)
			return err
		})
		out = append(out, time.Since(begun).Seconds())
	}
	return out
}

// kill ends it as a crash would.
func (v *victim) kill() {
	v.t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		v.t.Fatal(err)
	}
	_ = v.cmd.Wait()
}

// killDuring appends a flow, and kills the ledger half-way: it is folding then,
// and the rest is what it finds when it comes back.
func (v *victim) killDuring(f flow) {
	v.t.Helper()
	n := 0
	v.fillOnly(func(yield func(any) bool) {
		for r := range f.records() {
			if n++; n == f.orders*perOrder/2 {
				v.kill()
			}
			if !yield(r) {
				return
			}
		}
	})
}

// measureRecovery kills a ledger that is folding and times how soon it answers
// again.
func measureRecovery(t *testing.T, s scale) []figure {
	f := newFlow(s.recoverOrders, s.flowOpen)
	c := newCluster(t)
	c.fill(flowPolicy(), f.records())
	v := &victim{cluster: c, dir: t.TempDir(), file: filepath.Join(t.TempDir(), "address")}
	first, last := "/timeline/"+string(Key(orderID(0))), "/timeline/"+string(Key(orderID(s.recoverOrders-1)))
	v.start("/ready", first)
	var reading, ready []float64
	next := f
	for range s.rounds + 2 {
		next.from = next.from.Add(ledger.Hour)
		next.orders = max(s.recoverOrders/20, 10)
		v.killDuring(next)
		took := v.start(first, "/ready", last)
		reading, ready = append(reading, took[0]), append(ready, took[1])
	}
	v.kill()
	return []figure{
		of("kill -9 to serving reads", "s", reading...).atMost(2).noting("a process with %s orders in its stores, killed while it folds; from starting it again to the first timeline over HTTP, connecting to Kafka included", number(float64(s.recoverOrders))),
		of("kill -9 to caught up", "s", ready...).noting("half of %s further records came while it was down", number(float64(max(s.recoverOrders/20, 10)*perOrder))),
	}
}
