package lab

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// view is what a baseline knows of one order: the newest claim of every object,
// as the matrix reads it. That is more than such tools know: documents are joined
// for them by the truth, and versions put in order.
type view struct {
	key       string
	registers map[register]stated
	born      time.Time // as the first document that came
	touched   time.Time // when the last document came
	// holds are since when each trouble holds, by when documents came and by their
	// stamps; zero: it does not.
	holds, stamped []time.Time
	word           string // the last word that the matrix does not know
	wordAxis       ledger.Axis
	wordSource     ledger.Source
}

type register struct {
	role   ledger.Role
	axis   ledger.Axis
	object ledger.Object
}

type stated struct {
	version ledger.Version
	state   ledger.State
}

// cell is the furthest state of a role's objects on an axis.
func (v *view) cell(r ledger.Role, a ledger.Axis) ledger.State {
	out := ledger.Absent
	for k, s := range v.registers {
		if k.role == r && k.axis == a {
			out = max(out, s.state)
		}
	}
	return out
}

// rank is the furthest place on the lifecycle.
func (v *view) rank(r ledger.Role, a ledger.Axis) int { return a.Rank(v.cell(r, a)) }

// trouble is one thing that can be wrong with an order: the shipped rules, said
// once more in a few words, with the names under which they are claimed.
type trouble struct {
	steps []step
	holds func(v *view) bool
	// error: a system itself says that something went wrong.
	error bool
}

type step struct {
	exception string
	after     time.Duration
}

const (
	front, money, back, depot = ledger.RoleStorefront, ledger.RolePayment, ledger.RoleERP, ledger.RoleWMS
)

func troubles() []trouble {
	captured := func(v *view) bool {
		s := v.cell(money, ledger.AxisPayment)
		return s == ledger.PaymentCaptured || s == ledger.PaymentPartiallyRefunded
	}
	cancelled := func(v *view) bool { return v.cell(front, ledger.AxisOrder) == ledger.OrderCancelled }
	one := func(name string, after time.Duration, holds func(*view) bool) trouble {
		return trouble{steps: []step{{name, after}}, holds: holds}
	}
	list := []trouble{
		{steps: []step{{"IngestionPendingAudit", 2 * time.Minute}, {"CheckoutDisconnect", 15 * time.Minute}}, holds: func(v *view) bool {
			return v.cell(front, ledger.AxisOrder) != ledger.Absent && !cancelled(v) && v.cell(back, ledger.AxisOrder) == ledger.Absent
		}},
		one("SilentCancellation", 5*time.Minute, func(v *view) bool {
			r := v.rank(back, ledger.AxisOrder)
			return cancelled(v) && ((r > 0 && r < ledger.AxisOrder.Rank(ledger.OrderClosed)) || v.rank(depot, ledger.AxisFulfilment) >= ledger.AxisFulfilment.Rank(ledger.FulfilmentPicked))
		}),
		one("ShipmentLag", 15*time.Minute, func(v *view) bool {
			return v.rank(front, ledger.AxisFulfilment) >= ledger.AxisFulfilment.Rank(ledger.FulfilmentShipped) && v.cell(back, ledger.AxisFulfilment) == ledger.FulfilmentPending
		}),
		one("ReturnDisconnect", 15*time.Minute, func(v *view) bool {
			return v.cell(front, ledger.AxisReturn) != ledger.Absent && v.cell(back, ledger.AxisReturn) == ledger.Absent
		}),
		one("PaymentGap", 15*time.Minute, func(v *view) bool { return captured(v) && v.cell(back, ledger.AxisPayment) == ledger.PaymentPending }),
		one("PaymentCallbackLost", 15*time.Minute, func(v *view) bool { return captured(v) && v.cell(front, ledger.AxisPayment) == ledger.PaymentPending }),
	}
	rejected := one("ConfirmedThenRejected", 2*time.Minute, func(v *view) bool {
		s := v.cell(back, ledger.AxisOrder)
		return (s == ledger.OrderRejected || s == ledger.OrderCancelled) && !cancelled(v)
	})
	unmapped := one(ledger.NameUnmapped, 0, func(v *view) bool { return v.word != "" })
	rejected.error, unmapped.error = true, true
	return append(list, rejected, unmapped)
}

