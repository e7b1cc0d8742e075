package logsink_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
	"github.com/orderledger/orderledger/services/logsink"
)

// block is a range of changes of exceptions.
func block(partition int32, from, to uint64) *projections.Block {
	rows := &ledger.Rows{}
	for seq := from; seq <= to; seq++ {
		x := ledger.Exception{
			ID: ledger.ExceptionID{byte(partition), byte(seq)}, Subject: ledger.Subject{Kind: ledger.SubjectOrder, Order: ledgertest.Key("1")},
			Rule: "ingestion", Name: "CheckoutDisconnect", Episode: 1, Open: true, OpenedAt: ledgertest.Noon,
		}
		rows.Exceptions = append(rows.Exceptions, ledger.ExceptionRow{Seq: seq, Offset: int64(10 * seq), RecordedAt: ledgertest.Noon, Change: ledger.FactExceptionOpened, Exception: x})
	}
	return &projections.Block{Partition: partition, Table: projections.Exceptions, From: from, To: to, Rows: rows}
}

// seqs are the published changes of a partition, in the order of the topic.
func (w *world) seqs(partition int32) (out []uint64) {
	w.t.Helper()
	for _, r := range w.records(kafkalog.TopicExceptions) {
		rec, err := w.codec.NewDecoder().DecodeException(r.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Partition == partition {
			if rec.Partition != partition || string(r.Key) != rec.Exception.ID.String() {
				w.t.Errorf("record %v says partition %d and %s", r.Position(), rec.Partition, rec.Exception.ID)
			}
			out = append(out, rec.Seq)
		}
	}
	return out
}

// dense reports whether seqs are 1, 2, … n.
func dense(seqs []uint64, n int) bool {
	for i, s := range seqs {
		if s != uint64(i+1) {
			return false
		}
	}
	return len(seqs) == n
}

// After a restart the publisher holds what the topic holds, so that whoever
// pumps goes on behind it: no change is published twice or left out.
func TestPublisherResumesWithoutDoubling(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	pump := func(x *logsink.Exceptions, partition int32, to uint64) {
		t.Helper()
		held, err := x.Held(soon(t), partition)
		if err != nil {
			t.Fatal(err)
		}
		if from := held[projections.Exceptions] + 1; from <= to {
			if err := x.Insert(soon(t), block(partition, from, to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := logsink.NewExceptions(w.log, w.codec)
	if !first.Wants(projections.Exceptions) || first.Wants(projections.Orders) || first.Name() != kafkalog.TopicExceptions {
		t.Error("the publisher wants other rows")
	}
	pump(first, 0, 3)
	pump(first, 2, 5)
	for range 2 { // a restart, and one more with nothing new
		again := logsink.NewExceptions(w.log, w.codec)
		pump(again, 0, 7)
		pump(again, 2, 5)
		pump(again, 3, 1)
	}
	for partition, n := range map[int32]int{0: 7, 1: 0, 2: 5, 3: 1} {
		if got := w.seqs(partition); !dense(got, n) {
			t.Errorf("partition %d: %v, want 1 to %d", partition, got, n)
		}
	}
	// Retention has taken the oldest ones, but for the newest.
	w.log.TrimTo(kafkalog.Position{Topic: kafkalog.TopicExceptions, Partition: 0, Offset: 6})
	if held, err := logsink.NewExceptions(w.log, w.codec).Held(soon(t), 0); err != nil || held[projections.Exceptions] != 7 {
		t.Errorf("held %v: %v", held, err)
	}
}

// A publisher that died in the middle left a beginning behind: what is missing
// follows, and what is there does not come again.
func TestPublisherGoesOnAfterHalfABlock(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	x := logsink.NewExceptions(w.log, w.codec)
	if err := x.Insert(soon(t), block(1, 1, 2)); err != nil {
		t.Fatal(err)
	}
	w.log.SetDown(memlog.Down)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Insert(ctx, block(1, 3, 4)); !errors.Is(err, context.Canceled) {
		t.Fatalf("during an outage: %v", err)
	}
	w.log.SetDown(memlog.Up) // what was undecided lands
	held, err := logsink.NewExceptions(w.log, w.codec).Held(soon(t), 1)
	if err != nil || held[projections.Exceptions] != 4 {
		t.Fatalf("held %v: %v", held, err)
	}
	if got := w.seqs(1); !dense(got, 4) {
		t.Errorf("%v", got)
	}
}

// A topic that somebody else writes to is not continued.
func TestPublisherRefusesWhatIsNotOurs(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	if _, err := w.log.Append(soon(t), kafkalog.Record{Topic: kafkalog.TopicExceptions, Partition: 1, Value: []byte("somebody else's")}); err != nil {
		t.Fatal(err)
	}
	x := logsink.NewExceptions(w.log, w.codec)
	if _, err := x.Held(soon(t), 1); err == nil || !strings.Contains(err.Error(), "is not ours") {
		t.Errorf("%v", err)
	}
	if held, err := x.Held(soon(t), 0); err != nil || held != (projections.Held{}) {
		t.Errorf("an empty partition: %v %v", held, err)
	}
	w.log.Close()
	if err := x.Insert(soon(t), block(0, 1, 1)); !errors.Is(err, kafkalog.ErrClosed) {
		t.Errorf("a closed log: %v", err)
	}
}

// The alias store publishes into the same partitions: each goes on behind its
// own newest record, whoever published last.
func TestPublishersShareAPartition(t *testing.T) {
	w := newWorld(t, memlog.Options{})
	aliases := ledger.AliasPartitions + 1
	for round := range uint64(3) {
		for _, partition := range []int32{1, aliases} {
			x := logsink.NewExceptions(w.log, w.codec)
			held, err := x.Held(soon(t), partition)
			if err != nil || held[projections.Exceptions] != 2*round {
				t.Fatalf("partition %d holds %v, want %d: %v", partition, held, 2*round, err)
			}
			if err := x.Insert(soon(t), block(partition, 2*round+1, 2*round+2)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
