package engine

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/orderledger/orderledger/ledger"
)

// OutboxStore is a store whose outbox is trimmed.
type OutboxStore interface {
	ledger.Store
	DeleteRange(from, to []byte) error
}

// OutboxOptions configure an Outbox.
type OutboxOptions struct {
	// MaxBytes caps the blobs; 0 means 256 MiB.
	MaxBytes uint64
	// Sinks are the names of those who receive the rows.
	Sinks []string
}

// maxSpans bounds what is remembered of an outbox; beyond it two neighbours
// become one.
const maxSpans = 4096

// Outbox knows how large the blobs of a store's outbox are, and removes them.
// The sizes are read once, when it is made; from then on a trim reads what its
// sinks need next, and nothing of the outbox itself. It is safe for concurrent
// use.
type Outbox struct {
	opt   OutboxOptions
	store OutboxStore

	mu    sync.Mutex
	spans []span // ascending
	bytes uint64
}

// span is a run of blobs: the number of its last, and the bytes of all.
type span struct{ last, bytes uint64 }

// NewOutbox measures the outbox that a store holds.
func NewOutbox(store OutboxStore, opt OutboxOptions) (*Outbox, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 256 << 20
	}
	o := &Outbox{opt: opt, store: store}
	err := store.Scan([]byte{outboxSpace}, []byte{outboxSpace + 1}, func(k, v []byte) (bool, error) {
		if len(k) != 9 {
			return false, fmt.Errorf("%w: an outbox key has %d bytes", ErrStore, len(k))
		}
		o.Wrote(binary.BigEndian.Uint64(k[1:]), len(v))
		return true, nil
	})
	return o, err
}

// Wrote tells of a committed blob; numbers ascend.
func (o *Outbox) Wrote(batch uint64, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.spans) >= maxSpans {
		half := o.spans[:0]
		for i := 0; i+1 < len(o.spans); i += 2 {
			half = append(half, span{o.spans[i+1].last, o.spans[i].bytes + o.spans[i+1].bytes})
		}
		o.spans = half
	}
	o.spans = append(o.spans, span{batch, uint64(size)})
	o.bytes += uint64(size)
}

// Bytes is what the outbox takes. After a long absence of a sink it may count
// up to two thousandths that were removed already.
func (o *Outbox) Bytes() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Trim removes the blobs that every sink has; without sinks, all.
func (o *Outbox) Trim() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.spans) == 0 {
		return nil
	}
	keep := o.spans[len(o.spans)-1].last + 1
	for _, name := range o.opt.Sinks {
		next, err := Progress(o.store, name)
		if err != nil {
			return err
		}
		keep = min(keep, next)
	}
	return o.remove(keep)
}

// Cap removes the oldest blobs beyond the cap: whoever still needs them is
// filled by refolding (S-41). The newest stays, however large: by it a pump sees
// that it lacks what came before.
func (o *Outbox) Cap() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	keep, left := uint64(0), o.bytes
	for i := 0; i < len(o.spans)-1 && left > o.opt.MaxBytes; i++ {
		left -= o.spans[i].bytes
		keep = o.spans[i].last + 1
	}
	return o.remove(keep)
}

// remove deletes the spans that end before the blob keep.
func (o *Outbox) remove(keep uint64) error {
	n, bytes := 0, uint64(0)
	for n < len(o.spans) && o.spans[n].last < keep {
		bytes += o.spans[n].bytes
		n++
	}
	if n == 0 {
		return nil
	}
	if err := o.store.DeleteRange([]byte{outboxSpace}, outboxKey(o.spans[n-1].last+1)); err != nil {
		return err
	}
	o.spans, o.bytes = o.spans[n:], o.bytes-bytes
	return nil
}
