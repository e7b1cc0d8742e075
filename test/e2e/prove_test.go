package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/prove"
	"github.com/orderledger/orderledger/services/role"
)

// provenLive runs `orderledger prove` against a running instance, and returns its
// exit code and what it printed.
func provenLive(t *testing.T, endpoints string, args ...string) (int, []byte) {
	t.Helper()
	args = append([]string{"prove"}, append(args, "--live", "--endpoints-file", endpoints, "-o", "json")...)
	cmd := exec.CommandContext(t.Context(), product(t), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 3 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return cmd.ProcessState.ExitCode(), out
}

// TestProveARunningInstance: the state of a running instance is a replay of its
// log at the same offsets; one value that somebody changed in its store is named
// by order, offset and field, with both values, and the exit code says 3.
func TestProveARunningInstance(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func() *role.Instance {
		cfg := loopback()
		cfg.DataDir, cfg.Ephemeral, cfg.Partitions = dir, false, partitions
		cfg.EndpointsFile = filepath.Join(dir, "endpoints.json")
		cfg.Sources = []connector.Source{{Name: "shop", System: "shopify", Origin: true, SecretFiles: []string{secret}, Poll: connector.PollSettings{Disabled: true}}}
		cfg.Finish()
		return startInstance(t, cfg)
	}
	i := begin()
	last := map[int32]int64{}
	for n := range 40 {
		at := ledgertest.Clock(10, 0, n)
		ev := ledgertest.ShopEvent(fmt.Sprint(n), at, at, ledgertest.Words{Order: "open", Created: at, Minor: 4990})
		value, err := i.Stack.Codec.Encode(nil, ev)
		if err != nil {
			t.Fatal(err)
		}
		p := ledger.PartitionOf([]byte(ev.Order), partitions)
		at2, err := i.Stack.Log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: p, Key: []byte(ev.Order), Value: value})
		if err != nil {
			t.Fatal(err)
		}
		last[p] = at2.Offset
	}
	for p, offset := range last {
		if err := i.Node.WaitFor(t.Context(), p, offset+1); err != nil {
			t.Fatal(err)
		}
	}
	endpoints := filepath.Join(dir, "endpoints.json")
	var report prove.ReplayReport
	code, out := provenLive(t, endpoints, "replay", "--schedules", "3", "--seed", "7")
	if err := json.Unmarshal(out, &report); err != nil || code != 0 || len(report.Partitions) != 2*partitions {
		t.Fatalf("exit code %d: %v\n%s", code, err, out)
	}
	for _, p := range report.Partitions {
		if len(p.Compared) != 1 {
			t.Errorf("%s/%d was not held against the running instance: %v", p.Topic, p.Partition, p.Compared)
		}
	}
	for _, what := range []string{"conservation", "deadlines"} {
		if code, out := provenLive(t, endpoints, what); code != 0 {
			t.Errorf("%s: exit code %d\n%s", what, code, out)
		}
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	changeMoney(t, filepath.Join(dir, "ledger", engine.StoreName(kafkalog.TopicEvents, 1)))
	i = begin()
	await(t, time.Minute, i.Node.Ready)
	code, out = provenLive(t, endpoints, "replay", "--schedules", "1", "--seed", "7")
	if err := json.Unmarshal(out, &report); err != nil || code != 3 || len(report.Findings) != 1 {
		t.Fatalf("exit code %d: %v\n%s", code, err, out)
	}
	if f := report.Findings[0]; f.Partition != 1 || f.Field != "at_risk.minor" || f.Want == f.Got || f.Offset < 0 {
		t.Errorf("it is told as %s", f.String())
	}
}

// startInstance starts everything of a configuration in this process.
func startInstance(t *testing.T, cfg *config.Config) *role.Instance {
	t.Helper()
	i, err := role.Start(t.Context(), cfg, role.Everything(), role.Watchers{}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i
}

// changeMoney changes the money at risk of one exception of a store.
func changeMoney(t *testing.T, dir string) {
	t.Helper()
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	var key []byte
	var x *ledger.Exception
	err = store.Scan([]byte{'x'}, []byte{'y'}, func(k, v []byte) (bool, error) {
		key = bytes.Clone(k)
		x, err = ledger.DecodeException(bytes.Clone(v))
		return false, err
	})
	if err != nil || x == nil {
		t.Fatalf("no exception to change: %v", err)
	}
	x.AtRisk.Minor += 100
	if err := store.Commit(func(b ledger.Batch) { b.Put(key, ledger.EncodeException(nil, x)) }); err != nil {
		t.Fatal(err)
	}
}
