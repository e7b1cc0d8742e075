package engine

import "github.com/orderledger/orderledger/ledger"

// Awaiting lists the orders of this node's own partitions with a verdict that
// waits to hear a feed, at most limit of each partition; see [ledger.Reader.Awaiting].
func (n *Node) Awaiting(f ledger.FeedKey, limit int, skip func(ledger.OrderKey, ledger.Instant) bool) ([]ledger.Awaited, error) {
	leave, err := n.gate.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []ledger.Awaited
	for _, r := range n.replicas {
		if !r.owner.Load() {
			continue
		}
		if waits, err := ledger.Waiting(r.store, f, ledger.Forever-1); err != nil || !waits {
			if err != nil {
				return out, err
			}
			continue
		}
		err := n.Read(r.index, func(rd *ledger.Reader, _ Freshness) error {
			found, err := rd.Awaiting(f, limit, skip)
			out = append(out, found...)
			return err
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
