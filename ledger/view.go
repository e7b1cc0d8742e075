package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
)

// Reader answers questions about a partition from a store's last committed
// state. It shares nothing with the Partition that writes the store, so that
// readers never wait for the fold. Each Reader works on one snapshot.
type Reader struct {
	p *Partition
}

// NewReader reads the partition-wide state of a snapshot.
func NewReader(snapshot Store, opt Options) (*Reader, error) {
	p, err := Open(snapshot, opt)
	if err != nil {
		return nil, err
	}
	return &Reader{p: p}, nil
}

// Offset is the next offset the snapshot's fold would take; while slices of a
// tick are left it is still the tick's own (S-16).
func (r *Reader) Offset() int64 {
	if r.p.cont.active {
		return r.p.offset - 1
	}
	return r.p.offset
}

// Clock is the snapshot's clock.
func (r *Reader) Clock() Instant { return r.p.guard.Clock }

// Policy returns the newest adopted policy, nil before the first.
func (r *Reader) Policy() *Policy { return r.p.plan.newest }

// Feeds returns what the partition knows of every feed, ascending by key.
func (r *Reader) Feeds() []*Feed { return r.p.feeds }

// Counts returns the outcomes of one source's records.
func (r *Reader) Counts(s Source) [Outcomes]uint64 {
	if c := r.p.counts[s]; c != nil {
		return *c
	}
	return [Outcomes]uint64{}
}

// VerdictView is one obligation as readers see it.
type VerdictView struct {
	Rule     string
	Step     uint8
	Name     string
	Episode  uint32
	State    VerdictState
	Basis    Basis
	Because  Because
	Anchor   Within
	Deadline Instant
	Until    Within // valid if Ended
	Ended    bool
	Feed     FeedKey
	Since    Instant
	Historic bool
}

// OrderView is everything known of one order.
type OrderView struct {
	Summary  Summary
	Verdicts []VerdictView
	Aliases  []Alias
	Bindings []BindingView // of the aliases by which records are joined
	Lines    []LineView
	Words    []WordView
	// Members are the orders merged with this one, itself included, ascending.
	Members []OrderKey
}

// BindingView is how an alias of an order is bound, and what the alias store
// says to it.
type BindingView struct {
	AliasBinding
	// Answered: everything known under the alias has been joined. Contested:
	// another order claims it too.
	Answered  bool
	Contested bool
}

// LineView is one line as a source states it.
type LineView struct {
	Source Source
	Kind   LineKind
	Object Object
	Line   Line
}

// WordView is the newest native word of one register.
type WordView struct {
	Source Source
	Axis   Axis
	Object Object
	Native string
	State  State
}

// load reads an order for viewing, under the newest policy, without writing.
func (r *Reader) load(k OrderKey) (*order, error) {
	p := r.p
	o, err := p.read(k)
	if err != nil || o == nil {
		return nil, err
	}
	p.rec = &Record{Offset: p.offset - 1}
	if o.policy != p.plan.version { // mapped on the fly; nothing of it is kept
		if err := p.migrate(o); err != nil {
			return nil, err
		}
		p.discard()
	}
	return o, nil
}

// whole reads an order with every one of its documents, walked anew, so that
// the walk's entries are at hand.
func (r *Reader) whole(k OrderKey) (*order, error) {
	o, err := r.load(k)
	if err != nil || o == nil {
		return nil, err
	}
	if o.base != nil {
		if err := r.p.unfold(o); err != nil {
			return nil, err
		}
		r.p.discard()
	}
	r.p.walk(o)
	return o, nil
}

// discard forgets whatever a reading computation would have written.
func (p *Partition) discard() {
	p.dirty, p.ops, p.arena, p.excSeq = nil, nil, nil, nil
	clear(p.excs)
	p.rows.reset()
}

// Order returns an order, false if the partition has none of that key.
func (r *Reader) Order(k OrderKey) (OrderView, bool, error) {
	at, err := r.standsFor(k)
	if err != nil {
		return OrderView{}, false, err
	}
	o, err := r.whole(at)
	if err != nil || o == nil {
		return OrderView{}, false, err
	}
	v := OrderView{Summary: r.p.summary(o), Members: r.Members(k)}
	if len(v.Members) > 0 && v.Members[0] != k {
		v.Summary.MergedInto, v.Summary.Open = v.Members[0], 0
	}
	if r.p.plan.newest != nil {
		r.p.judgeAll(o)
		for i := range r.p.verdicts {
			v.Verdicts = append(v.Verdicts, viewVerdict(&r.p.verdicts[i]))
		}
	}
	for i := range o.regs {
		g := &o.regs[i]
		if g.n > 0 {
			e := &r.p.w.entries[g.lo+g.n-1]
			v.Words = append(v.Words, WordView{o.sources[g.src], g.axis, g.object, e.claim.Native, e.state})
		}
	}
	v.Lines = o.lines()
	for i := range o.bindings {
		b := &o.bindings[i]
		v.Bindings = append(v.Bindings, BindingView{AliasBinding: b.AliasBinding, Answered: b.answered == b.Version, Contested: b.answered == b.Version && !b.ok})
	}
	if v.Aliases, err = r.aliases(at); err != nil {
		return OrderView{}, false, err
	}
	return v, true, nil
}

