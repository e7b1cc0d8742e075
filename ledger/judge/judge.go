// Package judge re-derives every verdict of a partition's log from its records
// alone, slowly and in the most obvious way it can: it keeps every document,
// and for each question it lays out an order's whole history anew and looks at
// it instant by instant.
//
// It is a second opinion on the fold. It shares with the fold the types of the
// records and of the policy, the frozen tables of states and ranks, the
// partitioner and the policy's decoder, and no line of what makes verdicts:
// claims, roll-ups, predicates, episodes, the clock's guard, coverage.
package judge

import (
	"crypto/sha256"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// Judge has heard the records of one partition of orders, up to some offset.
type Judge struct {
	partition, partitions int32

	orders map[ledger.OrderKey]*dossier
	law    *law
	taken  []*ledger.Policy // not yet in force
	watch  watch
	feeds  map[ledger.FeedKey]*hearing
	joined map[int32]ledger.Forwarded // how far each partition of unkeyed records was joined
	offset int64
}

// dossier is everything that was heard of one order.
type dossier struct {
	docs   map[ledger.EventID]*document
	looked map[ledger.FeedKey]ledger.Instant
	// last is the offset of the newest record that spoke of it.
	last int64
}

// New returns a judge that has heard nothing.
func New(partition, partitions int32) *Judge {
	return &Judge{partition: partition, partitions: partitions, orders: map[ledger.OrderKey]*dossier{}, law: newLaw(nil),
		feeds: map[ledger.FeedKey]*hearing{}, joined: map[int32]ledger.Forwarded{}}
}

// Hear takes the next record of the log. It keeps parts of it.
func (j *Judge) Hear(r *ledger.Record) {
	j.offset = r.Offset + 1
	switch {
	case r.Event != nil:
		if d := j.dossier(r.Event.Order, r.Offset); d != nil {
			d.hear(r.Event)
		}
	case r.Reemit != nil:
		if d := j.dossier(r.Reemit.Order, r.Offset); d != nil {
			d.join(r.Reemit)
		}
	case r.Looked != nil:
		if d := j.dossier(r.Looked.Order, r.Offset); d != nil {
			k := ledger.FeedKey{Source: r.Looked.Source, Feed: r.Looked.Feed}
			until := r.Looked.AskedAt.Add(-j.law.skew(k.Source))
			if spec := j.law.feed(k); spec != nil {
				until = until.Add(-spec.LookupLag)
			}
			if old, ok := d.looked[k]; !ok || until > old {
				d.looked[k] = until
			}
		}
	case r.Bound != nil:
		j.dossier(r.Bound.Order, r.Offset)
	case r.Tick != nil:
		j.tick(r.Tick)
	case r.Policy != nil:
		j.policy(r.Policy)
	case r.Reset != nil:
		j.reset(r.Reset)
	case r.Forward != nil:
		f := r.Forward
		if old, ok := j.joined[f.Partition]; f.To == j.partition && (!ok || f.Route > old.Route) {
			j.joined[f.Partition] = *f
		}
	}
}

// dossier is that of an order, nil if the order belongs to another partition.
func (j *Judge) dossier(k ledger.OrderKey, at int64) *dossier {
	if ledger.PartitionOf([]byte(k), j.partitions) != j.partition {
		return nil
	}
	d := j.orders[k]
	if d == nil {
		d = &dossier{docs: map[ledger.EventID]*document{}, looked: map[ledger.FeedKey]ledger.Instant{}}
		j.orders[k] = d
	}
	d.last = at
	return d
}

// tick takes coverage first, then the clock, then whatever policy the clock
// brings into force, and then looks who is silent.
func (j *Judge) tick(t *ledger.Tick) {
	for i := range t.Feeds {
		c := &t.Feeds[i]
		j.hearing(ledger.FeedKey{Source: c.Source, Feed: c.Feed}).hear(j, c)
	}
	for _, h := range j.feeds {
		h.catchUp(j)
	}
	if j.watch.take(t) {
		j.adopt()
	}
	j.silences()
}

// policy takes a version that follows the newest taken; anything else is
// refused or was had before (S-32).
func (j *Judge) policy(r *ledger.PolicyRecord) {
	known := slices.Concat(j.law.policies, j.taken)
	newest := uint64(len(known))
	p, err := ledger.DecodePolicy(r.Tree)
	if err != nil || p.Validate() != nil || r.Version != newest+1 || sha256.Sum256(r.Tree) != r.Digest || p.Version != r.Version || p.EffectiveAt != r.EffectiveAt {
		return
	}
	if newest > 0 && r.EffectiveAt < known[newest-1].EffectiveAt {
		return
	}
	j.taken = append(j.taken, p)
	if newest == 0 {
		j.adopt()
	}
}

// adopt brings into force what is due, the very first policy at once.
func (j *Judge) adopt() {
	for len(j.taken) > 0 && (len(j.law.policies) == 0 || j.taken[0].EffectiveAt <= j.watch.clock) {
		j.law = newLaw(append(slices.Clone(j.law.policies), j.taken[0]))
		j.law.since = j.offset
		j.taken = j.taken[1:]
	}
	for k := range j.law.feeds {
		j.hearing(k)
	}
}

// reset puts the clock back if enough operators ask for it.
func (j *Judge) reset(r *ledger.ClockReset) {
	need := 2
	if p := j.law.newest(); p != nil && p.Settings.ResetOperators == 1 {
		need = 1
	}
	who := map[string]bool{}
	for _, o := range r.Operators {
		if o != "" {
			who[o] = true
		}
	}
	if len(who) < need || r.Wall <= 0 {
		return
	}
	j.watch = watch{clock: r.Wall, date: j.watch.date}
	j.silences()
}

// Offset is behind the last record heard.
func (j *Judge) Offset() int64 { return j.offset }

// Clock is what the judge takes the partition's clock to be.
func (j *Judge) Clock() ledger.Instant { return j.watch.clock }

// PolicySince is behind the record that brought the newest policy into force.
func (j *Judge) PolicySince() int64 { return j.law.since }

// Policies is how many versions were in force.
func (j *Judge) Policies() int { return len(j.law.policies) }

// Orders lists the orders heard of, ascending.
func (j *Judge) Orders() []ledger.OrderKey {
	out := make([]ledger.OrderKey, 0, len(j.orders))
	for k, d := range j.orders { //lint:sorted below
		if d.alive() {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// LastHeard is the offset of the newest record that spoke of an order, −1 if
// none did.
func (j *Judge) LastHeard(k ledger.OrderKey) int64 {
	if d := j.orders[k]; d != nil {
		return d.last
	}
	return -1
}

// Rules reports whether some policy in force names the origin of an order.
func (j *Judge) Rules(k ledger.OrderKey) bool {
	_, ok := j.law.bindings(k.Origin())
	return ok
}
