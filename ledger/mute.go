package ledger

import (
	"slices"
	"strings"
)

// Mute announces planned maintenance of a source: what is said because of it
// between From and Until waits, unannounced, until the end. Merges, splits and
// mutes are numbered together. A later mute of the source replaces this one; one
// that ends in the past takes it back.
type Mute struct {
	Number     uint64
	Source     Source
	From       Instant // inclusive
	Until      Instant // exclusive
	Actor      string
	Reason     string
	RequestID  string
	ProposedAt Instant
}

// applyMute takes the next mute. Exceptions that waited for the end of the one
// it replaces wait for its end.
func (p *Partition) applyMute(m *Mute) error {
	if m.Number != p.merges.number+1 {
		return nil
	}
	p.merges.number++
	p.merging, p.meta = true, true
	p.noteRequest(m.RequestID)
	at, known := slices.BinarySearchFunc(p.mutes, m.Source, func(x Mute, s Source) int { return strings.Compare(string(x.Source), string(s)) })
	if !known {
		p.mutes = slices.Insert(p.mutes, at, *m)
		return nil
	}
	old := p.mutes[at]
	p.mutes[at] = *m
	var waiting []ExceptionID
	prefix := mutedPrefix(m.Source)
	err := p.store.Scan(prefix, PrefixEnd(prefix), func(k, _ []byte) (bool, error) {
		waiting = append(waiting, ExceptionID(k[len(prefix):]))
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, id := range waiting {
		x, err := p.exception(id)
		if err != nil {
			return err
		}
		if x == nil || !x.Open || x.SnoozedUntil != old.Until { // over, or a person's snooze by now
			p.del(append(mutedPrefix(m.Source), id[:]...))
			continue
		}
		p.del(snoozeKey(x.SnoozedUntil, x.ID))
		x.SnoozedUntil = max(m.Until, p.guard.Clock+1) // at the next tick at the earliest
		p.put(snoozeKey(x.SnoozedUntil, x.ID), nil)
		p.keep(x)
	}
	return nil
}

// mutedBy is the planned maintenance that concerns one of some sources now, nil
// if there is none; of several the one that ends last.
func (p *Partition) mutedBy(concerns func(Source) bool) *Mute {
	var found *Mute
	for i := range p.mutes {
		m := &p.mutes[i]
		if m.From <= p.guard.Clock && p.guard.Clock < m.Until && concerns(m.Source) && (found == nil || m.Until > found.Until) {
			found = m
		}
	}
	return found
}

// hush has an exception that is about to be told wait for the end of a mute.
func (p *Partition) hush(x *Exception, m *Mute) {
	x.SnoozedUntil = m.Until
	p.put(snoozeKey(x.SnoozedUntil, x.ID), nil)
	p.put(append(mutedPrefix(m.Source), x.ID[:]...), nil)
	x.Comments = append(x.Comments, Acknowledgement{Actor: m.Actor, Comment: "planned maintenance of " + string(m.Source) + ": " + m.Reason, At: p.guard.Clock})
}

// hushFeed has a feed's silence wait for the end of its source's maintenance.
func (p *Partition) hushFeed(x *Exception) {
	if x.Subject.Kind != SubjectFeed {
		return
	}
	if m := p.mutedBy(func(s Source) bool { return s == x.Subject.Feed.Source }); m != nil {
		p.hush(x, m)
	}
}

// concerns says which sources a breach of a rule speaks about: those it reads,
// and those whose feeds prove it.
func (p *Partition) concerns(o *order, j *judge) func(Source) bool {
	op := p.originPlan(o)
	return func(s Source) bool {
		if slices.ContainsFunc(j.deps, func(k FeedKey) bool { return k.Source == s }) {
			return true
		}
		reads := func(c CellRef) bool { return op.bind[c.Role] == s }
		return slices.ContainsFunc(j.openCells, reads) || slices.ContainsFunc(j.closeCells, reads)
	}
}

func mutedPrefix(s Source) []byte { return append(append([]byte{keyMuted}, s...), 0) }

// Mutes lists the newest mute of every source, ascending by source; one that is
// over stays until another replaces it.
func (r *Reader) Mutes() []Mute { return slices.Clone(r.p.mutes) }

func appendMute(b []byte, m *Mute) []byte {
	b = appendText(appendUint(b, m.Number), string(m.Source))
	b = appendInt(appendInt(b, m.From), m.Until)
	b = appendText(appendText(appendText(b, m.Actor), m.Reason), m.RequestID)
	return appendInt(b, m.ProposedAt)
}

func (d *decoder) mute() Mute {
	return Mute{Number: d.uint(), Source: Source(d.text()), From: d.instant(), Until: d.instant(), Actor: d.text(), Reason: d.text(),
		RequestID: d.text(), ProposedAt: d.instant()}
}
