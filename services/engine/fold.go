package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Committer is a store that a fold commits to.
type Committer interface {
	ledger.Store
	Commit(fill func(ledger.Batch)) error
}

// Decoded is one record of the log, decoded, with what its bytes add to the chain.
type Decoded struct {
	Record ledger.Record
	Epoch  int32
	Digest [32]byte
}

// Decoder turns record bytes into a ledger record; it is total.
type Decoder interface {
	Decode(value []byte, rec *ledger.Record)
}

// Decode decodes one record of the log. It is the same function of the bytes
// on every replica.
func Decode(dec Decoder, r *kafkalog.Record) Decoded {
	d := Decoded{Epoch: r.LeaderEpoch, Digest: digestOf(r)}
	d.Record = ledger.Record{Offset: r.Offset, RecordedAt: ledger.Instant(r.Timestamp), Key: r.Key}
	dec.Decode(r.Value, &d.Record)
	return d
}

func digestOf(r *kafkalog.Record) [32]byte {
	var head [20]byte
	binary.BigEndian.PutUint64(head[0:], uint64(r.Offset))
	binary.BigEndian.PutUint32(head[8:], uint32(len(r.Key)))
	binary.BigEndian.PutUint64(head[12:], uint64(len(r.Value)))
	var room [1024]byte // most records fit, and one pass over them is the quickest
	b := append(append(append(room[:0], head[:]...), r.Key...), r.Value...)
	return sha256.Sum256(b)
}

// FoldOptions configure a Fold.
type FoldOptions struct {
	// Partition is numbered from ledger.AliasPartitions on if it is one of
	// orders.unkeyed.v1; OrderPartitions are those of orders.events.v1 then.
	Partition       int32
	Partitions      int32
	OrderPartitions int32
	TopicID         [16]byte
	CacheOrders     int
	SliceTimers     int
	// NoOutbox keeps no rows for sinks: for those who never ship any.
	NoOutbox bool
	// Wants reports whether any sink keeps a table; what none wants is not written
	// to the outbox. A sink that comes later is filled by refolding. Nil: all are wanted.
	Wants func(projections.Table) bool
	// Outbox is told of every blob committed; nil: nobody is.
	Outbox *Outbox
	// OnCommit is told after every commit; the rows may be kept. Nil: nobody.
	OnCommit func(Committed)
	// Listening tells whether copying the rows for OnCommit is worth it.
	Listening func() bool
}

// Committed is what one commit did.
type Committed struct {
	Partition int32
	// Log is the partition among those of both topics: see Node.Logs.
	Log     int32
	Place   Place
	Clock   ledger.Instant
	Records int
	Rows    *ledger.Rows
}

// Fold is the step function of one partition: it takes decoded records and
// commits state, outbox and place in one batch. It does no I/O but through its
// Committer, and is not safe for concurrent use.
type Fold struct {
	opt     FoldOptions
	store   Committer
	part    *ledger.Partition
	place   Place
	pending int
	blob    []byte
	anchors [2]anchor // of the chain, ascending
	moved   bool      // they are to be written
}

// NewFold opens the partition that a store holds. It refuses a store of
// another topic: the log was deleted and created again.
func NewFold(store Committer, opt FoldOptions) (*Fold, error) {
	part, err := ledger.Open(store, ledger.Options{Partition: opt.Partition, Partitions: opt.Partitions, OrderPartitions: opt.OrderPartitions,
		CacheOrders: opt.CacheOrders, SliceTimers: opt.SliceTimers})
	if err != nil {
		return nil, err
	}
	f := &Fold{opt: opt, store: store, part: part, place: Place{TopicID: opt.TopicID, Epoch: -1}}
	v, ok, err := store.Get([]byte(placeKey))
	if err != nil {
		return nil, err
	}
	if ok {
		if f.place, err = decodePlace(v); err != nil {
			return nil, err
		}
	}
	if v, ok, err = store.Get([]byte(anchorKey)); err != nil {
		return nil, err
	}
	f.anchors, f.moved = decodeAnchors(v, f.place), !ok
	if f.place.TopicID != opt.TopicID {
		return nil, fmt.Errorf("partition %d: the store folded another topic of this name: the log was recreated; "+
			"restore the topic, or remove the store's directory to fold the new one from its start", opt.Partition)
	}
	if f.place.Offset != part.Offset() {
		return nil, fmt.Errorf("partition %d: place %d and state %d disagree: the store is damaged", opt.Partition, f.place.Offset, part.Offset())
	}
	return f, f.finish() // a tick's slices may be left from before a crash
}

