package poll

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// key is where a page ended: what the list is sorted by.
type key struct {
	Version string `json:"version"`
	ID      string `json:"id"`
}

// open is a poll that has begun and whose last page is not acknowledged.
type open struct {
	// From is the lower bound of what it reads; Covers is where the interval
	// begins that it will prove.
	From       ledger.Instant `json:"from"`
	Covers     ledger.Instant `json:"covers"`
	FirstAsked ledger.Instant `json:"first_asked"`
	Pages      int            `json:"pages"`
	After      key            `json:"after"`
	// Withheld: an answer's Date was further off than declared.
	Withheld bool `json:"withheld"`

	next   string // the rest of a link-header list; not kept
	offset int64  // items seen, for lists by offset; not kept
	total  int64
	last   string // id of the last item, for lists by offset; not kept
}

// cursor is what a feed needs to go on after a kill.
type cursor struct {
	Format int `json:"format"`
	// LastAsked is the first asking of the last acknowledged poll, LastFrom
	// the lower bound of what that poll covered.
	LastAsked ledger.Instant `json:"last_asked"`
	LastFrom  ledger.Instant `json:"last_from"`
	// Resume is where to begin anew after withdrawing what was proven.
	Resume ledger.Instant `json:"resume"`
	Denied bool           `json:"denied"`
	// Behind is how far the source's clock was behind while coverage was withheld:
	// what it stamped then stands that much before where a poll would begin.
	Behind ledger.Micros `json:"behind,omitempty"`
	Open   *open         `json:"open,omitempty"`
}

const cursorFormat = 1

// errCursor is the identity of a cursor that cannot be read.
var errCursor = errors.New("cursor of the feed is lost or of another version")

func (c *cursor) encode() ([]byte, error) {
	c.Format = cursorFormat
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode cursor: %w", err)
	}
	return b, nil
}

func decodeCursor(b []byte) (cursor, error) {
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil || c.Format != cursorFormat {
		return cursor{}, errCursor
	}
	return c, nil
}

// progress is all a poller knows of its feed. The steps below take one and
// return another; nothing else changes it.
type progress struct {
	status ledger.SourceStatus
	cursor cursor
}

// clone copies everything that steps change.
func (p *progress) clone() *progress {
	c := *p
	c.status.Intervals = slices.Clone(p.status.Intervals)
	c.status.Withdrawn = slices.Clone(p.status.Withdrawn)
	c.status.Holes = slices.Clone(p.status.Holes)
	if p.cursor.Open != nil {
		o := *p.cursor.Open
		c.cursor.Open = &o
	}
	return &c
}

// bounds are the spans of a feed that coverage depends on.
type bounds struct {
	start     ledger.Instant // where the first poll begins
	settle    ledger.Micros
	precision ledger.Micros
	skew      ledger.Micros
	history   ledger.Micros // 0: without bound
}

// begin opens a poll asked at now, or takes up the one that is open. The first
// asking of a poll is that of the attempt whose first page succeeds.
func (p *progress) begin(b bounds, now ledger.Instant) *progress {
	n := p.clone()
	if o := n.cursor.Open; o != nil && o.Pages > 0 {
		return n
	}
	o := &open{FirstAsked: now}
	switch {
	case n.cursor.LastAsked != 0:
		o.Covers = n.cursor.LastAsked.Add(-b.settle)
	case n.cursor.Resume != 0:
		o.Covers = n.cursor.Resume
	default:
		o.Covers = b.start
	}
	margin := b.precision
	if n.cursor.LastAsked == 0 {
		margin += b.settle
	}
	margin += n.cursor.Behind
	o.From = o.Covers.Add(-margin)
	if b.history > 0 && o.From < now.Add(-b.history) {
		// What is older reads as an empty page, so it proves nothing.
		o.From = now.Add(-b.history)
		o.Covers = max(o.Covers, o.From.Add(margin))
	}
	n.cursor.Open = o
	return n
}

// prevAsked is the bound that a read carries: the first asking of the last
// acknowledged poll before it, none for first polls (S-12).
func (p *progress) prevAsked() ledger.Instant { return p.cursor.LastAsked }

// answered notes that the source spoke, and what its clock said.
func (p *progress) answered(b bounds, a *Answer) {
	p.status.LastHeard = a.Received
	p.status.ReportedAt = a.Received
	p.cursor.Denied = false
	if a.Date == 0 {
		return
	}
	p.status.SourceDate = max(p.status.SourceDate, a.Date)
	middle := a.Asked + (a.Received-a.Asked)/2
	p.status.Skew = a.Date.Add(ledger.Second / 2).Sub(middle)
	if a.Off(b.skew) {
		p.cursor.Open.Withheld = true
		p.cursor.Behind = max(p.cursor.Behind, a.Received.Sub(a.Date))
	}
}

