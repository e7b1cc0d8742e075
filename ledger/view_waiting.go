package ledger

// WaitingOrders counts the orders with a verdict that waits to hear a feed
// further (S-21). It stops at the limit, which bounds the work and the memory.
func (r *Reader) WaitingOrders(f FeedKey, limit int) (int, error) {
	seen := map[OrderKey]bool{}
	prefix := waitPrefix(f)
	err := r.p.store.Scan(prefix, PrefixEnd(prefix), func(k, _ []byte) (bool, error) {
		seen[OrderKey(k[len(prefix)+8:])] = true
		return len(seen) < limit, nil
	})
	return len(seen), err
}
