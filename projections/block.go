package projections

import "github.com/orderledger/orderledger/ledger"

// Append appends to dst the rows of one table of src whose seq lies in
// [from, to].
func Append(dst, src *ledger.Rows, t Table, from, to uint64) {
	switch t {
	case History:
		for i := range src.History {
			if s := src.History[i].Seq; s >= from && s <= to {
				dst.History = append(dst.History, src.History[i])
			}
		}
	case Exceptions:
		for i := range src.Exceptions {
			if s := src.Exceptions[i].Seq; s >= from && s <= to {
				dst.Exceptions = append(dst.Exceptions, src.Exceptions[i])
			}
		}
	case Orders:
		for i := range src.Orders {
			if s := src.Orders[i].Seq; s >= from && s <= to {
				dst.Orders = append(dst.Orders, src.Orders[i])
			}
		}
	case Quarantine:
		for i := range src.Quarantine {
			if s := src.Quarantine[i].Seq; s >= from && s <= to {
				dst.Quarantine = append(dst.Quarantine, src.Quarantine[i])
			}
		}
	case Outgoing:
		for i := range src.Outgoing {
			if s := src.Outgoing[i].Seq; s >= from && s <= to {
				dst.Outgoing = append(dst.Outgoing, src.Outgoing[i])
			}
		}
	}
}

// Drop forgets the rows of one table.
func Drop(r *ledger.Rows, t Table) {
	switch t {
	case History:
		r.History = nil
	case Exceptions:
		r.Exceptions = nil
	case Orders:
		r.Orders = nil
	case Quarantine:
		r.Quarantine = nil
	case Outgoing:
		r.Outgoing = nil
	}
}

// Count is the number of rows of one table.
func Count(r *ledger.Rows, t Table) int {
	switch t {
	case History:
		return len(r.History)
	case Exceptions:
		return len(r.Exceptions)
	case Orders:
		return len(r.Orders)
	case Quarantine:
		return len(r.Quarantine)
	case Outgoing:
		return len(r.Outgoing)
	default:
		return 0
	}
}

// First is the seq of the first row of a table, 0 if it has none.
func First(r *ledger.Rows, t Table) uint64 { return seqAt(r, t, 0) }

// Last is the seq of the last row of a table, 0 if it has none.
func Last(r *ledger.Rows, t Table) uint64 { return seqAt(r, t, Count(r, t)-1) }

func seqAt(r *ledger.Rows, t Table, i int) uint64 {
	if i < 0 || i >= Count(r, t) {
		return 0
	}
	switch t {
	case History:
		return r.History[i].Seq
	case Exceptions:
		return r.Exceptions[i].Seq
	case Orders:
		return r.Orders[i].Seq
	case Quarantine:
		return r.Quarantine[i].Seq
	default:
		return r.Outgoing[i].Seq
	}
}