// shelf is what the baselines share: the orders as they would see them.
type shelf struct {
	policy   *ledger.Policy
	sources  map[ledger.Source]ledger.SourceSpec
	troubles []trouble
	orders   map[string]*view
	active   map[string]*view // that have a trouble
	stream   time.Time        // the greatest stamp that was heard
	now      time.Time
}

func newShelf(p *ledger.Policy) *shelf {
	s := &shelf{policy: p, sources: map[ledger.Source]ledger.SourceSpec{}, troubles: troubles(), orders: map[string]*view{}, active: map[string]*view{}}
	for _, x := range p.Sources {
		s.sources[x.Name] = x
	}
	return s
}

// hear takes in what one document says.
func (s *shelf) hear(h heard) {
	at := h.event.ReceivedAt.Time()
	v := s.orders[h.order]
	if v == nil {
		v = &view{key: h.order, registers: map[register]stated{}, born: at, holds: make([]time.Time, len(s.troubles)), stamped: make([]time.Time, len(s.troubles))}
		s.orders[h.order] = v
	}
	src := s.sources[h.event.Source]
	stamp := time.Time{}
	for i := range h.event.Claims {
		c := &h.event.Claims[i]
		if c.Mode != ledger.Current {
			continue
		}
		stamp = later(stamp, c.Earliest.Time())
		state, known := s.mapped(src.System, c)
		if !known {
			v.word, v.wordAxis, v.wordSource = c.Native, c.Axis, src.Name
			continue
		}
		k := register{src.Role, c.Axis, c.Object}
		if old, ok := v.registers[k]; !ok || !older(c.Version, old.version) {
			v.registers[k] = stated{c.Version, state}
		}
	}
	v.touched = later(v.touched, at)
	s.stream = later(s.stream, stamp)
	s.refresh(v, at, later(stamp, v.born.Add(-time.Minute)))
}

// refresh notes which troubles hold since when.
func (s *shelf) refresh(v *view, at, stamp time.Time) {
	any := false
	for i := range s.troubles {
		switch {
		case !s.troubles[i].holds(v):
			v.holds[i], v.stamped[i] = time.Time{}, time.Time{}
		case v.holds[i].IsZero():
			v.holds[i], v.stamped[i] = at, stamp
		}
		any = any || !v.holds[i].IsZero()
	}
	if any {
		s.active[v.key] = v
	} else {
		delete(s.active, v.key)
	}
}

func (s *shelf) mapped(system string, c *ledger.Claim) (ledger.State, bool) {
	at, ok := slices.BinarySearchFunc(s.policy.Rows, c, func(r ledger.MatrixRow, c *ledger.Claim) int {
		return cmp.Or(cmp.Compare(r.System, system), cmp.Compare(r.Axis, c.Axis), cmp.Compare(r.Native, c.Native))
	})
	if !ok {
		return 0, false
	}
	return s.policy.Rows[at].State, true
}

func older(a, b ledger.Version) bool { return slices.Compare(a.Parts[:], b.Parts[:]) < 0 }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// baseline is another way to find trouble on the same shelf.
type baseline struct {
	name string
	// fires reports whether a trouble is claimed now that has to hold for a span.
	fires func(s *shelf, v *view, trouble int, after time.Duration) bool
	said  map[string]bool
	all   []truth.Claim
}

// look lets the baseline look at every order in trouble.
func (b *baseline) look(s *shelf) {
	for _, v := range s.active {
		for i := range s.troubles {
			for _, st := range s.troubles[i].steps {
				if v.holds[i].IsZero() || b.said[v.key+st.exception] || !b.fires(s, v, i, st.after) {
					continue
				}
				b.said[v.key+st.exception] = true
				b.all = append(b.all, s.claim(v, i, st.exception))
			}
		}
	}
}

func (s *shelf) claim(v *view, trouble int, exception string) truth.Claim {
	c := truth.Claim{ID: v.key + strconv.Itoa(trouble), Exception: exception, Subject: truth.OrderSubject(v.key), SaidAt: s.now}
	if exception == ledger.NameUnmapped {
		c.Subject = truth.WordSubject(string(v.wordSource), v.wordAxis.String(), v.word)
	}
	return c
}
