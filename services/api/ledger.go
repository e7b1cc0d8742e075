package api

import (
	"context"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Ledger is what the API needs of a ledger node.
type Ledger interface {
	// Read runs fn over the last commit of a partition; the reader is valid
	// during the call only.
	Read(partition int32, fn func(*ledger.Reader, engine.Freshness) error) error
	Partitions() int32
	// Logs is the number of partitions of both topics, the orders' first.
	Logs() int32
	PartitionOf(k ledger.OrderKey) int32
	// WaitFor waits until every record before the offset is folded.
	WaitFor(ctx context.Context, partition int32, offset int64) error
	// Propose appends a record to a partition of the events topic.
	Propose(ctx context.Context, partition int32, payload any) (kafkalog.Position, error)
	// ProposePolicy appends a policy to the control topic.
	ProposePolicy(ctx context.Context, rec *ledger.PolicyRecord) (kafkalog.Position, error)
	// ProposeMerge, ProposeSplit and ProposeMute append to the control topic and return the
	// number taken; WaitMerged waits until a partition has folded it.
	ProposeMerge(ctx context.Context, m ledger.Merge) (uint64, error)
	ProposeSplit(ctx context.Context, m ledger.Merge) (uint64, error)
	ProposeMute(ctx context.Context, m ledger.Mute) (uint64, error)
	WaitMerged(ctx context.Context, partition int32, number uint64) error
	Subscribe(room int) *engine.Subscription
	// Coverage returns every feed instance's newest status.
	Coverage() []*ledger.SourceStatus
	// Policies returns every policy of the control topic, ascending by version.
	Policies() []*ledger.PolicyRecord
	Stats() []engine.Stat
	// Ready returns nil once everything that was in the log is folded.
	Ready() error
}

var _ Ledger = (*engine.Node)(nil)

// Problem is one finding about a proposed policy.
type Problem struct {
	File    string
	Line    int
	Column  int
	Message string
	Hint    string
	// Warning: valid, and probably not meant. It does not refuse the policy.
	Warning bool
}

// PolicySource is a policy as proposed.
type PolicySource struct {
	YAML []byte
	// File is the name by which problems refer to it.
	File string
	// Actor proposes it.
	Actor string
	// EffectiveAt is from when on it judges.
	EffectiveAt ledger.Instant
	// Base is the newest policy record, nil before the first; the result is the
	// version after it.
	Base *ledger.PolicyRecord
}

// PolicyCompiler compiles policies. A nil record comes with the problems that
// explain it.
type PolicyCompiler interface {
	Compile(src PolicySource) (*ledger.PolicyRecord, []Problem)
}

// PolicyPlaces knows where policies stand in the log; false for a version that
// is not there.
type PolicyPlaces interface {
	PlaceOf(ctx context.Context, version uint64) (kafkalog.Position, bool, error)
}

// QuarantineStore is the quarantine topic as the API reads it: deliveries that
// could not be parsed or identified.
type QuarantineStore interface {
	// Entries returns what the topic holds. Originals that have passed their
	// retention are empty.
	Entries(ctx context.Context) (QuarantineListing, error)
	// Release reads an entry again with the catalog in force and appends its
	// events. Why it cannot be released now is a *CannotRelease.
	Release(ctx context.Context, r ReleaseRequest) (kafkalog.Position, error)
}

// QuarantineListing is the quarantine topic as it was read.
type QuarantineListing struct {
	// Entries are in any order.
	Entries []HeldDelivery
	// Removed counts the records, entries and marks of releases, that the topic
	// no longer holds since their retention passed.
	Removed int64
	// Freshness says how far it was read, per partition.
	Freshness []engine.Freshness
}

// HeldDelivery is one entry of the quarantine topic.
type HeldDelivery struct {
	Entry      ledger.Quarantined
	RecordedAt ledger.Instant
	Position   kafkalog.Position
	// ReleasedAt, ReleasedBy and ReleasedTo are set once it was released.
	ReleasedAt ledger.Instant
	ReleasedBy string
	ReleasedTo kafkalog.Position
	// ContentType as the sender declared it.
	ContentType string
}

// ReleaseRequest asks for an entry to be read again.
type ReleaseRequest struct {
	ID        string
	Actor     string
	Comment   string
	RequestID string
}

// ReleaseRefusal says why an entry stays held.
type ReleaseRefusal uint8

// The refusals.
const (
	ReleaseUnreadable ReleaseRefusal = 1
	ReleaseAlready    ReleaseRefusal = 2
	ReleaseExpired    ReleaseRefusal = 3
)

// CannotRelease is the refusal of a release. Remedy says what would help.
type CannotRelease struct {
	Refusal ReleaseRefusal
	Remedy  string
}

// Error returns the remedy: it is written for the person who asked.
func (e *CannotRelease) Error() string { return e.Remedy }

// Observer is told of every finished call, for metrics.
type Observer interface {
	Called(method, code string, seconds float64)
}

type nobody struct{}

func (nobody) Called(string, string, float64) {}
