package ledger

import (
	"slices"
	"strings"
)

// sum is the total of one amount kind that one source holds for an order.
type sum struct {
	src      uint8
	kind     AmountKind
	minor    int64
	currency string
	mixed    bool // several currencies: there is no sum (S-9)
}

// amountRegister is the newest collection of one object's amounts.
type amountRegister struct {
	src     uint8
	object  Object
	kind    AmountKind
	amounts []amountAt
	version Version
}

type amountAt struct {
	Amount
	version Version
}

// tally is scratch memory in which an order's amounts are collected.
type tally struct {
	regs []amountRegister
	sums []sum
}

// sum returns a source's total of one kind; false if unheard or mixed.
func (t *tally) sum(o *order, src uint8, kind AmountKind) (int64, string, bool) {
	if !o.sumsOK {
		t.total(o)
	}
	for _, s := range o.sums {
		if s.src == src && s.kind == kind {
			return s.minor, s.currency, !s.mixed
		}
	}
	return 0, "", false
}

// sumsBefore reports whether some rule reads the sums that an event may change.
// If so, the order's are known as they are before it.
func (p *Partition) sumsBefore(o *order, ev *Event) bool {
	if len(ev.Amounts) == 0 || !p.originPlan(o).amounts {
		return false
	}
	if !o.sumsOK {
		p.w.amounts.total(o)
	}
	return true
}

// refound brings every document of an order back whose base was folded away:
// what it came to rests on sums that are others now.
func (p *Partition) refound(o *order) error {
	if o.base == nil {
		return nil
	}
	return p.unfold(o)
}

// total recomputes the sums from the newest collection of every object, and
// reports whether they are what they were.
func (t *tally) total(o *order) bool {
	t.collect(o, o.docs)
	t.sums = t.sums[:0]
	for i := range t.regs {
		for _, a := range t.regs[i].amounts {
			t.sums = addSum(t.sums, t.regs[i].src, t.regs[i].kind, a.Amount)
		}
	}
	same := slices.Equal(t.sums, o.sums)
	if !same {
		o.sums = append(o.sums[:0], t.sums...)
	}
	o.sumsOK = true
	return same
}

// collect folds the collections of an order's base and of documents after it.
func (t *tally) collect(o *order, docs []*doc) {
	t.regs = t.regs[:0]
	if o.base != nil {
		for i := range o.base.amounts {
			b := &o.base.amounts[i]
			r := t.add()
			amounts := append(r.amounts, b.amounts...)
			*r = *b
			r.amounts = amounts
		}
	}
	for _, d := range docs {
		for i := range d.ev.Amounts {
			t.fold(o.sourceIndex(d.ev.Source), d, &d.ev.Amounts[i])
		}
	}
}

// add returns a new register, empty, in memory used before.
func (t *tally) add() *amountRegister {
	if n := len(t.regs); n < cap(t.regs) {
		t.regs = t.regs[:n+1]
		t.regs[n] = amountRegister{amounts: t.regs[n].amounts[:0]}
	} else {
		t.regs = append(t.regs, amountRegister{})
	}
	return &t.regs[len(t.regs)-1]
}

// registers copies what was collected, in canonical order.
func (t *tally) registers() []amountRegister {
	out := slices.Clone(t.regs)
	for i := range out {
		out[i].amounts = slices.Clone(out[i].amounts)
		slices.SortFunc(out[i].amounts, func(x, y amountAt) int { return strings.Compare(x.ID, y.ID) })
	}
	return out
}

func addSum(sums []sum, src uint8, kind AmountKind, a Amount) []sum {
	for i := range sums {
		s := &sums[i]
		if s.src == src && s.kind == kind {
			s.mixed = s.mixed || s.currency != a.Currency
			s.minor += a.Minor
			return sums
		}
	}
	return append(sums, sum{src: src, kind: kind, minor: a.Minor, currency: a.Currency})
}

// fold takes one document's collection into the registers. A complete
// collection replaces what lesser versions said; a partial one replaces, per
// native id, what lesser versions said of that id. Equal versions: the greater
// event id wins, documents being folded in that order.
func (t *tally) fold(src uint8, d *doc, set *AmountSet) {
	r, v := t.register(src, set), d.versionForSets()
	if set.Complete {
		if v.Compare(r.version) < 0 {
			return
		}
		r.version = v
		keep := r.amounts[:0]
		for _, a := range r.amounts {
			if a.version.Compare(v) > 0 {
				keep = append(keep, a)
			}
		}
		r.amounts = keep
	} else if v.Compare(r.version) < 0 {
		return
	}
	for _, a := range set.Amounts {
		r.put(amountAt{a, v})
	}
}

func (t *tally) register(src uint8, set *AmountSet) *amountRegister {
	for i := range t.regs {
		if r := &t.regs[i]; r.src == src && r.kind == set.Kind && r.object == set.Object {
			return r
		}
	}
	r := t.add()
	r.src, r.kind, r.object, r.version = src, set.Kind, set.Object, Version{Parts: [3]int64{-1 << 63}}
	return r
}

func (r *amountRegister) put(a amountAt) {
	for i := range r.amounts {
		if r.amounts[i].ID == a.ID {
			if a.version.Compare(r.amounts[i].version) >= 0 {
				r.amounts[i] = a
			}
			return
		}
	}
	r.amounts = append(r.amounts, a)
}

// versionForSets is the document's version; where the source has none, its
// newest stamp stands in.
func (d *doc) versionForSets() Version {
	if d.ev.Version.Scheme != SchemeNone {
		return d.ev.Version
	}
	return Version{Parts: [3]int64{int64(max(d.stamp, d.asked))}}
}
