package engine

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// PumpOptions configure a pump.
type PumpOptions struct {
	Partition int32
	// MaxRows bounds one block; 0 means 50,000.
	MaxRows int
	// MaxBytes bounds what is read of the outbox for one block; 0 means 8 MiB.
	MaxBytes int
	// Told is what the fold has told so far, by its last committed batch; nil if
	// unknown. A sink that holds less while the outbox is empty lost rows.
	Told func() projections.Held
	// Tracer follows blocks; nil means nobody.
	Tracer Tracer
}

// Pump carries the outbox of one partition to one sink: contiguous blocks, one
// in flight, boundary stored before sending, resumed from what the sink itself
// holds (I-18, I-19).
type Pump struct {
	opt   PumpOptions
	store Committer
	sink  projections.Sink
	held  projections.Held
	known bool
	doubt [projections.Tables]bool // the next block's token may have been used before
	next  uint64                   // next outbox blob to read
}

// NewPump returns a pump; it asks the sink what it holds before it writes.
func NewPump(store Committer, sink projections.Sink, opt PumpOptions) *Pump {
	if opt.MaxRows == 0 {
		opt.MaxRows = 50_000
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 8 << 20
	}
	return &Pump{opt: opt, store: store, sink: sink}
}

// GapError says that the sink lacks rows which the capped outbox no longer
// holds: they are told again by refolding the log (S-41).
type GapError struct {
	Table projections.Table
	Held  uint64
	First uint64
}

// Error says which rows are missing.
func (e *GapError) Error() string {
	return fmt.Sprintf("table %s: the sink holds rows to %d, the outbox begins at %d: refold the log to fill the gap", e.Table, e.Held, e.First)
}

// Run sends everything the outbox holds beyond what the sink has. It returns
// the number of rows sent. After an error it may be called again.
func (p *Pump) Run(ctx context.Context) (int, error) {
	if !p.known {
		if err := p.ask(ctx); err != nil {
			return 0, err
		}
		if err := p.repeatIntents(ctx); err != nil {
			p.known = false
			return 0, err
		}
	}
	var told projections.Held
	if p.opt.Told != nil {
		told = p.opt.Told()
	}
	sent := 0
	for {
		rows, next, err := p.read()
		if err != nil {
			return sent, err
		}
		if rows.Len() == 0 {
			if next != p.next { // blobs of nothing this sink wants
				p.next = next
				if err := p.progress(next); err != nil {
					return sent, err
				}
			}
			return sent, p.lacking(told)
		}
		n, err := p.send(ctx, rows)
		sent += n
		if err != nil {
			p.known = false // the outcome is unknown: ask the sink
			return sent, err
		}
		p.next = next
		if err := p.progress(next); err != nil {
			return sent, err
		}
	}
}

// ask learns what the sink holds, from itself or, if it takes repeats, from
// what it acknowledged.
func (p *Pump) ask(ctx context.Context) error {
	repeats := p.repeats()
	var err error
	if repeats {
		p.held, err = p.acknowledged()
	} else {
		p.held, err = p.sink.Held(ctx, p.opt.Partition)
	}
	if err != nil {
		return fmt.Errorf("ask what %s holds: %w", p.sink.Name(), err)
	}
	p.known, p.next = true, 0
	for t := range p.doubt {
		p.doubt[t] = !repeats
	}
	return nil
}

func (p *Pump) repeats() bool {
	r, ok := p.sink.(projections.Repeating)
	return ok && r.Repeats()
}

// acknowledged reads what a repeating sink acknowledged last.
func (p *Pump) acknowledged() (held projections.Held, err error) {
	v, ok, err := p.store.Get(p.heldKey())
	if err != nil || !ok || len(v) != 8*projections.Tables {
		return held, err
	}
	for t := range held {
		held[t] = binary.BigEndian.Uint64(v[8*t:])
	}
	return held, nil
}

func (p *Pump) heldKey() []byte { return []byte(heldPrefix + p.sink.Name()) }

// lacking reports rows that neither the sink nor the outbox holds.
func (p *Pump) lacking(told projections.Held) error {
	for t := range projections.Table(projections.Tables) {
		if p.sink.Wants(t) && p.held[t] < told[t] {
			return &GapError{Table: t, Held: p.held[t], First: told[t] + 1}
		}
	}
	return nil
}

// repeatIntents sends again the blocks whose outcome a crash left unknown, if
// the sink does not hold them: the identical range, with the identical token.
func (p *Pump) repeatIntents(ctx context.Context) error {
	for t := range projections.Table(projections.Tables) {
		v, ok, err := p.store.Get(p.intentKey(t))
		if err != nil {
			return err
		}
		if !ok || len(v) != 16 {
			continue
		}
		from, to := binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])
		if p.held[t] >= to || p.held[t]+1 != from {
			continue
		}
		rows, err := p.rangeOf(t, from, to)
		if err != nil {
			return err
		}
		if rows == nil {
			continue // trimmed; a refold fills it
		}
		if err := p.insert(ctx, &projections.Block{Partition: p.opt.Partition, Table: t, From: from, To: to, Rows: rows}); err != nil {
			return err
		}
	}
	return nil
}

// rangeOf collects the rows [from, to] of a table from the outbox; nil if it no
// longer holds all of them.
func (p *Pump) rangeOf(t projections.Table, from, to uint64) (*ledger.Rows, error) {
	out := &ledger.Rows{}
	err := p.store.Scan([]byte{outboxSpace}, []byte{outboxSpace + 1}, func(_, v []byte) (bool, error) {
		rows, err := ledger.DecodeRows(append([]byte(nil), v...))
		if err != nil {
			return false, err
		}
		projections.Append(out, rows, t, from, to)
		return projections.Last(out, t) < to, nil
	})
	if err != nil || projections.Count(out, t) != int(to-from+1) {
		return nil, err
	}
	return out, nil
}

