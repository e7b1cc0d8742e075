package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// replica is one partition: a seat, with the store and the reader it has on
// this machine.
type replica struct {
	*Seat
	n     *Node
	topic string
	index int32 // of the partition in its topic
	id    [16]byte
	// partition is the index, or beyond ledger.AliasPartitions one of orders.unkeyed.v1.
	partition int32

	store *Store
	end   atomic.Int64 // log end seen, −1 before the first answer
	fault atomic.Pointer[error]
	waits atomic.Pointer[error] // why folding waits, nil if it does not
	mu    sync.Mutex
	base  *ledger.Reader // newest reader, whose plan later ones share
}

func newReplica(n *Node, topic string, index int32) *replica {
	r := &replica{Seat: NewSeat(), n: n, topic: topic, index: index, partition: index, id: n.topics[topic]}
	if r.joins() {
		r.partition += ledger.AliasPartitions
	}
	r.end.Store(-1)
	return r
}

// joins reports whether this is a partition of the alias store.
func (r *replica) joins() bool { return r.topic == kafkalog.TopicUnkeyed }

// foldOptions say which fold of which log this is.
func (r *replica) foldOptions() FoldOptions {
	return FoldOptions{Partition: r.partition, Partitions: r.n.cfg.Partitions, OrderPartitions: r.n.cfg.Partitions, TopicID: r.id}
}

// open opens the store and the fold in it.
func (r *replica) open() error {
	if r.store == nil {
		s, err := OpenStore(filepath.Join(r.n.cfg.Dir, StoreName(r.topic, r.index)), StoreOptions{Cache: r.n.cache, MemTableBytes: MemTableBytes(r.n.cfg.Partitions)})
		if err != nil {
			return err
		}
		r.store = s
	}
	opt := r.foldOptions()
	opt.CacheOrders, opt.NoOutbox, opt.OnCommit, opt.Listening = r.n.cfg.CacheOrders, r.n.cfg.Standby, r.committed, r.n.subs.any
	opt.Wants = r.n.wants
	return r.Open(r.store, SeatOptions{Fold: opt, OutboxMaxBytes: r.n.cfg.OutboxMaxBytes, Sinks: r.n.sinkNames()})
}

func (r *replica) close() error {
	if r.store == nil {
		return nil
	}
	return r.store.Close()
}

func (r *replica) committed(c Committed) {
	c.Log = r.log()
	r.n.subs.tell(c)
}

// log is the partition among those of both topics.
func (r *replica) log() int32 {
	if r.joins() {
		return r.n.cfg.Partitions + r.index
	}
	return r.index
}

func (r *replica) stopped() error {
	if e := r.fault.Load(); e != nil {
		return *e
	}
	return nil
}

// lag is how many records of the log are not folded, −1 before the log's end
// is known.
func (r *replica) lag() int64 {
	end := r.end.Load()
	if end < 0 {
		return -1
	}
	return max(end-r.view.Load().place.Offset, 0)
}

// run folds the partition until ctx ends. A fault of the log's history stops it
// for good; a fault of the store or the broker is tried again.
func (r *replica) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.guarded(ctx)
		if ctx.Err() != nil {
			return
		}
		r.fault.Store(&err)
		r.n.deps.Observer.Stopped(r.partition, err)
		r.n.deps.Logger.Error("partition stopped", "topic", r.topic, "partition", r.index, "error", err)
		if errors.Is(err, kafkalog.ErrLogLost) {
			return // never rewound, never skipped: a person must look
		}
		pause(ctx, 2*time.Second)
		if err := r.open(); err != nil {
			r.n.deps.Logger.Error("reopening a partition failed", "partition", r.partition, "error", err)
			continue
		}
		r.fault.Store(nil)
	}
}

// guarded runs the partition and turns a broken assertion into an error that
// names the place, so that one partition's defect leaves the others folding.
func (r *replica) guarded(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("partition %d at offset %d: broken assertion: %v\n%s", r.partition, r.fold.Place().Offset, v, debug.Stack())
		}
	}()
	return r.read(ctx)
}

