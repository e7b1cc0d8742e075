package ledger

import (
	"slices"
	"strconv"
	"strings"
)

// Merge says that two orders are one (S-38). Merges, splits and mutes are
// numbered together, from 1; every partition takes the next number only.
type Merge struct {
	Number uint64
	A, B   OrderKey
	// Actor and Reason say who wants it and why.
	Actor      string
	Reason     string
	RequestID  string
	ProposedAt Instant
}

// Split takes a merge of the same two orders back.
type Split Merge

// Moved is an event of an order that belongs to a merged one, sent by its
// member to the partition of the root, or taken back. Of all records for one
// root, number, event and member, the one of the greatest route counts.
type Moved struct {
	Root   OrderKey
	Number uint64 // the merge or split that made the merged order
	Member OrderKey
	Route  int64 // the causing offset in the member's log
	Live   bool
	Depth  uint8
	// Delivered: some copy was a delivery, not a read. Copies counts them.
	Delivered bool
	Copies    uint32
	Event     Event // with the bounds of all its copies, without its body
}

// Through says what one partition of orders has heard, on behalf of its orders
// that are merged with others: every event that its members had before the tick
// at Route was sent before this record.
type Through struct {
	From   int32 // partition of orders.events.v1 it speaks for
	To     int32
	Number uint64 // of the last merge or split it had folded
	Route  int64
	Feeds  []ThroughFeed // ascending
	Parked []Parked
	Words  []MemberWord // ascending by order; who is not listed has nothing to say
}

// ThroughFeed is what a partition heard of one feed.
type ThroughFeed struct {
	Feed      FeedKey
	Intervals []Interval
	Holes     []Hole
}

// MemberWord is what a member of a merged order tells beside its events.
type MemberWord struct {
	Order OrderKey
	// Unanswered: the alias store has not answered for each of its names;
	// Contested is a name that another order claims.
	Unanswered bool
	Contested  string
	// Settled are the single types of alias it holds bound, ascending.
	Settled []string
	Looked  []LookedTo
	Carried []Carried
}

// LookedTo is how far a look-up covered an order.
type LookedTo struct {
	Feed  FeedKey
	Until Instant
}

// Carried is an open exception of a member, with what people did about it.
type Carried struct {
	Rule         string
	Exception    ExceptionID
	Ack          Acknowledgement
	Assignee     string
	SnoozedUntil Instant
}

// group is a set of orders that live merges join: a merged order. Its root is
// its smallest key.
type group struct {
	members []OrderKey // ascending; two or more
	since   uint64     // the number that made this very set
}

func (g *group) root() OrderKey { return g.members[0] }

// whole is the key under which the merged order is kept. It names the set, so
// that another set of the same root never meets what this one left.
func (g *group) whole() OrderKey { return wholeKey(g.root(), g.since) }

// wholeMark joins a root and a number to the key of a merged order; no order
// key contains it.
const wholeMark = "+"

func wholeKey(root OrderKey, number uint64) OrderKey {
	return root + wholeMark + OrderKey(strconv.FormatUint(number, 10))
}

// rootOf splits the key of a merged order; ok is false for any other key.
func rootOf(k OrderKey) (root OrderKey, number string, ok bool) {
	a, b, ok := strings.Cut(string(k), wholeMark)
	return OrderKey(a), b, ok
}

// isWhole reports whether a key is that of a merged order.
func isWhole(k OrderKey) bool { return strings.Contains(string(k), wholeMark) }

// edge is one live merge, a < b.
type edge struct{ a, b OrderKey }

func compareEdges(x, y edge) int {
	if c := strings.Compare(string(x.a), string(y.a)); c != 0 {
		return c
	}
	return strings.Compare(string(x.b), string(y.b))
}

// merges is what a partition knows of merged orders: a function of the merges
// and splits taken.
type merges struct {
	number uint64
	edges  []edge // ascending
	groups []*group
	of     map[OrderKey]*group
}

// find returns the group of an order, nil if it is merged with none.
func (m *merges) find(k OrderKey) *group { return m.of[k] }

// together reports whether two orders are the same or merged.
func (m *merges) together(a, b OrderKey) bool {
	return a == b || m.of[a] != nil && m.of[a] == m.of[b]
}

// take folds the next merge or split, and returns the groups that are no more
// and those that are new. A merge that joins nothing new, or a split of orders
// that were not merged with each other directly, changes nothing.
func (m *merges) take(a, b OrderKey, live bool) (gone, made []*group) {
	m.number++
	e := edge{min(a, b), max(a, b)}
	at, known := slices.BinarySearchFunc(m.edges, e, compareEdges)
	switch {
	case live == known, a == b, a == "" || b == "":
		return nil, nil
	case live:
		m.edges = slices.Insert(m.edges, at, e)
	default:
		m.edges = slices.Delete(m.edges, at, at+1)
	}
	was := m.groups
	m.regroup()
	for _, g := range was {
		if !slices.Contains(m.groups, g) {
			gone = append(gone, g)
		}
	}
	for _, g := range m.groups {
		if !slices.Contains(was, g) {
			made = append(made, g)
		}
	}
	return gone, made
}

// regroup derives the groups from the edges; a group whose members did not
// change stays the same.
func (m *merges) regroup() {
	sets := map[OrderKey]*group{}
	for _, e := range m.edges {
		x, y := sets[e.a], sets[e.b]
		switch {
		case x == nil && y == nil:
			x = &group{members: []OrderKey{e.a, e.b}}
		case x == nil:
			y.members = append(y.members, e.a)
			x = y
		case y == nil:
			x.members = append(x.members, e.b)
		case x != y:
			x.members = append(x.members, y.members...)
		}
		for _, k := range x.members {
			sets[k] = x
		}
	}
	var groups []*group
	of := map[OrderKey]*group{}
	for _, e := range m.edges {
		g := sets[e.a]
		if of[e.a] != nil {
			continue
		}
		slices.Sort(g.members)
		g.since = m.number
		if old := m.of[e.a]; old != nil && slices.Equal(old.members, g.members) {
			g = old
		}
		for _, k := range g.members {
			of[k] = g
		}
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return strings.Compare(string(a.root()), string(b.root())) })
	m.groups, m.of = groups, of
}

func appendMerges(b []byte, m *merges) []byte {
	b = appendUint(b, m.number)
	b = appendUint(b, len(m.edges))
	for _, e := range m.edges {
		b = appendText(appendText(b, string(e.a)), string(e.b))
	}
	b = appendUint(b, len(m.groups))
	for _, g := range m.groups {
		b = appendText(appendUint(b, g.since), string(g.root()))
	}
	return b
}

func (d *decoder) merges() merges {
	m := merges{number: d.uint()}
	for n := d.count(); n > 0; n-- {
		m.edges = append(m.edges, edge{OrderKey(d.text()), OrderKey(d.text())})
	}
	m.regroup()
	for n := d.count(); n > 0; n-- {
		since, root := d.uint(), OrderKey(d.text())
		if g := m.of[root]; g != nil {
			g.since = since
		}
	}
	return m
}
