package ledger

import "strings"

// AliasBinding says that an alias names an order over a stretch of time (S-35).
// Only the fold of the order's partition makes bindings; a greater version of
// the same alias and order replaces a lesser one.
type AliasBinding struct {
	Alias   Alias
	Order   OrderKey
	From    Instant // inclusive
	Until   Instant // exclusive
	Depth   uint8   // 0 from keyed records, else 1 + the depth of the route that brought the record
	Version uint64
	Live    bool
	// Evidence is the event that says so.
	Evidence EventID
}

// maxDepth is the greatest depth of a binding: how many joins a name may be
// away from a keyed record.
const maxDepth = 3

// covers reports whether the binding holds at an instant.
func (b *AliasBinding) covers(at Instant) bool { return b.Live && b.From <= at && at < b.Until }

// Reemit is an event that the alias store joined to an order, or takes back
// from it (S-36). Of all records for one order, event and alias, the one of the
// greatest route counts.
type Reemit struct {
	Order OrderKey
	// Alias found the order. Its store, and so its log, is one partition of
	// orders.unkeyed.v1, in which Route is the causing offset.
	Alias Alias
	Route int64
	Live  bool
	Depth uint8 // of the binding that joined it
	// Delivered: some copy was a delivery, not a read. Copies counts them.
	Delivered bool
	Copies    uint32
	Event     Event // with the bounds of all its copies
}

// Bound answers a binding: everything the alias store held for it has been
// re-emitted before this record (OK), or another order claims the alias too.
type Bound struct {
	Order   OrderKey
	Alias   Alias
	Version uint64
	Route   int64
	OK      bool
}

// HeldFeed is the first offset at which a feed has an unkeyed record that found
// no order yet and is young enough to hold its feed's coverage (S-20).
type HeldFeed struct {
	Feed   FeedKey
	Offset int64
}

// Parked is a stretch of time about which records of a feed found no order.
type Parked struct {
	Feed FeedKey
	Type string // of the alias they stand under
	// From is the earliest beginning among their claims, Until the latest receipt.
	From  Instant
	Until Instant
}

// Forwarded says how far one partition of orders.unkeyed.v1 was joined: what it
// re-emitted of the records before Through stands before this record (S-37).
type Forwarded struct {
	Partition int32 // of orders.unkeyed.v1
	To        int32 // of orders.events.v1
	Through   int64
	Route     int64      // the offset of the tick that said so; the greatest counts
	Held      []HeldFeed // ascending by feed
	Parked    []Parked   // ascending by feed, type, from
}

// AliasIndex is whose an alias is, as the alias store publishes it whenever that
// changes. Of all records for one alias the one of the greatest route counts.
type AliasIndex struct {
	Alias  Alias
	Route  int64
	Claims []AliasClaim // the live ones, ascending by order
}

// AliasClaim is one order's claim of an alias.
type AliasClaim struct {
	Order     OrderKey
	From      Instant // inclusive
	Until     Instant // exclusive
	Depth     uint8
	Contested bool // another order claims the alias in the same stretch: it joins nothing there
	Evidence  EventID
}

// AliasSpec declares one type of alias by which some catalog joins records.
type AliasSpec struct {
	Type string
	// Recycle is how long after its order ended an alias still names it; 0: for ever.
	Recycle Micros
	// Single: an order has at most one alias of the type, so that parked records
	// under another do not concern an order that holds one.
	Single bool
	// OrphanAfter is how long a record may find no order before a person is
	// told; 0 means a day.
	OrphanAfter Micros
}

const (
	defaultParkSettle  = 30 * Second
	defaultOrphanAfter = 24 * Hour
)

// Outgoing is a record that the fold has to append to a topic. Appending it
// again is harmless.
type Outgoing struct {
	Seq     uint64
	Offset  int64
	Binding *AliasBinding
	Reemit  *Reemit
	Bound   *Bound
	Forward *Forwarded
	Moved   *Moved
	Through *Through
	Index   *AliasIndex
}

// AliasPartitions is where the partitions of orders.unkeyed.v1 are numbered
// from wherever they stand beside those of orders.events.v1.
const AliasPartitions int32 = 1 << 16

// Compare orders aliases by scope, type and value.
func (a Alias) Compare(b Alias) int {
	if c := strings.Compare(string(a.Scope), string(b.Scope)); c != 0 {
		return c
	}
	if c := strings.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	return strings.Compare(a.Value, b.Value)
}
