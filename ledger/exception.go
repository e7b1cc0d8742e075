package ledger

import "strconv"

// SubjectKind says what an exception is about. The numbers are frozen.
type SubjectKind uint8

// The kinds of subjects.
const (
	SubjectOrder SubjectKind = 1
	SubjectFeed  SubjectKind = 2
	SubjectAlias SubjectKind = 3
	SubjectWord  SubjectKind = 4
	// SubjectMerged is a merged order: Order is its root, Native the number of
	// the merge or split that made it.
	SubjectMerged SubjectKind = 5
)

// Subject is what an exception is about: an order, a feed, an alias, or a word
// of a source on an axis in one partition (S-30).
type Subject struct {
	Kind      SubjectKind
	Order     OrderKey
	Feed      FeedKey
	Alias     string
	Partition int32
	Source    Source
	Axis      Axis
	Native    string
}

// String is the subject's canonical form, which its exceptions' ids hash.
func (s Subject) String() string {
	switch s.Kind {
	case SubjectOrder:
		return "order:" + string(s.Order)
	case SubjectMerged:
		return "merged:" + string(s.Order) + wholeMark + s.Native
	case SubjectFeed:
		return "feed:" + s.Feed.String()
	case SubjectAlias:
		return "alias:" + s.Alias
	case SubjectWord:
		return "word:" + strconv.Itoa(int(s.Partition)) + ":" + string(s.Source) + ":" + s.Axis.String() + ":" + s.Native
	default:
		return "none:"
	}
}

// OfOrder reports whether the subject is an order, merged or not.
func (s *Subject) OfOrder() bool { return s.Kind == SubjectOrder || s.Kind == SubjectMerged }

// Names of the exceptions the fold itself raises, and of their rules.
const (
	RuleUnmapped   = "unmapped-status"
	RuleSilent     = "source-silent"
	NameUnmapped   = "UnmappedStatus"
	NameSilent     = "SourceSilent"
	RuleOrphan     = "orphan-event"
	RuleCollision  = "alias-collision"
	NameOrphan     = "OrphanEvent"
	NameCollision  = "AliasCollision"
	ownerPlatform  = "platform"
	ownerIntegrate = "integration"
)

// Evidence is one thing that founds an exception.
type Evidence struct {
	Text   string
	Source Source
	Feed   string
	Event  EventID
	At     Instant
}

// Acknowledgement says who has seen an exception.
type Acknowledgement struct {
	Actor   string
	Comment string
	At      Instant
}

// Exception is a state of a subject that needs a person. It opens, may be
// acted upon, and resolves by itself when the state heals.
type Exception struct {
	ID       ExceptionID
	Subject  Subject
	Rule     string
	Name     string // such as "CheckoutDisconnect"; changes as steps are taken
	Step     uint8
	Severity Severity
	Hop      string
	Owner    string
	Impact   string
	Remedy   string
	Runbook  string
	N        uint64 // how many exceptions the subject and rule had before
	// Episode counts openings of this id, from 1. Actions are conditioned on it.
	Episode    uint32
	Open       bool
	Since      Within  // since when the subject is in this state
	Deadline   Instant // the promise that was broken, 0 if none
	OpenedAt   Instant // evaluated-at
	SteppedAt  Instant
	ResolvedAt Instant
	Cause      Because
	Announced  bool
	Historic   bool
	Basis      Basis
	Evidence   []Evidence
	AtRisk     Money
	Ack        Acknowledgement
	Assignee   string
	// SnoozedUntil is 0 unless snoozed.
	SnoozedUntil  Instant
	FalsePositive bool
	Comments      []Acknowledgement
	// Held: a person resolved it; it stays resolved until an input claim changes.
	Held bool
	// MovedTo is the root of the merged order that speaks for the subject, while
	// one does. It is no part of the exception's encoding.
	MovedTo OrderKey
	Offset  int64 // where it last opened
	Count   uint64
}

// orderException is an order's position on one rule.
type orderException struct {
	rule string
	n    uint64 // ids given so far
	id   ExceptionID
	open bool
	held bool
	// claims is the order's touch count when a person resolved it.
	claims uint64
}
