package shop

import (
	"strconv"
	"strings"
	"time"
)

// unmappedWord is a status of parcels that no matrix maps.
const unmappedWord = "held_at_depot"

// parcel puts lines into a new parcel.
func (l *life) parcel(lines []shippedLine) int {
	l.parcels = append(l.parcels, parcel{lines: lines, front: -1})
	return len(l.parcels) - 1
}

// fulfil ships everything, in one parcel or two.
func (l *life) fulfil(at time.Time) time.Time {
	lines := l.allLines()
	if len(lines) > 1 && l.plain() && l.chance(40) {
		first, second := l.parcel(lines[:1]), l.parcel(lines[1:])
		at = l.erpShips(at.Add(l.span(30*time.Second, 90*time.Second)), first, false)
		l.frontShips(at, first)
		at = l.erpShips(at.Add(l.span(40*time.Second, 90*time.Second)), second, true)
		return l.frontShips(at, second)
	}
	p := l.parcel(lines)
	at = l.erpShips(at.Add(l.span(30*time.Second, 120*time.Second)), p, true)
	return l.frontShips(at, p)
}

// erpShips picks, packs and ships a parcel in the ERP. It returns when.
func (l *life) erpShips(at time.Time, n int, last bool) time.Time {
	p := &l.parcels[n]
	p.ship, p.row = l.record(ItemFulfillments, "IF")
	at = post(p.ship, &p.row, at, "A")
	at = post(p.ship, &p.row, at.Add(l.span(5*time.Second, 20*time.Second)), "B")
	at = l.label(at.Add(l.span(time.Second, 4*time.Second)), n)
	at = post(p.ship, &p.row, at.Add(l.span(5*time.Second, 20*time.Second)), "C")
	if last {
		l.salesOrder(at, soPendingBilling)
	} else {
		l.salesOrder(at, soPartiallyFulfilled)
	}
	return at
}

// frontShips shows a parcel in the storefront. It returns when.
func (l *life) frontShips(at time.Time, n int) time.Time {
	p := &l.parcels[n]
	var f fulfillment
	at = l.storefront(at.Add(l.span(2*time.Second, 8*time.Second)), func(o *order, at time.Time) {
		p.front = len(o.Fulfillments)
		p.shown = at
		f = fulfillment{
			ID: o.ID*10 + int64(p.front), OrderID: o.ID, Name: o.Name + "." + strconv.Itoa(p.front+1), Status: "success",
			CreatedAt: l.cfg.storefrontStamp(at), UpdatedAt: l.cfg.storefrontStamp(at), TrackingCompany: "Parcelbird", TrackingNumber: p.tracking,
			TrackingNumbers: []string{p.tracking}, LineItems: p.lines,
		}
		o.Fulfillments = append(o.Fulfillments, f)
		o.FulfillmentStatus = shippedWord(o)
	}, "orders/updated")
	l.also(at, "fulfillments/create", f)
	topic := "orders/partially_fulfilled"
	if *l.front.FulfillmentStatus == "fulfilled" {
		topic = "orders/fulfilled"
	}
	l.also(at, topic, l.front)
	return at
}

// shippedWord is the storefront's roll-up of its parcels.
func shippedWord(o *order) *string {
	var ordered, shipped int
	for _, it := range o.LineItems {
		ordered += it.CurrentQuantity
	}
	for _, f := range o.Fulfillments {
		for _, s := range f.LineItems {
			shipped += s.Quantity
		}
	}
	word := "partial"
	if shipped >= ordered {
		word = "fulfilled"
	}
	return &word
}

// carried notes where the courier says a parcel is, first in its own words.
func (l *life) carried(at time.Time, n int, word string) time.Time {
	p := &l.parcels[n]
	state := word
	if strings.HasPrefix(word, unmappedWord) {
		state = "held"
	}
	at = l.scan(at, n, state).Add(l.span(300*time.Millisecond, 2*time.Second))
	at = l.storefront(at, func(o *order, at time.Time) {
		f := &o.Fulfillments[p.front]
		f.ShipmentStatus, f.UpdatedAt = &word, l.cfg.storefrontStamp(at)
	}, "orders/updated")
	l.also(at, "fulfillments/update", l.front.Fulfillments[p.front])
	return at
}

// deliver carries every parcel to its door.
func (l *life) deliver(at time.Time) time.Time {
	end := at
	for n := range l.parcels {
		end = l.carried(later(end, at).Add(l.span(20*time.Second, 60*time.Second)), n, "in_transit")
	}
	if l.fault == UnmappedStatus {
		word := unmappedWord
		if l.cfg.ManyWords {
			word += "_" + strconv.Itoa(l.index)
		}
		end = l.carried(end.Add(l.span(10*time.Second, 20*time.Second)), 0, word)
		l.wrongs = append(l.wrongs, wrong{
			claims: []string{"UnmappedStatus"}, anchor: end,
			subject: strings.Join([]string{"word", l.cfg.Sources.Storefront, "fulfilment", word}, ":"),
		})
		return end
	}
	for n := range l.parcels {
		end = l.carried(end.Add(l.span(30*time.Second, 90*time.Second)), n, "delivered")
	}
	return end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// invoice bills what was shipped.
func (l *life) invoice(at time.Time) time.Time {
	d, r := l.record(Invoices, "INV")
	r.Total, r.Currency = l.sales.Total, currency
	billed := post(d, &r, at.Add(l.span(5*time.Second, 20*time.Second)), "A")
	l.salesOrder(billed, soBilled)
	post(d, &r, billed.Add(l.span(5*time.Second, 20*time.Second)), "B")
	return at
}
