package ledger

// Record is one record of a partition's log, decoded. Exactly one of the
// payload pointers is set; Poison is set where the bytes could not be decoded.
type Record struct {
	Offset int64
	// RecordedAt is the record's own timestamp, set by our producer.
	RecordedAt Instant
	Key        []byte

	Event   *Event
	Tick    *Tick
	Policy  *PolicyRecord
	Action  *OperatorAction
	Looked  *Looked
	Reset   *ClockReset
	Cutover *FoldCutover
	Unkeyed *Unkeyed
	Binding *AliasBinding
	Reemit  *Reemit
	Bound   *Bound
	Forward *Forwarded
	Merge   *Merge
	Split   *Split
	Mute    *Mute
	Moved   *Moved
	Through *Through
	Poison  *Poison
}

// Own is the record with events of its own, which the fold may keep and change:
// for whoever folds one record more than once.
func (r Record) Own() Record {
	if r.Event != nil {
		e := *r.Event
		r.Event = &e
	}
	if r.Unkeyed != nil {
		u := *r.Unkeyed
		r.Unkeyed = &u
	}
	if r.Reemit != nil {
		x := *r.Reemit
		r.Reemit = &x
	}
	if r.Moved != nil {
		x := *r.Moved
		r.Moved = &x
	}
	return r
}

// Poison is a record that could not be decoded. Raw are its bytes as they
// stand in the log; the decision must be a function of them alone.
type Poison struct {
	Reason string
	Raw    []byte
}

// Unkeyed is an event whose order key its connector could not compute. It
// stands in orders.unkeyed.v1, keyed by the alias that will find its order.
type Unkeyed struct {
	By    Alias
	Event Event
}

// Interval is [From, Until): a stretch of time over which a feed was heard.
type Interval struct {
	From  Instant
	Until Instant
}

// Epoch numbers the incarnations of a feed's coverage. The first opener of a
// number wins; lower numbers do not count (S-18).
type Epoch struct {
	Number   uint64
	OpenedBy string
}

// Hole is a stretch of a feed's coverage over which a record was quarantined.
// It counts as not heard until released, and as heard with basis incomplete
// after hold_max (S-20).
type Hole struct {
	Interval   Interval
	ReceivedAt Instant
	Quarantine string // id of the quarantine entry
}

// UnkeyedOffset is the greatest offset a feed appended to one partition of
// orders.unkeyed.v1.
type UnkeyedOffset struct {
	Partition int32
	Offset    int64
}

// SourceStatus is what a connector instance proved of one feed, written to
// orders.sources.v1 only after every record it covers is acknowledged (S-18).
type SourceStatus struct {
	Source     Source
	Feed       string
	Instance   string
	Epoch      Epoch
	Intervals  []Interval
	Withdrawn  []Interval // cumulative
	Holes      []Hole
	Cursor     []byte
	Unkeyed    []UnkeyedOffset
	LastHeard  Instant
	SourceDate Instant // newest Date the source answered; 0 if none
	// Skew is the measured clock difference (source minus us) of the newest
	// answer; SkewExceeded says that it withholds coverage.
	Skew         Micros
	SkewExceeded bool
	ReportedAt   Instant
}

// FeedCoverage is what a tick carries of a feed: a copy of what its connectors
// proved, standing in the partition after its evidence.
type FeedCoverage struct {
	Source       Source
	Feed         string
	Epoch        Epoch
	Intervals    []Interval
	Withdrawn    []Interval
	Holes        []Hole
	Unkeyed      []UnkeyedOffset
	LastHeard    Instant
	SkewExceeded bool
}

// Tick proposes the passage of time to a partition. The fold's clock is the
// greatest accepted Wall (S-14, S-15).
type Tick struct {
	Partition int32
	Wall      Instant
	Proposer  string
	// BootID and BootClock are the proposer's boot and the time since it.
	BootID    [16]byte
	BootClock Micros
	// SourceDate is the newest Date any source answered, 0 if none.
	SourceDate Instant
	Feeds      []FeedCoverage
}

// PolicyRecord carries one version of the policy. Tree is the canonical
// encoding of a Policy (see EncodePolicy); Digest is SHA-256 over it.
type PolicyRecord struct {
	Version     uint64
	Digest      [32]byte
	EffectiveAt Instant
	YAML        []byte
	Tree        []byte
	ProposedBy  string
}

// ActionKind is what an operator wants done.
type ActionKind uint8

// The actions. The numbers are frozen.
const (
	ActionUnknown       ActionKind = 0
	ActionAcknowledge   ActionKind = 1
	ActionAssign        ActionKind = 2
	ActionSnooze        ActionKind = 3
	ActionComment       ActionKind = 4
	ActionResolve       ActionKind = 5
	ActionFalsePositive ActionKind = 6
	ActionRelease       ActionKind = 7
)

var actionNames = [...]string{"unknown", "acknowledge", "assign", "snooze", "comment", "resolve", "false-positive", "release"}

// String returns the action's name, such as "acknowledge".
func (k ActionKind) String() string {
	if int(k) < len(actionNames) {
		return actionNames[k]
	}
	return "unknown"
}

// OperatorAction is a person's wish about an exception, conditioned on its
// episode. The fold accepts or refuses it where it stands in the log (S-31).
type OperatorAction struct {
	RequestID   string
	Kind        ActionKind
	Exception   ExceptionID
	Episode     uint32
	Actor       string
	Comment     string
	Assignee    string
	SnoozeUntil Instant
	// Quarantine names the entry that ActionRelease releases.
	Quarantine string
	ProposedAt Instant
}

// Looked is the answer of a source that was asked about one order (S-17).
type Looked struct {
	Source  Source
	Feed    string
	Order   OrderKey
	AskedAt Instant
	Found   bool
}

// ClockReset puts a partition's clock back. Two operators must agree; one is
// enough where the policy says so.
type ClockReset struct {
	Wall      Instant
	Operators []string
	Reason    string
}

// FoldCutover switches publication from one fold version to another (S-33).
type FoldCutover struct {
	From   uint32
	To     uint32
	Reason string
}

// Quarantined is what could not be admitted or folded, kept with its reason and
// its original bytes.
type Quarantined struct {
	ID         string
	Source     Source
	Feed       string
	Reason     string // machine-readable, such as "broken-json"
	Detail     string
	Topic      string
	Partition  int32
	Offset     int64 // -1 for what never reached the log
	Order      OrderKey
	Of         EventID // the event a shelved word came with; zero otherwise
	Axis       Axis
	Native     string
	ReceivedAt Instant
	ExpiresAt  Instant
	Delivery   Delivery
	Body       Body
}
