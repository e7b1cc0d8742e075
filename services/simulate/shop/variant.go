package shop

import (
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Faults that only the fault lab plays: variants of those of the table, and what
// a demonstration has no time for.
const (
	WebhookRestamped Fault = "webhook-restamped"
	ExportThrottled  Fault = "export-throttled"
	DoubleOrder      Fault = "double-order"
	StatusThrice     Fault = "status-thrice"
	BatchBlocked     Fault = "batch-blocked"
	CronSkipped      Fault = "cron-skipped"
	CronOverlap      Fault = "cron-overlap"
	ExportCreeps     Fault = "export-creeps"
	LabelFails       Fault = "label-fails"

	RefundTwice          Fault = "refund-twice"
	ShippedUnpaid        Fault = "shipped-unpaid"
	DeliveredAfterCancel Fault = "delivered-after-cancel"
)

// promisedExport is within what an order is to reach the ERP.
const promisedExport = 2 * time.Minute

// Variants lists them, as Table does.
func Variants() []FaultSpec {
	ingestion := []string{"IngestionPendingAudit", "CheckoutDisconnect"}
	return append([]FaultSpec{
		{
			Fault: WebhookRestamped, PerOrder: true, Does: "Every change of the storefront's order is written, and sent, a second time with a later stamp and nothing else changed.",
			Mark: "versions that say the same",
		},
		{
			Fault: ExportThrottled, PerOrder: true, Does: "The integration swallows the ERP's 429 and never tries again: orders in a row are not exported.",
			Claims: ingestion, Subject: "order", Anchor: "order created",
		},
		{
			Fault: StatusThrice, PerOrder: true, Does: "The ERP writes every status of the sales order three times.", Mark: "versions that say the same",
		},
		{
			Fault: BatchBlocked, PerOrder: true, Does: "One bad order blocks the batch: those of the same five minutes are exported together, four minutes after they end.",
			Claims: ingestion[:1], Subject: "order", Anchor: "order created", Mark: "resolves by itself: MET_LATE",
		},
		{
			Fault: CronSkipped, PerOrder: true, Does: "A run of the export is skipped: orders wait for the next, nineteen to twenty-nine minutes.",
			Claims: ingestion, Subject: "order", Anchor: "order created", Mark: "resolves by itself: MET_LATE",
		},
		{
			Fault: CronOverlap, PerOrder: true, Does: "Two runs of the ERP's import overlap: the sales order goes to pending fulfilment, back, and there again within seconds.",
			Mark: "versions go back and forth",
		},
		{
			Fault: ExportCreeps, PerOrder: true, Does: "The export's queue is saturated: over two minutes the delay grows from forty seconds to six and a half minutes; beyond two minutes the promise is broken.",
			Claims: ingestion[:1], Subject: "order", Anchor: "order created", Mark: "resolves by itself: MET_LATE",
		},
	}, unpromised()...)
}

// unpromised are faults that no shipped rule was written against.
func unpromised() []FaultSpec {
	anything := []string{truth.AnyException}
	return []FaultSpec{
		{
			Fault: DoubleOrder, PerOrder: true, Does: "The export times out after the ERP had committed, and is tried again: the ERP holds two sales orders, the second of which nobody works on.",
			Claims: anything, Subject: "order", Anchor: "second sales order created",
		},
		{
			Fault: LabelFails, PerOrder: true, Does: "The label is never printed: order, payment and ERP agree, and nothing is shipped.",
			Claims: anything, Subject: "order", Anchor: "approved",
		},
		{
			Fault: RefundTwice, PerOrder: true, Does: "One return, and the ERP writes two credit memos.",
			Claims: anything, Subject: "order", Anchor: "second credit memo created",
		},
		{
			Fault: ShippedUnpaid, PerOrder: true, Does: "Nobody ever paid; ERP and warehouse ship all the same.",
			Claims: anything, Subject: "order", Anchor: "shown as shipped",
		},
		{
			Fault: DeliveredAfterCancel, PerOrder: true, Does: "Cancelled and refunded in the storefront, cancelled in the ERP; the warehouse is not told, and the parcel is delivered.",
			Claims: anything, Subject: "order", Anchor: "label printed",
		},
	}
}

// exportDelay is how long after its birth a late order reaches the ERP.
func (l *life) exportDelay() time.Duration {
	into := func(span time.Duration) time.Duration { return l.born.Truncate(span).Add(span).Sub(l.born) }
	switch l.fault {
	case BatchBlocked:
		return into(5*time.Minute) + 4*time.Minute
	case CronSkipped:
		return into(10*time.Minute) + 19*time.Minute
	case ExportCreeps:
		return 40*time.Second + 3*time.Second*time.Duration(l.born.Unix()%120)
	default:
		return l.span(4*time.Minute, 6*time.Minute)
	}
}

// exportAgain writes a second sales order of the same order.
func (l *life) exportAgain(at time.Time) {
	d, r := l.record(SalesOrders, "SO")
	r.Total, r.Currency = l.front.CurrentTotalPrice, currency
	l.goesWrong(post(d, &r, at.Add(l.span(20*time.Second, 40*time.Second)), soPendingApproval), time.Time{})
}

// deliveredAfterCancel: everybody but the warehouse hears that the order was
// cancelled.
func (l *life) deliveredAfterCancel(at time.Time) {
	at = l.cancelFront(at.Add(l.span(5*time.Second, 20*time.Second)))
	at = l.salesOrder(at.Add(l.span(10*time.Second, 40*time.Second)), soCancelled)
	n := l.parcel(l.allLines())
	at = l.label(at.Add(l.span(20*time.Second, 60*time.Second)), n)
	l.goesWrong(at, time.Time{})
	at = l.scan(at.Add(l.span(20*time.Second, 60*time.Second)), n, "in_transit")
	l.scan(at.Add(l.span(30*time.Second, 90*time.Second)), n, "delivered")
	l.name = "delivered, yet cancelled"
}
