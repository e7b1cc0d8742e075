package ruletest

import (
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// log is a partition of its own and what it told.
type log struct {
	store  *ledger.MemStore
	p      *ledger.Partition
	next   int64
	told   []ledger.ExceptionRow
	facts  map[ledger.OrderKey][]ledger.Fact
	record []ledger.Record
}

func newLog() (*log, error) {
	l := &log{store: ledger.NewMemStore(), facts: map[ledger.OrderKey][]ledger.Fact{}}
	p, err := ledger.Open(l.store, ledger.Options{Partitions: 1})
	if err != nil {
		return nil, fmt.Errorf("open an empty partition: %w", err)
	}
	l.p = p
	return l, nil
}

// append folds one record and commits it, with all the work a tick makes.
func (l *log) append(r ledger.Record) error {
	r.Offset = l.next
	l.next++
	l.record = append(l.record, r)
	r = r.Own()
	if err := l.p.Apply(&r); err != nil {
		return fmt.Errorf("fold record %d: %w", r.Offset, err)
	}
	l.commit()
	for l.p.Continuing() {
		if err := l.p.Continue(); err != nil {
			return fmt.Errorf("fold record %d: %w", r.Offset, err)
		}
		l.commit()
	}
	return nil
}

func (l *log) commit() {
	rows := l.p.Rows().Clone()
	l.told = append(l.told, rows.Exceptions...)
	for _, h := range rows.History {
		if h.Fact != nil {
			l.facts[h.Order] = append(l.facts[h.Order], *h.Fact)
		}
	}
	l.p.Flush(l.store)
}

func (l *log) reader() (*ledger.Reader, error) {
	r, err := ledger.NewReader(l.store, ledger.Options{Partitions: 1})
	if err != nil {
		return nil, fmt.Errorf("read the partition: %w", err)
	}
	return r, nil
}