// read follows the log from the stored offset: one goroutine fetches and
// decodes, this one folds and commits.
func (r *replica) read(ctx context.Context) error {
	place := r.fold.Place()
	opts := kafkalog.ReaderOptions{Assignments: map[string]map[int32]int64{r.topic: {r.index: place.Offset}},
		MaxPollRecords: r.n.cfg.BatchRecords}
	if place.Epoch >= 0 {
		opts.Epochs = map[string]map[int32]int32{r.topic: {r.index: place.Epoch}}
	}
	if err := r.sameLog(ctx, place); err != nil {
		return err
	}
	reader, err := r.n.deps.Journal.NewReader(opts)
	if err != nil {
		return err
	}
	ends, err := r.n.deps.Journal.EndOffsets(ctx, r.topic)
	if err != nil {
		reader.Close()
		return err
	}
	if end := ends[r.index]; end < place.Offset {
		reader.Close()
		return &kafkalog.LogLostError{Position: kafkalog.Position{Topic: r.topic, Partition: r.index, Offset: place.Offset},
			Err: fmt.Errorf("the log ends at %d, before what was folded already", end)}
	}
	r.end.Store(ends[r.index])
	ctx, cancel := context.WithCancel(ctx)
	f := &fetcher{reader: reader, dec: r.n.deps.Codec.NewDecoder(), room: r.n.room, out: make(chan decodedBatch, 1), traced: r.n.deps.Tracer != nil}
	go f.run(ctx)
	defer func() {
		cancel()
		f.drain()
		reader.Close()
	}()
	for b := range f.out {
		err := r.take(ctx, b)
		r.n.room.leave(b.bytes)
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sameLog checks the log against the store, unless nothing was folded yet.
func (r *replica) sameLog(ctx context.Context, place Place) error {
	return SameLog(ctx, r.n.deps.Journal, kafkalog.Position{Topic: r.topic, Partition: r.index}, place)
}

// SameLog checks that a log, a topic's partition, still holds before the stored
// offset the very records that were folded last: a broker that lost acknowledged
// records and took others in their place is found here (I-9). One record is not
// enough: what is sent again after a loss may stand where it stood before, behind
// others.
func SameLog(ctx context.Context, log kafkalog.Source, at kafkalog.Position, place Place) error {
	if place.Offset == 0 {
		return nil
	}
	at.Offset = place.From
	records, err := kafkalog.ReadRange(ctx, log, at, place.Offset)
	at.Offset = place.Offset - 1
	if n := len(records); err == nil && (n == 0 || records[n-1].Offset != at.Offset) {
		err = kafkalog.ErrLogLost
	}
	if err != nil {
		return fmt.Errorf("read the record folded last, %s: %w", at, err)
	}
	chain := place.FromChain
	for i := range records {
		chain = chained(chain, digestOf(&records[i]))
	}
	if chain != place.Chain {
		return &kafkalog.LogLostError{Position: at, Err: errors.New("the log holds other records than those that were folded: " +
			"the broker lost acknowledged records; remove the partition's store to fold what the log holds now")}
	}
	return nil
}

// take folds one batch and commits it.
func (r *replica) take(ctx context.Context, b decodedBatch) error {
	if b.end >= 0 {
		r.end.Store(b.end)
	}
	if err := r.diskFree(ctx); err != nil {
		return err
	}
	start := time.Now()
	end := r.tracedFold(&b)
	err := r.Seat.Fold(b.records)
	if end(err); err != nil {
		return err
	}
	if n := len(b.records); n > 0 {
		r.untrimmed(r.Trim())
		r.n.deps.Observer.Committed(Committed{Partition: r.partition, Log: r.log(), Place: r.fold.Place(), Clock: r.fold.Part().Clock(), Records: n}, time.Since(start))
	}
	return b.err
}

// diskFree waits while the store's disk has less than the reserve: a commit
// that fails half-way through a full disk is never tried.
func (r *replica) diskFree(ctx context.Context) error {
	defer r.waits.Store(nil)
	told := false
	for {
		var st unix.Statfs_t
		if err := unix.Statfs(r.n.cfg.Dir, &st); err != nil {
			return fmt.Errorf("%w: ask for free space: %w", ErrStore, err)
		}
		free := st.Bavail * uint64(st.Bsize)
		if free >= r.n.cfg.DiskReserveBytes {
			return nil
		}
		why := fmt.Errorf("folding waits: the disk of %s has %d bytes free, %d are kept in reserve: free some space; nothing is lost", r.n.cfg.Dir, free, r.n.cfg.DiskReserveBytes)
		r.waits.Store(&why)
		if !told {
			told = true
			r.n.deps.Logger.Error("disk is nearly full, folding waits: free some space; nothing is lost, reads go on",
				"dir", r.n.cfg.Dir, "free_bytes", free, "reserve_bytes", r.n.cfg.DiskReserveBytes, "partition", r.partition)
		}
		pause(ctx, time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
