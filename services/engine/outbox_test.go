package engine_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// counting is a store that counts what is asked of it.
type counting struct {
	*engine.Store
	gets, scans, keys, removals int
}

func (c *counting) Get(key []byte) ([]byte, bool, error) {
	c.gets++
	return c.Store.Get(key)
}

func (c *counting) Scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	c.scans++
	return c.Store.Scan(from, to, func(k, v []byte) (bool, error) {
		c.keys++
		return fn(k, v)
	})
}

func (c *counting) DeleteRange(from, to []byte) error {
	c.removals++
	return c.Store.DeleteRange(from, to)
}

// blobs is the number and size of the blobs that a store's outbox really holds.
func blobs(t *testing.T, s *engine.Store) (n int, size uint64) {
	t.Helper()
	if err := s.Scan([]byte{'#'}, []byte{'#' + 1}, func(_, v []byte) (bool, error) {
		n, size = n+1, size+uint64(len(v))
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	return n, size
}

// needs notes which blob a sink needs next, as its pump does.
func needs(t *testing.T, s *engine.Store, sink string, next uint64) {
	t.Helper()
	if err := s.Commit(func(b ledger.Batch) {
		b.Put([]byte("!pump/"+sink), binary.BigEndian.AppendUint64(nil, next))
	}); err != nil {
		t.Fatal(err)
	}
}

// TestATrimCostsWhatItRemoves: with one of two sinks away, thousands of trims
// read none of the blobs that wait for it; what is held back is capped, and
// goes at once when the sink is back (S-41).
func TestATrimCostsWhatItRemoves(t *testing.T) {
	const commits, size, cap = 10_000, 100, 1000 * 100
	store, _ := openAt(t, vfs.NewMem())
	defer func() { _ = store.Close() }()
	s := &counting{Store: store}
	outbox, err := engine.NewOutbox(s, engine.OutboxOptions{MaxBytes: cap, Sinks: []string{"here", "away"}})
	if err != nil {
		t.Fatal(err)
	}
	opened := *s
	for n := uint64(1); n <= commits; n++ {
		if err := store.Commit(func(b ledger.Batch) {
			b.Put(binary.BigEndian.AppendUint64([]byte{'#'}, n), make([]byte, size))
		}); err != nil {
			t.Fatal(err)
		}
		outbox.Wrote(n, size)
		if n%1000 == 0 {
			needs(t, store, "here", n+1)
		}
		if err := outbox.Trim(); err != nil {
			t.Fatal(err)
		}
		if outbox.Bytes() != n*size || s.removals != 0 {
			t.Fatalf("commit %d: %d bytes, %d removals: the sink that is away has nothing yet", n, outbox.Bytes(), s.removals)
		}
	}
	if s.scans != opened.scans || s.keys != opened.keys {
		t.Errorf("%d trims that removed nothing scanned %d times and read %d keys", commits, s.scans-opened.scans, s.keys-opened.keys)
	}
	if gets := s.gets - opened.gets; gets != 2*commits {
		t.Errorf("%d trims looked up %d keys, want one per sink", commits, gets)
	}
	if err := outbox.Cap(); err != nil {
		t.Fatal(err)
	}
	n, held := blobs(t, store)
	if outbox.Bytes() > cap || held > cap || n < cap/size*9/10 || s.removals != 1 {
		t.Errorf("after the cap %d blobs of %d bytes are held, %d are counted, in %d removals", n, held, outbox.Bytes(), s.removals)
	}
	again, err := engine.NewOutbox(s, engine.OutboxOptions{})
	if err != nil || again.Bytes() != held {
		t.Errorf("opened again it counts %d bytes of %d, %v", again.Bytes(), held, err)
	}
	if tiny, err := engine.NewOutbox(store, engine.OutboxOptions{MaxBytes: 1, Sinks: []string{"away"}}); err != nil || tiny.Cap() != nil || tiny.Bytes() != size {
		t.Errorf("under a cap of one byte the newest blob does not stand alone: %d bytes, %v", tiny.Bytes(), err)
	}
	needs(t, store, "away", commits+1)
	if err := outbox.Trim(); err != nil {
		t.Fatal(err)
	}
	if n, _ := blobs(t, store); n != 0 || outbox.Bytes() != 0 || s.removals != 2 {
		t.Errorf("everybody has everything: %d blobs are left, %d bytes counted, %d removals", n, outbox.Bytes(), s.removals)
	}
}

// TestOnlyWhatEverySinkHasIsRemoved: however coarse the count, no blob goes that
// somebody needs.
func TestOnlyWhatEverySinkHasIsRemoved(t *testing.T) {
	store, _ := openAt(t, vfs.NewMem())
	defer func() { _ = store.Close() }()
	const commits = 9001
	if err := store.Commit(func(b ledger.Batch) {
		for n := uint64(1); n <= commits; n++ {
			b.Put(binary.BigEndian.AppendUint64([]byte{'#'}, n), []byte{1})
		}
	}); err != nil {
		t.Fatal(err)
	}
	outbox, err := engine.NewOutbox(store, engine.OutboxOptions{Sinks: []string{"one"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []uint64{1, 2, 17, 4100, 4101, commits, commits + 1} {
		needs(t, store, "one", next)
		if err := outbox.Trim(); err != nil {
			t.Fatal(err)
		}
		n, _ := blobs(t, store)
		if left := int(commits + 1 - next); n < left || n > left+8 {
			t.Errorf("the sink needs %d on: %d blobs are left", next, n)
		}
		if outbox.Bytes() != uint64(n) {
			t.Errorf("the sink needs %d on: %d blobs are left, %d counted", next, n, outbox.Bytes())
		}
	}
}

// TestANodeKeepsItsOutboxCapped: of the partitions that another member owns, and
// of those whose sink is away; a sink that comes back gets everything once.
func TestANodeKeepsItsOutboxCapped(t *testing.T) {
	const cap = 2000
	r := newRig(t)
	r.append(kafkalog.TopicControl, 0, "policy", ledgertest.PolicyRecord(ledgertest.Policy()))
	sink := memory.New()
	member := func(dir string) *engine.Node {
		n, err := engine.Start(t.Context(), engine.Config{Dir: dir, Partitions: partitions, Group: "ledger", OutboxMaxBytes: cap, BatchRecords: 2},
			engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Sinks: []projections.Sink{sink}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	dir := t.TempDir()
	owner, other := member(t.TempDir()), member(dir)
	defer func() { _ = owner.Close() }()
	until(t, func() bool { return owned(owner) > 0 && owned(other) > 0 && owned(owner)+owned(other) == partitions })
	sink.Down()
	const orders = 200
	for i := range orders {
		at := ledgertest.Clock(10, 0, 0)
		ev := ledgertest.ShopEvent(fmt.Sprint(i), at, at, ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 100})
		r.append(kafkalog.TopicEvents, kafkalog.ByKey, string(ev.Order), ev)
	}
	for _, n := range []*engine.Node{owner, other} {
		for p := range int32(partitions) {
			if err := n.Barrier(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		until(t, func() bool {
			for _, s := range n.Stats() {
				if s.Outbox > cap {
					return false
				}
			}
			return true
		})
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		store, err := engine.OpenStore(filepath.Join(dir, engine.StoreName(kafkalog.TopicEvents, p)), engine.StoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, size := blobs(t, store); size > cap {
			t.Errorf("partition %d holds %d bytes of rows, the cap is %d", p, size, cap)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sink.Up()
	until(t, func() bool {
		total := 0
		for p := range int32(partitions) {
			total += projections.Count(sink.Rows(p), projections.History)
		}
		return total >= orders
	})
	for p := range int32(partitions) {
		dense(t, sink.Rows(p))
	}
}

// owned is the number of partitions that a node owns.
func owned(n *engine.Node) (count int) {
	for _, s := range n.Stats() {
		if s.Owner && s.Partition < ledger.AliasPartitions {
			count++
		}
	}
	return count
}
