package ledger

import (
	"bytes"
	"slices"
)

// The alias store is a partition of orders.unkeyed.v1: the same machine, over
// another log. It parks records that name no order, joins them by what the
// orders' partitions bind, and answers each binding (S-36, S-37).

// applyUnkeyed parks or joins one record.
func (p *Partition) applyUnkeyed(u *Unkeyed) error {
	ev := &u.Event
	if PartitionOf(u.By.Key(), p.opt.Partitions) != p.opt.Partition-AliasPartitions {
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "the alias belongs to another partition", Source: ev.Source, Feed: ev.Feed, Of: ev.ID,
			ReceivedAt: ev.ReceivedAt, Body: ev.Body})
		p.count(ev.Source, OutcomeQuarantined)
		return nil
	}
	s, err := p.aliasOf(u.By)
	if err != nil {
		return err
	}
	w, at := s.find(ev.ID)
	if w != nil {
		p.count(ev.Source, OutcomeDuplicate)
		p.copyOf(s, w, ev)
		return nil
	}
	w = &waiting{ev: ev, offset: p.rec.Offset, at: stampOf(ev), delivered: !ev.Read(), copies: 1}
	if w.at == 0 {
		w.at = ev.ReceivedAt
	}
	s.records = slices.Insert(s.records, at, w)
	s.keep(w)
	p.touchAlias(s)
	p.count(ev.Source, OutcomeParked)
	p.through = p.rec.Offset + 1
	p.seqs.History++
	told := *ev
	told.Body = Body{}
	p.rows.History = append(p.rows.History, HistoryRow{Seq: p.seqs.History, Offset: p.rec.Offset, RecordedAt: p.rec.RecordedAt,
		Outcome: OutcomeParked, Event: &told, Body: ev.Body})
	if w.to, w.depth = s.target(w.at, &p.merges); w.to != "" {
		p.reemit(s, w, true)
		return nil
	}
	p.park(s, w)
	return nil
}

// copyOf folds a further copy of a record: a bound that it changes travels on.
func (p *Partition) copyOf(s *aliasState, w *waiting, ev *Event) {
	before := *w.ev
	delivered := w.delivered || !ev.Read()
	w.ev.ReceivedAt = min(w.ev.ReceivedAt, ev.ReceivedAt)
	w.ev.AskedAt = max(w.ev.AskedAt, ev.AskedAt)
	if ev.PrevAsked != 0 && (w.ev.PrevAsked == 0 || ev.PrevAsked < w.ev.PrevAsked) {
		w.ev.PrevAsked = ev.PrevAsked
	}
	changed := w.ev.ReceivedAt != before.ReceivedAt || w.ev.AskedAt != before.AskedAt || w.ev.PrevAsked != before.PrevAsked || delivered != w.delivered
	w.delivered = delivered
	w.copies++
	s.keep(w)
	p.touchAlias(s)
	p.through = p.rec.Offset + 1
	switch {
	case w.loose:
		p.loosen(s, w)
	case changed && w.to != "":
		p.reemit(s, w, true)
	}
}

// applyBinding takes an order's newest word on one of its aliases, joins anew
// what stands under the alias, and answers.
func (p *Partition) applyBinding(b *AliasBinding) error {
	if PartitionOf(b.Alias.Key(), p.opt.Partitions) != p.opt.Partition-AliasPartitions {
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "the alias belongs to another partition", Order: b.Order, Of: b.Evidence})
		return nil
	}
	s, err := p.aliasOf(b.Alias)
	if err != nil {
		return err
	}
	c, at := s.claimant(b.Order)
	switch {
	case c == nil:
		s.claimants = slices.Insert(s.claimants, at, claimant{AliasBinding: *b})
	case b.Version <= c.Version:
		return nil // said before; its answer is on its way
	default:
		c.AliasBinding = *b
	}
	p.touchAlias(s)
	p.rejoin(s, b.Order)
	return nil
}

