package simulatetest

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// Everywhere appends a record to every partition's log: a policy, a merge, a
// split, a mute.
func (l *Ledger) Everywhere(r ledger.Record) { l.net.Everywhere(r) }

// Tell appends a record to the log of an order's partition.
func (l *Ledger) Tell(k ledger.OrderKey, r ledger.Record) { l.net.OrderMember(k).Append(r) }

// Logs returns what the logs of the partitions of orders hold, and those of
// unkeyed records.
func (l *Ledger) Logs() (orders, unkeyed [][]ledger.Record) {
	for _, m := range l.net.Orders {
		orders = append(orders, slices.Clone(m.Log))
	}
	for _, m := range l.net.Aliases {
		unkeyed = append(unkeyed, slices.Clone(m.Log))
	}
	return orders, unkeyed
}
