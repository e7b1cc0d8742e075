package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// Result is what a run showed.
type Result struct {
	Failures []string
	Hash     string
	Steps    int
	Records  int
	// Judged are the obligations that were decided, Breaches how often BREACHED
	// was said; FalseBreaches how often it was said, proven, of what happened in
	// time.
	Judged, Breaches, FalseBreaches int
	Refused, Refills                int
	// verdicts are those at the end: order, rule and step → state; cells those of
	// the orders.
	verdicts map[string]ledger.VerdictState
	cells    map[string]ledger.State
}

// duty is one step of one rule for one order, as it truly was.
type duty struct {
	rule  string
	step  uint8
	after ledger.Micros
	// from opens it, until fulfils it, unless ends it; zero: never.
	from, until, unless ledger.Instant
	// by are the systems whose stamps decide.
	by []int
	// dated: the systems say when until came about.
	dated bool
}

func (s *Shop) duties(l *Life) []duty {
	var out []duty
	add := func(rule string, d duty) {
		r := s.rules[rule]
		for i, step := range r.Steps {
			d.rule, d.step, d.after = rule, uint8(i), step.After
			out = append(out, d)
		}
	}
	add("ingestion", duty{from: l.Placed, until: l.Exported, unless: l.Cancelled, by: []int{web, erp}, dated: true})
	add("capture", duty{from: l.Placed, until: l.Captured, unless: l.Cancelled, by: []int{web, pay}})
	if l.Shipped != 0 {
		add("delivery", duty{from: l.Shipped, until: l.Delivered, unless: l.Cancelled, by: []int{web, erp, post}})
		add("shipment-lag", duty{from: l.Shipped, until: l.Told, by: []int{web, erp}})
	}
	return out
}

// margin is how far from a deadline nobody argues: precision, skews and the time
// a record may stay invisible.
const margin = 15 * ledger.Second

// inTime reports whether the duty was certainly fulfilled, or certainly owed no
// more, before its deadline.
func (d *duty) inTime() bool {
	end := d.from.Add(d.after)
	return d.until != 0 && d.until < end || d.unless != 0 && d.unless < end
}

// broken reports whether the duty was certainly not fulfilled in time.
func (d *duty) broken() bool {
	end := d.from.Add(d.after + margin)
	return (d.until == 0 || d.until >= end) && (d.unless == 0 || d.unless >= end)
}

// examine checks every property of a run that has ended.
func (r *run) examine() *Result {
	out := &Result{Hash: r.Hash(), Steps: r.steps, Refused: r.refused, Refills: r.refills, verdicts: map[string]ledger.VerdictState{}, cells: map[string]ledger.State{}}
	dec := r.shop.codec.NewDecoder()
	var list [logs]*replay
	for i := range logs {
		p := r.replay(i, dec)
		list[i] = p
		out.Records += len(p.records)
		p.stores()
		if !r.unclean {
			p.history()
			p.conservation()
		}
		out.Breaches += len(p.judged)
	}
	if !r.unclean {
		for _, s := range r.systems {
			s.overlooked()
		}
		r.heard(list[:])
		r.judge(list[:partitions], out)
	}
	out.Failures = r.failures
	return out
}

// heard: whatever was acknowledged takes effect in one order, once; and whatever
// the systems show in the end was acknowledged.
func (r *run) heard(list []*replay) {
	found := map[ledger.EventID]int{}
	objects := map[string]int64{}
	for _, p := range list[:partitions] {
		reader := p.read()
		err := reader.Orders("", func(k ledger.OrderKey) bool {
			told, err := reader.Timeline(k)
			if err != nil {
				panic(err)
			}
			for i := range told {
				if e := told[i].Event; e != nil {
					found[e.ID]++
					at := fmt.Sprint(e.Source, "/", e.Object.ID)
					objects[at] = max(objects[at], e.Version.Parts[0])
				}
			}
			return true
		})
		if err != nil {
			panic(err)
		}
	}
	missing := 0
	for id := range r.edge.acked {
		if found[id] != 1 {
			missing++
		}
	}
	if missing > 0 {
		r.fail("%d of %d acknowledged events do not stand in one order once", missing, len(r.edge.acked))
	}
	prefix := [systems]string{"", "so-", "pay-", ""}
	for i, s := range r.systems {
		for _, id := range s.order {
			o := s.objects[id]
			if s.excused(o.order) {
				continue
			}
			newest := o.versions[len(o.versions)-1].seconds
			if got := objects[names[i]+"/"+prefix[i]+id]; got != int64(newest)*1000 {
				r.fail("%s %s: its newest state, of %s, was never heard", names[i], id, stamped(newest))
			}
		}
	}
}

// judge compares what was said with what truly happened.
func (r *run) judge(list []*replay, out *Result) {
	for i := range r.cfg.World.Lives {
		l := &r.cfg.World.Lives[i]
		p := list[ledger.PartitionOf([]byte(l.Key()), partitions)]
		v, ok, err := p.read().Order(l.Key())
		if err != nil || !ok {
			r.fail("%s: nobody knows it (%v)", l.Key(), err)
			continue
		}
		for _, c := range v.Summary.Cells {
			out.cells[fmt.Sprintf("%s %s.%s", l.Key(), c.Source, c.Axis)] = c.State
		}
		r.present(l, out.cells)
		out.Judged += len(v.Verdicts)
		told, err := p.read().Timeline(l.Key())
		if err != nil {
			panic(err)
		}
		for _, d := range r.shop.duties(l) {
			r.judgeDuty(l, &d, v.Verdicts, told, out)
		}
	}
}

