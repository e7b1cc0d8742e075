package lab

import (
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// partitions is how many partitions orders have, and names.
const partitions = 2

// member is one partition: what was appended and not yet committed, its store,
// what it has to send.
type member struct {
	opt   ledger.Options
	p     *ledger.Partition
	store *ledger.MemStore
	first int64 // offset of queue[0]
	queue []ledger.Record
	out   []ledger.Outgoing
	told  []ledger.ExceptionRow
	ticks ledger.Instant // wall of the last tick
}

// net is a ledger of several partitions. Logs are forgotten once folded.
type net struct {
	orders, names []*member
	all           []*member
}

func newNet() (*net, error) {
	n := &net{}
	for i := range int32(partitions) {
		n.orders = append(n.orders, &member{opt: ledger.Options{Partition: i, Partitions: partitions}})
		n.names = append(n.names, &member{opt: ledger.Options{Partition: ledger.AliasPartitions + i, Partitions: partitions, OrderPartitions: partitions}})
	}
	n.all = append(append(n.all, n.orders...), n.names...)
	for _, m := range n.all {
		m.store = ledger.NewMemStore()
		if err := m.reopen(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// reopen forgets what was not committed, as a crash does.
func (m *member) reopen() error {
	p, err := ledger.Open(m.store, m.opt)
	if err != nil {
		return fmt.Errorf("open partition %d: %w", m.opt.Partition, err)
	}
	m.p = p
	return nil
}

func (m *member) append(r ledger.Record, at ledger.Instant) int64 {
	r.Offset, r.RecordedAt = m.first+int64(len(m.queue)), at
	m.queue = append(m.queue, r)
	return r.Offset
}

func (n *net) order(k ledger.OrderKey) *member {
	return n.orders[ledger.PartitionOf([]byte(k), partitions)]
}

func (n *net) name(a ledger.Alias) *member { return n.names[ledger.PartitionOf(a.Key(), partitions)] }

// drain folds and sends until nothing is left.
func (n *net) drain(now ledger.Instant) error {
	for busy := true; busy; {
		busy = false
		for _, m := range n.all {
			if len(m.queue) == 0 {
				continue
			}
			busy = true
			if err := m.fold(len(m.queue)); err != nil {
				return err
			}
		}
		for _, m := range n.all {
			out := m.out
			m.out = nil
			for i := range out {
				n.send(&out[i], now)
			}
		}
	}
	return nil
}

// crash folds a part of what is there and loses it before it is committed.
func (m *member) crash() error {
	for i := range m.queue[:len(m.queue)/2] {
		r := m.queue[i].Own()
		if m.p.NeedsFlush(&r) {
			break
		}
		if err := m.p.Apply(&r); err != nil {
			return fmt.Errorf("partition %d, offset %d: %w", m.opt.Partition, r.Offset, err)
		}
		if m.p.Continuing() {
			break
		}
	}
	return m.reopen()
}

func (m *member) fold(records int) error {
	for i := range records {
		r := m.queue[i].Own()
		if m.p.NeedsFlush(&r) {
			m.commit()
		}
		if err := m.p.Apply(&r); err != nil {
			return fmt.Errorf("partition %d, offset %d: %w", m.opt.Partition, r.Offset, err)
		}
		for m.p.Continuing() {
			m.commit()
			if err := m.p.Continue(); err != nil {
				return fmt.Errorf("partition %d: %w", m.opt.Partition, err)
			}
		}
	}
	m.commit()
	m.first += int64(records)
	clear(m.queue[:records])
	m.queue = m.queue[:copy(m.queue, m.queue[records:])]
	return nil
}

func (m *member) commit() {
	rows := m.p.Rows()
	if len(rows.Outgoing)+len(rows.Exceptions) > 0 {
		c := rows.Clone()
		m.out, m.told = append(m.out, c.Outgoing...), append(m.told, c.Exceptions...)
	}
	m.p.Flush(m.store)
}

// send appends an outgoing record to its log.
func (n *net) send(x *ledger.Outgoing, now ledger.Instant) {
	switch {
	case x.Binding != nil:
		n.name(x.Binding.Alias).append(ledger.Record{Binding: x.Binding}, now)
	case x.Reemit != nil:
		n.order(x.Reemit.Order).append(ledger.Record{Reemit: x.Reemit}, now)
	case x.Index != nil: // published, and read by nobody here
	case x.Moved != nil:
		n.order(x.Moved.Root).append(ledger.Record{Moved: x.Moved}, now)
	case x.Through != nil:
		n.orders[x.Through.To].append(ledger.Record{Through: x.Through}, now)
	case x.Bound != nil:
		n.order(x.Bound.Order).append(ledger.Record{Bound: x.Bound}, now)
	default:
		n.orders[x.Forward.To].append(ledger.Record{Forward: x.Forward}, now)
	}
}

// due reports whether a tick is to be proposed to a partition: a timer is due, what
// waited for the joins can count, or nothing was proposed for long.
func (m *member) due(now ledger.Instant) (bool, error) {
	if m.p.Satisfied() || now >= m.ticks.Add(30*ledger.Second) || (m.p.Unforwarded() && now >= m.ticks.Add(ledger.Second)) {
		return true, nil
	}
	at, ok, err := m.p.NextTimer()
	if err != nil {
		return false, fmt.Errorf("partition %d: %w", m.opt.Partition, err)
	}
	return ok && at <= now, nil
}
