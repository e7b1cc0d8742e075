package ledger

import "slices"

// Outcome is what became of one record, the first that applies in the order
// of the constants (S-40). The numbers are frozen.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone        Outcome = 0
	OutcomeQuarantined Outcome = 1
	OutcomeForeign     Outcome = 2
	OutcomeParked      Outcome = 3
	OutcomeDuplicate   Outcome = 4
	OutcomeShelved     Outcome = 5
	OutcomeConflict    Outcome = 6
	OutcomeApplied     Outcome = 7
)

// Outcomes is how many outcomes there are, OutcomeNone included.
const Outcomes = 8

var outcomeNames = [...]string{"none", "quarantined", "foreign", "parked", "duplicate", "shelved", "conflict", "applied"}

// String returns the outcome's name, such as "applied".
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "none"
}

// FactKind says what was told. The numbers are frozen.
type FactKind uint8

// The kinds of facts.
const (
	FactNone              FactKind = 0
	FactVerdict           FactKind = 1
	FactRevised           FactKind = 2
	FactExceptionOpened   FactKind = 3
	FactExceptionStepped  FactKind = 4
	FactExceptionResolved FactKind = 5
	FactExceptionReopened FactKind = 6
	FactAction            FactKind = 7
	FactRefused           FactKind = 8
	FactShelved           FactKind = 9
	FactReleased          FactKind = 10
	FactSnoozeEnded       FactKind = 11
	FactWithdrawn         FactKind = 12 // an event was joined elsewhere
	FactMerged            FactKind = 13 // orders are one from here on
	FactExceptionMoved    FactKind = 14 // an exception's order was merged into another
	FactExceptionReturned FactKind = 15 // its order stands alone again
	FactSplit             FactKind = 16 // orders that were one stand alone again
)

var factNames = [...]string{"none", "verdict", "revised", "exception-opened", "exception-stepped", "exception-resolved", "exception-reopened", "action", "action-refused", "shelved", "released", "snooze-ended", "withdrawn",
	"merged", "exception-moved", "exception-returned", "split"}

// String returns the kind's name, such as "exception-opened".
func (k FactKind) String() string {
	if int(k) < len(factNames) {
		return factNames[k]
	}
	return "none"
}

// Fact is something the ledger said about an order, at one offset of its log.
// Facts are never rewritten.
type Fact struct {
	Seq        uint64 // dense per order
	Offset     int64
	Kind       FactKind
	At         Instant // evaluated-at: the partition's clock
	Rule       string
	Step       uint8
	Episode    uint32
	Anchor     Within
	Deadline   Instant
	From       VerdictState
	To         VerdictState
	Basis      Basis
	Because    Because
	Feed       FeedKey
	Since      Instant
	Exception  ExceptionID
	Name       string // exception type, action, or native word
	Actor      string
	Text       string
	Announced  bool
	RecordedAt Instant // of the record that caused it; not part of the digest
}

// HistoryRow is one line of an order's history for ClickHouse: an event with
// its outcome, or a fact.
type HistoryRow struct {
	Seq        uint64
	Offset     int64
	RecordedAt Instant
	Order      OrderKey
	Outcome    Outcome
	Event      *Event // without its body
	States     []State
	Body       Body
	Fact       *Fact
}

// ExceptionRow is an exception as it stood after one change.
type ExceptionRow struct {
	Seq        uint64
	Offset     int64
	RecordedAt Instant
	Change     FactKind
	Exception  Exception
}

// OrderRow is the summary of an order after a record changed it.
type OrderRow struct {
	Seq        uint64
	Offset     int64
	RecordedAt Instant
	Summary    Summary
}

// QuarantineRow is one quarantine entry the fold made.
type QuarantineRow struct {
	Seq        uint64
	Offset     int64
	RecordedAt Instant
	Entry      Quarantined
}

// Rows is what a batch of records has to tell the world. Every row is a pure
// function of (partition, table, seq); seq is dense per table (S-41).
type Rows struct {
	History    []HistoryRow
	Exceptions []ExceptionRow
	Orders     []OrderRow
	Quarantine []QuarantineRow
	Outgoing   []Outgoing
}

// Len is the number of rows.
func (r *Rows) Len() int {
	return len(r.History) + len(r.Exceptions) + len(r.Orders) + len(r.Quarantine) + len(r.Outgoing)
}

// reset empties the rows, dropping references, and keeps the memory.
func (r *Rows) reset() {
	clear(r.History)
	clear(r.Exceptions)
	clear(r.Orders)
	clear(r.Quarantine)
	clear(r.Outgoing)
	r.History, r.Exceptions = r.History[:0], r.Exceptions[:0]
	r.Orders, r.Quarantine, r.Outgoing = r.Orders[:0], r.Quarantine[:0], r.Outgoing[:0]
}

// Money is an amount in integer minor units of an ISO 4217 currency.
type Money struct {
	Minor    int64
	Currency string
}

// CellView is one cell as readers see it.
type CellView struct {
	Source Source
	Axis   Axis
	State  State
	Since  Within
	At     Instant
	By     EventID
}

// SumView is one total as readers see it. Mixed: several currencies, no sum.
type SumView struct {
	Source Source
	Kind   AmountKind
	Money  Money
	Mixed  bool
}

// Summary is an order in one screen.
type Summary struct {
	Key OrderKey
	// MergedInto is the root of the merged order that speaks for this one.
	MergedInto OrderKey
	Created    Instant // Forever if the origin was never heard
	Updated    Instant // where the newest step of its history stands
	Events     uint64
	Cells      []CellView
	Sums       []SumView
	Open       uint32 // open exceptions
	Shelved    uint32 // documents with an unmapped word
	Policy     uint64
}

// Clone copies the row lists, so that they outlive the next Flush. The events
// and facts they point at are not changed after they were told.
func (r *Rows) Clone() *Rows {
	c := &Rows{History: slices.Clone(r.History), Exceptions: slices.Clone(r.Exceptions), Orders: slices.Clone(r.Orders),
		Quarantine: slices.Clone(r.Quarantine), Outgoing: slices.Clone(r.Outgoing)}
	for i := range c.History { // a new policy maps an order's states again, in place
		c.History[i].States = slices.Clone(c.History[i].States)
	}
	for i := range c.Orders {
		s := &c.Orders[i].Summary
		s.Cells, s.Sums = slices.Clone(s.Cells), slices.Clone(s.Sums)
	}
	return c
}
