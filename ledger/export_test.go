package ledger

import "fmt"

// Rewalk walks every order in memory anew and says which one's run differs
// from the one it was walked on to.
func Rewalk(p *Partition) error {
	for key, o := range p.orders { //lint:sorted only the first difference is told
		if !o.walked {
			return fmt.Errorf("order %s: not walked", key)
		}
		got := walked(o)
		p.walk(o)
		if want := walked(o); got != want {
			return fmt.Errorf("order %s: walked on to\n%s\nwalked anew\n%s", key, got, want)
		}
	}
	return nil
}

func walked(o *order) string {
	s := fmt.Sprintf("%+v", o.run)
	for i := range o.regs {
		r := &o.regs[i]
		s += fmt.Sprintf("\n%d %s %v: %s at %d, floor %d", r.src, r.axis, r.object, r.axis.StateName(r.value), r.at, r.floor)
		if r.top != nil {
			s += fmt.Sprintf(", top %v %d", r.top.Version, r.top.Earliest)
		}
	}
	return s
}

// Judged is what the fold itself holds of an order, base and all: its cells and
// the verdicts of its newest episodes.
func Judged(p *Partition, k OrderKey) string {
	o, err := p.order(k)
	if err != nil {
		panic(err)
	}
	s := p.summary(o)
	out := fmt.Sprintf("%+v\n", s.Cells)
	p.judgeAll(o)
	newest := map[string]uint32{}
	for i := range p.verdicts {
		v := &p.verdicts[i]
		newest[v.j.Name] = max(newest[v.j.Name], v.e.n)
	}
	for i := range p.verdicts {
		if v := &p.verdicts[i]; v.e.n+episodesKept > newest[v.j.Name] {
			out += fmt.Sprintf("%s/%d#%d %s %s %v\n", v.j.Name, v.step, v.e.n, v.state, v.basis, v.e.until)
		}
	}
	return out
}
