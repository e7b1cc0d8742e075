package ledger

import (
	"errors"
	"fmt"
	"slices"
)

// FoldVersion names this fold. It changes whenever the same log would give
// another state; a store is written by one version only (S-33).
const FoldVersion uint32 = 1

// Store is the ordered key-value state of one partition, as of its last
// committed batch. Values are valid until the next call.
type Store interface {
	Get(key []byte) (value []byte, ok bool, err error)
	// Scan visits the keys in [from, to) in ascending order until fn says no.
	Scan(from, to []byte, fn func(key, value []byte) (more bool, err error)) error
}

// Batch receives the changes of one commit.
type Batch interface {
	Put(key, value []byte)
	Delete(key []byte)
}

// Options configure a partition.
type Options struct {
	Partition  int32
	Partitions int32
	// OrderPartitions is how many partitions orders.events.v1 has, for a
	// partition of orders.unkeyed.v1: one whose number is AliasPartitions or
	// more. Partitions counts those of orders.unkeyed.v1 then.
	OrderPartitions int32
	// CacheOrders bounds how many orders stay decoded in memory; 0 means 50,000.
	CacheOrders int
	// SliceTimers is K of S-16: how many timers fire per commit; 0 means 2,000.
	SliceTimers int
	// TailLimit is how many documents an order keeps unfolded; 0 means 16. What
	// is said does not depend on it, what is stored does.
	TailLimit int
}

// Partition is the state machine of one partition of the log. It is not safe
// for concurrent use. Apply folds one record in memory; Flush writes everything
// that changed since the last Flush into one batch.
type Partition struct {
	opt   Options
	store Store

	policies []*Policy // adopted, ascending
	waiting  []*Policy // taken, not yet effective
	plan     *plan
	guard    Guard
	feeds    []*Feed // ascending by key
	counts   map[Source]*[Outcomes]uint64
	seqs     Seqs
	offset   int64 // next offset to fold
	cont     continuation
	fronts   []*front // where what ticks visit begins

	orders map[OrderKey]*order
	queue  []OrderKey // eviction order
	dirty  []*order
	excs   map[ExceptionID]*Exception // changed since the last flush
	excSeq []ExceptionID
	ops    []op   // other writes, in order
	arena  []byte // the ops' keys and values, one after the other
	words  map[string]uint64
	subs   map[string]*orderException // feed and word subjects, by subject and rule
	meta   bool                       // partition-wide state changed

	aliases      map[string]*aliasState // by key, of the alias store
	aliasQueue   []string
	dirtyAliases []*aliasState
	through      int64       // the alias store's: behind the last record of orders.unkeyed.v1 joined or parked
	joining      bool        // something of this was ever stored
	forwarded    []byte      // the alias store's: what was last forwarded
	forwards     []Forwarded // of each partition of orders.unkeyed.v1, ascending

	merges      merges
	merging     bool             // something of this was ever stored
	mutes       []Mute           // newest of each source, ascending
	throughs    []Through        // newest of each partition, ascending
	fresh       bool             // one came since the last tick
	toldThrough map[int32][]byte // what was last told each partition
	movedDocs   []movedDoc       // of members, changed by the record being folded

	w        walker
	verdicts []verdict
	rows     Rows
	rec      *Record // being folded
	buf      []byte
	enc      []byte // scratch for one encoding
	told     []said // scratch of tell
	cells    []CellView
	views    []SumView
}

// op is a pending write: its key and value stand in the arena from at on.
type op struct {
	at, key, value int
	del            bool
}

func (p *Partition) keyOf(o *op) []byte   { return p.arena[o.at : o.at+o.key] }
func (p *Partition) valueOf(o *op) []byte { return p.arena[o.at+o.key : o.at+o.key+o.value] }

// Seqs are the dense row numbers given so far, per table.
type Seqs struct {
	History    uint64
	Exceptions uint64
	Orders     uint64
	Quarantine uint64
	Outgoing   uint64
}

// ErrUnflushed is returned when a tick is applied over unflushed changes.
var ErrUnflushed = errors.New("a tick must be applied to flushed state: call Flush first")

// Open reads a partition's state from its store; an empty store is an empty
// partition at offset 0.
func Open(store Store, opt Options) (*Partition, error) {
	if opt.CacheOrders == 0 {
		opt.CacheOrders = 50_000
	}
	if opt.SliceTimers == 0 {
		opt.SliceTimers = 2_000
	}
	if opt.TailLimit == 0 {
		opt.TailLimit = 16
	}
	p := &Partition{opt: opt, store: store, orders: map[OrderKey]*order{}, excs: map[ExceptionID]*Exception{},
		counts: map[Source]*[Outcomes]uint64{}, aliases: map[string]*aliasState{}, words: map[string]uint64{}, subs: map[string]*orderException{}}
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("open partition %d: %w", opt.Partition, err)
	}
	p.plan = compile(p.policies)
	return p, nil
}

