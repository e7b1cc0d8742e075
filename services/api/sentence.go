package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// phrases say a state of an axis in plain English; what is not here is said
// with the state's own name.
var phrases = map[ledger.Axis]map[ledger.State]string{
	ledger.AxisOrder: {
		ledger.OrderDraft: "is a draft", ledger.OrderReceived: "is received", ledger.OrderPendingValidation: "awaits validation",
		ledger.OrderPlaced: "is placed", ledger.OrderPendingIngestion: "awaits being taken over", ledger.OrderConfirmed: "is confirmed",
		ledger.OrderProcessing: "is being processed", ledger.OrderCompleted: "is completed", ledger.OrderClosed: "is closed",
		ledger.OrderHold: "is on hold", ledger.OrderRejected: "is rejected", ledger.OrderCancelled: "is cancelled",
	},
	ledger.AxisPayment: {
		ledger.PaymentPending: "awaits payment", ledger.PaymentAuthorised: "has its payment authorised", ledger.PaymentPartiallyCaptured: "is partially paid",
		ledger.PaymentCaptured: "is paid", ledger.PaymentPartiallyRefunded: "is partially refunded", ledger.PaymentRefunded: "is refunded",
		ledger.PaymentFailed: "has a failed payment", ledger.PaymentExpired: "has an expired payment", ledger.PaymentVoided: "has its payment voided",
		ledger.PaymentDisputed: "has a disputed payment", ledger.PaymentChargedBack: "is charged back",
	},
	ledger.AxisFulfilment: {
		ledger.FulfilmentPending: "awaits shipment", ledger.FulfilmentPartiallyPicked: "is partially picked", ledger.FulfilmentPicked: "is picked",
		ledger.FulfilmentPartiallyPacked: "is partially packed", ledger.FulfilmentPacked: "is packed", ledger.FulfilmentPartiallyShipped: "is partially shipped",
		ledger.FulfilmentShipped: "is shipped", ledger.FulfilmentInTransit: "is in transit", ledger.FulfilmentOutForDelivery: "is out for delivery",
		ledger.FulfilmentPartiallyDelivered: "is partially delivered", ledger.FulfilmentDelivered: "is delivered",
		ledger.FulfilmentHold: "is held back from shipment", ledger.FulfilmentAttemptFailed: "has a failed delivery attempt",
		ledger.FulfilmentFailed: "could not be delivered", ledger.FulfilmentReturnedToSender: "is on its way back to the sender",
		ledger.FulfilmentNotRequired: "needs no shipment", ledger.FulfilmentCancelled: "has its shipment cancelled",
	},
}

// clause is one clause of an order's sentence, with how its instant is said.
type clause struct {
	*orderledgerv1.SentenceClause
	when string
}

// sentence says where an order stands: what was said of it per axis, and what
// is wrong or cannot be judged. Every clause rests on one fact. What several
// sources say alike is said once, of the first who said it; what nobody said is
// not said at all: only a verdict may speak of absence.
func (o *known) sentence() (string, []*orderledgerv1.SentenceClause) {
	all := o.began()
	all = append(all, o.standing()...)
	for _, x := range o.exceptions {
		c := &orderledgerv1.SentenceClause{
			Text: "has the open exception " + x.Name, At: stamp(x.OpenedAt), Rule: x.Rule, ExceptionId: x.ID.String(),
		}
		for i := range x.Evidence {
			if e := &x.Evidence[i]; e.Event != (ledger.EventID{}) {
				c.EventId, c.Source = e.Event.String(), string(e.Source)
				break
			}
		}
		all = append(all, clause{c, since(ledger.Within{Earliest: x.OpenedAt, Latest: x.OpenedAt})})
	}
	all = append(all, o.undetermined()...)
	var texts []string
	var out []*orderledgerv1.SentenceClause
	for _, c := range all {
		texts, out = append(texts, c.Text+c.when), append(out, c.SentenceClause)
	}
	switch n := len(texts); n {
	case 0:
		return "Nothing is known yet of order " + string(o.key) + ".", nil
	case 1:
		return "Order " + string(o.key) + " " + texts[0] + ".", out
	default:
		return "Order " + string(o.key) + " " + strings.Join(texts[:n-1], ", ") + ", and " + texts[n-1] + ".", out
	}
}

// began says where the order came into being, if its origin was heard.
func (o *known) began() []clause {
	at := o.view.Summary.Created
	if at == ledger.Forever || at <= ledger.Beginning {
		return nil
	}
	c := &orderledgerv1.SentenceClause{Text: "was created at " + string(o.key.Origin()), At: stamp(at), Source: string(o.key.Origin())}
	for i := range o.told {
		if e := o.told[i].Event; e != nil && e.Source == o.key.Origin() && slices.ContainsFunc(e.Claims, func(x ledger.Claim) bool { return x.Mode == ledger.Created }) {
			c.EventId = e.ID.String()
			break
		}
	}
	return []clause{{c, " on " + said(at)}}
}

// standing says each state that a source gives, axis by axis.
func (o *known) standing() []clause {
	cells := slices.DeleteFunc(slices.Clone(o.view.Summary.Cells), func(c ledger.CellView) bool { return c.State == ledger.Absent })
	slices.SortFunc(cells, func(a, b ledger.CellView) int {
		return cmp.Or(cmp.Compare(a.Axis, b.Axis), cmp.Compare(a.Since.Latest, b.Since.Latest), cmp.Compare(a.Source, b.Source))
	})
	var out []clause
	for i := range cells {
		c := &cells[i]
		if c.State.Certain() && slices.ContainsFunc(cells[:i], func(b ledger.CellView) bool { return b.Axis == c.Axis && b.State == c.State }) {
			continue
		}
		text := phrases[c.Axis][c.State]
		switch {
		case !c.State.Certain():
			text = "has a status of its " + c.Axis.String() + " that is not understood"
		case text == "":
			text = "has the " + c.Axis.String() + " status " + c.Axis.StateName(c.State)
		}
		m := &orderledgerv1.SentenceClause{Text: text + " according to " + string(c.Source), At: stamp(c.Since.Latest), Source: string(c.Source)}
		if c.By != (ledger.EventID{}) {
			m.EventId = c.By.String()
		}
		out = append(out, clause{m, since(c.Since)})
	}
	return out
}

// undetermined says which promises cannot be judged, and for want of what.
func (o *known) undetermined() []clause {
	var out []clause
	for i := range o.view.Verdicts {
		v := &o.view.Verdicts[i]
		if v.State != ledger.VerdictUndetermined || slices.ContainsFunc(out, func(c clause) bool { return c.Rule == v.Rule }) {
			continue
		}
		c := &orderledgerv1.SentenceClause{Text: "cannot be judged by rule " + v.Rule, Rule: v.Rule, Source: string(v.Feed.Source)}
		when := ""
		if v.Feed.Source != "" {
			c.Text += " for want of " + v.Feed.String()
			c.At = stamp(v.Since)
			if c.At != nil {
				when = ", not heard since " + said(v.Since)
			}
		}
		out = append(out, clause{c, when})
	}
	return out
}

// since says from when on something holds, and whether that is exact.
func since(w ledger.Within) string {
	switch {
	case stamp(w.Latest) == nil:
		return ""
	case w.Earliest == w.Latest:
		return " since " + said(w.Latest)
	default:
		return " since " + said(w.Latest) + " at the latest"
	}
}

// said is an instant inside the sentence.
func said(i ledger.Instant) string {
	return fmt.Sprintf("%s UTC", i.Time().UTC().Format("2006-01-02 15:04:05"))
}
