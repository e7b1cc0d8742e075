package shop

import "time"

// Preview tells what would become of one order under a fault: its anchors, the
// instants from which the deadlines of its claims count, and when it heals (zero
// if never). The rest of the configuration is that of the shop.
func Preview(c Config, in Injection) (anchor, heals time.Time, ok bool) {
	c.Injections = []Injection{in}
	if c.Validate() != nil {
		return time.Time{}, time.Time{}, false
	}
	b := newBirths(&c)
	for range in.Order {
		b.pop()
	}
	born, more := b.peek()
	if !more {
		return time.Time{}, time.Time{}, false
	}
	l := newLife(&c, in.Order, born)
	l.live()
	if in.Fault == TrackingTwice {
		b.pop()
		next, more := b.peek()
		if !more {
			return time.Time{}, time.Time{}, false
		}
		twin := newLife(&c, in.Order+1, next)
		twin.live()
		l.collides(twin)
	}
	if len(l.wrongs) == 0 {
		return time.Time{}, time.Time{}, false
	}
	return l.wrongs[0].anchor, l.wrongs[0].heals, true
}
