package api

import (
	"context"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
)

// orderList gathers the keys of one page of orders, and keeps no more than that.
type orderList struct {
	ctx    context.Context
	filter *filter
	by     *sorting
	page   top[ledger.OrderKey]
	// told: sorting or selecting reads the order's story; whole: selecting reads
	// its states.
	told, whole bool
}

func newOrderList(ctx context.Context, f *filter, by *sorting, page top[ledger.OrderKey]) *orderList {
	l := &orderList{ctx: ctx, filter: f, by: by, page: page}
	for _, field := range by.fields {
		l.told = l.told || field.Path != "order_key"
	}
	for _, name := range f.mentions {
		switch name {
		case "order_key", "origin_source":
		case "create_time", "update_time":
			l.told = true
		default:
			l.whole = true
		}
	}
	return l
}

// ascending reports whether orders come in the order in which they are stored.
func (l *orderList) ascending() bool {
	return l.by.fields[0].Path == "order_key" && !l.by.fields[0].Desc
}

// read offers the orders of one partition.
func (l *orderList) read(r *ledger.Reader, _ engine.Freshness) error {
	from, taken := ledger.OrderKey(""), 0
	if l.ascending() && l.page.after != nil {
		from = ledger.OrderKey(l.page.after.ID)
	}
	var failed error
	err := r.Orders(from, func(k ledger.OrderKey) bool {
		if failed = l.ctx.Err(); failed != nil {
			return false
		}
		var took bool
		if took, failed = l.offer(r, k); took {
			taken++
		}
		return failed == nil && (!l.ascending() || taken <= l.page.size)
	})
	if failed != nil {
		return failed
	}
	return err
}

// offer takes an order in if it belongs to the page. It reads no more of it than
// it takes to know.
func (l *orderList) offer(r *ledger.Reader, k ledger.OrderKey) (bool, error) {
	o := &known{key: k}
	var err error
	if l.told {
		if o.told, err = r.Timeline(k); err != nil {
			return false, err
		}
	}
	as := ranked[ledger.OrderKey]{key: o.sortKey(l.by), id: string(k), item: k}
	if !l.page.wants(&as) {
		return false, nil
	}
	if l.whole {
		if o, err = load(r, k, noLinks{}); err != nil || o == nil {
			return false, err
		}
	}
	if !l.filter.match(o.item) {
		return false, nil
	}
	l.page.offer(as)
	return true, nil
}
