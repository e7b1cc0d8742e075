package judge

import "github.com/orderledger/orderledger/ledger"

// answer is what a predicate comes to: yes, no, or not known (S-10).
type answer int

const (
	no answer = iota
	unknown
	yes
)

func is(v bool) answer {
	if v {
		return yes
	}
	return no
}

func not(a answer) answer { return yes - a }

// view is an order at one instant of its history.
type view struct {
	bind  map[ledger.Role]ledger.Source
	cells map[cellKey]cell
	sums  map[sumKey]total
}

func (v *view) cell(c ledger.CellRef) cell {
	src, ok := v.bind[c.Role]
	if !ok {
		return cell{}
	}
	return v.cells[cellKey{src, c.Axis}]
}

// ask answers a predicate.
func (v *view) ask(p *ledger.Predicate) answer {
	switch p.Op {
	case ledger.OpConst:
		return is(p.Value)
	case ledger.OpIn:
		return v.oneOf(p)
	case ledger.OpNotIn:
		return not(v.oneOf(p))
	case ledger.OpAtOr:
		s := v.cell(p.Cell).state
		if !s.Certain() {
			return unknown
		}
		axis := p.Cell.Axis
		return is(axis.Rank(s) > 0 && axis.Rank(s) >= axis.Rank(p.State))
	case ledger.OpAnd:
		out := yes
		for _, q := range p.Args {
			out = min(out, v.ask(q))
		}
		return out
	case ledger.OpOr:
		out := no
		for _, q := range p.Args {
			out = max(out, v.ask(q))
		}
		return out
	case ledger.OpNot:
		return not(v.ask(p.Args[0]))
	case ledger.OpSince:
		a, b := v.cell(p.Cell), v.cell(p.Other)
		if a.state == ledger.Absent || b.state == ledger.Absent {
			return unknown
		}
		return is(compares(p.Cmp, int64(a.at), int64(b.at)))
	case ledger.OpAmount:
		return v.compareSums(p)
	}
	return unknown
}

func (v *view) oneOf(p *ledger.Predicate) answer {
	s := v.cell(p.Cell).state
	if s.Certain() {
		return is(p.States&(1<<s) != 0)
	}
	for other := ledger.State(1); other < 64; other++ {
		if p.States&(1<<other) != 0 {
			return unknown
		}
	}
	return no // whatever it is, it is not ABSENT
}

func (v *view) sum(a ledger.AmountRef) (total, bool) {
	src, ok := v.bind[a.Role]
	if !ok {
		return total{}, false
	}
	t, ok := v.sums[sumKey{src, a.Kind}]
	return t, ok && !t.mixed
}

func (v *view) compareSums(p *ledger.Predicate) answer {
	a, ok := v.sum(p.Amount)
	if !ok {
		return unknown
	}
	b := total{minor: p.Minor, currency: p.Currency}
	if p.OtherAmount.Role != ledger.RoleNone {
		if b, ok = v.sum(p.OtherAmount); !ok {
			return unknown
		}
	}
	if a.currency != b.currency {
		return unknown
	}
	return is(compares(p.Cmp, a.minor, b.minor))
}

func compares(c ledger.Cmp, a, b int64) bool {
	switch c {
	case ledger.CmpEq:
		return a == b
	case ledger.CmpNe:
		return a != b
	case ledger.CmpLt:
		return a < b
	case ledger.CmpLe:
		return a <= b
	case ledger.CmpGt:
		return a > b
	}
	return a >= b
}

// sumKey names a sum: what one source holds of one kind.
type sumKey struct {
	source ledger.Source
	kind   ledger.AmountKind
}

// total is a sum of money; mixed: of several currencies, so that there is none.
type total struct {
	minor    int64
	currency string
	mixed    bool
}

// said is one amount, with the version of the collection that said it.
type said struct {
	amount  ledger.Amount
	version ledger.Version
}

// collection is the amounts of one kind of one object, by native id.
type collection struct {
	newest  ledger.Version // of the newest complete listing
	amounts map[string]said
}

// sums adds up the newest collection of every object (S-9). Documents are taken
// by stamp, then event id.
func (d *dossier) sums() map[sumKey]total {
	type owner struct {
		sumKey
		object ledger.Object
	}
	held := map[owner]*collection{}
	for _, doc := range byStamp(d.living()) {
		version := doc.ev.Version
		if version.Scheme == ledger.SchemeNone {
			b, _ := doc.heard()
			version = ledger.Version{Parts: [3]int64{int64(max(stampOf(doc.ev), b.asked))}}
		}
		for i := range doc.ev.Amounts {
			set := &doc.ev.Amounts[i]
			k := owner{sumKey{doc.ev.Source, set.Kind}, set.Object}
			if held[k] == nil {
				held[k] = &collection{newest: ledger.Version{Parts: [3]int64{-1 << 63}}, amounts: map[string]said{}}
			}
			held[k].take(set, version)
		}
	}
	out := map[sumKey]total{}
	for k, c := range held { //lint:a sums do not depend on order
		for _, a := range c.amounts { //lint:a sums do not depend on order
			t, ok := out[k.sumKey]
			if !ok {
				t.currency = a.amount.Currency
			}
			t.mixed = t.mixed || t.currency != a.amount.Currency
			t.minor += a.amount.Minor
			out[k.sumKey] = t
		}
	}
	return out
}

// take takes in one listing: a complete one forgets what it does not repeat, and
// whatever a newer listing said stays.
func (c *collection) take(set *ledger.AmountSet, v ledger.Version) {
	if v.Compare(c.newest) < 0 {
		return
	}
	if set.Complete {
		c.newest = v
		for id, a := range c.amounts { //lint:a each is looked at alone
			if a.version.Compare(v) <= 0 {
				delete(c.amounts, id)
			}
		}
	}
	for _, a := range set.Amounts {
		if old, ok := c.amounts[a.ID]; !ok || v.Compare(old.version) >= 0 {
			c.amounts[a.ID] = said{a, v}
		}
	}
}
