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
	asked   Instant
}

type amountAt struct {
	Amount
	version Version
}

// sum returns a source's total of one kind; false if unheard or mixed.
func (o *order) sum(src uint8, kind AmountKind) (int64, string, bool) {
	if !o.sumsOK {
		o.total()
	}
	for _, s := range o.sums {
		if s.src == src && s.kind == kind {
			return s.minor, s.currency, !s.mixed
		}
	}
	return 0, "", false
}

// total recomputes the sums from the newest collection of every object.
func (o *order) total() {
	o.sums, o.sumsOK = o.sums[:0], true
	var regs []amountRegister
	if o.base != nil {
		for _, r := range o.base.amounts {
			r.amounts = slices.Clone(r.amounts)
			regs = append(regs, r)
		}
	}
	for _, d := range o.docs {
		for i := range d.ev.Amounts {
			regs = foldAmounts(regs, o.sourceIndex(d.ev.Source), d, &d.ev.Amounts[i])
		}
	}
	for i := range regs {
		for _, a := range regs[i].amounts {
			o.sums = addSum(o.sums, regs[i].src, regs[i].kind, a.Amount)
		}
	}
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

// foldAmounts takes one document's collection into the registers. A complete
// collection replaces what lesser versions said; a partial one replaces, per
// native id, what lesser versions said of that id. Equal versions: the greater
// event id wins, documents being folded in that order.
func foldAmounts(regs []amountRegister, src uint8, d *doc, set *AmountSet) []amountRegister {
	at := slices.IndexFunc(regs, func(r amountRegister) bool {
		return r.src == src && r.kind == set.Kind && r.object == set.Object
	})
	if at < 0 {
		regs = append(regs, amountRegister{src: src, kind: set.Kind, object: set.Object, version: Version{Parts: [3]int64{-1 << 63}}})
		at = len(regs) - 1
	}
	r, v := &regs[at], d.versionForSets()
	if set.Complete {
		if v.Compare(r.version) < 0 {
			return regs
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
		return regs
	}
	for _, a := range set.Amounts {
		r.put(amountAt{a, v})
	}
	return regs
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
	slices.SortFunc(r.amounts, func(x, y amountAt) int { return strings.Compare(x.ID, y.ID) })
}

// versionForSets is the document's version; where the source has none, its
// newest stamp stands in.
func (d *doc) versionForSets() Version {
	if d.ev.Version.Scheme != SchemeNone {
		return d.ev.Version
	}
	return Version{Parts: [3]int64{int64(max(d.stamp, d.asked))}}
}
