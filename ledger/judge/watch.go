package judge

import "github.com/orderledger/orderledger/ledger"

// watch is a partition's clock and what makes it believe a tick (S-15): a boot
// has a credit of a second, which grows by a hundredth of its boot time; what
// goes beyond it, a first tick, a new boot, waits until somebody else agrees.
type watch struct {
	clock ledger.Instant
	date  ledger.Instant // the newest Date of any source
	boots []boot
	// doubt is the tick that waits, nil if none does.
	doubt *doubt
}

type boot struct {
	id     [16]byte
	wall   ledger.Instant // at the newest tick
	up     ledger.Micros
	credit ledger.Micros
	began  ledger.Instant // wall − up when it was last believed
}

type doubt struct {
	id    [16]byte
	wall  ledger.Instant
	since ledger.Instant
	ticks int
	up    ledger.Micros
}

const (
	fullCredit  = ledger.Second
	agreement   = 2 * ledger.Second
	dateSlack   = 5 * ledger.Second
	aloneFor    = ledger.Minute
	aloneTicks  = 3
	aloneGap    = 30 * ledger.Second
	bootsKept   = 16
	creditShare = 100
)

func (w *watch) boot(id [16]byte) *boot {
	for i := range w.boots {
		if w.boots[i].id == id {
			return &w.boots[i]
		}
	}
	return nil
}

// seen notes a boot's tick: its credit grows.
func (b *boot) seen(t *ledger.Tick) {
	if t.BootClock > b.up && b.up > 0 {
		b.credit = min(fullCredit, b.credit+(t.BootClock-b.up)/creditShare)
	}
	b.wall, b.up = t.Wall, t.BootClock
}

// take takes a tick and reports whether the clock moved.
func (w *watch) take(t *ledger.Tick) bool {
	if t.SourceDate > w.date {
		w.date = t.SourceDate
		if w.doubt != nil && w.doubt.wall-w.date > ledger.Instant(dateSlack) {
			w.doubt = nil
		}
	}
	before, b := w.clock, w.boot(t.BootID)
	switch {
	case w.clock != 0 && t.Wall <= w.clock:
		w.behind(t)
		if b = w.boot(t.BootID); b == nil {
			b = w.meet(t.BootID, t.Wall, t.BootClock)
		}
		b.seen(t)
	case w.clock == 0 || b == nil:
		if b != nil {
			b.seen(t)
		}
		w.ahead(t)
	default:
		b.seen(t)
		ran := (t.Wall - ledger.Instant(t.BootClock)) - b.began
		if ledger.Micros(ran) > b.credit {
			w.ahead(t)
			break
		}
		b.credit -= max(ledger.Micros(ran), 0)
		b.began = t.Wall - ledger.Instant(t.BootClock)
		w.clock = t.Wall
		if w.doubt != nil && w.doubt.wall <= w.clock {
			w.doubt = nil
		}
	}
	return w.clock != before
}

// behind takes a tick that is not ahead of the clock: it may bear out the one
// that waits, or takes its run away.
func (w *watch) behind(t *ledger.Tick) {
	switch d := w.doubt; {
	case d == nil:
	case t.BootID != d.id && t.Wall >= d.wall-ledger.Instant(agreement), w.agrees(d.wall):
		w.believe(d.id, d.wall, d.up)
	default:
		w.doubt = nil
	}
}

// ahead takes a tick that nobody vouches for yet.
func (w *watch) ahead(t *ledger.Tick) {
	if w.agrees(t.Wall) {
		w.believe(t.BootID, t.Wall, t.BootClock)
		return
	}
	fresh := &doubt{id: t.BootID, wall: t.Wall, since: t.Wall, ticks: 1, up: t.BootClock}
	d := w.doubt
	switch {
	case d == nil:
		w.doubt = fresh
	case d.id != t.BootID && t.Wall >= d.wall-ledger.Instant(agreement):
		w.believe(d.id, d.wall, d.up)
		if t.Wall > w.clock {
			w.doubt = fresh
		}
	case d.id != t.BootID || !d.steady(t):
		w.doubt = fresh
	default:
		d.ticks++
		d.wall, d.up = t.Wall, t.BootClock
		if d.ticks >= aloneTicks && ledger.Micros(d.wall-d.since) >= aloneFor {
			w.believe(d.id, d.wall, d.up)
		}
	}
}

// steady reports whether a boot's next tick goes on as the one before.
func (d *doubt) steady(t *ledger.Tick) bool {
	wall, up := ledger.Micros(t.Wall-d.wall), t.BootClock-d.up
	return wall > 0 && wall <= aloneGap && max(wall-up, up-wall) <= fullCredit
}

func (w *watch) agrees(wall ledger.Instant) bool {
	return w.date != 0 && max(wall-w.date, w.date-wall) <= ledger.Instant(dateSlack)
}

func (w *watch) meet(id [16]byte, wall ledger.Instant, up ledger.Micros) *boot {
	if len(w.boots) == bootsKept {
		w.boots = w.boots[1:]
	}
	w.boots = append(w.boots, boot{id: id, wall: wall, up: up, credit: fullCredit, began: wall - ledger.Instant(up)})
	return &w.boots[len(w.boots)-1]
}

// believe takes a wall for the clock and gives its boot a fresh start.
func (w *watch) believe(id [16]byte, wall ledger.Instant, up ledger.Micros) {
	w.clock, w.doubt = max(w.clock, wall), nil
	if b := w.boot(id); b != nil {
		*b = boot{id: id, wall: wall, up: up, credit: fullCredit, began: wall - ledger.Instant(up)}
		return
	}
	w.meet(id, wall, up)
}
