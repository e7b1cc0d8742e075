package sim

import (
	"bytes"
	"errors"

	"github.com/orderledger/orderledger/ledger"
)

// disk is the store of one partition on one node: it commits whole batches, and
// remembers how to undo the newest, for the power that fails before they were
// truly written.
type disk struct {
	mem   *ledger.MemStore
	undo  [][]pair
	fuse  *int // counts down to the commit at which the process dies
	count int  // commits so far
}

// pair is a key as it was before a commit.
type pair struct {
	key, value []byte
	had        bool
}

// errKilled is what a commit of a process that dies in it returns.
var errKilled = errors.New("the process was killed")

// kept is how many commits can be undone.
const kept = 12

func newDisk() *disk { return &disk{mem: ledger.NewMemStore()} }

// Get implements ledger.Store.
func (d *disk) Get(key []byte) ([]byte, bool, error) { return d.mem.Get(key) }

// Scan implements ledger.Store.
func (d *disk) Scan(from, to []byte, fn func(k, v []byte) (bool, error)) error {
	return d.mem.Scan(from, to, fn)
}

// staged collects a batch.
type staged struct{ ops []pair }

func (s *staged) Put(key, value []byte) {
	s.ops = append(s.ops, pair{bytes.Clone(key), bytes.Clone(value), true})
}
func (s *staged) Delete(key []byte) { s.ops = append(s.ops, pair{key: bytes.Clone(key)}) }

// Commit implements engine.Committer.
func (d *disk) Commit(fill func(ledger.Batch)) error {
	if d.fuse != nil {
		if *d.fuse--; *d.fuse < 0 {
			return errKilled
		}
	}
	var s staged
	fill(&s)
	d.apply(s.ops)
	d.count++
	return nil
}

func (d *disk) apply(ops []pair) {
	undo := make([]pair, 0, len(ops))
	for _, op := range ops {
		v, had, _ := d.mem.Get(op.key)
		undo = append(undo, pair{op.key, v, had})
		if op.had {
			d.mem.Put(op.key, op.value)
		} else {
			d.mem.Delete(op.key)
		}
	}
	if d.undo = append(d.undo, undo); len(d.undo) > kept {
		d.undo = d.undo[1:]
	}
}

// DeleteRange implements engine.OutboxStore.
func (d *disk) DeleteRange(from, to []byte) error {
	var ops []pair
	err := d.mem.Scan(from, to, func(k, _ []byte) (bool, error) {
		ops = append(ops, pair{key: bytes.Clone(k)})
		return true, nil
	})
	d.apply(ops)
	return err
}

// powerLoss undoes the newest commits.
func (d *disk) powerLoss(commits int) {
	for ; commits > 0 && len(d.undo) > 0; commits-- {
		last := d.undo[len(d.undo)-1]
		d.undo = d.undo[:len(d.undo)-1]
		for i := len(last) - 1; i >= 0; i-- {
			if last[i].had {
				d.mem.Put(last[i].key, last[i].value)
			} else {
				d.mem.Delete(last[i].key)
			}
		}
	}
}
