package connector

import (
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Outcome says what became of a delivery, a document or a poll. The set is
// closed, so that it may label a metric.
type Outcome string

// The outcomes of documents, and of whole deliveries.
const (
	OutcomeAccepted    Outcome = "accepted"
	OutcomeQuarantined Outcome = "quarantined"
	OutcomeForeign     Outcome = "foreign"
	OutcomeRepeated    Outcome = "repeated" // a poll's overlap, not appended again
	OutcomeUnauthentic Outcome = "unauthentic"
	OutcomeTooLarge    Outcome = "too_large"
	OutcomeTooSlow     Outcome = "too_slow"
	OutcomeUnsupported Outcome = "unsupported"
	OutcomeThrottled   Outcome = "throttled" // too much in flight, or the source said so
	OutcomeUnavailable Outcome = "unavailable"
)

// The outcomes of a poll's page besides OutcomeAccepted, OutcomeThrottled and
// OutcomeUnavailable.
const (
	OutcomeDenied  Outcome = "denied"  // the source no longer lets us read
	OutcomeRefused Outcome = "refused" // the source calls our question wrong
	OutcomeBroken  Outcome = "broken"  // the answer cannot be used
)

// Observation is one thing that happened at the edge. Such counters are
// diagnostics, not evidence (S-40).
type Observation struct {
	// Source is empty for deliveries to a name that is not configured: what
	// strangers write into a URL must not become a label.
	Source  ledger.Source
	Feed    string
	Outcome Outcome
	Count   int
	// Took is how long a delivery or page took, zero for documents.
	Took time.Duration
	// Err explains what went wrong; nil if nothing did.
	Err error
}

// Observer counts what happens at the edge. It must not block and must be safe
// for concurrent use.
type Observer interface {
	Observe(o Observation)
}

// Silent observes nothing.
type Silent struct{}

// Observe does nothing.
func (Silent) Observe(Observation) {}
