package shop

import (
	"time"
)

// transactionTopic is what the storefront sends about payments.
const transactionTopic = "order_transactions/create"

// disturb does to the storefront's webhooks what the fault says.
func (l *life) disturb() {
	switch l.fault {
	case WebhookLost:
		kept := l.deliveries[:0]
		for _, d := range l.deliveries {
			if d.Source != l.cfg.Sources.Storefront || d.Topic == transactionTopic {
				kept = append(kept, d)
			}
		}
		l.deliveries = kept
	case PaymentNamedLate:
		for _, d := range l.deliveries {
			if d.Topic == transactionTopic {
				d.Send = d.Send.Add(l.span(10*time.Minute, 20*time.Minute))
			}
		}
	case WebhookDuplicated:
		for _, d := range l.deliveries {
			if d.Source == l.cfg.Sources.Storefront {
				l.again(d, l.span(time.Second, 20*time.Second))
				if l.chance(30) {
					l.again(d, l.span(time.Second, 40*time.Second))
				}
			}
		}
	case WebhookReordered:
		for _, d := range l.deliveries {
			if d.Source == l.cfg.Sources.Storefront {
				d.Send = d.Send.Add(l.span(0, 2*time.Minute))
			}
		}
	case StaleAfterFresh:
		var end time.Time
		for _, d := range l.deliveries {
			end = later(end, d.Send)
		}
		for _, d := range l.deliveries {
			if d.Topic == "orders/create" {
				d.Send = end.Add(l.span(time.Second, 10*time.Second))
			}
		}
	}
}

// again sends a copy of a webhook: same id, same bytes.
func (l *life) again(d *Delivery, after time.Duration) {
	c := *d
	c.Send, c.seq = d.Send.Add(after), len(l.deliveries)
	l.deliveries = append(l.deliveries, &c)
}
