package lab

import (
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/shop"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// opener is the role whose document opens what an exception counts from.
var opener = map[string]ledger.Role{
	"IngestionPendingAudit": ledger.RoleStorefront, "CheckoutDisconnect": ledger.RoleStorefront, "ShipmentLag": ledger.RoleStorefront,
	"ReturnDisconnect": ledger.RoleStorefront, "SilentCancellation": ledger.RoleStorefront,
	"ConfirmedThenRejected": ledger.RoleERP, "PaymentGap": ledger.RoleERP, "PaymentCallbackLost": ledger.RolePayment,
}

// wordTold is by how much a step about an unmapped word may come before its anchor
// (see truth.Timing).
const wordTold = 30 * time.Second

// earliest works out, for every step of the truth, when anybody could have known:
// the promise as the source's own stamp counts it, the declared errors of both
// clocks, the patience of the rule, and the first polls that show the silence of
// every feed the rule depends on. The ledger is not asked.
func (e *ear) earliest(t *truth.Truth, timing truth.Timing) {
	for i := range t.Orders {
		o := &t.Orders[i]
		for k := range o.Expect {
			for n := range o.Expect[k].Steps {
				s := &o.Expect[k].Steps[n]
				if s.Exception == ledger.NameUnmapped {
					s.Earliest = e.told(o.Key, e.sourceOf(ledger.RoleStorefront), s.NotBefore.Add(wordTold))
				} else if role, ok := opener[s.Exception]; ok {
					s.Earliest = e.proven(o.Key, s, role, timing)
				}
				// Polls that were refused, or an API that is down, put off what can be known.
				if late := s.Earliest.Add(timing.Slack); !s.Earliest.IsZero() && late.After(s.Knowable) {
					s.Knowable = late
				}
			}
		}
	}
}

func (e *ear) sourceOf(r ledger.Role) *source {
	for _, s := range e.sources {
		if s.spec.Role == r {
			return s
		}
	}
	return nil
}

// told is when a source's document about an order came that took its state at an
// instant or later; zero if none did.
func (e *ear) told(order string, s *source, at time.Time) time.Time {
	for _, n := range e.firsts[order] {
		if n.source == s.cfg.Name && !n.at.Before(at.Truncate(time.Second)) {
			return n.received
		}
	}
	return time.Time{}
}

// skewOf is by how much a source's clock is ahead.
func (e *ear) skewOf(s *source) time.Duration {
	k, names := e.world.Config().Skew, e.world.Config().Sources
	return map[string]time.Duration{names.Storefront: k.Storefront, names.Payment: k.Payment, names.ERP: k.ERP, names.Warehouse: k.Warehouse, names.Courier: k.Courier}[s.cfg.Name]
}

// proven is when the absence that a step speaks of could be proven.
func (e *ear) proven(order string, s *truth.Step, role ledger.Role, timing truth.Timing) time.Time {
	rule, after := e.rule(s.Exception)
	from := e.sourceOf(role)
	if rule == nil || from == nil {
		return time.Time{}
	}
	anchor := s.NotBefore.Add(-timing.After[s.Exception])
	known := e.told(order, from, anchor)
	if known.IsZero() {
		return time.Time{}
	}
	stamp := ledger.At(anchor.Add(e.skewOf(from)).Truncate(time.Second)).Add(from.spec.Precision)
	latest := min(stamp, ledger.At(known).Add(from.spec.Skew))
	limit := latest.Add(after).Add(e.sigma(rule))
	out := max(limit.Add(rule.Grace), ledger.At(known))
	for _, f := range e.feeds {
		if !e.depends(rule, f) {
			continue
		}
		at, _ := slices.BinarySearch(f.polls, limit.Add(f.spec.Settle))
		if at == len(f.polls) {
			return time.Time{}
		}
		out = max(out, f.polls[at])
	}
	return out.Time()
}

// rule finds the rule that raises an exception, and after how long.
func (e *ear) rule(exception string) (*ledger.Rule, ledger.Micros) {
	for i := range e.policy.Rules {
		for _, s := range e.policy.Rules[i].Steps {
			if s.Exception == exception {
				return &e.policy.Rules[i], s.After
			}
		}
	}
	return nil, 0
}

// sigma adds the declared errors of the opening and the closing clocks.
func (e *ear) sigma(r *ledger.Rule) ledger.Micros {
	if r.Expr != nil {
		return 2 * e.worst(r.Expr)
	}
	return e.worst(r.From) + e.worst(r.Until)
}

func (e *ear) worst(p *ledger.Predicate) ledger.Micros {
	var out ledger.Micros
	p.Walk(func(n *ledger.Predicate) {
		if s := e.sourceOf(n.Cell.Role); s != nil {
			out = max(out, s.spec.Skew)
		}
	})
	return out
}

// depends reports whether a rule needs to have heard a feed: one it names, or one
// that proves a cell it reads.
func (e *ear) depends(r *ledger.Rule, f *feed) bool {
	named := slices.ContainsFunc(r.DependsOn, func(d ledger.FeedRef) bool {
		return d.Role == f.source.spec.Role && (d.Feed == "" || d.Feed == f.spec.Name)
	})
	if len(r.DependsOn) > 0 && !named {
		return false
	}
	reads := false
	for _, p := range []*ledger.Predicate{r.From, r.Until, r.Unless, r.Expr} {
		p.Walk(func(n *ledger.Predicate) {
			reads = reads || (n.Cell.Role == f.source.spec.Role && slices.ContainsFunc(f.spec.Proves, func(x ledger.Proof) bool { return x.Axis == n.Cell.Axis }))
		})
	}
	return reads
}

// truthOf is the truth of a run, with the earliest instants.
func (e *ear) truthOf(w *shop.World, end time.Time) (*truth.Truth, error) {
	timing := truth.TimingOf(e.policy, every, 2*every+e.noise.PauseFor)
	timing.After[truth.AnyException] = 0
	t, err := w.Truth(end, e.began, timing)
	if err != nil {
		return nil, err
	}
	e.earliest(t, timing)
	return t, nil
}