func viewVerdict(v *verdict) VerdictView {
	s := &v.j.Steps[v.step]
	return VerdictView{Rule: v.j.Name, Step: v.step, Name: s.Exception, Episode: v.e.n, State: v.state, Basis: v.basis, Because: v.why,
		Anchor: v.a, Deadline: v.a.Latest.Add(s.After), Until: v.e.until, Ended: v.e.ended, Feed: v.feed, Since: v.since, Historic: v.past}
}

// lines lists the newest collection of lines of every object.
func (o *order) lines() []LineView {
	type set struct {
		v   Version
		d   *doc
		set *LineSet
	}
	var sets []set
	for _, d := range o.docs {
		for i := range d.ev.Lines {
			s := &d.ev.Lines[i]
			at := slices.IndexFunc(sets, func(x set) bool {
				return x.d.ev.Source == d.ev.Source && x.set.Object == s.Object && x.set.Kind == s.Kind
			})
			switch {
			case at < 0:
				sets = append(sets, set{d.versionForSets(), d, s})
			case d.versionForSets().Compare(sets[at].v) >= 0:
				sets[at] = set{d.versionForSets(), d, s}
			}
		}
	}
	var out []LineView
	for _, s := range sets {
		for _, l := range s.set.Lines {
			out = append(out, LineView{s.d.ev.Source, s.set.Kind, s.set.Object, l})
		}
	}
	return out
}

// aliases lists the other names of an order, as its documents gave them.
func (r *Reader) aliases(k OrderKey) ([]Alias, error) {
	var out []Alias
	err := r.eachDoc(k, func(d *doc) bool {
		if !d.alive() {
			return true
		}
		for _, a := range d.ev.Aliases {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
		return true
	})
	slices.SortFunc(out, func(a, b Alias) int { return bytes.Compare(a.Key(), b.Key()) })
	return out, err
}

func (r *Reader) eachDoc(k OrderKey, fn func(*doc) bool) error {
	prefix := orderPrefix(keyClaims, k)
	return r.p.store.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d, err := decodeDoc(v)
		if err != nil {
			return false, fmt.Errorf("order %s: %w", k, err)
		}
		return fn(d), nil
	})
}

// Told is one line of an order's story: a document or a fact.
type Told struct {
	Offset     int64
	RecordedAt Instant
	Event      *Event // without its body; nil for a fact
	Received   Instant
	Copies     uint32
	Outcome    Outcome
	States     []State
	By         []Alias // that joined the document; none if a copy was keyed
	Fact       *Fact
}

// Timeline returns everything heard and said about an order in log order.
func (r *Reader) Timeline(k OrderKey) ([]Told, error) {
	at, err := r.standsFor(k)
	if err != nil {
		return nil, err
	}
	out, err := r.mergeNotes(k)
	if err != nil {
		return nil, err
	}
	err = r.eachDoc(at, func(d *doc) bool {
		if !d.alive() {
			return true // it is told where it belongs; here a fact tells that it went
		}
		t := Told{Offset: d.offset, RecordedAt: d.recorded, Event: d.ev, Received: d.received, Copies: d.copies, Outcome: d.outcome, By: d.by()}
		for i := range d.ev.Claims {
			c := &d.ev.Claims[i]
			t.States = append(t.States, r.p.plan.state(d.ev.System, c.Axis, c.Native))
		}
		out = append(out, t)
		return true
	})
	if err != nil {
		return nil, err
	}
	out, err = r.facts(at, out)
	slices.SortStableFunc(out, func(a, b Told) int { return cmpInstant(Instant(a.Offset), Instant(b.Offset)) })
	return out, err
}

// Exception returns an exception, nil if the partition has none of that id.
func (r *Reader) Exception(id ExceptionID) (*Exception, error) { return r.overlay(r.p.exception(id)) }

// OpenExceptions visits the open exceptions in ascending id.
func (r *Reader) OpenExceptions(after ExceptionID, fn func(*Exception) bool) error {
	from := append(exceptionKey(keyOpen, after), 0)
	if after == (ExceptionID{}) {
		from = []byte{keyOpen}
	}
	return r.p.store.Scan(from, []byte{keyOpen + 1}, func(k, _ []byte) (bool, error) {
		var id ExceptionID
		copy(id[:], k[1:])
		x, err := r.p.exception(id)
		if err != nil || x == nil {
			return false, err
		}
		return fn(x), nil
	})
}

// Exceptions visits all exceptions, open and resolved, in ascending id.
func (r *Reader) Exceptions(fn func(*Exception) bool) error {
	return r.p.store.Scan([]byte{keyException}, []byte{keyException + 1}, func(_, v []byte) (bool, error) {
		x, err := r.overlay(DecodeException(v))
		if err != nil {
			return false, err
		}
		return fn(x), nil
	})
}

