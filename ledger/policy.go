package ledger

// Policy is everything people decide: which sources play which role, what
// their words mean, which rules orders must keep. It enters the log as a
// record and is the only configuration the fold knows (S-32).
type Policy struct {
	Version     uint64
	EffectiveAt Instant
	Sources     []SourceSpec // ascending by Name
	Bindings    []Binding    // ascending by Origin, Role
	Rows        []MatrixRow  // ascending by System, Axis, Native
	Rollups     []Rollup     // ascending by System, Axis
	Rules       []Rule       // ascending by Name
	Aliases     []AliasSpec  // ascending by Type
	Settings    Settings
}

// Settings are the spans that belong to no single rule or source.
type Settings struct {
	// ReopenWindow: broken again within it, an exception keeps its id.
	ReopenWindow Micros
	// HoldMax is how long shelved and quarantined records hold verdicts.
	HoldMax Micros
	// ResetOperators is how many operators a ClockReset needs: 1 or 2.
	ResetOperators uint8
	// ParkSettle is how long an unkeyed record that finds no order holds its
	// feed; 0 means 30 s.
	ParkSettle Micros
}

// CoverageMode says how a feed's silence is judged.
type CoverageMode uint8

// The coverage modes. The numbers are frozen.
const (
	// CoverageProven: only intervals that a connector proved count.
	CoverageProven CoverageMode = 0
	// CoverageAssumed: the feed is taken as heard up to clock − settle (S-21).
	CoverageAssumed CoverageMode = 1
)

// SourceSpec declares one source.
type SourceSpec struct {
	Name   Source
	System string
	Role   Role
	// Origin: this source's own ids are order keys.
	Origin bool
	// Skew is the declared bound of its clock's error, Precision that of its
	// stamps.
	Skew      Micros
	Precision Micros
	// LiveFrom: what should have happened before it is history (S-28).
	LiveFrom Instant
	Feeds    []FeedSpec // ascending by Name
}

// FeedSpec declares one feed of a source.
type FeedSpec struct {
	Name string
	// Settle is the visibility lag plus the skew.
	Settle        Micros
	ExpectedEvery Micros
	Coverage      CoverageMode
	Proves        []Proof
	// Lookup: the source can be asked about one order, with LookupLag.
	Lookup    bool
	LookupLag Micros
}

// Proof is what a feed's coverage proves: the objects of one type on one axis.
type Proof struct {
	Axis   Axis
	Object string
}

// Binding says which source plays a role for the orders of an origin (S-11).
type Binding struct {
	Origin Source
	Role   Role
	Source Source
}

// MatrixRow maps one native word of a system to a canonical state.
type MatrixRow struct {
	System string
	Axis   Axis
	Native string
	State  State
	// Target is the status the ERP should reach; for people, not for the fold.
	Target string
}

// RollupHow says how registers of several objects become one cell.
type RollupHow uint8

// The roll-ups. The numbers are frozen.
const (
	// RollupProgress: all objects of the listed types together; some ahead of
	// others give the partial state.
	RollupProgress RollupHow = 0
	// RollupFurthest: the state furthest along the line among the types.
	RollupFurthest RollupHow = 1
	// RollupLead: the first type decides; later types refine it once it has
	// reached its last partial state (a shipped order may be delivered).
	RollupLead RollupHow = 2
)

// Rollup declares which registers make the cell of a system on an axis.
type Rollup struct {
	System  string
	Axis    Axis
	Objects []string // object types, in order of authority; empty: all
	How     RollupHow
}

// Severity of an exception.
type Severity uint8

// The severities. The numbers are frozen.
const (
	SeverityInfo     Severity = 1
	SeverityWarning  Severity = 2
	SeverityCritical Severity = 3
)

var severityNames = [...]string{"none", "info", "warning", "critical"}

// String returns the severity's name.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return "none"
}

// ParseSeverity returns the severity of that name.
func ParseSeverity(name string) (Severity, bool) {
	for i, n := range severityNames {
		if i > 0 && n == name {
			return Severity(i), true
		}
	}
	return 0, false
}

// Rule is one thing that can be wrong with an order. A deadline rule has From,
// Until and optionally Unless; a drift rule has Expr. Both breach at their
// steps' spans after the opening (S-24 … S-27).
type Rule struct {
	Name string
	// From, Until, Unless: the deadline form. Unless nil means the default
	// (the origin's order is CANCELLED) unless NoDefaultUnless is set.
	From            *Predicate
	Until           *Predicate
	Unless          *Predicate
	NoDefaultUnless bool
	// Expr: the drift form; From, Until and Unless are nil then.
	Expr   *Predicate
	Bridge Micros
	Fresh  bool
	Grace  Micros
	Steps  []Step // ascending by After; at least one
	// DependsOn are the feeds whose coverage proves absence. Empty: every
	// feed that proves a cell the rule reads.
	DependsOn []FeedRef
	Hop       string
	Owner     string
	Impact    string
	Remedy    string
	Runbook   string
	// Money names the amount at stake, read from the source bound to MoneyRole.
	Money     AmountKind
	MoneyRole Role
	// Since is the effective_at of the rule's first version (S-28).
	Since Instant
}

// Step is one stage of a rule's exception.
type Step struct {
	After     Micros
	Exception string
	Severity  Severity
}

// FeedRef names feeds by role: one feed, or all of the bound source's feeds
// that prove a cell the rule reads if Feed is empty.
type FeedRef struct {
	Role Role
	Feed string
}