// Offset is the next offset to fold: state is fold of records [0, Offset).
func (p *Partition) Offset() int64 { return p.offset }

// Clock is the partition's clock, 0 before the first accepted tick.
func (p *Partition) Clock() Instant { return p.guard.Clock }

// Seqs are the row numbers given so far.
func (p *Partition) Seqs() Seqs { return p.seqs }

// Rows are the rows told since the last Flush. They are valid until the next
// call of Apply, Continue or Flush.
func (p *Partition) Rows() *Rows { return &p.rows }

// Continuing reports whether the last tick has work left. The caller flushes
// and calls Continue until it is done, before the next record (S-16).
func (p *Partition) Continuing() bool { return p.cont.active }

// NeedsFlush reports whether r can only be applied to flushed state.
func (p *Partition) NeedsFlush(r *Record) bool {
	scans := r.Tick != nil || r.Policy != nil || r.Reset != nil || r.Merge != nil || r.Split != nil || r.Mute != nil
	return scans && p.unflushed()
}

func (p *Partition) unflushed() bool {
	return len(p.dirty) > 0 || len(p.ops) > 0 || len(p.excs) > 0 || len(p.dirtyAliases) > 0
}

// joins reports whether this is a partition of the alias store.
func (p *Partition) joins() bool { return p.opt.Partition >= AliasPartitions }

// Apply folds one record. It takes ownership of r.Event. The error is one of
// the store or of misuse; no record can cause one.
func (p *Partition) Apply(r *Record) error {
	if p.cont.active {
		return fmt.Errorf("apply offset %d: the last tick is not finished: call Continue", r.Offset)
	}
	if r.Offset < p.offset {
		return fmt.Errorf("apply offset %d: already folded up to %d", r.Offset, p.offset)
	}
	if p.NeedsFlush(r) {
		return ErrUnflushed
	}
	p.rec = r
	err := p.dispatch(r)
	p.moveOn()
	p.offset = r.Offset + 1
	p.meta = true
	return err
}

func (p *Partition) dispatch(r *Record) error {
	switch {
	case r.Event != nil:
		return p.applyEvent(r.Event)
	case r.Tick != nil:
		return p.applyTick(r.Tick)
	case r.Action != nil:
		return p.applyAction(r.Action)
	case r.Looked != nil:
		return p.applyLooked(r.Looked)
	case r.Policy != nil:
		return p.applyPolicy(r.Policy)
	case r.Reset != nil:
		return p.applyReset(r.Reset)
	case r.Cutover != nil:
		return nil
	case r.Unkeyed != nil && p.joins():
		return p.applyUnkeyed(r.Unkeyed)
	case r.Binding != nil && p.joins():
		return p.applyBinding(r.Binding)
	case r.Reemit != nil && !p.joins():
		return p.applyReemit(r.Reemit)
	case r.Bound != nil && !p.joins():
		return p.applyBound(r.Bound)
	case r.Forward != nil && !p.joins():
		p.applyForward(r.Forward)
		return nil
	case r.Merge != nil:
		return p.applyMerge(r.Merge, true)
	case r.Split != nil:
		return p.applyMerge((*Merge)(r.Split), false)
	case r.Mute != nil:
		return p.applyMute(r.Mute)
	case r.Moved != nil && !p.joins():
		return p.applyMoved(r.Moved)
	case r.Through != nil && !p.joins():
		p.applyThrough(r.Through)
		return nil
	case r.Binding != nil || r.Reemit != nil || r.Bound != nil || r.Forward != nil || r.Moved != nil || r.Through != nil:
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "a record of the other topic"})
		return nil
	case r.Unkeyed != nil:
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "an unkeyed record in a keyed topic", Source: r.Unkeyed.Event.Source,
			Feed: r.Unkeyed.Event.Feed, ReceivedAt: r.Unkeyed.Event.ReceivedAt})
		p.count(r.Unkeyed.Event.Source, OutcomeQuarantined)
		return nil
	case r.Poison != nil:
		p.quarantine(&Quarantined{Reason: r.Poison.Reason, Detail: "the record cannot be decoded", Body: Body{Codec: "none", Bytes: r.Poison.Raw}})
		p.count("", OutcomeQuarantined)
		return nil
	default:
		return nil
	}
}

