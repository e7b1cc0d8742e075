package ledger

import (
	"bytes"
	"fmt"
	"slices"
)

// claimant is an order that claims an alias.
type claimant struct {
	AliasBinding
	contested bool // another order claims the alias at some instant of the same stretch
}

// waiting is an unkeyed record: where it was joined to, or since when it waits.
type waiting struct {
	ev        *Event // with its body and the bounds of all its copies
	offset    int64
	at        Instant // at which it is joined
	delivered bool
	copies    uint32
	to        OrderKey // "" while it finds no order
	depth     uint8
	held      bool // it holds its feed's coverage
	loose     bool // it does no longer, and makes verdicts about [from, receipt] incomplete
	from      Instant
	orphan    bool    // a person was told
	due       Instant // next instant at which its waiting changes, 0 if none
}

// aliasState is everything the alias store knows of one alias.
type aliasState struct {
	alias     Alias
	key       string
	claimants []claimant // ascending by order
	records   []*waiting // ascending by event id
	dirty     bool
	changed   []*waiting // to write at flush
}

// aliasOf returns the state of an alias, reading it from the store if it is not
// in memory.
func (p *Partition) aliasOf(a Alias) (*aliasState, error) {
	key := string(a.Key())
	if s := p.aliases[key]; s != nil {
		return s, nil
	}
	s := &aliasState{alias: a, key: key}
	prefix := append([]byte{keyClaimant}, key...)
	err := p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d := &decoder{b: bytes.Clone(v)}
		c := claimant{AliasBinding: d.aliasBinding(), contested: d.bool()}
		s.claimants = append(s.claimants, c)
		return true, d.end("claimant")
	})
	if err != nil {
		return nil, fmt.Errorf("alias %s: %w", a, err)
	}
	prefix[0] = keyWaiting
	err = p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		w, err := decodeWaiting(bytes.Clone(v))
		s.records = append(s.records, w)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("alias %s: %w", a, err)
	}
	p.aliases[key] = s
	p.aliasQueue = append(p.aliasQueue, key)
	return s, nil
}

func appendWaiting(b []byte, w *waiting) []byte {
	b = appendInt(appendWholeEvent(b, w.ev), w.offset)
	b = appendUint(append(appendInt(b, w.at), boolByte(w.delivered)), w.copies)
	b = append(appendText(b, string(w.to)), w.depth, boolByte(w.held), boolByte(w.loose), boolByte(w.orphan))
	return appendInt(appendInt(b, w.from), w.due)
}

func decodeWaiting(b []byte) (*waiting, error) {
	d := &decoder{b: b}
	w := &waiting{ev: d.wholeEvent(), offset: d.int(), at: d.instant(), delivered: d.bool(), copies: uint32(d.uint()), to: OrderKey(d.text()),
		depth: d.byte(), held: d.bool(), loose: d.bool(), orphan: d.bool(), from: d.instant(), due: d.instant()}
	return w, d.end("waiting record")
}

func (s *aliasState) find(id EventID) (*waiting, int) {
	at, ok := slices.BinarySearchFunc(s.records, id, func(w *waiting, id EventID) int { return bytes.Compare(w.ev.ID[:], id[:]) })
	if ok {
		return s.records[at], at
	}
	return nil, at
}

func (s *aliasState) claimant(k OrderKey) (*claimant, int) {
	at, ok := slices.BinarySearchFunc(s.claimants, k, func(c claimant, k OrderKey) int { return bytes.Compare([]byte(c.Order), []byte(k)) })
	if ok {
		return &s.claimants[at], at
	}
	return nil, at
}

// target decides whose a record at an instant is: of the claims that cover it,
// those of the smallest depth compete, and more than one is nobody's.
func (s *aliasState) target(at Instant, m *merges) (OrderKey, uint8) {
	var best *claimant
	several := false
	for i := range s.claimants {
		c := &s.claimants[i]
		switch {
		case !c.covers(at):
		case best == nil || c.Depth < best.Depth:
			best, several = c, false
		case c.Depth == best.Depth && !m.together(c.Order, best.Order):
			several = true
		}
	}
	if best == nil || several {
		return "", 0
	}
	return best.Order, best.Depth
}

