package judge

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// episode is one obligation (S-25).
type episode struct {
	n       uint32
	anchor  stretch
	at      ledger.Instant
	unknown ledger.Instant // where the unknown before it began, 0 if none

	met      bool
	until    stretch
	untilAt  ledger.Instant
	lapsed   bool
	lapse    stretch
	nothing  bool           // it had lapsed before it began: nothing was owed
	hidden   ledger.Instant // where its end could first have hidden
	doubtful bool           // its end was not known at some step
}

// period is the newest stretch over which a predicate certainly held.
type period struct {
	now, ever bool
	began     stretch
	at, end   ledger.Instant
}

func (p *period) follow(a answer, began stretch, at ledger.Instant) {
	switch {
	case a == yes && !p.now:
		*p = period{now: true, ever: true, began: began, at: at, end: p.end}
	case a != yes && p.now:
		p.now, p.end = false, at
	}
}

// tale is the history of one order's cells, with what stands at its end.
type tale struct {
	view
	steps []step
	// created is when the origin's order began, Forever if it was never heard.
	created ledger.Instant
}

// step is one instant at which cells changed.
type step struct {
	at    ledger.Instant
	turns []turn
}

// tell lays out an order's history.
func (d *dossier) tell(l *law, origin ledger.Source) *tale {
	bind, _ := l.bindings(origin)
	t := &tale{view: view{bind: bind, cells: map[cellKey]cell{}, sums: d.sums()}, created: ledger.Forever}
	objects := d.objects(l)
	for _, at := range instants(objects) {
		turns := l.turnsAt(objects, t.cells, at)
		if len(turns) == 0 {
			continue
		}
		t.steps = append(t.steps, step{at, turns})
		for _, x := range turns {
			t.cells[x.cellKey] = x.cell
			if x.source == origin && x.axis == ledger.AxisOrder {
				t.created = min(t.created, x.since.Earliest)
			}
		}
	}
	return t
}

// teller walks one rule through a history, from its beginning.
type teller struct {
	s        *statute
	v        view
	opening  answer // its last certain answer
	unknown  ledger.Instant
	close    period
	lapse    period
	episodes []episode
}

// episodes lists the obligations of one rule in a history.
func (t *tale) episodes(s *statute) []episode {
	w := &teller{s: s, v: view{bind: t.bind, cells: map[cellKey]cell{}, sums: t.sums}}
	reads := map[cellKey]bool{}
	for _, c := range slices.Concat(s.openCells, s.closeCells, s.unlessCells) {
		if src, ok := t.bind[c.Role]; ok {
			reads[cellKey{src, c.Axis}] = true
		}
	}
	for _, st := range t.steps {
		concerned := false
		for _, x := range st.turns {
			w.hide(x)
			w.v.cells[x.cellKey] = x.cell
			concerned = concerned || reads[x.cellKey]
		}
		if concerned {
			w.step(st.at)
		}
	}
	return w.episodes
}

// step looks at one instant: does the rule open, close, lapse?
func (w *teller) step(at ledger.Instant) {
	closed, lapsed := w.s.closed(&w.v), no
	w.close.follow(closed, w.v.edge(w.s.closeCells), at)
	if w.s.lapses != nil {
		lapsed = w.v.ask(w.s.lapses)
		w.lapse.follow(lapsed, w.v.edge(w.s.unlessCells), at)
	}
	w.open(at)
	for i := range w.episodes {
		e := &w.episodes[i]
		stale := w.s.Fresh && w.close.at < e.anchor.Earliest.Add(-w.s.sigma)
		switch {
		case e.met || e.lapsed || closed == yes && stale:
		case closed == yes:
			e.met, e.until, e.untilAt = true, w.close.began, at
		case lapsed == yes:
			e.lapsed, e.lapse = true, w.lapse.began
		case closed == unknown || lapsed == unknown:
			e.doubtful = true
		}
	}
}

// open follows the opening predicate: only its edge from no to yes opens; what
// is not known opens nothing.
func (w *teller) open(at ledger.Instant) {
	switch w.v.ask(w.s.opens) {
	case unknown:
		if w.unknown == 0 {
			w.unknown = at
		}
		return
	case no:
		w.opening, w.unknown = no, 0
		return
	}
	if w.opening == no && !w.bridge(at) {
		w.begin(at)
	}
	w.opening, w.unknown = yes, 0
}

// bridge goes on with a drift rule's last run after a short gap.
func (w *teller) bridge(at ledger.Instant) bool {
	n := len(w.episodes)
	if !w.s.drift || n == 0 || !w.episodes[n-1].met || at.Sub(w.episodes[n-1].untilAt) >= w.s.Bridge {
		return false
	}
	w.episodes[n-1].met = false
	return true
}

// begin opens an obligation, and looks what already ends it.
func (w *teller) begin(at ledger.Instant) {
	e := episode{n: uint32(len(w.episodes)), anchor: w.v.edge(w.s.openCells), at: at, unknown: w.unknown, hidden: ledger.Forever}
	from := e.anchor.Earliest.Add(-w.s.sigma)
	held := w.close.ever && (w.close.now || w.close.end > from) && (!w.s.Fresh || w.close.at >= from)
	switch {
	case !w.s.drift && held:
		e.met, e.until, e.untilAt = true, w.close.began, w.close.at
		if w.close.at < from {
			e.until = stretch{Earliest: min(from, e.until.Earliest), Latest: min(from, e.until.Latest)}
		}
	case w.lapse.now:
		e.lapsed, e.lapse, e.nothing = true, w.lapse.began, true
	}
	w.episodes = append(w.episodes, e)
}

// edge is when what a predicate reads began to be as it is.
func (v *view) edge(cells []ledger.CellRef) stretch {
	out := stretch{Earliest: ledger.Beginning, Latest: ledger.Beginning}
	for _, c := range cells {
		if x := v.cell(c); x.state != ledger.Absent {
			out = both(out, x.since)
		}
	}
	return out
}

// hide notes whether the end of an obligation could have hidden in what a cell
// passed through unseen before it turned (S-25).
func (w *teller) hide(x turn) {
	if w.s.drift || !slices.ContainsFunc(w.s.closeCells, func(c ledger.CellRef) bool {
		return w.v.bind[c.Role] == x.source && c.Axis == x.axis && w.v.bind[c.Role] != ""
	}) {
		return
	}
	lo, hi := x.axis.Rank(x.before), x.axis.Rank(x.state)
	could := false
	for _, s := range x.axis.States() {
		between := hi > 0 && (lo > 0 || x.before == ledger.Absent) && x.axis.Rank(s) > lo && x.axis.Rank(s) < hi
		if s < 8 || s == x.before || s == x.state || !between && !slices.Contains(passing[x.axis], s) {
			continue
		}
		was, had := w.v.cells[x.cellKey]
		as := was
		as.state = s
		w.v.cells[x.cellKey] = as
		could = could || w.s.closed(&w.v) == yes
		if w.v.cells[x.cellKey] = was; !had {
			delete(w.v.cells, x.cellKey)
		}
	}
	for i := range w.episodes {
		if e := &w.episodes[i]; could && !e.met && !e.lapsed {
			e.hidden = min(e.hidden, x.since.Earliest)
		}
	}
}