// rejoin decides anew whose every record of an alias is, and tells it in an
// order that never lets an order believe itself complete too early: contested
// before retractions, re-emissions before ok.
func (p *Partition) rejoin(s *aliasState, answered OrderKey) {
	was := make([]bool, len(s.claimants))
	for i := range s.claimants {
		was[i] = s.claimants[i].contested
	}
	for _, c := range s.contest(&p.merges) {
		if c.Order != answered {
			p.reply(c)
		}
	}
	if c, _ := s.claimant(answered); c != nil && c.contested {
		p.reply(c)
	}
	var joined []*waiting
	for _, w := range s.records {
		to, depth := s.target(w.at, &p.merges)
		if to == w.to && depth == w.depth {
			continue
		}
		if w.to != "" && to != w.to {
			p.reemit(s, w, false)
		}
		w.to, w.depth = to, depth
		s.keep(w)
		if to == "" {
			p.park(s, w)
			continue
		}
		p.unpark(s, w)
		joined = append(joined, w)
	}
	for _, w := range joined {
		p.reemit(s, w, true)
	}
	for i := range s.claimants {
		if c := &s.claimants[i]; !c.contested && (was[i] || c.Order == answered) {
			p.reply(c)
		}
	}
	p.publish(s)
	p.collision(s)
	p.orphans(s)
}

// publish tells the index whose an alias is now.
func (p *Partition) publish(s *aliasState) {
	x := &AliasIndex{Alias: s.alias, Route: p.rec.Offset}
	for i := range s.claimants {
		if c := &s.claimants[i]; c.Live {
			x.Claims = append(x.Claims, AliasClaim{Order: c.Order, From: c.From, Until: c.Until, Depth: c.Depth, Contested: c.contested, Evidence: c.Evidence})
		}
	}
	p.send(Outgoing{Index: x})
}

// reply tells an order how its newest binding of an alias stands.
func (p *Partition) reply(c *claimant) {
	p.send(Outgoing{Bound: &Bound{Order: c.Order, Alias: c.Alias, Version: c.Version, Route: p.rec.Offset, OK: !c.contested}})
}

// reemit gives a record to the order it was joined to, or takes it back.
func (p *Partition) reemit(s *aliasState, w *waiting, live bool) {
	p.send(Outgoing{Reemit: &Reemit{Order: w.to, Alias: s.alias, Route: p.rec.Offset, Live: live, Depth: w.depth, Delivered: w.delivered,
		Copies: w.copies, Event: *w.ev}})
}

// send appends a record to the outbox.
func (p *Partition) send(x Outgoing) {
	p.seqs.Outgoing++
	x.Seq, x.Offset = p.seqs.Outgoing, p.rec.Offset
	p.rows.Outgoing = append(p.rows.Outgoing, x)
}

// park begins a record's wait: it holds its feed until it settles, then makes
// verdicts incomplete, then a person is told.
func (p *Partition) park(s *aliasState, w *waiting) {
	w.held, w.loose, w.orphan = true, false, false
	p.put(heldKey(w), []byte(s.key))
	p.schedule(s, w, max(w.ev.ReceivedAt, p.guard.Clock).Add(p.parkSettle()))
}

// unpark ends a record's wait.
func (p *Partition) unpark(s *aliasState, w *waiting) {
	if w.held {
		p.del(heldKey(w))
	}
	if w.loose {
		p.del(looseKey(s, w))
	}
	p.schedule(s, w, 0)
	w.held, w.loose, w.orphan = false, false, false
}

func (p *Partition) schedule(s *aliasState, w *waiting, due Instant) {
	if w.due != 0 {
		p.del(waitingTimer(s, w))
	}
	if w.due = due; due != 0 {
		p.put(waitingTimer(s, w), nil)
	}
	s.keep(w)
	p.touchAlias(s)
}

// waited moves a record on whose timer is due.
func (p *Partition) waited(k []byte) error {
	p.del(k)
	key := k[9:]
	d := &decoder{b: key}
	s, err := p.aliasOf(d.alias())
	if err != nil {
		return err
	}
	var id EventID
	d.fixed(id[:])
	w, _ := s.find(id)
	if w == nil || w.due == 0 || w.due != orderedInstant(k[1:9]) {
		return nil
	}
	w.due = 0
	s.keep(w)
	p.touchAlias(s)
	if w.held {
		w.held = false
		p.del(heldKey(w))
		p.loosen(s, w)
		p.schedule(s, w, max(w.ev.ReceivedAt.Add(p.orphanAfter(s.alias.Type)), p.guard.Clock+1))
		return nil
	}
	w.orphan = true
	p.orphans(s)
	return nil
}

