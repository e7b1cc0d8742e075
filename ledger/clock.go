package ledger

// The guard of a partition's clock (S-15).
const (
	guardCredit       = Second      // a boot's credit
	guardConfirm      = 2 * Second  // another boot's tick confirms wall − 2 s
	guardDateAgrees   = 5 * Second  // a source's Date confirms within 5 s
	guardAloneSpan    = Minute      // a lone boot is believed after this long …
	guardAloneTicks   = 3           // … and this many consistent ticks …
	guardAloneGap     = 30 * Second // … no further apart than this
	guardRefillDivide = 100         // credit refills at 1 % of boot time
)

// boot is what the guard remembers of one proposer's boot.
type boot struct {
	ID     [16]byte
	Wall   Instant // of its newest tick
	Clock  Micros  // of its newest tick
	Credit Micros
	// Offset is wall − boot clock when last accepted; a step is measured from it.
	Offset Instant
}

// withheld is a tick whose wall is not yet believed.
type withheld struct {
	Boot  [16]byte
	Wall  Instant // newest consistent wall
	First Instant // wall of the first tick of this run
	Ticks uint32
	Clock Micros
}

// Guard decides which ticks move a partition's clock. Its state is a function
// of the ticks folded so far.
type Guard struct {
	Clock    Instant
	Boots    []boot
	Withheld *withheld
	// Date is the newest Date a source answered, as ticks reported it.
	Date Instant
}

// Offer folds a tick and reports whether the clock moved.
func (g *Guard) Offer(t *Tick) bool {
	if t.SourceDate > g.Date {
		g.Date = t.SourceDate
		if w := g.Withheld; w != nil && w.Wall.Sub(g.Date) > guardDateAgrees {
			g.Withheld = nil // a lower Date restarts the run
		}
	}
	before := g.Clock
	known := g.find(t.BootID)
	switch {
	case t.Wall <= g.Clock && g.Clock != 0:
		g.confirm(t)
		g.remember(known, t, true)
		return g.Clock != before
	case known == nil || g.Clock == 0:
		g.remember(known, t, false)
		g.withhold(t)
	case g.affords(known, t):
		g.Clock = max(g.Clock, t.Wall)
		if g.Withheld != nil && g.Withheld.Wall <= g.Clock {
			g.Withheld = nil
		}
	default:
		g.withhold(t)
	}
	return g.Clock != before
}

func (g *Guard) find(id [16]byte) *boot {
	for i := range g.Boots {
		if g.Boots[i].ID == id {
			return &g.Boots[i]
		}
	}
	return nil
}

// maxBoots bounds the memory of boots; the least recent is forgotten.
const maxBoots = 16

func (g *Guard) remember(b *boot, t *Tick, settled bool) {
	if b == nil {
		if !settled {
			return
		}
		if len(g.Boots) >= maxBoots {
			g.Boots = append(g.Boots[:0], g.Boots[1:]...)
		}
		g.Boots = append(g.Boots, boot{ID: t.BootID, Credit: guardCredit, Offset: t.Wall - Instant(t.BootClock)})
		b = &g.Boots[len(g.Boots)-1]
	}
	b.refill(t.BootClock)
	b.Wall, b.Clock = t.Wall, t.BootClock
}

func (b *boot) refill(clock Micros) {
	if clock > b.Clock && b.Clock > 0 {
		b.Credit = min(guardCredit, b.Credit+(clock-b.Clock)/guardRefillDivide)
	}
}

// affords charges a known boot's credit with the step by which its wall clock
// ran ahead of its boot clock. False: the step exceeds the credit.
func (g *Guard) affords(b *boot, t *Tick) bool {
	b.refill(t.BootClock)
	b.Wall, b.Clock = t.Wall, t.BootClock
	step := (t.Wall - Instant(t.BootClock)).Sub(b.Offset)
	if step > b.Credit {
		return false
	}
	if step > 0 {
		b.Credit -= step
	}
	b.Offset = t.Wall - Instant(t.BootClock)
	return true
}

// withhold keeps a tick until something confirms it.
func (g *Guard) withhold(t *Tick) {
	if g.dateAgrees(t.Wall) {
		g.accept(t.BootID, t.Wall, t.BootClock)
		return
	}
	w := g.Withheld
	switch {
	case w == nil:
		g.Withheld = &withheld{Boot: t.BootID, Wall: t.Wall, First: t.Wall, Ticks: 1, Clock: t.BootClock}
	case w.Boot != t.BootID:
		if t.Wall >= w.Wall-Instant(guardConfirm) {
			g.accept(w.Boot, w.Wall, w.Clock)
			if t.Wall > g.Clock { // the confirming boot's own surplus waits in turn
				g.Withheld = &withheld{Boot: t.BootID, Wall: t.Wall, First: t.Wall, Ticks: 1, Clock: t.BootClock}
			}
			return
		}
		g.Withheld = &withheld{Boot: t.BootID, Wall: t.Wall, First: t.Wall, Ticks: 1, Clock: t.BootClock}
	case !w.consistent(t):
		g.Withheld = &withheld{Boot: t.BootID, Wall: t.Wall, First: t.Wall, Ticks: 1, Clock: t.BootClock}
	default:
		w.Ticks++
		w.Wall, w.Clock = t.Wall, t.BootClock
		if w.Ticks >= guardAloneTicks && w.Wall.Sub(w.First) >= guardAloneSpan {
			g.accept(w.Boot, w.Wall, w.Clock)
		}
	}
}

// consistent reports whether a tick of the same boot continues the run: later,
// no further than the permitted gap, and in step with the boot clock.
func (w *withheld) consistent(t *Tick) bool {
	wall, mono := t.Wall.Sub(w.Wall), t.BootClock-w.Clock
	return wall > 0 && wall <= guardAloneGap && wall-mono <= guardCredit && mono-wall <= guardCredit
}

// confirm lets a tick at or below the clock speak about a withheld one.
func (g *Guard) confirm(t *Tick) {
	w := g.Withheld
	if w == nil {
		return
	}
	if t.BootID != w.Boot && t.Wall >= w.Wall-Instant(guardConfirm) || g.dateAgrees(w.Wall) {
		g.accept(w.Boot, w.Wall, w.Clock)
		return
	}
	g.Withheld = nil // a lower tick restarts the run
}

func (g *Guard) dateAgrees(wall Instant) bool {
	if g.Date == 0 {
		return false
	}
	d := wall.Sub(g.Date)
	return d <= guardDateAgrees && d >= -guardDateAgrees
}

// accept believes a withheld wall and gives its boot a fresh start.
func (g *Guard) accept(id [16]byte, wall Instant, clock Micros) {
	g.Clock = max(g.Clock, wall)
	g.Withheld = nil
	b := g.find(id)
	if b == nil {
		g.remember(nil, &Tick{BootID: id, Wall: wall, BootClock: clock}, true)
		return
	}
	b.Credit, b.Offset, b.Wall, b.Clock = guardCredit, wall-Instant(clock), wall, clock
}

// Reset puts the clock back (or forward) to wall and forgets every boot: each
// must prove itself again.
func (g *Guard) Reset(wall Instant) {
	g.Clock, g.Boots, g.Withheld = wall, nil, nil
}
