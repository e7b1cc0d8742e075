package truth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Timing says how soon things become knowable under the rules in force.
type Timing struct {
	// After is each exception's span from its anchor, by the exception's name.
	After map[string]time.Duration
	// Sigma is the declared error of the clocks involved, Precision that of
	// stamps; both are waited out before anything is said.
	Sigma     time.Duration
	Precision time.Duration
	// Settle is how long what a source wrote may take to show, and Poll how
	// often it is asked.
	Settle time.Duration
	Poll   time.Duration
	// Slack is what machines may take: deliveries, ticks, a slow page.
	Slack time.Duration
}

// tickEvery is how old a partition's clock may be when nothing is due.
const tickEvery = 30 * time.Second

// DefaultTiming holds the spans of the shipped rules and systems, polled every
// ten seconds.
func DefaultTiming() Timing {
	return Timing{
		After: map[string]time.Duration{
			"IngestionPendingAudit": 2 * time.Minute, "CheckoutDisconnect": 15 * time.Minute, "ShipmentLag": 15 * time.Minute,
			"ReturnDisconnect": 15 * time.Minute, "SilentCancellation": 5 * time.Minute, "PaymentGap": 15 * time.Minute, "PaymentCallbackLost": 15 * time.Minute,
			"ConfirmedThenRejected": 2 * time.Minute, ledger.NameUnmapped: 0, ledger.NameSilent: 2 * time.Minute,
			ledger.NameCollision: 0, ledger.NameOrphan: ledger.Day.Duration(),
		},
		Sigma: 5 * time.Second, Precision: time.Second, Settle: 60 * time.Second, Poll: 30 * time.Second, Slack: 15 * time.Second,
	}
}

// TimingOf reads the spans from a policy. Settle and sigma are the greatest of
// any source; poll is how often the slowest feed is asked.
func TimingOf(p *ledger.Policy, poll, slack time.Duration) Timing {
	t := Timing{After: map[string]time.Duration{ledger.NameUnmapped: 0, ledger.NameCollision: 0, ledger.NameOrphan: ledger.Day.Duration()}, Poll: poll, Slack: slack}
	for i := range p.Aliases {
		if after := p.Aliases[i].OrphanAfter; after > 0 {
			t.After[ledger.NameOrphan] = max(t.After[ledger.NameOrphan], after.Duration())
		}
	}
	for i := range p.Rules {
		for _, s := range p.Rules[i].Steps {
			after := (s.After + p.Rules[i].Grace).Duration()
			if known, ok := t.After[s.Exception]; !ok || after < known {
				t.After[s.Exception] = after // the first step that has the name
			}
		}
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		t.Sigma = max(t.Sigma, s.Skew.Duration())
		t.Precision = max(t.Precision, s.Precision.Duration())
		for _, f := range s.Feeds {
			t.Settle = max(t.Settle, f.Settle.Duration())
			if f.Coverage == ledger.CoverageProven {
				t.After[ledger.NameSilent] = max(t.After[ledger.NameSilent], (2 * f.ExpectedEvery).Duration())
			}
		}
	}
	t.Sigma *= 2 // the opening and the closing source's
	return t
}

// ErrUnknown says that no rule raises an exception that a fault must cause.
var ErrUnknown = errors.New("no rule in force raises it")

// Steps places the steps of an exception that counts from anchor.
func (t Timing) Steps(exceptions []string, anchor time.Time) ([]Step, error) {
	var out []Step
	for _, name := range exceptions {
		after, ok := t.After[name]
		if !ok {
			return nil, fmt.Errorf("exception %s: %w (know %v)", name, ErrUnknown, slices.Sorted(maps.Keys(t.After)))
		}
		wait, notBefore := t.Precision+t.Sigma+t.Settle+t.Poll, anchor.Add(after)
		switch name {
		case ledger.NameUnmapped:
			// It needs no absence: it is said when its evidence is folded, with the
			// clock of the tick before.
			wait, notBefore = 0, notBefore.Add(-tickEvery)
		case ledger.NameCollision:
			// Said when the second order's document was folded, and its binding.
			wait, notBefore = t.Poll+t.Settle, notBefore.Add(-tickEvery)
		case ledger.NameOrphan:
			// A day after its receipt, which follows at once or by a poll.
			wait = t.Poll + t.Settle + 2*tickEvery
		case ledger.NameSilent:
			// Silence counts from what a partition last heard of the feed, which
			// lies before the first error, and is judged by its next tick.
			wait, notBefore = tickEvery, anchor
		}
		out = append(out, Step{Exception: name, NotBefore: notBefore, Knowable: anchor.Add(after + wait + t.Slack)})
	}
	return out, nil
}
