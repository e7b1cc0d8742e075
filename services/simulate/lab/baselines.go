package lab

import (
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// baselines are the five ways in which such trouble is looked for elsewhere. All
// of them read the shipped rules, see documents joined without error and in the
// order of their versions, and are given the instants at which documents came.
// None knows whether a source was heard.
func baselines() []*baseline {
	list := []*baseline{
		{name: "poller-3h", fires: firesEvery(3 * time.Hour)},
		{name: "touch-timer", fires: firesUntouched},
		{name: "error-log", fires: firesOnErrors},
		{name: "sweep-48h", fires: firesInSweep},
		{name: "stream-join", fires: firesByStream},
	}
	for _, b := range list {
		b.said = map[string]bool{}
	}
	return list
}

// held reports whether a trouble has held for a span, by when documents came.
func held(s *shelf, v *view, trouble int, after time.Duration) bool {
	return s.now.Sub(v.holds[trouble]) >= after
}

// firesEvery compares the systems at fixed intervals: what came and went between
// two of them is not seen.
func firesEvery(interval time.Duration) func(*shelf, *view, int, time.Duration) bool {
	return func(s *shelf, v *view, trouble int, after time.Duration) bool {
		return s.now.Sub(opening)%interval < idlePace && s.now.Sub(opening) >= interval && held(s, v, trouble, after)
	}
}

// firesUntouched restarts its timer whenever anything is heard of the order.
func firesUntouched(s *shelf, v *view, trouble int, after time.Duration) bool {
	return held(s, v, trouble, after) && s.now.Sub(v.touched) >= after
}

// firesOnErrors says what a system calls an error, and nothing else: what
// never happened leaves no line in a log.
func firesOnErrors(s *shelf, v *view, trouble int, after time.Duration) bool {
	return s.troubles[trouble].error && held(s, v, trouble, after)
}

// firesInSweep looks once a day, at orders of the last 48 hours.
func firesInSweep(s *shelf, v *view, trouble int, after time.Duration) bool {
	return firesEvery(24*time.Hour)(s, v, trouble, after) && s.now.Sub(v.born) <= 48*time.Hour
}

// firesByStream takes the greatest stamp of any document for the time: a stream
// that falls silent stops its clock, one that is ahead of others accuses them.
func firesByStream(s *shelf, v *view, trouble int, after time.Duration) bool {
	return s.stream.Sub(v.stamped[trouble]) >= after
}

// others are the baselines that listen to one shop.
type others struct {
	shelf *shelf
	list  []*baseline
}

// look lets all of them look at an instant.
func (o *others) look(now time.Time) {
	o.shelf.now = now
	for _, b := range o.list {
		b.look(o.shelf)
	}
}

// grades compares what they claimed with the truth.
func (o *others) grades(t *truth.Truth, at time.Time) map[string]*truth.Grade {
	out := map[string]*truth.Grade{}
	for _, b := range o.list {
		g := truth.Mark(t, b.all, at)
		g.Examples = nil
		out[b.name] = g
	}
	return out
}
