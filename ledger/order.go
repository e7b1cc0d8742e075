package ledger

import (
	"slices"
	"strings"
)

// doc is one event as an order keeps it: the event less its body, and what its
// copies taught (S-5).
type doc struct {
	ev        *Event
	stamp     Instant // newest stamp among its claims; orders the claim keys
	received  Instant // smallest of all copies
	asked     Instant // greatest of all copies, 0 if never read
	prev      Instant // smallest of all copies, 0 if none
	delivered bool    // some copy was a delivery, not a read
	copies    uint32
	outcome   Outcome
	offset    int64
	recorded  Instant
	support   []support // by alias; nil: keyed copies alone
	states    []State   // of each claim, under the order's plan
	inline    [6]State
}

// stampOf is the newest stamp a document carries, its receipt if it has none.
// It is the same for every copy of one event id.
func stampOf(ev *Event) Instant {
	s := Instant(0)
	for i := range ev.Claims {
		s = max(s, ev.Claims[i].Earliest)
	}
	return s
}

// ref points at one claim of a document.
type ref struct {
	d *doc
	c int
}

func (r ref) claim() *Claim { return &r.d.ev.Claims[r.c] }
func (r ref) state() State  { return r.d.states[r.c] }

// entry is one step of a register's history.
type entry struct {
	at     Instant // non-decreasing within the register
	within Within
	state  State
	by     *doc
	claim  *Claim
	// version is the claim whose version the entry resolves; nil for a dated one.
	version *Claim
}

// register is (source, axis, object) with its claims sorted by the source's
// own version (S-6).
type register struct {
	src     uint8 // index into Order.sources
	axis    Axis
	object  Object
	current []ref // ascending by version, then event id
	dated   []ref // ascending by stamp, then word, then version
	// base is the register's end in the order's base.
	base  *registerBase // nil: nothing of it was folded away
	known *registerPlan // what the present plan says of it
	value State         // at the step the walk has come to
	// Where its history ends, so that a newer document extends it.
	at    Instant // of its last entry
	floor Instant // the newest stamp of its entries
	top   *Claim  // the greatest version among its entries, nil if none stands after the base
	lo, n int32   // its entries, while a walk lasts: walker.entries[lo : lo+n]
}

// registerPlan is what the plan says about the registers of one source and axis.
type registerPlan struct {
	decl   *Rollup
	skew   Micros
	mask   uint64 // bits of the cells that the register's source makes, by its roles
	origin bool   // the register is of the origin's order axis
}

// registerBase is what a register's older claims amount to, once folded away.
type registerBase struct {
	used    bool
	version Version
	at      Instant
	stamp   Instant // lower bound for the next current claim's beginning
	state   State
	// unread: the newest folded claims were not seen by a poll, so that a later
	// read may still narrow their beginning.
	unread bool
	dated  []datedMark
}

// datedMark remembers a dated claim that was folded away.
type datedMark struct {
	native string
	stamp  Instant
}

// Looked-up coverage of one order (S-17).
type lookedFeed struct {
	feed  FeedKey
	until Instant
}

// wait is an obligation past its due, waiting for a feed (S-21).
type wait struct {
	feed FeedKey
	need Instant
}

// order is the state of one order in memory. Persisted are its documents (one
// key each) and the fields from policy on; the rest is derived from them.
type order struct {
	key     OrderKey
	sources []Source
	docs    []*doc // after the base, ascending by (stamp, id)
	regs    []register
	run     run
	sums    []sum
	sumsOK  bool

	policy  uint64 // plan version the rest was computed under
	said    []said
	excs    []orderException
	facts   uint64 // timeline facts written
	events  uint64 // documents held, base included
	shelved uint32 // documents with an unmapped word
	timer   Instant
	// walked: run and the registers' ends are those of the documents held.
	walked bool
	waits  []wait
	looked []lookedFeed
	names  []name // ascending by alias
	// bindings are ascending by alias. joined: some document came by an alias.
	bindings []binding
	joined   bool
	base     *base
	// touched counts changes of claims; a person's resolve holds until it moves.
	touched uint64
	free    []ref  // memory for the registers' lists
	recent  int32  // the register found last
	filter  uint64 // a bit for each document ever held here; see Partition.seen
	// marks are the sets of orders this one stands in (see Partition.mark).
	marks uint8

	whole bool // a merged order: its documents are its members' (see merged.go)
	dirty bool
	kept  bool   // it is in the store, or will be
	added []*doc // documents to write at flush
}

// sourceIndex returns the order's index of a source, adding it if new.
func (o *order) sourceIndex(s Source) uint8 {
	for i, have := range o.sources {
		if have == s {
			return uint8(i)
		}
	}
	if len(o.sources) == 255 {
		return 254 // a 256th source shares the last place; reachable only by abuse
	}
	if o.sources == nil {
		o.sources = make([]Source, 0, 4)
	}
	o.sources = append(o.sources, s)
	return uint8(len(o.sources) - 1)
}

// find returns the index of a source, -1 if the order never heard it.
func (o *order) find(s Source) int {
	for i, have := range o.sources {
		if have == s {
			return i
		}
	}
	return -1
}

// register returns the register of an object on an axis, adding it if new.
// Registers ascend by (source, axis, object), so that no result depends on the
// order in which they were first heard.
func (o *order) register(src uint8, axis Axis, object Object) *register {
	if i := int(o.recent); i < len(o.regs) && o.regs[i].is(src, axis, object) {
		return &o.regs[i]
	}
	at := len(o.regs)
	for i := range o.regs {
		if o.regs[i].is(src, axis, object) {
			o.recent = int32(i)
			return &o.regs[i]
		}
	}
	for at > 0 && o.compareRegister(&o.regs[at-1], src, axis, object) > 0 {
		at--
	}
	if o.regs == nil {
		o.regs = make([]register, 0, 6)
	}
	o.regs = slices.Insert(o.regs, at, register{src: src, axis: axis, object: object})
	o.recent = int32(at)
	return &o.regs[at]
}

