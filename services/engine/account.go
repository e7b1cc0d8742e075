package engine

import (
	"bytes"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// auditKey is where an audit keeps how far it has come.
const auditKey = "!audit"

// Account is what a partition's store says of itself at one commit, for whoever
// holds it against the log.
type Account struct {
	Topic     string
	Index     int32 // of the partition in its topic
	Partition int32 // as rows carry it
	Place     Place
	// Counts are the outcomes of every source's records.
	Counts map[ledger.Source][ledger.Outcomes]uint64
	// Audit is what an audit kept, nil if nothing.
	Audit []byte
	Owner bool
}

// Account reads what a partition says of itself, by its number among those of
// both topics.
func (n *Node) Account(log int32) (a Account, err error) {
	r, err := n.replica(log)
	if err != nil {
		return a, err
	}
	leave, err := n.gate.enter()
	if err != nil {
		return a, err
	}
	defer leave()
	snap := r.store.Snapshot()
	defer func() {
		if cerr := snap.Close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	read, err := r.reader(snap)
	if err != nil {
		return a, err
	}
	a = Account{Topic: r.topic, Index: r.index, Partition: r.partition, Counts: read.AllCounts(), Owner: r.owner.Load()}
	a.Place.TopicID = r.id
	if p, ok, err := PlaceOf(snap); err != nil || ok {
		if a.Place = p; err != nil {
			return a, err
		}
	}
	v, ok, err := snap.Get([]byte(auditKey))
	if ok {
		a.Audit = bytes.Clone(v)
	}
	return a, err
}

// KeepAudit keeps how far an audit of a partition has come. It is no part of the
// state, and goes with the store.
func (n *Node) KeepAudit(log int32, mark []byte) error {
	r, err := n.replica(log)
	if err != nil {
		return err
	}
	leave, err := n.gate.enter()
	if err != nil {
		return err
	}
	defer leave()
	return r.store.Commit(func(b ledger.Batch) { b.Put([]byte(auditKey), mark) })
}

// Shipped is what a sink is known to hold of an owned partition: what it said
// when it was asked, and what it took since. False until it was asked.
func (n *Node) Shipped(log int32, sink string) (projections.Held, bool) {
	r, err := n.replica(log)
	if err != nil || !r.owner.Load() {
		return projections.Held{}, false
	}
	v, ok := r.shipped.Load(sink)
	if !ok {
		return projections.Held{}, false
	}
	held, ok := v.(projections.Held)
	return held, ok
}
