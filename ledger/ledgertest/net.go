package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/orderledger/orderledger/ledger"
)

// Net is a ledger of several partitions of orders and of unkeyed records, with
// the logs between them. Folding, sending and crashing happen in any order.
type Net struct {
	Orders  []*Member
	Aliases []*Member
	rnd     *rand.Rand
}

// Member is one partition: its log, its store, what it has to send.
type Member struct {
	Log   []ledger.Record
	Store *ledger.MemStore
	// Told are the exceptions' changes as they were committed.
	Told []ledger.ExceptionRow
	// Summaries are the orders' rows as they were committed.
	Summaries []ledger.OrderRow

	opt  ledger.Options
	p    *ledger.Partition
	out  []ledger.Outgoing
	sent int
}

// NewNet opens empty partitions.
func NewNet(rnd *rand.Rand, orders, aliases int) *Net {
	n := &Net{rnd: rnd}
	for i := range orders {
		n.Orders = append(n.Orders, newMember(ledger.Options{Partition: int32(i), Partitions: int32(orders), TailLimit: 4 + 12*rnd.IntN(2)}))
	}
	for i := range aliases {
		n.Aliases = append(n.Aliases, newMember(ledger.Options{Partition: ledger.AliasPartitions + int32(i), Partitions: int32(aliases), OrderPartitions: int32(orders)}))
	}
	return n
}

func newMember(opt ledger.Options) *Member {
	m := &Member{Store: ledger.NewMemStore(), opt: opt}
	m.reopen()
	return m
}

func (m *Member) reopen() {
	p, err := ledger.Open(m.Store, m.opt)
	if err != nil {
		panic(fmt.Errorf("open partition %d: %w", m.opt.Partition, err))
	}
	m.p = p
}

// Append appends a record to the member's log.
func (m *Member) Append(r ledger.Record) int64 {
	r.Offset, r.RecordedAt = int64(len(m.Log)), Noon
	m.Log = append(m.Log, r)
	return r.Offset
}

// OrderMember is the partition of an order.
func (n *Net) OrderMember(k ledger.OrderKey) *Member {
	return n.Orders[ledger.PartitionOf([]byte(k), int32(len(n.Orders)))]
}

// AliasMember is the partition of an alias.
func (n *Net) AliasMember(a ledger.Alias) *Member {
	return n.Aliases[ledger.PartitionOf(a.Key(), int32(len(n.Aliases)))]
}

func (n *Net) members() []*Member { return append(append([]*Member(nil), n.Orders...), n.Aliases...) }

// Everywhere appends a record to every log.
func (n *Net) Everywhere(r ledger.Record) {
	for _, m := range n.members() {
		m.Append(r)
	}
}

// Step does something somewhere: folds a little, sends a little, crashes.
func (n *Net) Step() {
	all := n.members()
	m := all[n.rnd.IntN(len(all))]
	switch n.rnd.IntN(12) {
	case 0:
		m.reopen()
	case 1: // the sender dies, and sends again what it had not noted as sent
		m.sent = max(0, m.sent-n.rnd.IntN(12))
	case 2, 3, 4, 5, 6:
		m.fold(1 + n.rnd.IntN(6))
	default:
		n.send(m, 1+n.rnd.IntN(6))
	}
}

// Drain folds and sends until nothing is left. Members fold side by side, as the
// partitions they are; sending, by which they meet, has its order.
func (n *Net) Drain() {
	all := n.members()
	folded := make([]bool, len(all))
	for busy := true; busy; {
		var wg sync.WaitGroup
		for i, m := range all {
			wg.Go(func() { folded[i] = m.fold(1000) })
		}
		wg.Wait()
		busy = false
		for i, m := range all {
			busy = n.send(m, 1000) || folded[i] || busy
		}
	}
}

func (m *Member) fold(records int) bool {
	did := false
	for m.finish(); records > 0 && m.p.Offset() < int64(len(m.Log)); records-- {
		r := m.Log[m.p.Offset()].Own()
		if m.p.NeedsFlush(&r) {
			m.commit()
		}
		if err := m.p.Apply(&r); err != nil {
			panic(fmt.Errorf("partition %d, offset %d: %w", m.opt.Partition, r.Offset, err))
		}
		m.finish()
		did = true
	}
	m.commit()
	return did
}

func (m *Member) finish() {
	for m.p.Continuing() {
		m.commit()
		if err := m.p.Continue(); err != nil {
			panic(fmt.Errorf("partition %d: %w", m.opt.Partition, err))
		}
	}
}

func (m *Member) commit() {
	rows := m.p.Rows().Clone()
	m.out = append(m.out, rows.Outgoing...)
	m.Told = append(m.Told, rows.Exceptions...)
	m.Summaries = append(m.Summaries, rows.Orders...)
	m.p.Flush(m.Store)
}

// send appends the next outgoing records to their logs.
func (n *Net) send(m *Member, records int) bool {
	did := false
	for ; records > 0 && m.sent < len(m.out); records-- {
		x := &m.out[m.sent]
		m.sent++
		did = true
		switch {
		case x.Binding != nil:
			n.AliasMember(x.Binding.Alias).Append(ledger.Record{Binding: x.Binding})
		case x.Reemit != nil:
			n.OrderMember(x.Reemit.Order).Append(ledger.Record{Reemit: x.Reemit})
		case x.Index != nil: // nobody here reads it
		case x.Moved != nil:
			n.OrderMember(x.Moved.Root).Append(ledger.Record{Moved: x.Moved})
		case x.Through != nil:
			n.Orders[x.Through.To].Append(ledger.Record{Through: x.Through})
		case x.Bound != nil:
			n.OrderMember(x.Bound.Order).Append(ledger.Record{Bound: x.Bound})
		default:
			n.Orders[x.Forward.To].Append(ledger.Record{Forward: x.Forward})
		}
	}
	return did
}

// Refold folds the member's log again into an empty store, in other batches.
func (m *Member) Refold(rnd *rand.Rand) *ledger.MemStore {
	again := newMember(m.opt)
	again.Log = m.Log
	for again.fold(1 + rnd.IntN(9)) {
		if rnd.IntN(4) == 0 {
			again.reopen()
		}
	}
	return again.Store
}

// Without folds the member's log into an empty store as if some of its records
// had never been sent; the others keep their offsets.
func (m *Member) Without(drop func(*ledger.Record) bool, rnd *rand.Rand) *ledger.MemStore {
	x := *m
	x.Log = append([]ledger.Record(nil), m.Log...)
	for i := range x.Log {
		if r := &x.Log[i]; drop(r) {
			*r = ledger.Record{Offset: r.Offset, RecordedAt: r.RecordedAt}
		}
	}
	return x.Refold(rnd)
}

// Answer is why an action on an order was refused, "" if it was not.
func (n *Net) Answer(t testing.TB, k ledger.OrderKey, request string) string {
	t.Helper()
	m := n.OrderMember(k)
	a, ok, err := m.Reader(t).Answer(request)
	if err != nil || !ok {
		t.Fatalf("answer to %s: %v, %v", request, ok, err)
	}
	return a.Reason
}

// Open lists the open exceptions of orders, partition by partition.
func (n *Net) Open(t testing.TB) []ledger.Exception {
	t.Helper()
	var out []ledger.Exception
	for _, m := range n.Orders {
		err := m.Reader(t).OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
			if x.Subject.OfOrder() {
				out = append(out, *x)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Reader reads what the member committed.
func (m *Member) Reader(t testing.TB) *ledger.Reader {
	t.Helper()
	r, err := ledger.NewReader(m.Store, m.opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
