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
	// Aliases are the other names of the order; for a member of a merged one, those
	// of all members.
	Aliases []Alias

	key OrderKey // under which it waits
}

// Awaiting lists the orders with a verdict that waits to hear a feed, those
// first that need the least. A merged order waits for each of its members, since
// it is heard only as far as each is (S-38); these may also wait by themselves, and
// stand twice. Skip passes over an entry, whose names are not read;
// the list stops at the limit, which bounds the work and the memory.
func (r *Reader) Awaiting(f FeedKey, limit int, skip func(OrderKey, Instant) bool) ([]Awaited, error) {
	var out []Awaited
	prefix := waitPrefix(f)
	err := r.p.store.Scan(prefix, PrefixEnd(prefix), func(k, _ []byte) (bool, error) {
		need := orderedInstant(k[len(prefix) : len(prefix)+8])
		key := OrderKey(k[len(prefix)+8:])
		for _, order := range r.asked(key) {
			if !skip(order, need) {
				out = append(out, Awaited{Feed: f, Order: order, Need: need, key: key})
			}
		}
		return len(out) < limit, nil
	})
	for i := range out {
		if err == nil {
			out[i].Aliases, err = r.aliases(out[i].key)
		}
	}
	return out, err
}

// asked are the orders that others know by a key under which a verdict waits.
func (r *Reader) asked(k OrderKey) []OrderKey {
	root, _, whole := rootOf(k)
	if !whole {
		return []OrderKey{k}
	}
	return r.Members(root)
}
