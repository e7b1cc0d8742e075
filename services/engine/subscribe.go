package engine

import "sync"

// subscribers receive what commits told. A subscriber that does not keep up is
// marked as lagging and skips commits; it asks for the present state again.
type subscribers struct {
	mu   sync.Mutex
	next int
	list map[int]*Subscription
}

// Subscription receives commits.
type Subscription struct {
	// C carries the commits; their rows may be kept.
	C      chan Committed
	s      *subscribers
	id     int
	lagged bool
}

// Subscribe starts a subscription with room for the given number of commits.
func (n *Node) Subscribe(room int) *Subscription {
	n.subs.mu.Lock()
	defer n.subs.mu.Unlock()
	if n.subs.list == nil {
		n.subs.list = map[int]*Subscription{}
	}
	n.subs.next++
	s := &Subscription{C: make(chan Committed, room), s: &n.subs, id: n.subs.next}
	n.subs.list[s.id] = s
	return s
}

// Lagged reports whether commits were skipped since the last call.
func (s *Subscription) Lagged() bool {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	was := s.lagged
	s.lagged = false
	return was
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	delete(s.s.list, s.id)
}

func (s *subscribers) tell(c Committed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.list {
		select {
		case x.C <- c:
		default:
			x.lagged = true
		}
	}
}

// any reports whether anyone listens, so that rows need not be copied for
// nobody.
func (s *subscribers) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list) > 0
}
