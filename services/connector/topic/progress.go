package topic

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// What is known of what stood before the first record that was read of a
// partition.
const (
	gapNone  = iota // reading goes on where it stood
	gapBegin        // nothing: the partition begins at offset 0
	gapCut          // records that were appended before the first one read are missing
	gapTorn         // records of any time before now may be missing
)

// place is how far one partition was read. Keys are short: the cursor is saved
// often.
type place struct {
	// Next is the offset to go on with, Epoch the leader epoch of the record
	// before it.
	Next  int64 `json:"n"`
	Epoch int32 `json:"e,omitempty"`
	// Gap is one of the gap constants, Oldest the timestamp of the first record
	// read since; both until coverage has begun.
	Gap    int            `json:"g,omitempty"`
	Oldest ledger.Instant `json:"o,omitempty"`
}

// cursor is what a feed needs to go on after a kill.
type cursor struct {
	Format  int     `json:"format"`
	Topic   string  `json:"topic"`
	TopicID string  `json:"id"`
	Places  []place `json:"places"` // by partition
	// Asked is up to when the topic is known to have been heard: the last asking
	// of its end whose records are all acknowledged. Begin is since when.
	Asked ledger.Instant `json:"asked,omitempty"`
	Begin ledger.Instant `json:"begin,omitempty"`
	// Newest is the greatest timestamp of a record.
	Newest ledger.Instant `json:"newest,omitempty"`
}

const cursorFormat = 1

func (c *cursor) encode() ([]byte, error) {
	c.Format = cursorFormat
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode cursor: %w", err)
	}
	return b, nil
}

// errCursor says that the place was lost: the topic is read from its beginning,
// which doubles nothing.
var errCursor = errors.New("the cursor of the topic is lost or of another version")

func decodeCursor(b []byte) (cursor, error) {
	var c cursor
	if err := json.Unmarshal(b, &c); err != nil || c.Format != cursorFormat {
		return cursor{}, errCursor
	}
	return c, nil
}

// progress is all a consumer knows of its feed.
type progress struct {
	status ledger.SourceStatus
	cursor cursor
}

// adopt turns what the store remembers into progress. A feed never read opens
// epoch 1; a lost cursor, or another instance's feed, the next one.
func adopt(st *ledger.SourceStatus, blank ledger.SourceStatus) *progress {
	if st == nil {
		blank.Epoch = ledger.Epoch{Number: 1, OpenedBy: blank.Instance}
		return &progress{status: blank}
	}
	p := &progress{status: *st}
	c, err := decodeCursor(st.Cursor)
	switch {
	case err != nil:
		p.reopen(blank.Instance, st.Intervals)
	case st.Instance != blank.Instance:
		p.cursor = c
		p.reopen(blank.Instance, nil)
	default:
		p.cursor = c
	}
	return p
}

// reopen starts the next epoch, withdrawing what is no longer proven.
func (p *progress) reopen(instance string, withdrawn []ledger.Interval) {
	p.status.Epoch = ledger.Epoch{Number: p.status.Epoch.Number + 1, OpenedBy: instance}
	p.status.Instance = instance
	for _, w := range slices.Clone(withdrawn) {
		p.status.Withdrawn = ledger.AddInterval(p.status.Withdrawn, w)
		p.status.Intervals = ledger.CutInterval(p.status.Intervals, w)
	}
}

// ends are the first offsets that a topic holds and those that it will give
// next, by partition.
type ends struct{ start, end []int64 }

// loss is what a topic no longer holds, or no longer can be trusted to.
type loss struct {
	partition int32
	from, to  int64 // offsets that were never read; equal if nobody knows which
	why       string
}

func (l *loss) String() string {
	if l.from == l.to {
		return fmt.Sprintf("partition %d: %s", l.partition, l.why)
	}
	return fmt.Sprintf("partition %d: %s: offsets %d to %d were not read", l.partition, l.why, l.from, l.to-1)
}

// arrive holds the places to what the topic is now. Distrusted partitions are
// those whose history the broker or the client no longer vouches for. It moves
// places that cannot be kept and returns why.
func (p *progress) arrive(topic, id string, at ends, distrusted map[int32]bool) []loss {
	c := &p.cursor
	other := len(c.Places) > 0 && (c.Topic != topic || c.TopicID != id)
	var lost []loss
	for i := range at.start {
		n := int32(i)
		first := place{Next: at.start[i], Gap: gapBegin}
		if at.start[i] > 0 {
			first.Gap = gapCut
		}
		if i >= len(c.Places) {
			c.Places = append(c.Places, first)
			if c.Asked != 0 && first.Gap == gapCut { // added, and cut before anybody looked
				lost = append(lost, loss{n, 0, at.start[i], "removed before they were read"})
			}
			continue
		}
		old := &c.Places[i]
		first.Gap = gapCut
		switch {
		case other:
			lost = append(lost, loss{partition: n, why: "the topic is another one than the one read before"})
		case old.Next < at.start[i]:
			lost = append(lost, loss{n, old.Next, at.start[i], "removed before they were read"})
		case old.Next > at.end[i] || distrusted[n]:
			first.Gap = gapTorn
			lost = append(lost, loss{partition: n, why: "the log was cut off and written anew"})
		default:
			continue
		}
		*old = first
	}
	if other && len(c.Places) > len(at.start) {
		c.Places = c.Places[:len(at.start)]
	}
	c.Topic, c.TopicID = topic, id
	return lost
}

