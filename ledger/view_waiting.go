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

// Awaited is an order with a verdict that waits to hear a feed up to Need, which
// a look-up of the order can prove (S-17).
type Awaited struct {
	Feed  FeedKey
	Order OrderKey
	Need  Instant
	// Aliases are the other names of the order.
	Aliases []Alias
}

// Awaiting lists the orders with a verdict that waits to hear a feed, those
// first that need the least. Skip passes over an entry, whose names are not read;
// the list stops at the limit, which bounds the work and the memory.
func (r *Reader) Awaiting(f FeedKey, limit int, skip func(OrderKey, Instant) bool) ([]Awaited, error) {
	var out []Awaited
	prefix := waitPrefix(f)
	err := r.p.store.Scan(prefix, PrefixEnd(prefix), func(k, _ []byte) (bool, error) {
		a := Awaited{Feed: f, Order: OrderKey(k[len(prefix)+8:]), Need: orderedInstant(k[len(prefix) : len(prefix)+8])}
		if skip(a.Order, a.Need) {
			return true, nil
		}
		out = append(out, a)
		return len(out) < limit, nil
	})
	for i := range out {
		if err == nil {
			out[i].Aliases, err = r.aliases(out[i].Order)
		}
	}
	return out, err
}