// loosen files a record among those that no longer hold their feed, under the
// stretch it may be about.
func (p *Partition) loosen(s *aliasState, w *waiting) {
	if w.loose {
		p.del(looseKey(s, w))
	}
	w.loose, w.from = true, w.begins()
	p.put(looseKey(s, w), appendInt(nil, w.ev.ReceivedAt))
}

func (p *Partition) parkSettle() Micros {
	if p.plan.newest != nil && p.plan.newest.Settings.ParkSettle > 0 {
		return p.plan.newest.Settings.ParkSettle
	}
	return defaultParkSettle
}

func (p *Partition) orphanAfter(typ string) Micros {
	if spec := p.plan.aliases[typ]; spec != nil && spec.OrphanAfter > 0 {
		return spec.OrphanAfter
	}
	return defaultOrphanAfter
}

// orphans keeps the alias' exception about records that found no order in time.
func (p *Partition) orphans(s *aliasState) {
	x := Exception{Subject: Subject{Kind: SubjectAlias, Alias: s.alias.qualified()}, Rule: RuleOrphan, Name: NameOrphan, Severity: SeverityWarning,
		Owner: ownerIntegrate, Hop: string(s.alias.Scope), Impact: "Something happened to an order that nobody can name; its own story lacks it.",
		Remedy: "Find the order that this name belongs to; a later binding releases the records by itself."}
	for _, w := range s.records {
		if !w.orphan {
			continue
		}
		x.Count++
		if x.Count == 1 || w.ev.ReceivedAt < x.Since.Earliest {
			x.Since = Within{w.ev.ReceivedAt, w.ev.ReceivedAt}
			x.Deadline = w.ev.ReceivedAt.Add(p.orphanAfter(s.alias.Type))
		}
		if len(x.Evidence) < maxEvidence {
			x.Evidence = append(x.Evidence, Evidence{Text: "names no known order", Source: w.ev.Source, Feed: w.ev.Feed, Event: w.ev.ID, At: w.at})
		}
	}
	p.subject(&x, x.Count > 0)
}

// collision keeps the alias' exception about orders that claim it at once.
func (p *Partition) collision(s *aliasState) {
	x := Exception{Subject: Subject{Kind: SubjectAlias, Alias: s.alias.qualified()}, Rule: RuleCollision, Name: NameCollision, Severity: SeverityWarning,
		Owner: ownerIntegrate, Hop: string(s.alias.Scope), Impact: "Records under this name belong to one of several orders and wait.",
		Remedy: "Correct the order that should not carry this name, or merge the orders; the records are released by themselves."}
	for i := range s.claimants {
		c := &s.claimants[i]
		if !c.contested {
			continue
		}
		x.Count++
		if len(x.Evidence) < maxEvidence {
			x.Evidence = append(x.Evidence, Evidence{Text: "claimed by " + string(c.Order), Event: c.Evidence, At: c.From})
		}
	}
	p.subject(&x, x.Count > 0)
}

// maxEvidence bounds the evidence an exception of an alias lists.
const maxEvidence = 16

// qualified is the alias with its scope, for people and for exception ids.
func (a Alias) qualified() string { return string(a.Scope) + "/" + a.String() }

