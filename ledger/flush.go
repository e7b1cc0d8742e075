package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Names of the partition-wide state in the store.
const (
	metaState  = "state"
	metaFeeds  = "feeds"
	metaCounts = "counts"
	metaJoin   = "joining"
	metaMerge  = "merged"
)

// Flush writes everything that changed since the last Flush into one batch and
// forgets the rows told since. The batch copies what it is given. The caller commits the batch, the rows and its
// own bookkeeping (leader epoch, chain hash) atomically.
func (p *Partition) Flush(b Batch) {
	for _, o := range p.dirty {
		for _, d := range o.added {
			p.buf, p.enc = appendClaimKey(p.buf[:0], o.key, d), appendDoc(p.enc[:0], d)
			b.Put(p.buf, p.enc)
		}
		o.added = o.added[:0]
		p.buf, p.enc = appendOrderKey(p.buf[:0], keyOrder, o.key), appendOrderRecord(p.enc[:0], o)
		b.Put(p.buf, p.enc)
		o.dirty = false
	}
	p.dirty = p.dirty[:0]
	p.flushAliases(b)
	for i := range p.ops {
		if w := &p.ops[i]; w.del {
			b.Delete(p.keyOf(w))
		} else {
			b.Put(p.keyOf(w), p.valueOf(w))
		}
	}
	p.ops, p.arena = p.ops[:0], p.arena[:0]
	for _, f := range p.fronts {
		f.flushed()
	}
	for _, id := range p.excSeq {
		b.Put(exceptionKey(keyException, id), EncodeException(nil, p.excs[id]))
		delete(p.excs, id)
	}
	p.excSeq = p.excSeq[:0]
	if p.meta {
		p.flushMeta(b)
		p.meta = false
	}
	p.rows.reset()
	p.cells, p.views = p.cells[:0], p.views[:0]
	p.evict()
}

func (p *Partition) flushMeta(b Batch) {
	s := appendUint(nil, FoldVersion)
	s = appendInt(appendInt(appendInt(s, p.offset), p.opt.Partition), p.opt.Partitions)
	for _, n := range [...]uint64{p.seqs.History, p.seqs.Exceptions, p.seqs.Orders, p.seqs.Quarantine} {
		s = appendUint(s, n)
	}
	s = appendGuard(s, &p.guard)
	s = appendUint(s, len(p.policies))
	c := &p.cont
	s = append(s, boolByte(c.active), byte(c.phase), boolByte(c.shrunk), boolByte(c.sweep), byte(c.why))
	s = appendInt(appendInt(appendBlob(s, c.after), c.clock), c.recorded)
	s = appendUint(s, len(c.feeds))
	for _, f := range c.feeds {
		s = appendInt(appendFeedKey(s, f.feed), f.until)
	}
	b.Put(metaKey(metaState), s)
	p.flushJoining(b)
	p.flushMerging(b)
	f := appendUint(nil, len(p.feeds))
	for _, x := range p.feeds {
		f = appendFeed(f, x)
	}
	b.Put(metaKey(metaFeeds), f)
	sources := make([]Source, 0, len(p.counts))
	for src := range p.counts { //lint:sorted below
		sources = append(sources, src)
	}
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(string(a), string(b)) })
	n := appendUint(nil, len(sources))
	for _, src := range sources {
		n = appendText(n, string(src))
		for _, v := range p.counts[src] {
			n = appendUint(n, v)
		}
	}
	b.Put(metaKey(metaCounts), n)
}

// evict bounds the orders kept decoded; what is evicted was flushed.
func (p *Partition) evict() {
	for len(p.orders) > p.opt.CacheOrders && len(p.queue) > 0 {
		k := p.queue[0]
		p.queue = p.queue[1:]
		delete(p.orders, k)
	}
	if cap(p.queue) > 4*(len(p.queue)+1024) {
		p.queue = slices.Clone(p.queue)
	}
}