// contest marks the claimants that another one of the same depth contradicts.
// It returns those that were not contested before.
func (s *aliasState) contest(m *merges) (newly []*claimant) {
	for i := range s.claimants {
		c := &s.claimants[i]
		was := c.contested
		c.contested = false
		for k := range s.claimants {
			x := &s.claimants[k]
			if k != i && c.Live && x.Live && c.Depth == x.Depth && c.From < x.Until && x.From < c.Until && !m.together(c.Order, x.Order) {
				c.contested = true
			}
		}
		if c.contested && !was {
			newly = append(newly, c)
		}
	}
	return newly
}

// touchAlias marks an alias as changed since the last flush.
func (p *Partition) touchAlias(s *aliasState) {
	if !s.dirty {
		s.dirty = true
		p.dirtyAliases = append(p.dirtyAliases, s)
	}
}

func (s *aliasState) keep(w *waiting) {
	if !slices.Contains(s.changed, w) {
		s.changed = append(s.changed, w)
	}
}

// flushAliases writes the aliases that changed.
func (p *Partition) flushAliases(b Batch) {
	for _, s := range p.dirtyAliases {
		key := append([]byte{keyClaimant}, s.key...)
		n := len(key)
		for i := range s.claimants {
			c := &s.claimants[i]
			b.Put(append(key[:n], c.Order...), append(appendAliasBinding(nil, &c.AliasBinding), boolByte(c.contested)))
			if len(s.claimants) > 1 {
				b.Put(append(orderPrefix(keyShared, c.Order), s.key...), nil)
			}
		}
		key[0] = keyWaiting
		for _, w := range s.changed {
			b.Put(append(key[:n], w.ev.ID[:]...), appendWaiting(nil, w))
		}
		s.changed, s.dirty = s.changed[:0], false
	}
	p.dirtyAliases = p.dirtyAliases[:0]
	for len(p.aliases) > p.opt.CacheOrders && len(p.aliasQueue) > 0 {
		delete(p.aliases, p.aliasQueue[0])
		p.aliasQueue = p.aliasQueue[1:]
	}
}

// flushJoining writes what a partition knows of the joining of records, if it
// knows anything.
func (p *Partition) flushJoining(b Batch) {
	waiting := 0
	for _, f := range p.feeds {
		waiting += len(f.Next)
	}
	if p.seqs.Outgoing == 0 && p.through == 0 && len(p.forwards) == 0 && waiting == 0 && !p.joining {
		return
	}
	p.joining = true
	v := appendBlob(appendInt(appendUint(nil, p.seqs.Outgoing), p.through), p.forwarded)
	v = appendUint(v, len(p.forwards))
	for i := range p.forwards {
		v = appendForwarded(v, &p.forwards[i])
	}
	v = appendUint(v, waiting)
	for _, f := range p.feeds {
		for i := range f.Next {
			v = appendFeedCoverage(v, &f.Next[i])
		}
	}
	b.Put(metaKey(metaJoin), v)
}

func (p *Partition) loadJoining() error {
	v, ok, err := p.store.Get(metaKey(metaJoin))
	if err != nil || !ok {
		return err
	}
	p.joining = true
	d := &decoder{b: bytes.Clone(v)}
	p.seqs.Outgoing, p.through, p.forwarded = d.uint(), d.int(), d.blob()
	for n := d.count(); n > 0; n-- {
		p.forwards = append(p.forwards, d.forwarded())
	}
	for n := d.count(); n > 0; n-- {
		c := d.feedCoverage()
		f := p.feed(FeedKey{c.Source, c.Feed})
		f.Next = append(f.Next, c)
	}
	return d.end("joining")
}
