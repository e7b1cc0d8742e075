package shop

import "slices"

// Fault names one class of things that go wrong.
type Fault string

// The faults.
const (
	OrderNeverExported    Fault = "order-never-exported"
	ExportedLate          Fault = "exported-late"
	WebhookLost           Fault = "webhook-lost"
	WebhookDuplicated     Fault = "webhook-duplicated"
	WebhookReordered      Fault = "webhook-reordered"
	StaleAfterFresh       Fault = "stale-after-fresh"
	UnmappedStatus        Fault = "unmapped-status"
	ERPRejection          Fault = "erp-rejection"
	CaptureNotPropagated  Fault = "capture-not-propagated"
	CancelledButShipped   Fault = "cancelled-but-shipped"
	ShippedButERPPending  Fault = "shipped-but-erp-pending"
	ReturnNotPropagated   Fault = "return-not-propagated"
	PaymentCallbackLost   Fault = "payment-callback-lost"
	ManualEditAfterImport Fault = "manual-edit-after-import"
	PaymentNamedLate      Fault = "payment-named-late"
	PaymentUnnamed        Fault = "payment-unnamed"
	TrackingTwice         Fault = "tracking-number-twice"
	SourceSilent          Fault = "source-silent"
)

// FaultSpec says what a fault does and what a ledger must make of it.
type FaultSpec struct {
	Fault Fault
	// PerOrder: it happens to an order (Injection), else to a source (Silence).
	PerOrder bool
	// Does says what the systems do.
	Does string
	// Claims are the exceptions that must be raised, in the order of their
	// steps; empty: none may be.
	Claims []string
	// Subject is what the exceptions are about: order, word, alias or feed.
	Subject string
	// Anchor names the event from which the deadline counts.
	Anchor string
	// Mark is what the order's timeline shows instead or besides.
	Mark string
}

// Table lists every fault, in the order of the constants.
func Table() []FaultSpec { return slices.Concat(lapses(), misnamings()) }

// lapses are the faults of single systems, and of what passes between two.
func lapses() []FaultSpec {
	return []FaultSpec{
		{
			Fault: OrderNeverExported, PerOrder: true, Does: "The storefront sells, the payment provider captures, the ERP never hears of the order.",
			Claims: []string{"IngestionPendingAudit", "CheckoutDisconnect"}, Subject: "order", Anchor: "order created",
		},
		{
			Fault: ExportedLate, PerOrder: true, Does: "The order reaches the ERP four to six minutes after checkout.",
			Claims: []string{"IngestionPendingAudit"}, Subject: "order", Anchor: "order created", Mark: "resolves by itself: MET_LATE",
		},
		{
			Fault: WebhookLost, PerOrder: true, Does: "Every webhook of the storefront about the order and its parcels is lost; those about its payment arrive.",
			Mark: "none: the next poll of the orders list shows it",
		},
		{
			Fault: WebhookDuplicated, PerOrder: true, Does: "Every webhook of the storefront arrives twice, some three times.",
			Mark: "duplicate: copies of one event",
		},
		{
			Fault: WebhookReordered, PerOrder: true, Does: "Webhooks of the storefront overtake each other by up to two minutes.",
			Mark: "late: versions arrive out of order",
		},
		{
			Fault: StaleAfterFresh, PerOrder: true, Does: "The webhook of the creation is retried until after the order was shipped, with its original body.",
			Mark: "late: an old version arrives after newer ones and changes nothing (a duplicate, where a poll has shown it in time)",
		},
		{
			Fault: UnmappedStatus, PerOrder: true, Does: "A parcel takes a status that nobody has mapped.",
			Claims: []string{"UnmappedStatus"}, Subject: "word", Anchor: "parcel updated", Mark: "shelved: the word stands as UNMAPPED",
		},
		{
			Fault: ERPRejection, PerOrder: true, Does: "The ERP takes the order, then cancels it; the storefront never hears of that.",
			Claims: []string{"ConfirmedThenRejected"}, Subject: "order", Anchor: "sales order cancelled",
		},
		{
			Fault: CaptureNotPropagated, PerOrder: true, Does: "The payment provider has captured; the ERP's sales order stays pending approval.",
			Claims: []string{"PaymentGap"}, Subject: "order", Anchor: "sales order created",
		},
		{
			Fault: CancelledButShipped, PerOrder: true, Does: "The storefront cancels and refunds; the ERP does not hear of it and ships.",
			Claims: []string{"SilentCancellation"}, Subject: "order", Anchor: "cancelled",
		},
		{
			Fault: ShippedButERPPending, PerOrder: true, Does: "The storefront shows the parcel as shipped; the ERP's sales order stays pending fulfilment.",
			Claims: []string{"ShipmentLag"}, Subject: "order", Anchor: "storefront fulfilled",
		},
		{
			Fault: ReturnNotPropagated, PerOrder: true, Does: "The customer asks for a return; the ERP never writes a credit memo.",
			Claims: []string{"ReturnDisconnect"}, Subject: "order", Anchor: "return requested",
		},
		{
			Fault: PaymentCallbackLost, PerOrder: true, Does: "The payment provider has captured; its answer never reaches the storefront, which shows the payment as pending.",
			Claims: []string{"PaymentCallbackLost"}, Subject: "order", Anchor: "captured",
		},
		{
			Fault: ManualEditAfterImport, PerOrder: true, Does: "A line is taken off the order after its import; the ERP keeps the old total.",
			Mark: "amounts: ordered differs between storefront and ERP",
		},
	}
}

// misnamings are the faults of the names by which systems know an order, and
// the silence of a whole source.
func misnamings() []FaultSpec {
	return []FaultSpec{
		{
			Fault: PaymentNamedLate, PerOrder: true, Does: "The storefront's transactions, which alone name the payment, arrive ten to twenty minutes late.",
			Mark: "joined late: the payment stands in the timeline once it is named",
		},
		{
			Fault: PaymentUnnamed, PerOrder: true, Does: "The storefront's transactions never say which payment they mean, so that nobody knows whose the payment is.",
			Claims: []string{"OrphanEvent"}, Subject: "alias", Anchor: "payment received", Mark: "without the payment",
		},
		{
			Fault: TrackingTwice, PerOrder: true, Does: "The parcel of the next order is given the tracking number of this one.",
			Claims: []string{"AliasCollision"}, Subject: "alias", Anchor: "both shown as shipped", Mark: "without the courier's scans, which wait",
		},
		{
			Fault: SourceSilent, Does: "The API of a source answers 500 for a while.",
			Claims: []string{"SourceSilent"}, Subject: "feed", Anchor: "silence begins", Mark: "resolves when the API answers again; no order is blamed",
		},
	}
}

// Lookup returns the specification of a fault.
func Lookup(f Fault) (FaultSpec, bool) {
	for _, s := range slices.Concat(Table(), Variants()) {
		if s.Fault == f {
			return s, true
		}
	}
	return FaultSpec{}, false
}

// OrderFaults lists the faults that happen to orders.
func OrderFaults() []Fault {
	var out []Fault
	for _, s := range Table() {
		if s.PerOrder {
			out = append(out, s.Fault)
		}
	}
	return out
}