// present: the cells show the state that every system is in (S-8).
func (r *run) present(l *Life, cells map[string]ledger.State) {
	at := r.cfg.World.End
	state := func(yes bool, then, otherwise ledger.State) ledger.State {
		if yes {
			return then
		}
		return otherwise
	}
	want := map[string]ledger.State{
		"web.order":      state(happened(l.Cancelled, at), ledger.OrderCancelled, ledger.OrderPlaced),
		"web.fulfilment": state(happened(l.Told, at), ledger.FulfilmentShipped, ledger.FulfilmentPending),
		"pay.payment":    state(happened(l.Captured, at), ledger.PaymentCaptured, ledger.PaymentPending),
	}
	if happened(l.Exported, at) {
		want["erp.order"] = ledger.OrderConfirmed
		want["erp.fulfilment"] = state(happened(l.Shipped, at), ledger.FulfilmentShipped, ledger.FulfilmentPending)
	}
	if happened(l.Posted, at) {
		want["post.fulfilment"] = state(happened(l.Delivered, at), ledger.FulfilmentDelivered, ledger.FulfilmentInTransit)
	}
	for cell, s := range want {
		system, _, _ := strings.Cut(cell, ".")
		if r.systems[systemOf(system)].excused(l.ID) {
			continue
		}
		if got := cells[fmt.Sprintf("%s %s", l.Key(), cell)]; got != s {
			r.fail("%s %s: the state is %d, in truth %d", l.Key(), cell, got, s)
		}
	}
}

// tainted reports whether a system whose word decides stamped the order's
// documents by a clock further off than it declares.
func (r *run) tainted(l *Life, d *duty) bool {
	return slices.ContainsFunc(d.by, func(s int) bool { return r.systems[s].tainted[l.ID] })
}

func (r *run) judgeDuty(l *Life, d *duty, verdicts []ledger.VerdictView, told []ledger.Told, out *Result) {
	name := fmt.Sprintf("%s %s/%d", l.Key(), d.rule, d.step)
	state, basis := ledger.VerdictNone, ledger.BasisProven
	for _, v := range verdicts {
		if v.Rule == d.rule && v.Step == d.step {
			state, basis = v.State, v.Basis
		}
	}
	out.verdicts[name] = state
	r.story(name, d, told)
	if r.tainted(l, d) {
		return
	}
	switch {
	case d.inTime():
		if state == ledger.VerdictBreached || state == ledger.VerdictMetLate || state == ledger.VerdictPending || state == ledger.VerdictUndetermined {
			r.fail("%s: it was kept in time, and the verdict is %s %s", name, state, basis)
		}
		for i := range told {
			f := told[i].Fact
			if f == nil || f.Rule != d.rule || f.Step != d.step || f.To != ledger.VerdictBreached || f.Basis != ledger.BasisProven {
				continue
			}
			if d.until == 0 || d.until >= d.from.Add(d.after) {
				continue // a cancellation, which the rule need not have waited for
			}
			out.FalseBreaches++
			r.fail("%s: BREACHED was said at offset %d, proven, and it was kept in time", name, told[i].Offset)
		}
	case d.broken():
		late := d.until != 0
		ok := state == ledger.VerdictBreached || late && state == ledger.VerdictMetLate || d.until != 0 && !d.dated && state == ledger.VerdictMetImprecise
		if !ok {
			r.fail("%s: it was broken, and the verdict is %s %s", name, state, basis)
		}
		if state == ledger.VerdictBreached && basis != ledger.BasisProven {
			r.fail("%s: it was broken, and that is %s at the end", name, basis)
		}
	}
}

// story: BREACHED is said once at a time, and taken back only after it was said.
func (r *run) story(name string, d *duty, told []ledger.Told) {
	said, basis := ledger.VerdictNone, ledger.BasisProven
	times := 0
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Rule != d.rule || f.Step != d.step || f.Kind != ledger.FactVerdict && f.Kind != ledger.FactRevised {
			continue
		}
		switch {
		case f.To == ledger.VerdictBreached && said == ledger.VerdictBreached && f.Basis == basis:
			r.fail("%s: BREACHED is said twice, again at offset %d", name, told[i].Offset)
		case f.To == ledger.VerdictBreached:
			times++
		case (f.To == ledger.VerdictRetracted || f.From == ledger.VerdictBreached) && times == 0:
			r.fail("%s: %s → %s at offset %d, and BREACHED was never said", name, f.From, f.To, told[i].Offset)
		}
		said, basis = f.To, f.Basis
	}
}

// converge compares a run with one of the same world without faults: cells and
// current verdicts are the same (S-8).
func (r *run) converge(got, want *Result) {
	for k, v := range want.cells {
		if slices.ContainsFunc(r.systems[:], func(s *system) bool { return s.unseen }) {
			break
		}
		if got.cells[k] != v {
			r.fail("%s: %d, without faults %d", k, got.cells[k], v)
		}
	}
	for i := range r.cfg.World.Lives {
		l := &r.cfg.World.Lives[i]
		for _, d := range r.shop.duties(l) {
			name := fmt.Sprintf("%s %s/%d", l.Key(), d.rule, d.step)
			a, b := got.verdicts[name], want.verdicts[name]
			if a == b || r.tainted(l, &d) || vague(a) && vague(b) || !d.inTime() && !d.broken() {
				continue
			}
			if !d.dated && d.until != 0 && (a == ledger.VerdictMetImprecise || b == ledger.VerdictMetImprecise) {
				continue // how well it is known when it came depends on who was asked when
			}
			r.fail("%s: %s, without faults %s", name, a, b)
		}
	}
}

// vague verdicts say the same to whoever waits for an answer.
func vague(v ledger.VerdictState) bool {
	return v == ledger.VerdictMet || v == ledger.VerdictMetImprecise || v == ledger.VerdictVoid
}
