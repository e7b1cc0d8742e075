package shop

import (
	"time"
)

// disturb does to the storefront's webhooks what the fault says.
func (l *life) disturb() {
	switch l.fault {
	case WebhookLost:
		kept := l.deliveries[:0]
		for _, d := range l.deliveries {
			if d.Source != l.cfg.Sources.Storefront {
				kept = append(kept, d)
			}
		}
		l.deliveries = kept
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
		end := l.deliveries[len(l.deliveries)-1].Send
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
