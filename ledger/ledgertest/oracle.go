package ledgertest

import (
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// Oracle judges the shop's two rules from scratch, slowly and in the most
// obvious way it can: it looks at every instant of an order's whole history
// again for every question. It shares nothing with the fold but the types.
type Oracle struct {
	copies map[ledger.EventID]*heardDoc
	rows   map[string]ledger.State
	clock  ledger.Instant
	heard  map[string][]ledger.Interval // feed → stretches
}

// heardDoc is one document with what its copies taught.
type heardDoc struct {
	e                *ledger.Event
	received         ledger.Instant
	asked, prevAsked ledger.Instant
	delivered        bool
}

// moment is one change of one axis of one source.
type moment struct {
	at, earliest, latest ledger.Instant
	state                ledger.State
}

// NewOracle returns an oracle that has heard nothing.
func NewOracle() *Oracle {
	o := &Oracle{copies: map[ledger.EventID]*heardDoc{}, rows: map[string]ledger.State{}, heard: map[string][]ledger.Interval{}}
	for _, r := range Policy().Rows {
		o.rows[fmt.Sprint(r.System, r.Axis, r.Native)] = r.State
	}
	return o
}

// Hear takes one record of a world.
func (o *Oracle) Hear(x any) {
	switch v := x.(type) {
	case *ledger.Event:
		d := o.copies[v.ID]
		if d == nil {
			d = &heardDoc{e: v, received: v.ReceivedAt}
			o.copies[v.ID] = d
		}
		d.received, d.asked = min(d.received, v.ReceivedAt), max(d.asked, v.AskedAt)
		if v.PrevAsked != 0 && (d.prevAsked == 0 || v.PrevAsked < d.prevAsked) {
			d.prevAsked = v.PrevAsked
		}
		d.delivered = d.delivered || v.AskedAt == 0
	case *ledger.Tick:
		o.clock = max(o.clock, v.Wall)
		for _, f := range v.Feeds {
			for _, iv := range f.Intervals {
				o.heard[string(f.Source)] = ledger.AddInterval(o.heard[string(f.Source)], iv)
			}
		}
	}
}

// settleOf and skew are the shop policy's.
const (
	settleOf = 30 * ledger.Second
	skew     = ledger.Second
)

// history lists the changes of one axis of one source (the worlds have one
// object per source), by the rules S-6 and S-12 read aloud.
func (o *Oracle) history(src ledger.Source, axis ledger.Axis) []moment {
	versions := map[int64][]*heardDoc{}
	dated := map[string]int64{} // word and stamp → least version that carries it
	datedClaim := map[string]ledger.Claim{}
	received := map[string]ledger.Instant{}
	var order []int64
	for _, d := range o.copies {
		if d.e.Source != src {
			continue
		}
		v := d.e.Version.Parts[0]
		for _, c := range d.e.Claims {
			if c.Axis != axis {
				continue
			}
			if c.Mode == ledger.Current {
				versions[v] = append(versions[v], d)
				continue
			}
			k := fmt.Sprint(c.Native, c.Earliest)
			if first, ok := dated[k]; !ok || v < first {
				dated[k], datedClaim[k] = v, c
				received[k] = d.received
			} else if v == first && lessID(d.e.ID, o.datedDoc(src, axis, c, v)) {
				received[k] = d.received
			}
		}
	}
	for v := range versions {
		order = append(order, v)
	}
	slices.Sort(order)
	var out []moment
	at, floor := ledger.Beginning, ledger.Beginning
	for i, v := range order {
		for _, k := range o.datedBefore(dated, datedClaim, order, i) {
			c := datedClaim[k]
			at = max(at, c.Earliest)
			latest := min(c.Latest, o.datedReceived(src, axis, c, dated[k]).Add(skew))
			out = append(out, moment{at, min(c.Earliest, latest), latest, o.state(src, axis, c.Native)})
			floor = max(floor, c.Earliest)
		}
		d, state := o.winner(versions[v], src, axis)
		c := claimOf(d.e, axis)
		bound := ledger.Beginning
	later:
		for _, w := range order[i:] {
			docs := slices.Clone(versions[w])
			slices.SortFunc(docs, func(a, b *heardDoc) int { return compareIDs(a.e.ID, b.e.ID) })
			for _, x := range docs {
				if x.prevAsked != 0 {
					bound = x.prevAsked.Add(-settleFor(src))
					break later
				}
			}
		}
		at = max(at, c.Earliest)
		latest := min(c.Latest, d.received.Add(skew))
		out = append(out, moment{at, min(max(floor, bound), latest), latest, state})
		floor = max(floor, c.Earliest)
	}
	return out
}

func settleFor(ledger.Source) ledger.Micros { return settleOf }

func compareIDs(a, b ledger.EventID) int { return slices.Compare(a[:], b[:]) }

func lessID(a, b ledger.EventID) bool { return compareIDs(a, b) < 0 }

// datedDoc is the document of least id that carries a dated claim at a version.
func (o *Oracle) datedDoc(src ledger.Source, axis ledger.Axis, c ledger.Claim, v int64) ledger.EventID {
	return o.carrier(src, axis, c, v).e.ID
}

func (o *Oracle) datedReceived(src ledger.Source, axis ledger.Axis, c ledger.Claim, v int64) ledger.Instant {
	return o.carrier(src, axis, c, v).received
}

func (o *Oracle) carrier(src ledger.Source, axis ledger.Axis, c ledger.Claim, v int64) *heardDoc {
	var best *heardDoc
	for _, d := range o.copies {
		if d.e.Source != src || d.e.Version.Parts[0] != v {
			continue
		}
		for _, x := range d.e.Claims {
			if x.Axis == axis && x.Mode != ledger.Current && x.Native == c.Native && x.Earliest == c.Earliest && (best == nil || lessID(d.e.ID, best.e.ID)) {
				best = d
			}
		}
	}
	return best
}

// datedBefore lists the dated claims whose document first appears after the
// version before order[i] and no later than order[i], by version, stamp, word.
func (o *Oracle) datedBefore(dated map[string]int64, claims map[string]ledger.Claim, order []int64, i int) []string {
	var keys []string
	for k, v := range dated {
		if v <= order[i] && (i == 0 || v > order[i-1]) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if dated[a] != dated[b] {
			return int(min(max(dated[a]-dated[b], -1), 1))
		}
		x, y := claims[a], claims[b]
		if x.Earliest != y.Earliest {
			return int(min(max(x.Earliest-y.Earliest, -1), 1))
		}
		return slices.Compare([]byte(x.Native), []byte(y.Native))
	})
	return keys
}

