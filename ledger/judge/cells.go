package judge

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// cellKey names a cell: one source on one axis.
type cellKey struct {
	source ledger.Source
	axis   ledger.Axis
}

// cell is a cell as it stands at some instant.
type cell struct {
	state ledger.State
	since stretch
	at    ledger.Instant
}

// turn is a change of one cell.
type turn struct {
	cellKey
	before ledger.State
	cell
}

// object is one register with its history.
type object struct {
	objectKey
	history []change
}

// standing is an object's state at an instant, ABSENT before its history.
func (o *object) standing(at ledger.Instant) ledger.State {
	state := ledger.Absent
	for _, c := range o.history {
		if c.at <= at {
			state = c.state
		}
	}
	return state
}

// objects lays out the history of every object of an order.
func (d *dossier) objects(l *law) []object {
	var out []object
	for k, words := range d.words(l) { //lint:sorted below
		out = append(out, object{k, l.historyOf(words)})
	}
	slices.SortFunc(out, func(a, b object) int { return compareObjects(a.objectKey, b.objectKey) })
	return out
}

// instants lists when anything changed, ascending.
func instants(objects []object) []ledger.Instant {
	var out []ledger.Instant
	for i := range objects {
		for _, c := range objects[i].history {
			out = append(out, c.at)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// turnsAt lists which cells change at an instant, by source and axis. What
// changes at one instant changes in one step (S-7).
func (l *law) turnsAt(objects []object, cells map[cellKey]cell, at ledger.Instant) []turn {
	var touched []cellKey
	began := map[cellKey]stretch{}
	for i := range objects {
		o, k := &objects[i], cellKey{objects[i].source, objects[i].axis}
		last := slices.IndexFunc(o.history, func(c change) bool { return c.at == at })
		if last < 0 {
			continue
		}
		for last+1 < len(o.history) && o.history[last+1].at == at {
			last++
		}
		if old, ok := began[k]; ok {
			began[k] = both(old, o.history[last].began)
		} else {
			began[k] = o.history[last].began
			touched = append(touched, k)
		}
	}
	var out []turn
	for _, k := range touched {
		if next := l.rollUp(objects, k, at); next != cells[k].state {
			out = append(out, turn{k, cells[k].state, cell{next, began[k], at}})
		}
	}
	return out
}

// rollUp is what the objects of a cell amount to at an instant.
func (l *law) rollUp(objects []object, k cellKey, at ledger.Instant) ledger.State {
	states := func(types ...string) []ledger.State {
		var out []ledger.State
		for i := range objects {
			o := &objects[i]
			if o.source == k.source && o.axis == k.axis && (len(types) == 0 || slices.Contains(types, o.object.Type)) {
				out = append(out, o.standing(at))
			}
		}
		return out
	}
	decl := l.rollups[systemAxis{l.systemOf(k.source), k.axis}]
	if decl == nil {
		return together(k.axis, states())
	}
	if decl.How == ledger.RollupProgress {
		return together(k.axis, states(decl.Objects...))
	}
	best := ledger.Absent
	for i, t := range decl.Objects {
		s := together(k.axis, states(t))
		switch {
		case s == ledger.Absent:
		case !s.Certain():
			return s
		case best == ledger.Absent:
			best = s
		case !further(k.axis, s, best):
		case decl.How == ledger.RollupFurthest, i > 0 && mayRefine(k.axis, best):
			best = s
		}
	}
	return best
}

// together joins the states of objects of one kind: uncertain if any is; along
// the lifecycle, where the last one is, or the partial state of the first
// milestone that some have passed; beside it only if nothing stands on it.
func together(axis ledger.Axis, states []ledger.State) ledger.State {
	uncertain, beside := ledger.Absent, ledger.Absent
	var line []ledger.State
	for _, s := range states {
		switch {
		case s == ledger.Absent:
		case !s.Certain():
			uncertain = max(uncertain, s)
		case axis.Rank(s) == 0:
			beside = max(beside, s)
		default:
			line = append(line, s)
		}
	}
	switch {
	case uncertain != ledger.Absent:
		return uncertain
	case len(line) == 0:
		return beside
	}
	slices.SortFunc(line, func(a, b ledger.State) int { return axis.Rank(a) - axis.Rank(b) })
	last, first := line[0], line[len(line)-1]
	for _, m := range milestones[axis] {
		if axis.Rank(m.whole) > axis.Rank(last) && axis.Rank(m.whole) <= axis.Rank(first) {
			if axis.Rank(m.partial) < axis.Rank(last) {
				return last
			}
			return m.partial
		}
	}
	return last
}

// further reports whether a is further along than b; what stands beside the
// line ends or suspends what stands on it.
func further(axis ledger.Axis, a, b ledger.State) bool {
	ra, rb := axis.Rank(a), axis.Rank(b)
	switch {
	case ra > 0 && rb > 0:
		return ra > rb
	case ra == 0 && rb == 0:
		return a > b
	}
	return ra == 0
}

// milestone is a state that has a partial form.
type milestone struct{ whole, partial ledger.State }

// milestones are the partial states of each axis, along its line.
var milestones = map[ledger.Axis][]milestone{
	ledger.AxisPayment: {{ledger.PaymentCaptured, ledger.PaymentPartiallyCaptured}, {ledger.PaymentRefunded, ledger.PaymentPartiallyRefunded}},
	ledger.AxisFulfilment: {
		{ledger.FulfilmentPicked, ledger.FulfilmentPartiallyPicked}, {ledger.FulfilmentPacked, ledger.FulfilmentPartiallyPacked},
		{ledger.FulfilmentShipped, ledger.FulfilmentPartiallyShipped}, {ledger.FulfilmentDelivered, ledger.FulfilmentPartiallyDelivered},
	},
	ledger.AxisReturn:     {{ledger.ReturnReceived, ledger.ReturnPartiallyReceived}},
	ledger.AxisAllocation: {{ledger.AllocationAllocated, ledger.AllocationPartiallyAllocated}},
}

// mayRefine reports whether smaller objects may say more than a leading one in
// this state: a shipped order may be delivered, an open one may not.
func mayRefine(axis ledger.Axis, s ledger.State) bool {
	from := map[ledger.Axis]ledger.State{ledger.AxisPayment: ledger.PaymentCaptured, ledger.AxisFulfilment: ledger.FulfilmentShipped}[axis]
	return axis.Rank(s) > 0 && axis.Rank(s) >= axis.Rank(from)
}

// passing are the states beside the line that an order may enter and leave
// again between two looks.
var passing = map[ledger.Axis][]ledger.State{
	ledger.AxisOrder:      {ledger.OrderHold},
	ledger.AxisFulfilment: {ledger.FulfilmentHold, ledger.FulfilmentAttemptFailed},
	ledger.AxisPayment:    {ledger.PaymentDisputed},
	ledger.AxisAllocation: {ledger.AllocationBackordered},
}
