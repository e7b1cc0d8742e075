package engine

import (
	"github.com/orderledger/orderledger/ledger"
)

// The pace of ticks (S-14, S-15).
const (
	tickLiveness = 30 * ledger.Second // without any other reason
	tickLeast    = 200 * ledger.Millisecond
	tickWithheld = 20 * ledger.Second
	tickForward  = ledger.Second // for what the alias store joined since
	// a replica that does not own the partition proposes after this long.
	tickMissed = 3 * tickLiveness
)

// TickView is what a proposer knows when it decides.
type TickView struct {
	Now   ledger.Instant
	Owner bool
	// Clock, Withheld and WithheldBoot are the partition's, as last folded.
	Clock        ledger.Instant
	Withheld     bool
	WithheldBoot [16]byte
	BootID       [16]byte
	// NextTimer is when the first timer is due, 0 if there is none.
	NextTimer ledger.Instant
	// PolicyAt is when a policy that was taken comes into force, 0 if none waits.
	PolicyAt ledger.Instant
	// Date is the newest Date a source answered.
	Date ledger.Instant
	// Wanted are the changed feeds that a waiting obligation needs now.
	Wanted []ledger.FeedKey
	// Forward: the alias store has something to forward. Satisfied: a status that
	// waited for what was forwarded can count. Idle: nothing here needs a clock.
	Forward   bool
	Satisfied bool
	Idle      bool
}

// Ticker decides when the passage of time is proposed to one partition. It is
// a step function: no clock, no I/O.
type Ticker struct {
	last ledger.Instant // wall of the last proposal
	date ledger.Instant // source date of the last proposal
	// answered is the withheld boot that was answered already.
	answered [16]byte
}

// Decision says what to do now: propose a tick with every feed that changed, and
// when to ask again.
type Decision struct {
	Propose bool
	Again   ledger.Instant
}

// Decide says whether to propose a tick now.
func (t *Ticker) Decide(v TickView) Decision {
	t.last = min(t.last, v.Now) // a wall clock that went back would wait for itself
	if v.Idle && v.PolicyAt == 0 {
		return Decision{Again: v.Now.Add(tickLiveness)}
	}
	if !v.Owner {
		return t.standby(v)
	}
	due := t.last.Add(tickLiveness)
	if v.NextTimer != 0 && v.NextTimer < due && !v.Withheld {
		due = max(v.NextTimer, t.last.Add(tickLeast))
	}
	if v.PolicyAt != 0 && v.PolicyAt < due && !v.Withheld {
		due = max(v.PolicyAt, t.last.Add(tickLeast))
	}
	if len(v.Wanted) > 0 || v.Satisfied {
		due = min(due, t.last.Add(tickLeast))
	}
	if v.Forward {
		due = min(due, t.last.Add(tickForward))
	}
	if v.Withheld || v.Clock == 0 {
		due = min(due, t.last.Add(tickWithheld))
		if v.Date > t.date {
			due = min(due, t.last.Add(tickLeast))
		}
	}
	if t.last == 0 {
		due = v.Now
	}
	if v.Now < due {
		return Decision{Again: due}
	}
	t.last, t.date = v.Now, v.Date
	return Decision{Propose: true, Again: v.Now.Add(tickLeast)}
}

// standby proposes for an owner that seems gone, and answers a withheld tick of
// another boot at once.
func (t *Ticker) standby(v TickView) Decision {
	if v.Withheld && v.WithheldBoot != v.BootID && t.answered != v.WithheldBoot {
		t.answered, t.last = v.WithheldBoot, v.Now
		return Decision{Propose: true, Again: v.Now.Add(tickMissed)}
	}
	since := max(v.Clock, t.last)
	if since != 0 && v.Now >= since.Add(tickMissed) {
		t.last = v.Now
		return Decision{Propose: true, Again: v.Now.Add(tickMissed)}
	}
	if since == 0 {
		t.last = v.Now
	}
	return Decision{Again: v.Now.Add(tickLiveness)}
}
