package power_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/memory"
	"github.com/orderledger/orderledger/services/engine"
)

// repeating is a sink that cannot say what it holds: the store remembers for it.
type repeating struct{ *memory.Sink }

// Name implements projections.Sink.
func (repeating) Name() string { return "repeating" }

// Repeats implements projections.Repeating.
func (repeating) Repeats() bool { return true }

// sinks are the two kinds of sinks. They stand elsewhere: a power loss here
// takes nothing of them.
type sinks struct {
	asked  *memory.Sink
	silent repeating
}

func newSinks() sinks { return sinks{memory.New(), repeating{memory.New()}} }

// copied are sinks that hold the same.
func (s sinks) copied() (sinks, error) {
	out := newSinks()
	for _, pair := range [][2]*memory.Sink{{s.asked, out.asked}, {s.silent.Sink, out.silent.Sink}} {
		rows := pair[0].Rows(0)
		for t := range projections.Table(projections.Tables) {
			if projections.Count(rows, t) == 0 {
				continue
			}
			b := &projections.Block{Table: t, From: projections.First(rows, t), To: projections.Last(rows, t), Rows: rows}
			if err := pair[1].Insert(context.Background(), b); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// machine is a partition's seat on a disk, with its shippers.
type machine struct {
	w     *world
	store *engine.Store
	seat  *engine.Seat
	ship  []*engine.Shipper
	// refills counts how often a sink was filled by refolding.
	refills int
}

// size is how large a machine's parts are. Small memtables are flushed and
// compacted often; a small outbox is capped and makes its sinks be refilled.
type size struct {
	memtable uint64
	outbox   uint64
	maxRows  int
	fatal    func(error) // nil: the process ends
}

func drawSize(rnd *rand.Rand) size {
	s := size{memtable: 4 << 10 << rnd.IntN(5), outbox: 1 << 20, maxRows: 1 + rnd.IntN(20)}
	if rnd.IntN(4) == 0 {
		s.outbox = 2 << 10
	}
	return s
}

// boot takes up what the disk holds.
func boot(w *world, disk vfs.FS, to sinks, s size) (*machine, error) {
	store, err := engine.OpenStore("store", engine.StoreOptions{FS: disk, MemTableBytes: s.memtable, Fatal: s.fatal})
	if err != nil {
		return nil, err
	}
	m := &machine{w: w, store: store, seat: engine.NewSeat()}
	opt := engine.SeatOptions{Fold: foldOptions(), OutboxMaxBytes: s.outbox, Sinks: []string{to.asked.Name(), to.silent.Name()}}
	if err := m.seat.Open(store, opt); err != nil {
		return m, err
	}
	m.seat.Own(true)
	for _, sink := range []projections.Sink{to.asked, to.silent} {
		m.ship = append(m.ship, engine.NewShipper(m.seat, sink, m.refill, engine.PumpOptions{MaxRows: s.maxRows}))
	}
	return m, nil
}

// refill folds the log again for a sink.
func (m *machine) refill(ctx context.Context, sink projections.Sink, p *engine.Pump) (int, error) {
	m.refills++
	scratch, err := engine.OpenStore("scratch", engine.StoreOptions{FS: vfs.NewMem()})
	if err != nil {
		return 0, err
	}
	defer func() { _ = scratch.Close() }()
	f, err := engine.NewRefill(scratch, foldOptions(), sink)
	if err != nil {
		return 0, err
	}
	return f.Whole(ctx, m.w.decoded(0, m.seat.Place().Offset), p)
}

// step carries the outbox to one sink.
func (m *machine) step(i int) error {
	out := m.ship[i].Step(context.Background())
	if out.Err != nil {
		return out.Err
	}
	return out.Trim
}

// same compares the machine with the single pass at its offset: state, chain,
// and what the sinks hold once everything is sent.
func (m *machine) same(to sinks) error {
	place := m.seat.Place()
	want := m.w.at[place.Offset]
	sum, err := ledger.Digest(m.store)
	if err != nil {
		return err
	}
	if sum != want.digest {
		return fmt.Errorf("the state at %d is not the fold of the records before it", place.Offset)
	}
	if place.Chain != want.chain {
		return fmt.Errorf("the chain at %d is another", place.Offset)
	}
	if m.seat.Told() != want.told {
		return fmt.Errorf("at %d it told %v rows, the single pass %v", place.Offset, m.seat.Told(), want.told)
	}
	for i := range m.ship {
		if err := m.step(i); err != nil {
			return fmt.Errorf("carry the outbox at %d: %w", place.Offset, err)
		}
	}
	// A sink may hold what the store lost: those rows are told again.
	for _, sink := range []*memory.Sink{to.asked, to.silent.Sink} {
		rows := sink.Rows(0)
		held := want.told
		for t := range held {
			held[t] = max(held[t], projections.Last(rows, projections.Table(t)))
		}
		if !bytes.Equal(ledger.EncodeRows(nil, rows), m.w.rowsTo(held)) {
			return fmt.Errorf("the rows of a sink at %d are not those of the single pass", place.Offset)
		}
	}
	return nil
}

// finish folds what is left of the log and compares again.
func (m *machine) finish(rnd *rand.Rand, to sinks) error {
	for at := m.seat.Place().Offset; at < m.w.end(); at = m.seat.Place().Offset {
		if err := m.seat.Fold(m.w.decoded(at, min(at+1+rnd.Int64N(30), m.w.end()))); err != nil {
			return err
		}
		if rnd.IntN(3) == 0 {
			if err := m.step(rnd.IntN(len(m.ship))); err != nil {
				return err
			}
		}
	}
	return m.same(to)
}