// turned moves past a page that is not the last.
func (p *progress) turned(pg *page) {
	o := p.cursor.Open
	o.Pages++
	o.After, o.next = pg.end, pg.next
	o.offset, o.total, o.last = pg.offset, pg.total, pg.end.ID
}

// acknowledged closes the poll after its last page.
func (p *progress) acknowledged(b bounds) {
	o := p.cursor.Open
	p.cursor.Open = nil
	p.status.SkewExceeded = o.Withheld
	if o.Withheld {
		return // nothing is proven; the next poll begins where this one did
	}
	p.cursor.LastAsked, p.cursor.LastFrom, p.cursor.Resume, p.cursor.Behind = o.FirstAsked, o.Covers, 0, 0
	until := o.FirstAsked.Add(-b.settle)
	if until > o.Covers {
		p.status.Intervals = join(p.status.Intervals, ledger.Interval{From: o.Covers, Until: until})
	}
}

// hole notes a document of the open poll that was quarantined. The stretch is
// all that the poll reads: who cannot be read cannot be dated either.
func (p *progress) hole(q *ledger.Quarantined) {
	for _, h := range p.status.Holes {
		if h.Quarantine == q.ID {
			return
		}
	}
	o := p.cursor.Open
	kept := p.status.Holes[:0]
	for _, h := range p.status.Holes {
		if h.ReceivedAt > q.ReceivedAt.Add(-holeRetention) {
			kept = append(kept, h)
		}
	}
	p.status.Holes = append(kept, ledger.Hole{Interval: ledger.Interval{From: o.From, Until: o.FirstAsked}, ReceivedAt: q.ReceivedAt, Quarantine: q.ID})
}

// holeRetention is that of the quarantined originals: afterwards nobody can
// release them any more.
const holeRetention = 90 * ledger.Day

// reopen starts the next epoch, withdrawing what is no longer proven.
func (p *progress) reopen(instance string, withdrawn []ledger.Interval) {
	p.status.Epoch = ledger.Epoch{Number: p.status.Epoch.Number + 1, OpenedBy: instance}
	p.status.Instance = instance
	for _, w := range withdrawn {
		p.status.Withdrawn = join(p.status.Withdrawn, w)
		p.status.Intervals = without(p.status.Intervals, w)
	}
}

// denied withdraws what the last acknowledged poll covered, once per loss of
// permission: a source that stops answering may have begun to answer less.
func (p *progress) denied(instance string) bool {
	if p.cursor.Denied || p.cursor.LastAsked == 0 || len(p.status.Intervals) == 0 {
		return false
	}
	newest := p.status.Intervals[len(p.status.Intervals)-1]
	w := ledger.Interval{From: max(p.cursor.LastFrom, newest.From), Until: newest.Until}
	if w.From >= w.Until {
		return false
	}
	p.reopen(instance, []ledger.Interval{w})
	p.cursor = cursor{Denied: true, Resume: w.From}
	return true
}

// join adds an interval to an ascending list, merging what touches.
func join(list []ledger.Interval, v ledger.Interval) []ledger.Interval {
	var out []ledger.Interval
	for _, i := range list {
		if i.Until < v.From || i.From > v.Until {
			out = append(out, i)
			continue
		}
		v = ledger.Interval{From: min(v.From, i.From), Until: max(v.Until, i.Until)}
	}
	out = append(out, v)
	slices.SortFunc(out, func(a, b ledger.Interval) int {
		if a.From < b.From {
			return -1
		}
		return 1
	})
	return out
}

// without cuts an interval out of an ascending list.
func without(list []ledger.Interval, v ledger.Interval) []ledger.Interval {
	var out []ledger.Interval
	for _, i := range list {
		if left := (ledger.Interval{From: i.From, Until: min(i.Until, v.From)}); left.From < left.Until {
			out = append(out, left)
		}
		if right := (ledger.Interval{From: max(i.From, v.Until), Until: i.Until}); right.From < right.Until {
			out = append(out, right)
		}
	}
	return out
}

// adopt turns what the store remembers into progress. A feed never polled
// opens epoch 1; a lost cursor, or another instance's feed, the next one.
func adopt(st *ledger.SourceStatus, blank ledger.SourceStatus) *progress {
	if st == nil {
		blank.Epoch = ledger.Epoch{Number: 1, OpenedBy: blank.Instance}
		return &progress{status: blank}
	}
	p := &progress{status: *st}
	c, err := decodeCursor(st.Cursor)
	switch {
	case err != nil:
		p.reopen(blank.Instance, slices.Clone(st.Intervals))
	case st.Instance != blank.Instance:
		p.cursor = c
		p.reopen(blank.Instance, nil)
	default:
		p.cursor = c
	}
	return p
}