// lose opens the next epoch after a loss. Coverage begins anew behind it. What
// was removed unread was written after what is proven, so that stays proven; of
// a log that was exchanged under our feet nobody can say since when, so what
// was heard last is withdrawn.
func (p *progress) lose(instance string, lost []loss, settle ledger.Micros) {
	var withdrawn []ledger.Interval
	known := !slices.ContainsFunc(lost, func(l loss) bool { return l.from == l.to })
	if n := len(p.status.Intervals); n > 0 && !known {
		last := p.status.Intervals[n-1]
		last.From = max(last.From, p.cursor.Asked.Add(-settle-distrust))
		if last.From < last.Until {
			withdrawn = []ledger.Interval{last}
		}
	}
	p.reopen(instance, withdrawn)
	p.cursor.Asked, p.cursor.Begin = 0, 0
}

// distrust is how much of what was proven is withdrawn when a log was exchanged:
// far more than passes between two askings.
const distrust = 10 * ledger.Minute

// asking is one question for the topic's end.
type asking struct {
	at   ledger.Instant
	ends []int64
}

// reached reports whether everything below the ends is acknowledged.
func (p *progress) reached(a *asking) bool {
	for i, end := range a.ends {
		if p.cursor.Places[i].Next < end {
			return false
		}
	}
	return true
}

// terms are what the catalog promises of a feed.
type terms struct {
	complete bool
	settle   ledger.Micros
	quiet    ledger.Micros // 0: the writer is always taken to be alive
}

// acknowledged closes an asking whose records are all in the log.
func (p *progress) acknowledged(a *asking, t terms) {
	c := &p.cursor
	heard := a.at
	if t.quiet > 0 {
		heard = min(heard, c.Newest.Add(t.quiet))
	}
	if !t.complete || heard <= c.Asked || t.quiet > 0 && c.Newest == 0 {
		return
	}
	if c.Asked == 0 {
		c.Begin = p.begin(a.at, t)
	}
	for i := range c.Places {
		c.Places[i].Gap, c.Places[i].Oldest = gapNone, 0
	}
	c.Asked = heard
	if t.quiet == 0 {
		p.status.LastHeard = max(p.status.LastHeard, a.at)
	}
	if until := heard.Add(-t.settle); until > c.Begin {
		p.status.Intervals = ledger.AddInterval(p.status.Intervals, ledger.Interval{From: c.Begin, Until: until})
	}
}

// begin is since when everything was read. What is missing before the first
// record of a partition was appended before it, and so tells of what was done
// before its timestamp + settle. Where nothing was ever removed, it is the
// topic's oldest record.
func (p *progress) begin(asked ledger.Instant, t terms) ledger.Instant {
	oldest, cut := ledger.Instant(0), ledger.Instant(0)
	for i := range p.cursor.Places {
		l := &p.cursor.Places[i]
		switch {
		case l.Gap == gapTorn || l.Gap == gapCut && l.Oldest == 0:
			cut = max(cut, asked.Add(t.settle))
		case l.Gap == gapCut:
			cut = max(cut, l.Oldest.Add(t.settle))
		case l.Oldest != 0 && (oldest == 0 || l.Oldest < oldest):
			oldest = l.Oldest
		}
	}
	switch {
	case cut != 0:
		return cut
	case oldest != 0:
		return oldest
	default:
		return asked
	}
}

// prevAsked is the bound that a record carries (S-12): had what it says been so
// before, it would have been written by then. None without that promise.
func (p *progress) prevAsked(t terms) ledger.Instant {
	if !t.complete {
		return 0
	}
	return p.cursor.Asked
}

// holeRetention is that of the quarantined originals: afterwards nobody can
// release them any more.
const holeRetention = 90 * ledger.Day

// hole notes a record that was quarantined: who cannot be read cannot be dated,
// but it was written after what is proven.
func (p *progress) hole(q *ledger.Quarantined, written ledger.Instant, t terms) {
	if !t.complete || slices.ContainsFunc(p.status.Holes, func(h ledger.Hole) bool { return h.Quarantine == q.ID }) {
		return
	}
	from := written
	if p.cursor.Asked != 0 {
		from = p.cursor.Asked
	}
	from = min(from.Add(-t.settle), q.ReceivedAt-1)
	var kept []ledger.Hole
	for _, h := range p.status.Holes {
		if h.ReceivedAt > q.ReceivedAt.Add(-holeRetention) {
			kept = append(kept, h)
		}
	}
	p.status.Holes = append(kept, ledger.Hole{Interval: ledger.Interval{From: from, Until: q.ReceivedAt}, ReceivedAt: q.ReceivedAt, Quarantine: q.ID})
}