// Place returns where the committed state stands.
func (f *Fold) Place() Place {
	p := f.place
	p.From, p.FromChain = f.anchors[0].offset, f.anchors[0].chain
	return p
}

// Part is the partition's state machine.
func (f *Fold) Part() *ledger.Partition { return f.part }

// Pending is the number of records taken since the last commit.
func (f *Fold) Pending() int { return f.pending }

// Take folds one record. Records that need flushed state commit what is
// pending before, and each slice of their work after.
func (f *Fold) Take(d *Decoded) error {
	if f.part.NeedsFlush(&d.Record) {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	if err := f.part.Apply(&d.Record); err != nil {
		return err
	}
	f.pending++
	f.place.Offset, f.place.Epoch = d.Record.Offset+1, d.Epoch
	f.place.Prev, f.place.Chain = f.place.Chain, chained(f.place.Chain, d.Digest)
	if f.place.Offset-f.anchors[1].offset >= anchorEvery {
		f.anchors, f.moved = [2]anchor{f.anchors[1], {f.place.Offset, f.place.Chain}}, true
	}
	return f.finish()
}

// finish works off the slices a tick left, one commit each (S-16).
func (f *Fold) finish() error {
	for f.part.Continuing() {
		if err := f.Commit(); err != nil {
			return err
		}
		if err := f.part.Continue(); err != nil {
			return err
		}
		if !f.part.Continuing() {
			return f.Commit()
		}
	}
	return nil
}

// wanted are the rows that some sink keeps.
func (f *Fold) wanted(rows *ledger.Rows) *ledger.Rows {
	switch {
	case f.opt.NoOutbox:
		return &ledger.Rows{}
	case f.opt.Wants == nil:
		return rows
	}
	out := *rows
	for t := range projections.Table(projections.Tables) {
		if !f.opt.Wants(t) {
			projections.Drop(&out, t)
		}
	}
	return &out
}

// Commit writes everything taken since the last commit: state, rows and place,
// all or nothing.
func (f *Fold) Commit() error {
	rows := f.part.Rows()
	place := f.place
	f.blob = f.blob[:0]
	if told := f.wanted(rows); told.Len() > 0 {
		place.Batch++
		f.blob = ledger.EncodeRows(f.blob, told)
	}
	told := Committed{Partition: f.opt.Partition, Place: place, Clock: f.part.Clock(), Records: f.pending, Rows: rows}
	tell := f.opt.OnCommit != nil && (f.opt.Listening == nil || f.opt.Listening())
	if tell {
		told.Rows = rows.Clone()
	}
	err := f.store.Commit(func(b ledger.Batch) {
		f.part.Flush(b)
		if len(f.blob) > 0 {
			b.Put(outboxKey(place.Batch), f.blob)
		}
		b.Put([]byte(placeKey), place.encode())
		if f.moved {
			b.Put([]byte(anchorKey), encodeAnchors(f.anchors))
		}
	})
	if err != nil {
		return err
	}
	f.place, f.pending, f.moved = place, 0, false
	if f.opt.Outbox != nil && len(f.blob) > 0 {
		f.opt.Outbox.Wrote(place.Batch, len(f.blob))
	}
	if tell {
		f.opt.OnCommit(told)
	}
	return nil
}
