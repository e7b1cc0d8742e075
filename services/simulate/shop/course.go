package shop

import (
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// fastest is the least that a gateway takes for a step. All spans of a healthy
// order stay far inside every shipped deadline.
const fastest = 3 * time.Second

// live lays out the whole course of the order.
func (l *life) live() {
	at := l.checkout()
	switch l.fault {
	case OrderNeverExported, ExportThrottled:
		l.capture(at)
		l.goesWrong(at, time.Time{})
		l.name = "never exported"
		return
	case ExportedLate, BatchBlocked, CronSkipped, ExportCreeps:
		l.capture(at)
		at = l.salesOrder(l.born.Add(l.exportDelay()), soPendingApproval)
		if at.Sub(l.born) > promisedExport {
			l.goesWrong(l.born, at)
		}
		l.rest(l.approve(at))
	case ShippedUnpaid:
		l.rest(l.approve(l.export(at)))
		l.goesWrong(l.parcels[0].shown, time.Time{})
		l.name = "shipped, never paid"
	case DoubleOrder:
		at = l.export(l.capture(at))
		l.exportAgain(at)
		l.rest(l.approve(at))
	case ERPRejection:
		at = l.approveLater(l.export(l.capture(at)), soCancelled)
		l.goesWrong(at, time.Time{})
		l.name = "rejected"
		return
	case CaptureNotPropagated:
		at = l.export(l.capture(at))
		l.goesWrong(at, time.Time{})
		l.name = "pending approval"
		return
	case PaymentCallbackLost:
		at = l.captureAlone(at)
		l.goesWrong(at, time.Time{})
		l.approve(l.export(at))
		l.name = "unpaid in the storefront"
		return
	default:
		l.rest(l.approve(l.export(l.capture(at))))
	}
	l.disturb()
}

// rest is what follows an approved order.
func (l *life) rest(at time.Time) {
	switch l.fault {
	case CancelledButShipped:
		l.cancelledButShipped(at)
		return
	case ShippedButERPPending:
		n := l.parcel(l.allLines())
		at = l.frontShips(l.label(at.Add(l.span(30*time.Second, 60*time.Second)), n), n)
		l.goesWrong(at, time.Time{})
		l.name = "shipped in the storefront alone"
		return
	case ManualEditAfterImport:
		at = l.edit(at)
	case DeliveredAfterCancel:
		l.deliveredAfterCancel(at)
		return
	case LabelFails:
		l.goesWrong(at, time.Time{})
		l.name = "never labelled"
		return
	case "":
		if !l.plain() {
			break
		}
		if l.chance(8) {
			l.cancel(at)
			return
		}
		if l.chance(10) {
			at = l.edit(at)
			l.sales.Total = l.front.CurrentTotalPrice
			at = l.salesOrder(at.Add(l.span(2*time.Second, 10*time.Second)), soPendingFulfilment)
		}
	}
	at = l.fulfil(at)
	at = l.invoice(at)
	at = l.archive(l.deliver(at))
	l.name = l.courseName()
	switch l.fault {
	case PaymentUnnamed:
		l.unnamed()
	case TrackingTwice:
		l.name = "shares a tracking number"
	}
	if l.fault == ReturnNotPropagated || l.fault == RefundTwice || (l.plain() && l.chance(15)) {
		l.takeBack(at)
	}
}

// archive closes the order in the storefront. One whose parcel went astray
// stays open.
func (l *life) archive(at time.Time) time.Time {
	if l.fault == UnmappedStatus {
		return at
	}
	return l.storefront(at.Add(l.span(10*time.Second, 30*time.Second)), func(o *order, at time.Time) {
		stamp := l.cfg.storefrontStamp(at)
		o.ClosedAt = &stamp
	}, "orders/updated")
}

// unnamed notes that nobody can tell whose payment it is: each of its objects
// that waits under a name of its own.
func (l *life) unnamed() {
	for _, d := range []*doc{l.money.intentDoc, l.money.chargeDoc} {
		at := d.versions[0].at
		l.wrongs = append(l.wrongs, wrong{
			claims: []string{ledger.NameOrphan}, subject: truth.AliasSubject(l.cfg.Sources.Payment, "payment-id", d.name), anchor: at, ripe: at.Add(ledger.Day.Duration()),
		})
	}
}

func (l *life) courseName() string {
	if len(l.parcels) > 1 {
		return "split"
	}
	return "delivered"
}

// checkout: the storefront takes the order and opens a payment, which it calls
// pending until it hears more.
func (l *life) checkout() time.Time {
	at := l.storefront(l.born, func(o *order, at time.Time) {
		o.CreatedAt, o.ProcessedAt = l.cfg.storefrontStamp(at), l.cfg.storefrontStamp(at)
	}, "orders/create")
	opened := l.openPayment(at.Add(l.span(300*time.Millisecond, 900*time.Millisecond)))
	l.transaction(opened, 0, "sale:pending", l.money.intent.ID, l.front.TotalPrice)
	return at
}

// transaction tells what the storefront notes about a payment, with the name
// that its provider has for it.
func (l *life) transaction(at time.Time, n int, what, payment, amount string) transaction {
	kind, status, _ := strings.Cut(what, ":")
	t := transaction{
		ID: l.front.ID*100 + int64(n), OrderID: l.front.ID, Kind: kind, Status: status, Gateway: "stripe", Amount: amount,
		Currency: currency, PaymentID: l.front.Name + "." + strconv.Itoa(n), Authorization: &payment, CreatedAt: l.cfg.storefrontStamp(at),
	}
	if l.fault == PaymentUnnamed {
		t.Authorization = nil
	}
	l.also(at, transactionTopic, t)
	return t
}

// captureAlone: the gateway authorises and captures.
func (l *life) captureAlone(at time.Time) time.Time {
	at = l.authorise(at.Add(l.span(fastest, 6*time.Second)))
	return l.takeMoney(at.Add(l.span(fastest, 6*time.Second)))
}

// capture: the gateway captures and calls the storefront back.
func (l *life) capture(at time.Time) time.Time {
	at = l.captureAlone(at).Add(l.span(300*time.Millisecond, 2*time.Second))
	at = l.storefront(at, func(o *order, _ time.Time) { o.FinancialStatus = "paid" }, "orders/paid", "orders/updated")
	l.transaction(at, 1, "sale:success", l.money.charge.ID, l.front.TotalPrice)
	return at
}

// export: the order reaches the ERP, pending approval.
func (l *life) export(at time.Time) time.Time {
	return l.salesOrder(at.Add(l.span(8*time.Second, 40*time.Second)), soPendingApproval)
}

// approve lets the ERP approve the order and hand it to the warehouse.
func (l *life) approve(at time.Time) time.Time {
	at = l.approveLater(at, soPendingFulfilment)
	l.warehouse(at.Add(l.span(3*time.Second, 10*time.Second)), "awaiting_shipment")
	return at
}

func (l *life) approveLater(at time.Time, status string) time.Time {
	return l.salesOrder(at.Add(l.span(8*time.Second, 30*time.Second)), status)
}

// edit takes one piece off the order, after its import.
func (l *life) edit(at time.Time) time.Time {
	line := 0
	at = l.storefront(at.Add(l.span(5*time.Second, 15*time.Second)), func(o *order, _ time.Time) {
		for i := range o.LineItems {
			if o.LineItems[i].CurrentQuantity > 1 {
				line = i
			}
		}
		it := &o.LineItems[line]
		if it.CurrentQuantity > 1 {
			it.CurrentQuantity--
		} else {
			it.CurrentQuantity++
			it.Quantity++
		}
		o.CurrentTotalPrice = major(totalOf(o))
	}, "orders/updated")
	var e orderEdit
	e.Edit.ID, e.Edit.OrderID = l.front.ID*10+7, l.front.ID
	e.Edit.CreatedAt, e.Edit.CommittedAt = l.cfg.storefrontStamp(at), l.cfg.storefrontStamp(at)
	e.Edit.LineItems = editLines{Additions: []editLine{}, Removals: []editLine{{ID: l.front.LineItems[line].ID, Delta: 1}}}
	l.also(at, "orders/edited", e)
	return at
}

func totalOf(o *order) int64 {
	var sum int64
	for _, it := range o.LineItems {
		sum += it.minor * int64(it.CurrentQuantity)
	}
	return sum
}

// cancel: the customer cancels; the ERP follows; the money goes back.
func (l *life) cancel(at time.Time) {
	at = l.cancelFront(at.Add(l.span(5*time.Second, 20*time.Second)))
	at = l.salesOrder(at.Add(l.span(10*time.Second, 40*time.Second)), soCancelled)
	l.warehouse(at.Add(l.span(2*time.Second, 8*time.Second)), "cancelled")
	l.name = "cancelled"
}

// cancelFront cancels and refunds in storefront and gateway.
func (l *life) cancelFront(at time.Time) time.Time {
	at = l.storefront(at, func(o *order, at time.Time) {
		stamp, reason := l.cfg.storefrontStamp(at), "customer"
		o.CancelledAt, o.CancelReason = &stamp, &reason
	}, "orders/cancelled", "orders/updated")
	l.refund(at.Add(l.span(2*time.Second, 5*time.Second)), l.allLines(), "cancel")
	return at
}

// allLines is everything that is on the order now.
func (l *life) allLines() []shippedLine {
	var out []shippedLine
	for _, it := range l.front.LineItems {
		if it.CurrentQuantity > 0 {
			out = append(out, shippedLine{ID: it.ID, SKU: it.SKU, Quantity: it.CurrentQuantity})
		}
	}
	return out
}

// refund gives the money of some lines back: gateway first, then storefront.
func (l *life) refund(at time.Time, lines []shippedLine, restock string) time.Time {
	var sum int64
	r := refund{ID: l.front.ID*10 + 8, OrderID: l.front.ID, LineItems: []refundLine{}}
	for i, s := range lines {
		one := refundLine{ID: l.front.ID*100 + 20 + int64(i), LineItemID: s.ID, Quantity: s.Quantity, RestockType: restock}
		one.LineItem.SKU = s.SKU
		for _, it := range l.front.LineItems {
			if it.ID == s.ID {
				one.Subtotal = float64(it.minor*int64(s.Quantity)) / 100
				sum += it.minor * int64(s.Quantity)
			}
		}
		r.LineItems = append(r.LineItems, one)
	}
	sum = min(sum, l.money.charge.Amount-l.money.charge.AmountRefunded) // no more than was paid
	status := "partially_refunded"
	if major(sum) == l.front.TotalPrice {
		status = "refunded"
	}
	var t transaction
	at = l.giveBack(at, sum)
	at = l.storefront(at.Add(l.span(300*time.Millisecond, 2*time.Second)), func(o *order, at time.Time) {
		stamp := l.cfg.storefrontStamp(at)
		r.CreatedAt, r.ProcessedAt = stamp, stamp
		t = l.transaction(at, 2, "refund:success", l.money.charge.ID, major(sum))
		r.Transactions = []transaction{t}
		o.Refunds = append(o.Refunds, r)
		o.FinancialStatus = status
		o.CurrentTotalPrice = major(totalOf(o) - sum)
	}, "orders/updated")
	l.also(at, "refunds/create", r)
	return at
}

func (l *life) cancelledButShipped(at time.Time) {
	cancelled := l.cancelFront(at.Add(l.span(5*time.Second, 15*time.Second)))
	p := l.parcel(l.allLines())
	l.erpShips(cancelled.Add(l.span(20*time.Second, 60*time.Second)), p, true)
	l.goesWrong(cancelled, time.Time{})
	l.name = "cancelled, yet shipped"
}

// takeBack: a parcel comes back after it was delivered.
func (l *life) takeBack(at time.Time) {
	lines := l.parcels[0].lines[:1]
	r := returnDoc{ID: l.front.ID*10 + 9, OrderID: l.front.ID, Name: l.front.Name + "-R1", Lines: []returnLine{{ID: 1, Quantity: lines[0].Quantity, ReturnReason: "unwanted"}}}
	r.GraphQL = "gid://shopify/Return/" + strconv.FormatInt(r.ID, 10)
	r.Lines[0].FulfillmentLine.ID = 2
	r.Lines[0].FulfillmentLine.LineItem.SKU = lines[0].SKU
	move := func(at time.Time, status, topic string) time.Time {
		at = l.storefront(at, func(*order, time.Time) {}, "orders/updated")
		if r.CreatedAt == "" {
			r.CreatedAt = l.cfg.storefrontStamp(at)
		}
		r.Status, r.UpdatedAt = status, l.cfg.storefrontStamp(at)
		l.also(at, topic, r)
		return at
	}
	at = move(at.Add(l.span(20*time.Second, 60*time.Second)), "requested", "returns/request")
	requested := at
	at = move(at.Add(l.span(5*time.Second, 20*time.Second)), "open", "returns/approve")
	if l.fault == ReturnNotPropagated {
		l.goesWrong(requested, time.Time{})
		l.name = "return not propagated"
		return
	}
	d, memo := l.record(CreditMemos, "CM")
	memo.Total, memo.Currency = "-"+l.worth(lines), currency
	at = post(d, &memo, at.Add(l.span(30*time.Second, 90*time.Second)), "A")
	post(d, &memo, at.Add(l.span(10*time.Second, 30*time.Second)), "B")
	if l.fault == RefundTwice {
		d, memo := l.record(CreditMemos, "CM")
		memo.Total, memo.Currency = "-"+l.worth(lines), currency
		l.goesWrong(post(d, &memo, at.Add(l.span(5*time.Second, 15*time.Second)), "A"), time.Time{})
	}
	at = l.refund(at.Add(l.span(5*time.Second, 15*time.Second)), lines, "return")
	move(at.Add(l.span(5*time.Second, 15*time.Second)), "closed", "returns/close")
	l.name = "returned"
}

// worth is what lines cost.
func (l *life) worth(lines []shippedLine) string {
	var sum int64
	for _, s := range lines {
		for _, it := range l.front.LineItems {
			if it.ID == s.ID {
				sum += it.minor * int64(s.Quantity)
			}
		}
	}
	return major(sum)
}
