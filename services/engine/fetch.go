package engine

import (
	"context"
	"sync"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// Bounds of what is read ahead, in bytes of the log. Decoded, a record takes
// two to three times as much.
const (
	batchBytes  = 1 << 20  // of one batch, and so of one commit
	nodeBytes   = 12 << 20 // decoded and not folded, of all partitions of a node
	replayBytes = 4 << 20  // the same of a replay
)

// room bounds the bytes that are somewhere between two goroutines. Whoever
// finds it empty may enter, however much he brings.
type room struct {
	mu   sync.Mutex
	size int
	used int
	left chan struct{} // closed, and made anew, when somebody leaves
}

func newRoom(size int) *room { return &room{size: size, left: make(chan struct{})} }

// enter waits for n bytes of room; false means that ctx ended first.
func (r *room) enter(ctx context.Context, n int) bool {
	for {
		r.mu.Lock()
		if r.used == 0 || r.used+n <= r.size {
			r.used += n
			r.mu.Unlock()
			return true
		}
		wait := r.left
		r.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return false
		}
	}
}

func (r *room) leave(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
	close(r.left)
	r.left = make(chan struct{})
}

// decodedBatch is a run of decoded records on its way to the fold. It takes its
// bytes of the room until who folded it gives them back.
type decodedBatch struct {
	records []Decoded
	bytes   int
	end     int64
	err     error

	from    int64    // the first record's offset
	parents []string // traceparents, where somebody traces
}

// fetcher polls and decodes ahead of a fold.
type fetcher struct {
	reader kafkalog.Reader
	dec    Decoder
	room   *room
	out    chan decodedBatch
	traced bool
}

// run fetches until ctx ends or the reader fails, then closes out.
func (f *fetcher) run(ctx context.Context) {
	defer close(f.out)
	for ctx.Err() == nil {
		polled, err := f.reader.Poll(ctx)
		for i := range polled {
			if !f.decode(ctx, &polled[i]) {
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil && len(polled) > 0 {
			continue
		}
		if !f.send(ctx, decodedBatch{end: -1, err: err}) || err != nil {
			return
		}
	}
}

// decode sends what was polled of a partition, in batches.
func (f *fetcher) decode(ctx context.Context, polled *kafkalog.Batch) bool {
	records := polled.Records
	for len(records) > 0 {
		n, b := 0, decodedBatch{end: polled.HighWatermark}
		for n < len(records) && (n == 0 || b.bytes < batchBytes) {
			b.bytes += len(records[n].Key) + len(records[n].Value)
			n++
		}
		if !f.room.enter(ctx, b.bytes) {
			return false
		}
		b.records, b.from = make([]Decoded, n), records[0].Offset
		if f.traced {
			b.parents = parents(records[:n])
		}
		for i := range b.records {
			b.records[i] = Decode(f.dec, &records[i])
		}
		if !f.send(ctx, b) {
			return false
		}
		records = records[n:]
	}
	return true
}

func (f *fetcher) send(ctx context.Context, b decodedBatch) bool {
	select {
	case f.out <- b:
		return true
	case <-ctx.Done():
		f.room.leave(b.bytes)
		return false
	}
}

// drain waits for the end of run, whose ctx has ended.
func (f *fetcher) drain() {
	for b := range f.out {
		f.room.leave(b.bytes)
	}
}
