package role_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// breached writes the log of an order that the ERP never heard of, and folds
// the store of its partition; it returns where that is.
func breached(t *testing.T, s *role.Stack) string {
	t.Helper()
	clock := ledgertest.Clock
	ev := ledgertest.ShopEvent("1001", clock(9, 59, 59), clock(10, 0, 0),
		ledgertest.Words{Order: "open", Payment: "paid", Created: clock(9, 59, 59), Minor: 4990})
	p := ledger.PartitionOf([]byte(ev.Order), s.Config.Partitions)
	tick := ledgertest.Tick(clock(10, 2, 41), ledgertest.Covered(ledgertest.ERP, ledgertest.ERPOrders, clock(9, 0, 0), clock(10, 2, 1)))
	tick.Partition = p
	until := int64(0)
	for _, v := range []any{ledgertest.PolicyRecord(ledgertest.Policy()), ev, tick} {
		value, err := s.Codec.Encode(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		at, err := s.Log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Partition: p, Key: []byte(ev.Order), Value: value})
		if err != nil {
			t.Fatal(err)
		}
		until = at.Offset + 1
	}
	dir := filepath.Join(s.Config.DataDir, "ledger", engine.StoreName(kafkalog.TopicEvents, p))
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	id, err := s.Log.TopicID(t.Context(), kafkalog.TopicEvents)
	if err != nil {
		t.Fatal(err)
	}
	fold, err := engine.NewFold(store, engine.FoldOptions{Partition: p, Partitions: s.Config.Partitions, TopicID: id})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Replay(t.Context(), engine.ReplayOptions{Journal: s.Log, Decoder: s.Codec.NewDecoder(), Partition: p, Until: until}, fold, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// falsify changes the money at risk of every exception in a store.
func falsify(t *testing.T, dir string) (changed int) {
	t.Helper()
	store, err := engine.OpenStore(dir, engine.StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	err = store.Scan([]byte{'x'}, []byte{'y'}, func(k, v []byte) (bool, error) {
		x, err := ledger.DecodeException(bytes.Clone(v))
		if err != nil {
			return false, err
		}
		x.AtRisk.Minor++
		changed++
		key := bytes.Clone(k)
		return true, store.Commit(func(b ledger.Batch) { b.Put(key, ledger.EncodeException(nil, x)) })
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// TestProveNamesAFieldChangedByHand: a store in which somebody changed one
// value is not the replay, and what is said of it is that value.
func TestProveNamesAFieldChangedByHand(t *testing.T) {
	cfg := small(t.TempDir())
	cfg.Finish()
	s, err := role.OpenStack(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir := breached(t, s)
	var out strings.Builder
	if err := role.ProveReplay(t.Context(), s, &out); err != nil || !strings.Contains(out.String(), "the store at 3 is the replay") {
		t.Fatalf("before: %v\n%s", err, out.String())
	}
	if n := falsify(t, dir); n != 1 {
		t.Fatalf("%d exceptions in the store, want one", n)
	}
	out.Reset()
	if err := role.ProveReplay(t.Context(), s, &out); !errors.Is(err, role.ErrUnproven) {
		t.Fatalf("after: %v\n%s", err, out.String())
	}
	if strings.Count(out.String(), "differs") != 1 || !strings.Contains(out.String(), "the store differs from the replay up to 3: exception ") ||
		!strings.Contains(out.String(), "of order "+string(ledgertest.Key("1001"))+", offset 2, field at_risk.minor: 4990 against 4991\n") {
		t.Errorf("it is told as\n%s", out.String())
	}
}