// applyEvent folds one event into its order.
func (p *Partition) applyEvent(ev *Event) error {
	if PartitionOf([]byte(ev.Order), p.opt.Partitions) != p.opt.Partition {
		p.quarantine(&Quarantined{Reason: "misplaced", Detail: "the order key belongs to another partition", Source: ev.Source,
			Feed: ev.Feed, Order: ev.Order, Of: ev.ID, ReceivedAt: ev.ReceivedAt, Body: ev.Body})
		p.count(ev.Source, OutcomeQuarantined)
		return nil
	}
	o, err := p.order(ev.Order)
	if err != nil {
		return err
	}
	old, rebuild, err := p.seen(o, ev)
	if err != nil {
		return err
	}
	if old != nil {
		return p.applyCopy(o, old, ev)
	}
	body := ev.Body
	ev.Body = Body{}
	d := &doc{ev: ev, stamp: stampOf(ev), received: ev.ReceivedAt, asked: ev.AskedAt, prev: ev.PrevAsked, delivered: !ev.Read(),
		copies: 1, offset: p.rec.Offset, recorded: p.rec.RecordedAt}
	if rebuild {
		if err := p.unfold(o); err != nil {
			return err
		}
	}
	err = p.take(o, d, body)
	p.count(ev.Source, d.outcome)
	return err
}

// take takes a document that counts from now on into its order.
func (p *Partition) take(o *order, d *doc, body Body) error {
	ev := d.ev
	walked, sums := o.walked, p.sumsBefore(o, ev)
	d.outcome = outcomeOf(d, o.insert(d, p.plan))
	o.events++
	o.touched++
	p.keepDoc(o, d)
	if sums && !p.w.amounts.total(o) { // every step of the history is read anew
		walked = false
		if err := p.refound(o); err != nil {
			return err
		}
	}
	if o.whole { // told, counted and found under the member that heard it
		o.shelveWhole(d)
		p.touch(o)
		return p.settle(o, BecauseRearranged)
	}
	for _, a := range ev.Aliases {
		p.buf = appendAliasKey(p.buf[:0], a, o.key)
		p.put(p.buf, nil)
	}
	p.seqs.History++
	p.rows.History = append(p.rows.History, HistoryRow{Seq: p.seqs.History, Offset: p.rec.Offset, RecordedAt: p.rec.RecordedAt,
		Order: o.key, Outcome: d.outcome, Event: ev, States: d.states, Body: body})
	p.shelve(o, d, body)
	p.touch(o)
	if walked && p.walkOn(o, d) {
		return p.conclude(o, p.w.changed, BecauseRearranged)
	}
	return p.settle(o, BecauseRearranged)
}

// outcomeOf classifies a new document (S-40).
func outcomeOf(d *doc, conflict bool) Outcome {
	for i := range d.ev.Claims {
		if d.ev.Claims[i].Axis.Valid() && d.states[i] == Unmapped {
			return OutcomeShelved
		}
	}
	if conflict {
		return OutcomeConflict
	}
	return OutcomeApplied
}

// applyCopy folds a further copy of a known event: it changes nothing but the
// bounds its copies carry (S-5).
func (p *Partition) applyCopy(o *order, d *doc, ev *Event) error {
	if d.support != nil {
		return p.applyKeyedCopy(o, d, ev)
	}
	before := *d
	d.received = min(d.received, ev.ReceivedAt)
	d.asked = max(d.asked, ev.AskedAt)
	if ev.PrevAsked != 0 && (d.prev == 0 || ev.PrevAsked < d.prev) {
		d.prev = ev.PrevAsked
	}
	d.delivered = d.delivered || !ev.Read()
	d.copies++
	p.count(ev.Source, OutcomeDuplicate)
	bounds := d.received != before.received || d.asked != before.asked || d.prev != before.prev || d.delivered != before.delivered
	p.keepDoc(o, d)
	p.touch(o)
	if !bounds {
		return nil
	}
	stamps := d.asked != before.asked && d.ev.Version.Scheme == SchemeNone && len(d.ev.Amounts) > 0 // of its sums
	o.sumsOK = o.sumsOK && !stamps
	if o.base != nil && (d.prev != before.prev || stamps || !slices.Contains(o.docs, d)) {
		if err := p.unfold(o); err != nil { // the bound reaches into the base
			return err
		}
	}
	o.walked = false
	return p.settle(o, BecauseRearranged)
}

// touch marks an order as changed since the last flush.
func (p *Partition) touch(o *order) {
	o.kept = true
	if !o.dirty {
		o.dirty = true
		p.dirty = append(p.dirty, o)
	}
}

// put writes a key at the next flush; key and value are copied.
func (p *Partition) put(key, value []byte) {
	p.ops = append(p.ops, op{at: len(p.arena), key: len(key), value: len(value)})
	p.arena = append(append(p.arena, key...), value...)
	p.wrote(key)
}

