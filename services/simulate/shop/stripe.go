package shop

import (
	"fmt"
	"strconv"
	"time"
)

// stripeVersion is the API version in which the account's events are rendered.
const stripeVersion = "2024-06-20"

// intent is one attempt to be paid: what the account calls a payment.
type intent struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Amount           int64             `json:"amount"`
	AmountCapturable int64             `json:"amount_capturable"`
	AmountReceived   int64             `json:"amount_received"`
	CanceledAt       *int64            `json:"canceled_at"`
	CaptureMethod    string            `json:"capture_method"`
	Created          int64             `json:"created"`
	Currency         string            `json:"currency"`
	Description      string            `json:"description"`
	LastPaymentError *string           `json:"last_payment_error"`
	LatestCharge     *string           `json:"latest_charge"`
	Livemode         bool              `json:"livemode"`
	Metadata         map[string]string `json:"metadata"`
	ReceiptEmail     string            `json:"receipt_email"`
	Status           string            `json:"status"`
}

// charge is one movement of money towards the shop.
type charge struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	Amount         int64             `json:"amount"`
	AmountCaptured int64             `json:"amount_captured"`
	AmountRefunded int64             `json:"amount_refunded"`
	Billing        billing           `json:"billing_details"`
	Captured       bool              `json:"captured"`
	Created        int64             `json:"created"`
	Currency       string            `json:"currency"`
	Disputed       bool              `json:"disputed"`
	Livemode       bool              `json:"livemode"`
	Metadata       map[string]string `json:"metadata"`
	Paid           bool              `json:"paid"`
	PaymentIntent  string            `json:"payment_intent"`
	ReceiptEmail   string            `json:"receipt_email"`
	ReceiptURL     string            `json:"receipt_url"`
	Refunded       bool              `json:"refunded"`
	Status         string            `json:"status"`
}

type billing struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// moneyBack is a refund as the account keeps it.
type moneyBack struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Amount        int64             `json:"amount"`
	Charge        string            `json:"charge"`
	Created       int64             `json:"created"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent string            `json:"payment_intent"`
	Reason        string            `json:"reason"`
	Status        string            `json:"status"`
}

// accountEvent says what an object was like when it changed.
type accountEvent struct {
	ID         string       `json:"id"`
	Object     string       `json:"object"`
	APIVersion string       `json:"api_version"`
	Created    int64        `json:"created"`
	Data       eventData    `json:"data"`
	Livemode   bool         `json:"livemode"`
	Pending    int          `json:"pending_webhooks"`
	Request    eventRequest `json:"request"`
	Type       string       `json:"type"`
}

type eventData struct {
	Object any `json:"object"`
}

type eventRequest struct {
	ID             *string `json:"id"`
	IdempotencyKey *string `json:"idempotency_key"`
}

// account is what the payment provider knows of an order: a payment that was
// received from somebody, and none of the shop's numbers.
type account struct {
	intent    intent
	charge    charge
	intentDoc *doc
	chargeDoc *doc
}

func (c *Config) paymentStamp(at time.Time) int64 { return at.Add(c.Skew.Payment).Unix() }

// stripeID makes an id of the account, as opaque as the real ones.
func (l *life) stripeID(prefix string) string {
	return fmt.Sprintf("%s_3%s%08x", prefix, strconv.FormatUint(l.rng.Uint64(), 36), l.rng.Uint32())
}

// openPayment makes the payment that the customer is asked for.
func (l *life) openPayment(at time.Time) time.Time {
	l.money.intentDoc, l.money.chargeDoc = l.newDoc(PaymentIntents, 0), l.newDoc(Charges, 0)
	email := l.front.Email
	l.money.intent = intent{
		ID: l.stripeID("pi"), Object: "payment_intent", Amount: l.total(), CaptureMethod: "manual", Currency: "eur",
		Description: "Payment at a small shop", Metadata: map[string]string{}, ReceiptEmail: email, Status: "requires_payment_method",
	}
	l.money.charge = charge{
		ID: l.stripeID("ch"), Object: "charge", Amount: l.total(), Billing: billing{Email: email, Name: "A. Buyer"}, Currency: "eur",
		Metadata: map[string]string{}, PaymentIntent: l.money.intent.ID, ReceiptEmail: email, ReceiptURL: "https://pay.example.org/receipts/" + l.front.Token, Status: "succeeded",
	}
	l.money.intentDoc.name, l.money.chargeDoc.name = l.money.intent.ID, l.money.charge.ID
	return l.moveIntent(at, "payment_intent.created", func(p *intent, at time.Time) { p.Created = l.cfg.paymentStamp(at) })
}

// authorise reserves the money, captures it takes it.
func (l *life) authorise(at time.Time) time.Time {
	at = l.moveCharge(at, "charge.succeeded", func(c *charge, at time.Time) { c.Created, c.Paid = l.cfg.paymentStamp(at), true })
	id := l.money.charge.ID
	return l.moveIntent(at, "payment_intent.amount_capturable_updated", func(p *intent, _ time.Time) {
		p.Status, p.AmountCapturable, p.LatestCharge = "requires_capture", p.Amount, &id
	})
}

func (l *life) takeMoney(at time.Time) time.Time {
	at = l.moveCharge(at, "charge.captured", func(c *charge, _ time.Time) { c.Captured, c.AmountCaptured = true, c.Amount })
	return l.moveIntent(at, "payment_intent.succeeded", func(p *intent, _ time.Time) {
		p.Status, p.AmountReceived, p.AmountCapturable = "succeeded", p.Amount, 0
	})
}

// giveBack refunds a sum.
func (l *life) giveBack(at time.Time, minor int64) time.Time {
	at = l.moveCharge(at, "charge.refunded", func(c *charge, _ time.Time) {
		c.AmountRefunded += minor
		c.Refunded = c.AmountRefunded == c.Amount
	})
	r := moneyBack{
		ID: l.stripeID("re"), Object: "refund", Amount: minor, Charge: l.money.charge.ID, Currency: "eur", Metadata: map[string]string{},
		PaymentIntent: l.money.intent.ID, Reason: "requested_by_customer", Status: "succeeded",
	}
	d := l.newDoc(Refunds, 0)
	d.name = r.ID
	return l.tellEvent(d, "refund.created", d.write(at, func(at time.Time) any {
		r.Created = l.cfg.paymentStamp(at)
		return r
	}))
}

func (l *life) moveIntent(at time.Time, kind string, change func(p *intent, at time.Time)) time.Time {
	return l.tellEvent(l.money.intentDoc, kind, l.money.intentDoc.write(at, func(at time.Time) any {
		change(&l.money.intent, at)
		return l.money.intent
	}))
}

func (l *life) moveCharge(at time.Time, kind string, change func(c *charge, at time.Time)) time.Time {
	return l.tellEvent(l.money.chargeDoc, kind, l.money.chargeDoc.write(at, func(at time.Time) any {
		change(&l.money.charge, at)
		return l.money.charge
	}))
}

// tellEvent files and sends the event about an object's newest version.
func (l *life) tellEvent(of *doc, kind string, at time.Time) time.Time {
	e := accountEvent{
		ID: l.stripeID("evt"), Object: "event", APIVersion: stripeVersion, Created: l.cfg.paymentStamp(at), Data: eventData{of.versions[len(of.versions)-1].body},
		Pending: 1, Type: kind,
	}
	d := l.newDoc(PaymentEvents, 0)
	d.name, d.kind = e.ID, kind
	d.write(at, func(time.Time) any { return e })
	l.actions++
	l.send(l.cfg.Sources.Payment, kind, at, e)
	return at
}