// read collects the rows the sink wants from the next blob on, up to the bounds.
func (p *Pump) read() (*ledger.Rows, uint64, error) {
	all, next, bytes := &ledger.Rows{}, p.next, 0
	decode := ledger.DecodeFewRows
	if p.sink.Wants(projections.History) || p.sink.Wants(projections.Orders) {
		decode = ledger.DecodeRows
	}
	err := p.store.Scan(outboxKey(p.next), []byte{outboxSpace + 1}, func(k, v []byte) (bool, error) {
		rows, err := decode(append([]byte(nil), v...))
		if err != nil {
			return false, fmt.Errorf("outbox batch %d: %w", binary.BigEndian.Uint64(k[1:]), err)
		}
		for t := range projections.Table(projections.Tables) {
			if p.sink.Wants(t) {
				projections.Append(all, rows, t, 0, ^uint64(0))
			}
		}
		next = binary.BigEndian.Uint64(k[1:]) + 1
		bytes += len(v)
		return all.Len() == 0 || all.Len() < p.opt.MaxRows && bytes < p.opt.MaxBytes, nil
	})
	return all, next, err
}

// send writes each table's rows beyond what the sink holds.
func (p *Pump) send(ctx context.Context, rows *ledger.Rows) (int, error) {
	sent := 0
	for t := range projections.Table(projections.Tables) {
		if !p.sink.Wants(t) {
			continue
		}
		block := &ledger.Rows{}
		projections.Append(block, rows, t, p.held[t]+1, ^uint64(0))
		n := projections.Count(block, t)
		if n == 0 {
			continue
		}
		first, last := projections.First(block, t), projections.Last(block, t)
		if first != p.held[t]+1 {
			return sent, &GapError{Table: t, Held: p.held[t], First: first}
		}
		b := &projections.Block{Partition: p.opt.Partition, Table: t, From: first, To: last, Rows: block}
		if err := p.insert(ctx, b); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// insert stores the block's boundary, then sends it.
func (p *Pump) insert(ctx context.Context, b *projections.Block) error {
	v := binary.BigEndian.AppendUint64(nil, b.From)
	v = binary.BigEndian.AppendUint64(v, b.To)
	if err := p.store.Commit(func(w ledger.Batch) { w.Put(p.intentKey(b.Table), v) }); err != nil {
		return err
	}
	for {
		if err := p.traced(ctx, b); err != nil {
			return fmt.Errorf("insert %s into %s: %w", b.Token(), p.sink.Name(), err)
		}
		landed, err := p.landed(ctx, b)
		if err != nil {
			return err
		}
		if landed {
			p.held[b.Table] = b.To
			return nil
		}
		if b.Attempt++; b.Attempt > maxAttempts {
			return fmt.Errorf("insert %s into %s: taken %d times and never there", b.Token(), p.sink.Name(), maxAttempts)
		}
	}
}

// traced sends a block, followed by the tracer if there is one.
func (p *Pump) traced(ctx context.Context, b *projections.Block) error {
	if p.opt.Tracer == nil {
		return p.sink.Insert(ctx, b)
	}
	ctx, end := p.opt.Tracer.Insert(ctx, InsertedBlock{Sink: p.sink.Name(), Table: b.Table.String(), Partition: b.Partition, Rows: projections.Count(b.Rows, b.Table)})
	err := p.sink.Insert(ctx, b)
	end(err)
	return err
}

// maxAttempts bounds the tokens tried for one range.
const maxAttempts = 8

// landed asks the sink whether it holds the first block of a table after a
// start or a fault. ClickHouse notes a block's token before its rows: killed in
// between, it takes the repeat for a duplicate and answers well (I-19). Later
// blocks carry tokens that were never sent, since one is in flight at a time.
func (p *Pump) landed(ctx context.Context, b *projections.Block) (bool, error) {
	if !p.doubt[b.Table] {
		return true, nil
	}
	held, err := p.sink.Held(ctx, p.opt.Partition)
	if err != nil {
		return false, fmt.Errorf("ask %s whether it holds %s: %w", p.sink.Name(), b.Token(), err)
	}
	if held[b.Table] < b.To {
		return false, nil
	}
	p.doubt[b.Table] = false
	return true, nil
}

func (p *Pump) intentKey(t projections.Table) []byte {
	return []byte(intentPrefix + p.sink.Name() + "/" + t.String())
}

// progress remembers which blobs this sink no longer needs.
func (p *Pump) progress(next uint64) error {
	return p.store.Commit(func(b ledger.Batch) {
		b.Put([]byte(pumpPrefix+p.sink.Name()), binary.BigEndian.AppendUint64(nil, next))
		p.remember(b)
	})
}

// remember notes what a repeating sink acknowledged.
func (p *Pump) remember(b ledger.Batch) {
	if !p.repeats() {
		return
	}
	var v []byte
	for _, seq := range p.held {
		v = binary.BigEndian.AppendUint64(v, seq)
	}
	b.Put(p.heldKey(), v)
}

// took notes that a refill sent everything up to held.
func (p *Pump) took(held projections.Held) error {
	p.known = false
	if !p.repeats() {
		return nil
	}
	p.held = held
	return p.store.Commit(p.remember)
}

// Held is what the sink is known to hold.
func (p *Pump) Held() projections.Held { return p.held }

// Progress reads which blob a sink needs next; 0 if it never reported.
func Progress(s ledger.Store, sink string) (uint64, error) {
	v, ok, err := s.Get([]byte(pumpPrefix + sink))
	if err != nil || !ok || len(v) != 8 {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}