func (r *register) is(src uint8, axis Axis, object Object) bool {
	return r.src == src && r.axis == axis && r.object == object
}

func (o *order) compareRegister(r *register, src uint8, axis Axis, object Object) int {
	if c := strings.Compare(string(o.sources[r.src]), string(o.sources[src])); c != 0 {
		return c
	}
	if r.axis != axis {
		return int(r.axis) - int(axis)
	}
	return r.object.Compare(object)
}

// insert files a document's claims into their registers. It reports whether
// another document of the same object and version says another word.
func (o *order) insert(d *doc, pl *plan) (conflict bool) {
	o.walked = false
	src := o.sourceIndex(d.ev.Source)
	if n := len(d.ev.Claims); n <= len(d.inline) {
		d.states = d.inline[:n]
	} else if len(d.states) != n {
		d.states = make([]State, n)
	}
	for i := range d.ev.Claims {
		c := &d.ev.Claims[i]
		if !c.Axis.Valid() {
			continue
		}
		r := o.register(src, c.Axis, c.Object)
		d.states[i] = r.state(d, c, pl)
		if c.Mode != Current {
			r.dated, _ = o.insertRef(r.dated, ref{d, i}, compareDated)
			continue
		}
		at := 0
		r.current, at = o.insertRef(r.current, ref{d, i}, compareCurrent)
		conflict = conflict || r.disputed(at)
	}
	o.learn(d, pl)
	if inert(d.ev) {
		return conflict
	}
	at := len(o.docs)
	for at > 0 && compareDocs(o.docs[at-1], d) > 0 {
		at--
	}
	if o.docs == nil {
		o.docs = make([]*doc, 0, 8)
	}
	o.docs = slices.Insert(o.docs, at, d)
	o.filter |= idBit(d.ev.ID)
	o.sumsOK = o.sumsOK && len(d.ev.Amounts) == 0
	return conflict
}

// state maps a claim's word; documents mostly repeat the word before.
func (r *register) state(d *doc, c *Claim, pl *plan) State {
	list := r.dated
	if c.Mode == Current {
		list = r.current
	}
	if n := len(list); n > 0 {
		if last := list[n-1]; last.d.ev.System == d.ev.System && last.claim().Native == c.Native {
			return last.state()
		}
	}
	return pl.state(d.ev.System, c.Axis, c.Native)
}

// disputed reports whether a neighbour of the same version says another word
// than the current claim at index at.
func (r *register) disputed(at int) bool {
	c := r.current[at].claim()
	for i := at - 1; i >= 0 && compareVersions(r.current[i].claim(), c) == 0; i-- {
		if r.current[i].claim().Native != c.Native {
			return true
		}
	}
	for i := at + 1; i < len(r.current) && compareVersions(r.current[i].claim(), c) == 0; i++ {
		if r.current[i].claim().Native != c.Native {
			return true
		}
	}
	return false
}

// idBit is an event id's bit of an order's filter.
func idBit(id EventID) uint64 { return 1 << (id[0] % 64) }

func compareDocs(a, b *doc) int {
	if a.stamp != b.stamp {
		return cmpInstant(a.stamp, b.stamp)
	}
	return strings.Compare(string(a.ev.ID[:]), string(b.ev.ID[:]))
}

func cmpInstant(a, b Instant) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// insertRef inserts into a sorted list, searching from its end: claims mostly
// arrive in order. It returns the list and the place of x.
func (o *order) insertRef(list []ref, x ref, cmp func(a, b ref) int) ([]ref, int) {
	at := len(list)
	for at > 0 && cmp(list[at-1], x) > 0 {
		at--
	}
	if list == nil {
		const each = 2 // most registers hold no more
		if len(o.free) < each {
			o.free = make([]ref, 10*each)
		}
		list, o.free = o.free[:0:each], o.free[each:]
	}
	return slices.Insert(list, at, x), at
}

// compareCurrent orders current claims of one register by version, or by stamp
// where the source has none.
func compareCurrent(a, b ref) int {
	if c := compareVersions(a.claim(), b.claim()); c != 0 {
		return c
	}
	return strings.Compare(string(a.d.ev.ID[:]), string(b.d.ev.ID[:]))
}

// compareVersions is total over claims of one register. Versions of different
// schemes do not compare; the scheme's number orders them, which is stable.
func compareVersions(a, b *Claim) int {
	if a.Version.Scheme != b.Version.Scheme {
		return int(a.Version.Scheme) - int(b.Version.Scheme)
	}
	if a.Version.Scheme == SchemeNone {
		return cmpInstant(a.Earliest, b.Earliest)
	}
	return a.Version.Compare(b.Version)
}

func compareDated(a, b ref) int {
	x, y := a.claim(), b.claim()
	if c := cmpInstant(x.Earliest, y.Earliest); c != 0 {
		return c
	}
	if c := strings.Compare(x.Native, y.Native); c != 0 {
		return c
	}
	if c := compareVersions(x, y); c != 0 {
		return c
	}
	return strings.Compare(string(a.d.ev.ID[:]), string(b.d.ev.ID[:]))
}

// system returns the catalog name of a source as the order's documents state it.
func (o *order) system(src uint8, pl *plan) string {
	if spec := pl.sources[o.sources[src]]; spec != nil {
		return spec.System
	}
	for _, d := range o.docs {
		if d.ev.Source == o.sources[src] {
			return d.ev.System
		}
	}
	return ""
}