func claimOf(e *ledger.Event, axis ledger.Axis) ledger.Claim {
	for _, c := range e.Claims {
		if c.Axis == axis && c.Mode == ledger.Current {
			return c
		}
	}
	return ledger.Claim{}
}

func (o *Oracle) state(src ledger.Source, axis ledger.Axis, word string) ledger.State {
	system := map[ledger.Source]string{Shop: "shop", ERP: "erp", Payments: "gateway"}[src]
	return o.rows[fmt.Sprint(system, axis, word)]
}

// winner decides between the documents of one version.
func (o *Oracle) winner(docs []*heardDoc, src ledger.Source, axis ledger.Axis) (*heardDoc, ledger.State) {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b *heardDoc) int { return compareIDs(a.e.ID, b.e.ID) })
	var lastRead *heardDoc
	for _, d := range docs {
		if d.asked != 0 && (lastRead == nil || d.asked > lastRead.asked) {
			lastRead = d
		}
	}
	if lastRead != nil && (len(docs) == 1 || lastRead.asked >= claimOf(lastRead.e, axis).Latest.Add(settleFor(src))) {
		return lastRead, o.state(src, axis, claimOf(lastRead.e, axis).Native)
	}
	var best *heardDoc
	for _, d := range docs {
		if !d.delivered && d != lastRead {
			continue
		}
		if best == nil || o.state(src, axis, claimOf(d.e, axis).Native) > o.state(src, axis, claimOf(best.e, axis).Native) {
			best = d
		}
	}
	return best, o.state(src, axis, claimOf(best.e, axis).Native)
}

// segments joins a history into stretches of one state: changes at one instant
// are one step, and the same state again does not begin anew.
func segments(h []moment) []moment {
	var out []moment
	state := ledger.Absent
	for i, x := range h {
		if i+1 < len(h) && h[i+1].at == x.at || x.state == state {
			continue
		}
		out, state = append(out, x), x.state
	}
	return out
}

// during is the stretch that holds at t; ABSENT before the first.
func during(segs []moment, t ledger.Instant) moment {
	m := moment{at: ledger.Beginning, earliest: ledger.Beginning, latest: ledger.Beginning}
	for _, x := range segs {
		if x.at <= t {
			m = x
		}
	}
	return m
}

