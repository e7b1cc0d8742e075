package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// book is what the second reader of one partition has counted. It is kept in the
// store that it is about, so that a restart goes on where it was.
type book struct {
	TopicID  [16]byte                 `json:"topic_id"`
	Offset   int64                    `json:"offset"`
	Chain    [32]byte                 `json:"chain"`
	Records  map[ledger.Source]uint64 `json:"records"`
	Residual map[ledger.Source]int64  `json:"residual,omitempty"`
	Findings []Finding                `json:"findings,omitempty"`

	kept     time.Time // when it was last kept
	window   []counted // since the last offset at which store and log agreed
	overflow bool      // more than the window holds
	start    [32]byte  // chain before the window
	from     int64     // offset before the window
}

// counted is one record of the window.
type counted struct {
	offset int64
	digest [32]byte
	source ledger.Source
	needs  bool // an outcome
	order  ledger.OrderKey
}

const (
	// chunk is how many records are read at a time.
	chunk = 2_000
	// mostWindow bounds the records among which one that was skipped is looked for.
	mostWindow = 4_000
	// keepEvery is how often a book is written though nothing was found.
	keepEvery = time.Minute
)

// open reads the book of a partition, or begins one.
func (a *Auditor) open(log int32, acc *engine.Account) *book {
	b := a.books[log]
	if b == nil {
		b = &book{}
		if json.Unmarshal(acc.Audit, b) != nil || b.Records == nil {
			b = &book{}
		}
		for _, f := range b.Findings {
			a.find(f)
		}
	}
	if b.TopicID != acc.Place.TopicID || b.Offset > acc.Place.Offset || b.Records == nil { // another store
		b = &book{TopicID: acc.Place.TopicID, Records: map[ledger.Source]uint64{}}
	}
	if b.Residual == nil {
		b.Residual = map[ledger.Source]int64{}
	}
	if b.window == nil && b.from == 0 {
		b.start, b.from = b.Chain, b.Offset
	}
	a.books[log] = b
	return b
}

// records counts the log's records up to where the store stands, and holds the
// store against them: outcome by outcome, and by the chain over every record.
func (a *Auditor) records(ctx context.Context, log int32, acc *engine.Account) error {
	b := a.open(log, acc)
	for b.Offset < acc.Place.Offset {
		a.o.Observer.Behind(acc.Partition, acc.Place.Offset-b.Offset)
		began := time.Now()
		next := min(b.Offset+chunk, acc.Place.Offset)
		list, err := kafkalog.ReadRange(ctx, a.o.Log, kafkalog.Position{Topic: acc.Topic, Partition: acc.Index, Offset: b.Offset}, next)
		if err != nil {
			return err
		}
		for i := range list {
			b.count(engine.Decode(a.o.Decoder, &list[i]))
		}
		b.Offset = next
		if next < acc.Place.Offset { // there is no hurry: half of the time is for others
			pause(ctx, time.Since(began))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	a.o.Observer.Behind(acc.Partition, 0)
	found := a.compare(log, b, acc)
	if found || a.o.Now().Sub(b.kept) > keepEvery {
		b.kept = a.o.Now()
		mark, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("keep the book: %w", err)
		}
		return a.o.Ledger.KeepAudit(log, mark)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// count takes one record.
func (b *book) count(d engine.Decoded) {
	b.Chain = engine.Chained(b.Chain, d.Digest)
	c := counted{offset: d.Record.Offset, digest: d.Digest}
	switch r := &d.Record; {
	case r.Event != nil:
		c.source, c.needs, c.order = r.Event.Source, true, r.Event.Order
	case r.Unkeyed != nil:
		c.source, c.needs = r.Unkeyed.Event.Source, true
	case r.Poison != nil:
		c.needs = true
	case r.Reemit != nil:
		c.order = r.Reemit.Order
	}
	if c.needs {
		b.Records[c.source]++
	}
	if len(b.window) >= mostWindow {
		b.overflow, b.window = true, nil
	}
	b.window = append(b.window, c)
}

// compare holds the store against the book at one offset. It reports whether
// something was found that was not known.
func (a *Auditor) compare(log int32, b *book, acc *engine.Account) bool {
	sources := map[ledger.Source]bool{}
	for s := range b.Records { //lint:a set
		sources[s] = true
	}
	for s := range acc.Counts { //lint:a set
		sources[s] = true
	}
	var short []ledger.Source
	total := int64(0)
	for s := range sources { //lint:a each is told alone
		residual := int64(b.Records[s])
		for _, n := range acc.Counts[s] {
			residual -= int64(n)
		}
		a.o.Observer.Residual(s, acc.Partition, residual)
		if residual != b.Residual[s] {
			short = append(short, s)
		}
		b.Residual[s] = residual
		total += residual
	}
	slices.Sort(short)
	found := a.explain(b, acc, short)
	a.o.Observer.Skipped(acc.Partition, skips(b.Findings))
	a.mu.Lock()
	a.audited[log] = Audited{Topic: acc.Topic, Partition: acc.Index, Offset: b.Offset, Residual: total}
	a.mu.Unlock()
	b.start, b.from, b.window, b.overflow = b.Chain, b.Offset, nil, false
	return found
}

func skips(list []Finding) int {
	n := 0
	for i := range list {
		if list[i].Kind == Skipped {
			n++
		}
	}
	return n
}

// explain says what a difference comes from. From then on the store's own chain
// is followed, so that the next fault is found, too.
func (a *Auditor) explain(b *book, acc *engine.Account, short []ledger.Source) bool {
	base := Finding{Topic: acc.Topic, Partition: acc.Index, Offset: b.from, LastOffset: b.Offset - 1}
	var found []Finding
	for _, s := range short {
		f := base
		f.Kind, f.Source = Residual, s
		f.Text = fmt.Sprintf("records of source %s at offsets %d to %d of %s/%d have no outcome, or more than one: %d are left over", s, f.Offset, f.LastOffset, f.Topic, f.Partition, b.Residual[s])
		found = append(found, f)
	}
	if b.Chain != acc.Place.Chain {
		f := base
		f.Kind = Skipped
		f.Text = fmt.Sprintf("the state of %s/%d was folded from other records than the log holds at offsets %d to %d", f.Topic, f.Partition, f.Offset, f.LastOffset)
		if c := b.leftOut(acc.Place.Chain); c != nil {
			f.Offset, f.LastOffset, f.Source, f.Order = c.offset, c.offset, c.source, c.order
			f.Text = fmt.Sprintf("the record at offset %d of %s/%d was skipped: the state lacks it", c.offset, f.Topic, f.Partition)
		}
		b.Chain = acc.Place.Chain
		found = append(found, f)
	}
	for _, f := range found {
		f.FoundAt = ledger.At(a.o.Now())
		b.Findings = append(b.Findings, f)
		a.find(f)
	}
	if n := len(b.Findings); n > mostKept {
		b.Findings = slices.Delete(b.Findings, 0, n-mostKept)
	}
	return len(found) > 0
}

// mostKept bounds the findings that a store remembers.
const mostKept = 100

// leftOut is the one record of the window without which it gives a chain, nil if
// there is none.
func (b *book) leftOut(chain [32]byte) *counted {
	if b.overflow {
		return nil
	}
	before := b.start
	for i := range b.window {
		h := before
		for k := i + 1; k < len(b.window); k++ {
			h = engine.Chained(h, b.window[k].digest)
		}
		if h == chain {
			return &b.window[i]
		}
		before = engine.Chained(before, b.window[i].digest)
	}
	return nil
}