// del deletes a key at the next flush; it is copied.
func (p *Partition) del(key []byte) {
	p.ops = append(p.ops, op{at: len(p.arena), key: len(key), del: true})
	p.arena = append(p.arena, key...)
}

// count books one outcome of a source.
func (p *Partition) count(s Source, out Outcome) {
	c := p.counts[s]
	if c == nil {
		c = new([Outcomes]uint64)
		p.counts[s] = c
	}
	c[out]++
	p.meta = true
}

// quarantine keeps what cannot be folded, with its bytes in the row.
func (p *Partition) quarantine(q *Quarantined) { p.quarantineAt(p.rec.Offset, q) }

// quarantineAt keeps what the record at an offset brought and cannot be folded.
func (p *Partition) quarantineAt(offset int64, q *Quarantined) {
	q.Partition, q.Offset = p.opt.Partition, offset
	q.ID = quarantineID(q)
	p.seqs.Quarantine++
	p.rows.Quarantine = append(p.rows.Quarantine, QuarantineRow{Seq: p.seqs.Quarantine, Offset: p.rec.Offset, RecordedAt: p.rec.RecordedAt, Entry: *q})
	p.put(append([]byte{keyEntry}, q.ID...), appendQuarantined(nil, q))
}

// quarantineID is a function of the record's place and the word alone.
func quarantineID(q *Quarantined) string {
	what := ""
	if q.Axis.Valid() {
		what = q.Axis.String()
	}
	if q.Partition >= AliasPartitions {
		what = "unkeyed"
	}
	id := NewExceptionID("quarantine:"+q.Native, what, uint64(q.Offset)<<8|uint64(uint8(q.Partition)))
	return id.String()
}

// order returns an order, loading it from the store, or a new one. An order
// computed under an older policy migrates first (S-32).
func (p *Partition) order(k OrderKey) (*order, error) {
	if o := p.orders[k]; o != nil {
		switch {
		case o.policy == p.plan.version:
			return o, nil
		case !o.kept: // as if it were no longer in memory
			*o = order{key: k, policy: p.plan.version, whole: isWhole(k)}
			return o, nil
		}
		return o, p.migrate(o)
	}
	o, err := p.read(k)
	if err != nil {
		return nil, err
	}
	stored := o != nil
	if !stored {
		o = &order{key: k, policy: p.plan.version, whole: isWhole(k)}
	}
	o.kept = o.kept || stored
	p.orders[k] = o
	p.queue = append(p.queue, k)
	if o.policy != p.plan.version {
		return o, p.migrate(o)
	}
	return o, nil
}

// read loads an order and its documents; nil if it does not exist.
func (p *Partition) read(k OrderKey) (*order, error) {
	p.buf = append(append(p.buf[:0], keyOrder), k...)
	v, ok, err := p.store.Get(p.buf)
	if err != nil || !ok {
		return nil, err
	}
	o, err := decodeOrderRecord(k, v)
	if err != nil {
		return nil, fmt.Errorf("order %s: %w", k, err)
	}
	if err := p.readDocs(o); err != nil {
		return nil, fmt.Errorf("order %s: %w", k, err)
	}
	if o.policy == p.plan.version { // otherwise migration recomputes it
		p.walk(o)
	}
	return o, nil
}

// readDocs loads the documents after an order's base.
func (p *Partition) readDocs(o *order) error {
	prefix := orderPrefix(keyClaims, o.key)
	from := prefix
	if o.base != nil {
		from = appendOrdered(slices.Clone(prefix), o.base.stamp)
	}
	return p.store.Scan(from, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d, err := decodeDoc(v)
		if err != nil {
			return false, err
		}
		if d.alive() && (o.base == nil || !o.base.holds(d)) {
			o.insert(d, p.plan)
		}
		return true, nil
	})
}

// walk recomputes the derived part of an order.
func (p *Partition) walk(o *order) {
	p.w.begin(p.plan, p.originPlan(o), o)
	p.w.walk(Forever)
	o.walked = true
}

// walkOn walks on through what a new document adds to an order that was walked
// to its end, if it stands wholly behind what was there: its claims come after
// every other.
func (p *Partition) walkOn(o *order, d *doc) bool {
	if !p.w.extend(p.plan, p.originPlan(o), o, d) {
		return false
	}
	p.w.walk(Forever)
	o.walked = true
	return true
}

// noOrigin is the plan of orders whose origin no policy names.
var noOrigin = &originPlan{}

func (p *Partition) originPlan(o *order) *originPlan {
	if op := p.plan.origins[o.key.Origin()]; op != nil {
		return op
	}
	return noOrigin
}
