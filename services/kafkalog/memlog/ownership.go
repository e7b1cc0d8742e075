package memlog

import (
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// group shares out the partitions of one topic among its members.
type group struct {
	calls   answerQueue // to OnChange: one may wait for appended records
	members []*member
	owner   map[int32]*member
}

type member struct {
	log   *Log
	group *group
	opts  kafkalog.OwnershipOptions
}

// NewOwnership implements kafkalog.Journal. Closing a membership frees its
// partitions at once, with an instance id or without.
func (l *Log) NewOwnership(opts kafkalog.OwnershipOptions) (kafkalog.Ownership, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("join group: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.topics[opts.Topic] == nil {
		return nil, fmt.Errorf("join group %s: %w", opts.Group, kafkalog.ErrUnknownTopic)
	}
	g := l.groups[opts.Group]
	if g == nil {
		g = &group{owner: make(map[int32]*member)}
		l.groups[opts.Group] = g
	}
	m := &member{log: l, group: g, opts: opts}
	g.members = append(g.members, m)
	l.rebalance(g, opts.Topic)
	return m, nil
}

// rebalance gives every partition to the member that has the fewest, and lets
// who has a fair share keep it.
func (l *Log) rebalance(g *group, topic string) {
	before := make(map[*member][]int32)
	for _, m := range g.members {
		before[m] = g.ownedBy(m)
	}
	n := int32(len(l.topics[topic].partitions))
	held := make(map[*member]int)
	for p := range n {
		if m := g.owner[p]; slices.Contains(g.members, m) {
			held[m]++
		} else {
			delete(g.owner, p)
		}
	}
	fewest := func() *member {
		return slices.MinFunc(g.members, func(a, b *member) int { return held[a] - held[b] })
	}
	for p := range n {
		if len(g.members) == 0 {
			break
		}
		now, least := g.owner[p], fewest()
		if now == nil || held[now] > held[least]+1 {
			if now != nil {
				held[now]--
			}
			held[least]++
			g.owner[p] = least
		}
	}
	g.tell(before)
}

// tell calls those whose partitions changed: first those who lost some, so that
// nobody gains what another still holds.
func (g *group) tell(before map[*member][]int32) {
	losing := func(m *member) bool {
		now := g.ownedBy(m)
		return slices.ContainsFunc(before[m], func(p int32) bool { return !slices.Contains(now, p) })
	}
	for _, lost := range []bool{true, false} {
		for _, m := range g.members {
			owned := g.ownedBy(m)
			if m.opts.OnChange != nil && losing(m) == lost && !slices.Equal(owned, before[m]) {
				g.calls.add(func() { m.opts.OnChange(owned) })
			}
		}
	}
}

func (g *group) ownedBy(m *member) []int32 {
	owned := []int32{}
	for p, owner := range g.owner {
		if owner == m {
			owned = append(owned, p)
		}
	}
	slices.Sort(owned)
	return owned
}

// Owned implements kafkalog.Ownership.
func (m *member) Owned() []int32 {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	return m.group.ownedBy(m)
}

// Close implements kafkalog.Ownership.
func (m *member) Close() {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	at := slices.Index(m.group.members, m)
	if at < 0 {
		return
	}
	m.group.members = slices.Delete(m.group.members, at, at+1)
	m.log.rebalance(m.group, m.opts.Topic)
}
