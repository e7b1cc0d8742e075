// Package power_test takes the power and the disk away from the real local
// store (Pebble), at any of its writes, and compares what is left with a single
// pass over the log.
package power_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/engine"
)

// world is a log of one partition, and what one undisturbed pass makes of it.
type world struct {
	log []ledger.Record
	at  []mark // by offset: after so many records
	// rows are all that the single pass told, in order.
	rows ledger.Rows
}

// mark is the state of the single pass after a record.
type mark struct {
	digest [32]byte // of the state
	chain  [32]byte // of the log
	told   projections.Held
}

// newWorld draws a log and folds it once.
func newWorld(rnd *rand.Rand) (*world, error) {
	w := &world{log: draw(rnd)}
	return w, w.pass()
}

// draw draws a log: one order that is told much of, a few others beside it, and
// ticks that make their timers fire.
func draw(rnd *rand.Rand) []ledger.Record {
	story := ledgertest.NewWorld(rnd, 12+rnd.IntN(20))
	l := ledgertest.NewLog().Append(ledgertest.Policy())
	ticks := story.Ticks(rnd)
	for i, e := range story.Shuffled(rnd) {
		l.Append(e)
		if rnd.IntN(3) == 0 {
			l.Append(other(rnd, story.End))
		}
		if i < len(ticks) {
			l.Append(ticks[i])
		}
	}
	return l.Append(ticks[len(ticks)-1]).Records
}

// other is a document of another order.
func other(rnd *rand.Rand, end ledger.Instant) *ledger.Event {
	start := ledgertest.Clock(10, 0, 0)
	id := fmt.Sprint(2 + rnd.IntN(6))
	at := start.Add(ledger.Micros(rnd.Int64N(int64(end - start))))
	switch rnd.IntN(3) {
	case 0:
		return ledgertest.ShopEvent(id, at, at.Add(ledger.Second), ledgertest.Words{Order: "open", Payment: "paid", Fulfilment: "(null)", Created: start, Minor: 1000})
	case 1:
		return ledgertest.ERPEvent(id, at, at.Add(ledger.Second), 0, ledgertest.Words{Order: "approved", Fulfilment: "pending", Created: start})
	default:
		return ledgertest.PayEvent(id, at, at.Add(ledger.Second), "captured")
	}
}

// decoded are the records [from, to) of the log, as a fold takes them.
func (w *world) decoded(from, to int64) []engine.Decoded {
	out := make([]engine.Decoded, 0, to-from)
	for _, r := range w.log[from:to] {
		if r.Event != nil { // the fold owns what it is given
			e := *r.Event
			r.Event = &e
		}
		out = append(out, engine.Decoded{Record: r, Epoch: 1, Digest: [32]byte{byte(r.Offset), byte(r.Offset >> 8), 1}})
	}
	return out
}

// end is the offset after the last record.
func (w *world) end() int64 { return int64(len(w.log)) }

// foldOptions are those of every fold of the log.
func foldOptions() engine.FoldOptions {
	return engine.FoldOptions{Partitions: 1, OrderPartitions: 1, TopicID: [16]byte{9}, SliceTimers: 1}
}

// pass folds the log once, a commit for each record.
func (w *world) pass() error {
	store, err := engine.OpenStore("store", engine.StoreOptions{FS: vfs.NewMem()})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	opt := foldOptions()
	opt.Listening = func() bool { return true }
	opt.OnCommit = func(c engine.Committed) {
		for t := range projections.Table(projections.Tables) {
			projections.Append(&w.rows, c.Rows, t, 0, ^uint64(0))
		}
	}
	fold, err := engine.NewFold(store, opt)
	if err != nil {
		return err
	}
	if err := w.mark(store, fold); err != nil {
		return err
	}
	for _, d := range w.decoded(0, w.end()) {
		if err := fold.Take(&d); err != nil {
			return err
		}
		if err := fold.Commit(); err != nil {
			return err
		}
		if err := w.mark(store, fold); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) mark(store *engine.Store, fold *engine.Fold) error {
	sum, err := ledger.Digest(store)
	if err != nil {
		return err
	}
	m := mark{digest: sum, chain: fold.Place().Chain}
	for t := range projections.Table(projections.Tables) {
		m.told[t] = projections.Last(&w.rows, t)
	}
	w.at = append(w.at, m)
	return nil
}

// rowsTo are the rows of the single pass up to what was told at an offset, as bytes.
func (w *world) rowsTo(told projections.Held) []byte {
	var out ledger.Rows
	for t := range projections.Table(projections.Tables) {
		projections.Append(&out, &w.rows, t, 0, told[t])
	}
	return ledger.EncodeRows(nil, &out)
}
