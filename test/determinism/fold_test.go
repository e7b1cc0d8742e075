package determinism_test

import (
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
)

// The environment of a child: which log it folds, where it writes what became
// of it, and in which way it folds.
const (
	envLog = "ORDERLEDGER_DETERMINISM_LOG"
	envOut = "ORDERLEDGER_DETERMINISM_OUT"
	envWay = "ORDERLEDGER_DETERMINISM_WAY"
)

func TestMain(m *testing.M) {
	if os.Getenv(envLog) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// became is what a partition's log became.
type became struct {
	Partition int32
	Keys      []pair
	// Rows are what was told: per table by seq, each encoded alone.
	Rows [5][][]byte
}

type pair struct{ Key, Value []byte }

// child folds the log in its way and writes what became of it.
func child() error {
	in, err := os.Open(os.Getenv(envLog))
	if err != nil {
		return err
	}
	var logs []written
	if err := gob.NewDecoder(in).Decode(&logs); err != nil {
		return err
	}
	way, err := strconv.ParseUint(os.Getenv(envWay), 10, 64)
	if err != nil {
		return err
	}
	codec, err := avroevent.New()
	if err != nil {
		return err
	}
	var all []became
	for i := range logs {
		b, err := folded(codec, &logs[i], rand.New(rand.NewPCG(way, uint64(i))))
		if err != nil {
			return fmt.Errorf("partition %d: %w", logs[i].Partition, err)
		}
		all = append(all, *b)
	}
	out, err := os.Create(os.Getenv(envOut))
	if err != nil {
		return err
	}
	if err := gob.NewEncoder(out).Encode(all); err != nil {
		return err
	}
	return out.Close()
}

// folding is one partition on its way through a log.
type folding struct {
	opt   ledger.Options
	store *ledger.MemStore
	p     *ledger.Partition
	out   *became
}

// folded folds a log with batches, caches, slices and restarts of chance.
func folded(codec *avroevent.Codec, log *written, rnd *rand.Rand) (*became, error) {
	f := &folding{store: ledger.NewMemStore(), out: &became{Partition: log.Partition}}
	f.opt = ledger.Options{Partition: log.Partition, Partitions: log.Partitions, OrderPartitions: log.OrderPartitions,
		CacheOrders: 1 + rnd.IntN(40), SliceTimers: 1 + rnd.IntN(30), TailLimit: 6}
	batch, restart := 1+rnd.IntN(60), 3+rnd.IntN(40)
	if err := f.open(); err != nil {
		return nil, err
	}
	dec := codec.NewDecoder()
	commits := 0
	for f.p.Offset() < int64(len(log.Records)) {
		at := f.p.Offset()
		r := ledger.Record{Offset: at, RecordedAt: ledger.Instant(log.Records[at].RecordedAt), Key: log.Records[at].Key}
		dec.Decode(log.Records[at].Value, &r)
		if f.p.NeedsFlush(&r) {
			f.commit()
		}
		if err := f.p.Apply(&r); err != nil {
			return nil, fmt.Errorf("offset %d: %w", at, err)
		}
		if err := f.finish(); err != nil {
			return nil, err
		}
		if rnd.IntN(batch) > 0 {
			continue
		}
		if commits++; commits%restart > 0 {
			f.commit()
		} else if err := f.open(); err != nil { // what was not committed is folded again
			return nil, err
		}
	}
	f.commit()
	return f.out, f.store.Scan([]byte{'A'}, nil, func(k, v []byte) (bool, error) {
		f.out.Keys = append(f.out.Keys, pair{append([]byte(nil), k...), append([]byte(nil), v...)})
		return true, nil
	})
}

func (f *folding) open() (err error) {
	if f.p, err = ledger.Open(f.store, f.opt); err != nil {
		return err
	}
	return f.finish()
}

// finish works off a tick's slices, each committed alone; sometimes the process
// ends between two.
func (f *folding) finish() error {
	for f.p.Continuing() {
		f.commit()
		if err := f.p.Continue(); err != nil {
			return err
		}
	}
	return nil
}

// commit keeps state and rows; what is told of one row is written by itself.
func (f *folding) commit() {
	r := f.p.Rows()
	for i := range r.History {
		f.out.Rows[0] = append(f.out.Rows[0], ledger.EncodeRows(nil, &ledger.Rows{History: r.History[i : i+1]}))
	}
	for i := range r.Exceptions {
		f.out.Rows[1] = append(f.out.Rows[1], ledger.EncodeRows(nil, &ledger.Rows{Exceptions: r.Exceptions[i : i+1]}))
	}
	for i := range r.Orders {
		f.out.Rows[2] = append(f.out.Rows[2], ledger.EncodeRows(nil, &ledger.Rows{Orders: r.Orders[i : i+1]}))
	}
	for i := range r.Quarantine {
		f.out.Rows[3] = append(f.out.Rows[3], ledger.EncodeRows(nil, &ledger.Rows{Quarantine: r.Quarantine[i : i+1]}))
	}
	for i := range r.Outgoing {
		f.out.Rows[4] = append(f.out.Rows[4], ledger.EncodeRows(nil, &ledger.Rows{Outgoing: r.Outgoing[i : i+1]}))
	}
	f.p.Flush(f.store)
}