// duty is one episode of one rule, as the oracle sees it.
type duty struct {
	a, until moment
	ended    bool
	void     moment
	voided   bool
}

// Verdicts judges everything heard: rule/step#episode → verdict.
func (o *Oracle) Verdicts() map[string]ledger.VerdictState {
	out := map[string]ledger.VerdictState{}
	order, erp := segments(o.history(Shop, ledger.AxisOrder)), segments(o.history(ERP, ledger.AxisOrder))
	created := ledger.Forever
	for _, m := range order {
		created = min(created, m.earliest)
	}
	for n, d := range ingestion(order, erp) {
		for step, after := range []ledger.Micros{2 * ledger.Minute, 15 * ledger.Minute} {
			out[fmt.Sprintf("ingestion/%d#%d", step, n)] = o.judge(d, after, created, ERP)
		}
	}
	shipped, pending := segments(o.history(Shop, ledger.AxisFulfilment)), segments(o.history(ERP, ledger.AxisFulfilment))
	for n, d := range lag(shipped, pending) {
		out[fmt.Sprintf("shipment-lag/0#%d", n)] = o.judge(d, 15*ledger.Minute, created, ERP, Shop)
	}
	return out
}

// ingestion lists the duties of "placed orders are known to the ERP".
func ingestion(order, erp []moment) []duty {
	var out []duty
	for _, m := range order {
		if m.state != ledger.OrderPlaced {
			continue
		}
		d := duty{a: m}
		if len(erp) > 0 { // heard once, the ERP is never unheard again
			d.until, d.ended = erp[0], true
			if from := m.earliest.Add(-2 * skew); erp[0].at < from {
				d.until.earliest, d.until.latest = min(from, erp[0].earliest), min(from, erp[0].latest)
			}
		}
		for _, c := range order {
			if c.state == ledger.OrderCancelled && c.at > m.at && (!d.ended || c.at < d.until.at) {
				d.void, d.voided, d.ended = c, true, false
				break
			}
		}
		out = append(out, d)
	}
	return out
}

// lag lists the runs of "shipped in the shop and pending in the ERP".
func lag(shop, erp []moment) []duty {
	var instants []ledger.Instant
	for _, m := range slices.Concat(shop, erp) {
		instants = append(instants, m.at)
	}
	slices.Sort(instants)
	var out []duty
	holds := false
	for _, t := range slices.Compact(instants) {
		s, e := during(shop, t), during(erp, t)
		now := ledger.AxisFulfilment.Rank(s.state) >= ledger.AxisFulfilment.Rank(ledger.FulfilmentShipped) && e.state == ledger.FulfilmentPending
		if now == holds {
			continue
		}
		holds = now
		joined := moment{at: t, earliest: max(s.earliest, e.earliest), latest: max(s.latest, e.latest)}
		if now {
			out = append(out, duty{a: joined})
		} else {
			out[len(out)-1].until, out[len(out)-1].ended = joined, true
		}
	}
	return out
}

// judge reads S-23 and S-24 aloud.
func (o *Oracle) judge(d duty, after ledger.Micros, created ledger.Instant, feeds ...ledger.Source) ledger.VerdictState {
	sigma := 2 * skew
	deadline := d.a.latest.Add(after)
	// nothing of an order begins before the order does, but for the skew
	d.a.earliest = max(d.a.earliest, min(created.Add(-sigma), d.a.latest))
	switch {
	case d.ended && d.until.latest < d.a.earliest.Add(after).Add(sigma):
		return ledger.VerdictMet
	case d.ended && d.until.earliest < deadline.Add(sigma):
		return ledger.VerdictMetImprecise
	case d.voided && d.void.earliest < deadline.Add(sigma):
		return ledger.VerdictVoid
	case o.clock < deadline.Add(sigma):
		return ledger.VerdictPending
	case d.ended:
		return ledger.VerdictMetLate
	}
	need := ledger.Interval{From: created.Add(-sigma), Until: deadline.Add(sigma)}
	for _, f := range feeds {
		if ledger.CoversInterval(o.heard[string(f)], need) {
			continue
		}
		until := o.heard[string(f)][len(o.heard[string(f)])-1].Until
		if o.clock.Sub(until) > 50*ledger.Second {
			return ledger.VerdictUndetermined
		}
		return ledger.VerdictPending
	}
	return ledger.VerdictBreached
}