// FindAlias lists the orders known by an alias; an empty scope asks all scopes,
// an empty type all types.
func (r *Reader) FindAlias(a Alias, limit int) ([]OrderKey, error) {
	var out []OrderKey
	from, to := []byte{keyAlias}, []byte{keyAlias + 1}
	if a.Scope != "" && a.Type != "" {
		from = append([]byte{keyAlias}, a.Key()...)
		from = append(from, 0)
		to = PrefixEnd(from)
	}
	err := r.p.store.Scan(from, to, func(k, _ []byte) (bool, error) {
		got, key, ok := parseAliasKey(k[1:])
		if ok && got.Value == a.Value && (a.Type == "" || got.Type == a.Type) && (a.Scope == "" || got.Scope == a.Scope) && !slices.Contains(out, key) {
			out = append(out, key)
		}
		return len(out) < limit, nil
	})
	return out, err
}

func parseAliasKey(b []byte) (Alias, OrderKey, bool) {
	d := &decoder{b: b}
	a := Alias{Scope: Source(d.text()), Type: d.text(), Value: d.text()}
	d.byte()
	return a, OrderKey(d.b), d.err == nil
}

// Quarantine visits the fold's quarantine entries in ascending id.
func (r *Reader) Quarantine(fn func(*Quarantined) bool) error {
	return r.p.store.Scan([]byte{keyEntry}, []byte{keyEntry + 1}, func(_, v []byte) (bool, error) {
		q, err := decodeQuarantined(v)
		if err != nil {
			return false, err
		}
		return fn(&q), nil
	})
}

// Answer returns what the fold made of an operator action, false if it has not
// been folded.
func (r *Reader) Answer(requestID string) (Answer, bool, error) {
	v, ok, err := r.p.store.Get(append([]byte{keyAction}, requestID...))
	if err != nil || !ok {
		return Answer{}, false, err
	}
	d := &decoder{b: v}
	a := Answer{RequestID: requestID, Accepted: d.bool(), Reason: d.text(), Offset: d.int()}
	return a, true, d.end("answer")
}

// Digest is SHA-256 over the canonical state of a partition: every key and
// value in key order, without the records' own timestamps (S-34). Two stores
// that folded the same records have the same digest, whatever the broker, the
// batching or the restarts between.
func Digest(s Store) ([32]byte, error) {
	h := sha256.New()
	var size [8]byte
	put := func(b []byte) {
		n := appendOrdered(size[:0], Instant(len(b)))
		_, _ = h.Write(n)
		_, _ = h.Write(b)
	}
	err := s.Scan([]byte{keyFloor}, nil, func(k, v []byte) (bool, error) {
		put(k)
		if k[0] == keyClaims || k[0] == keyFact {
			v, _ = cutRecordedAt(v)
		}
		put(v)
		return true, nil
	})
	var out [32]byte
	copy(out[:], h.Sum(nil))
	return out, err
}

// Next returns a Reader of a newer snapshot, reusing what did not change.
func (r *Reader) Next(snapshot Store) (*Reader, error) {
	q := &Partition{opt: r.p.opt, store: snapshot, orders: map[OrderKey]*order{}, excs: map[ExceptionID]*Exception{},
		counts: map[Source]*[Outcomes]uint64{}, words: map[string]uint64{}, subs: map[string]*orderException{},
		policies: r.p.policies, waiting: r.p.waiting, plan: r.p.plan}
	if err := q.load(); err != nil {
		return nil, fmt.Errorf("read partition %d: %w", r.p.opt.Partition, err)
	}
	if q.plan == nil || len(q.policies) != len(q.plan.policies) {
		q.plan = compile(q.policies)
	}
	return &Reader{p: q}, nil
}

// Waiting reports whether an obligation of a store waits for a feed to be heard
// no further than until.
func Waiting(s Store, f FeedKey, until Instant) (bool, error) {
	found := false
	prefix := waitPrefix(f)
	err := s.Scan(prefix, appendOrdered(bytes.Clone(prefix), until+1), func(_, _ []byte) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// Guard returns what the partition's clock guard knows.
func (p *Partition) Guard() Guard { return p.guard }

// Taken is the newest policy version taken, adopted or not; 0 before the first.
func (p *Partition) Taken() uint64 {
	if n := len(p.waiting); n > 0 {
		return p.waiting[n-1].Version
	}
	if n := len(p.policies); n > 0 {
		return p.policies[n-1].Version
	}
	return 0
}

// NewestPolicy returns the newest adopted policy, nil before the first.
func (p *Partition) NewestPolicy() *Policy { return p.plan.newest }

// Counts returns the outcomes of every source's records.
func (p *Partition) Counts() map[Source][Outcomes]uint64 {
	out := make(map[Source][Outcomes]uint64, len(p.counts))
	for s, c := range p.counts { //lint:a map is returned
		out[s] = *c
	}
	return out
}