// forward tells every partition of orders how far this one is joined, if that
// changed. It is called when a tick's work is done, on flushed state.
func (p *Partition) forward() error {
	if p.through == 0 {
		return nil // there is nothing to join, and never was
	}
	f := Forwarded{Partition: p.opt.Partition - AliasPartitions, Through: p.through}
	err := p.store.Scan([]byte{keyHeld}, []byte{keyHeld + 1}, func(k, _ []byte) (bool, error) {
		feed, offset := heldKeyParts(k)
		if n := len(f.Held); n == 0 || f.Held[n-1].Feed != feed {
			f.Held = append(f.Held, HeldFeed{feed, offset})
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	err = p.store.Scan([]byte{keyLoose}, []byte{keyLoose + 1}, func(k, v []byte) (bool, error) {
		d := &decoder{b: k[1:]}
		feed, typ := d.feedKey(), d.text()
		if len(d.b) < 8 {
			d.fail("parked key")
			return false, d.end("parked record")
		}
		from := orderedInstant(d.b)
		d = &decoder{b: v}
		f.Parked = stretch(f.Parked, Parked{feed, typ, from, d.instant()}, 0)
		return true, d.end("parked record")
	})
	if err != nil {
		return err
	}
	f.Parked = widen(f.Parked)
	enc := appendForwarded(nil, &f)
	if bytes.Equal(enc, p.forwarded) {
		return nil
	}
	p.forwarded = enc
	for to := range p.opt.OrderPartitions {
		g := f
		g.To, g.Route = to, p.rec.Offset
		p.send(Outgoing{Forward: &g})
	}
	return nil
}

// maxParked bounds the stretches that one partition forwards.
const maxParked = 256

// widen joins neighbouring stretches until they are few enough: what is said is
// wider then, never narrower.
func widen(list []Parked) []Parked {
	for gap := Minute; len(list) > maxParked && gap < 100*365*Day; gap *= 2 {
		var out []Parked
		for _, x := range list {
			out = stretch(out, x, gap)
		}
		list = out
	}
	return list
}

// stretch joins a stretch to the last one, if they are of one feed and type and
// no further apart than a gap.
func stretch(list []Parked, x Parked, gap Micros) []Parked {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.Feed == x.Feed && last.Type == x.Type && x.From <= last.Until.Add(gap) {
			last.Until = max(last.Until, x.Until)
			return list
		}
	}
	return append(list, x)
}

func heldKey(w *waiting) []byte {
	b := appendFeedKey([]byte{keyHeld}, FeedKey{w.ev.Source, w.ev.Feed})
	return appendOrdered(b, Instant(w.offset))
}

func heldKeyParts(k []byte) (FeedKey, int64) {
	d := &decoder{b: k[1:]}
	feed := d.feedKey()
	return feed, int64(orderedInstant(d.b))
}

func looseKey(s *aliasState, w *waiting) []byte {
	b := appendText(appendFeedKey([]byte{keyLoose}, FeedKey{w.ev.Source, w.ev.Feed}), s.alias.Type)
	b = appendOrdered(b, w.from)
	return append(append(b, s.key...), w.ev.ID[:]...)
}

// begins is the earliest instant a waiting record may speak about: its object's
// creation, if it dates that; else the asking of the poll that did not show it;
// else it may be about any.
func (w *waiting) begins() Instant {
	from, created := w.at, len(w.ev.Claims) == 0
	for i := range w.ev.Claims {
		c := &w.ev.Claims[i]
		from = min(from, c.Earliest)
		created = created || c.Mode == Created
	}
	switch {
	case created:
		return from
	case w.ev.PrevAsked != 0:
		return min(from, w.ev.PrevAsked.Add(-Hour)) // beyond any feed's settle time
	default:
		return Beginning
	}
}

func waitingTimer(s *aliasState, w *waiting) []byte {
	b := appendOrdered([]byte{keyTimer}, w.due)
	return append(append(b, s.key...), w.ev.ID[:]...)
}

// Unforwarded reports whether the alias store has joined or parked more than it
// has told the orders' partitions; the next tick tells it.
func (p *Partition) Unforwarded() bool {
	if !p.joins() || p.through == 0 {
		return false
	}
	d := &decoder{b: p.forwarded}
	return len(p.forwarded) == 0 || d.forwarded().Through < p.through
}

// Idle reports whether an alias store has never seen a record.
func (p *Partition) Idle() bool { return p.through == 0 }

// Satisfied reports whether a status that waited for its unkeyed records to be
// joined can count, or another partition told what it heard for a merged order;
// the next tick lets it.
func (p *Partition) Satisfied() bool {
	if p.fresh {
		return true
	}
	for _, f := range p.feeds {
		if len(f.Next) > 0 && p.satisfied(&f.Next[0]) {
			return true
		}
	}
	return false
}