// load reads the partition-wide state of a store.
func (p *Partition) load() error {
	v, ok, err := p.store.Get(metaKey(metaState))
	if err != nil || !ok {
		return err
	}
	d := &decoder{b: slices.Clone(v)}
	if fv := uint32(d.uint()); fv != FoldVersion {
		return fmt.Errorf("the store was written by fold version %d, this is %d: start with a new store", fv, FoldVersion)
	}
	p.offset = d.int()
	if part, n := int32(d.int()), int32(d.int()); part != p.opt.Partition || n != p.opt.Partitions {
		return fmt.Errorf("the store belongs to partition %d of %d", part, n)
	}
	p.seqs = Seqs{History: d.uint(), Exceptions: d.uint(), Orders: d.uint(), Quarantine: d.uint()}
	p.guard = d.guard()
	adopted := int(d.uint())
	c := &p.cont
	c.active, c.phase, c.shrunk, c.sweep, c.why = d.bool(), phase(d.byte()), d.bool(), d.bool(), Because(d.byte())
	c.after, c.clock, c.recorded = d.blob(), d.instant(), d.instant()
	if len(c.after) == 0 {
		c.after = nil
	}
	for n := d.count(); n > 0; n-- {
		c.feeds = append(c.feeds, feedWork{d.feedKey(), d.instant()})
	}
	if err := d.end("partition state"); err != nil {
		return err
	}
	if c.active { // a slice's rows belong to the tick that began it
		p.rec = &Record{Offset: p.offset - 1, RecordedAt: c.recorded}
	}
	if err := p.loadPolicies(adopted); err != nil {
		return err
	}
	if err := p.loadLists(); err != nil {
		return err
	}
	if err := p.loadJoining(); err != nil {
		return err
	}
	return p.loadMerging()
}

func (p *Partition) loadPolicies(adopted int) error {
	if adopted > 0 && len(p.policies) == adopted {
		return nil // an older reader of the same store read them
	}
	p.policies, p.waiting = nil, nil
	return p.store.Scan([]byte{keyPolicy}, []byte{keyPolicy + 1}, func(_, v []byte) (bool, error) {
		pol, err := DecodePolicy(slices.Clone(v))
		if err != nil {
			return false, err
		}
		if len(p.policies) < adopted {
			p.policies = append(p.policies, pol)
		} else {
			p.waiting = append(p.waiting, pol)
		}
		return true, nil
	})
}

func (p *Partition) loadLists() error {
	v, _, err := p.store.Get(metaKey(metaFeeds))
	if err != nil {
		return err
	}
	d := &decoder{b: slices.Clone(v)}
	for n := d.count(); n > 0; n-- {
		p.feeds = append(p.feeds, d.feed())
	}
	if err := d.end("feeds"); err != nil {
		return err
	}
	if v, _, err = p.store.Get(metaKey(metaCounts)); err != nil {
		return err
	}
	d = &decoder{b: slices.Clone(v)}
	for n := d.count(); n > 0; n-- {
		c := new([Outcomes]uint64)
		p.counts[Source(d.text())] = c
		for i := range c {
			c[i] = d.uint()
		}
	}
	if err := d.end("counts"); err != nil {
		return err
	}
	err = p.store.Scan([]byte{keyWord}, []byte{keyWord + 1}, func(k, v []byte) (bool, error) {
		n, _ := binary.Uvarint(v)
		p.words[string(k[1:])] = n
		return true, nil
	})
	if err != nil {
		return err
	}
	return p.store.Scan([]byte{keySubject}, []byte{keySubject + 1}, func(k, v []byte) (bool, error) {
		d := &decoder{b: slices.Clone(v)}
		pos := &orderException{n: d.uint()}
		d.fixed(pos.id[:])
		pos.open, pos.rule = d.bool(), d.text()
		p.subs[string(k[1:])] = pos
		return true, d.end("subject")
	})
}
