package e2e_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// roomyTopics makes the topics of an embedded broker such that they take
// records greater than any the ledger reads.
func roomyTopics(t *testing.T, data string) {
	t.Helper()
	b, err := broker.Start(broker.Options{DataDir: filepath.Join(data, "log"), Logger: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	log, err := kafkalog.Open(t.Context(), kafkalog.Config{Brokers: []string{b.Addr()}}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: partitions, KeepEverything: true})
	for i := range specs {
		specs[i].MaxMessageBytes = 16 << 20
	}
	if _, err := log.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestPoisonIsSetAsideAndItsNeighboursFolded: whatever bytes somebody writes
// into the log, each gives one entry that says where and why, and nothing else
// changes (I-10).
func TestPoisonIsSetAsideAndItsNeighboursFolded(t *testing.T) {
	data := t.TempDir()
	roomyTopics(t, data)
	d := newDesk(t, func(cfg *config.Config) { cfg.Ephemeral, cfg.DataDir = false, data })
	partition := d.Node.PartitionOf(orderKey(1001))
	d.accept("shop", "orders/create", order(1001, "pending"))
	good := d.lastRecord(partition)
	poison := map[string]kafkalog.Record{
		"tombstone":      {},
		"not-avro":       {Value: []byte("hello, log")},
		"unknown-schema": {Value: append([]byte{0, 0xff, 0xff, 0xff, 0xff}, good.Value[5:]...)},
		"malformed":      {Value: slices.Concat(good.Value[:5], bytes.Repeat([]byte{0xff}, 200))},
		"trailing-bytes": {Key: good.Key, Value: append(bytes.Clone(good.Value), 1, 2, 3)},
		"invalid":        {Key: []byte("shop~another"), Value: good.Value},
		"oversize":       {Value: bytes.Repeat([]byte{7}, 8<<20+1)},
	}
	places := map[string]string{}
	for reason, rec := range poison {
		rec.Topic, rec.Partition = kafkalog.TopicEvents, partition
		at, err := d.Stack.Log.Append(t.Context(), rec)
		if err != nil {
			t.Fatalf("%s: %v", reason, err)
		}
		places[reason] = fmt.Sprint(at.Offset)
	}
	d.accept("shop", "orders/updated", order(1001, "paid"))
	entries := d.quarantine()
	if len(entries) != len(poison) {
		t.Errorf("%d entries of %d poisoned records", len(entries), len(poison))
	}
	for reason, offset := range places {
		if !slices.ContainsFunc(entries, func(e entry) bool {
			return e.Reason == reason && e.Position.Offset == offset && e.Position.Partition == partition && e.Position.Topic == kafkalog.TopicEvents
		}) {
			t.Errorf("%s at offset %s has no entry among %+v", reason, offset, entries)
		}
	}
	if got := d.claims(orderKey(1001), "shop"); !slices.Contains(got, "payment order paid CAPTURED") || !slices.Contains(got, "payment order pending PENDING") {
		t.Errorf("the neighbours claim %q", got)
	}
	for _, s := range d.Node.Stats() {
		if n := s.Counts[""]; s.Partition == partition && n[1] != uint64(len(poison)) {
			t.Errorf("counted %v", n)
		}
	}
}

// lastRecord reads the newest record of a partition.
func (d *desk) lastRecord(partition int32) kafkalog.Record {
	d.t.Helper()
	ends, err := d.Stack.Log.EndOffsets(d.t.Context(), kafkalog.TopicEvents)
	if err != nil {
		d.t.Fatal(err)
	}
	for at := ends[partition] - 1; at >= 0; at-- {
		rec, err := kafkalog.ReadAt(d.t.Context(), d.Stack.Log, kafkalog.Position{Topic: kafkalog.TopicEvents, Partition: partition, Offset: at})
		if err != nil {
			d.t.Fatal(err)
		}
		if len(rec.Key) > 0 {
			return rec
		}
	}
	d.t.Fatal("the partition holds no event")
	return kafkalog.Record{}
}
