package ledger

// Explanation says why an order stands as it does: cell by cell, and rule by
// rule. It is read, never stored: nothing of the fold depends on it.
type Explanation struct {
	Order OrderKey
	// Members are the orders merged with it, ascending, if any; of these the
	// root alone is explained as it stands for all.
	Members []OrderKey
	Clock   Instant
	// Policy is the newest adopted version, 0 before the first.
	Policy  uint64
	Created Instant // Forever if the origin was never heard
	Cells   []CellWhy
	Rules   []RuleWhy
}

// CellWhy is a cell with what makes it so. A cell that a bound source could fill
// and did not is ABSENT, and has no registers.
type CellWhy struct {
	CellView
	System string
	// How the registers become the cell, and which types of object take part;
	// none listed: all do.
	How       RollupHow
	Objects   []string
	Registers []RegisterWhy // ascending by object; More of them are left out
	More      int
	// Feeds are, for an absent cell, those that would have told: how each was heard
	// over the order's life, as far as it was heard.
	Feeds []FeedHearing
}

// RegisterWhy is one object's part in a cell.
type RegisterWhy struct {
	Object Object
	// Counts: the roll-up takes objects of this type.
	Counts bool
	State  State
	// Decides is the claim whose state the register has; nil if all its claims
	// were taken back.
	Decides *ClaimWhy
	// Others did not decide, those of the newest version first. More of them are
	// left out.
	Others []ClaimWhy
	More   int
}

// ClaimWhy is one claim of one document, what the matrix made of it, and why it
// does not decide its register, if it does not.
type ClaimWhy struct {
	Event   EventID
	Source  Source
	Feed    string
	Order   OrderKey // that the document itself names; empty if it names none
	Object  Object
	Mode    Mode
	Native  string
	Version Version
	// Row is the row of the matrix that maps the word; Mapped is false for a word
	// that is shelved.
	Row    MatrixRow
	Mapped bool
	Within Within
	// Received is the first receipt, Asked the last reading, 0 if never read.
	Received Instant
	Asked    Instant
	Offset   int64
	By       []Alias // that joined the document; none if a copy was keyed
	Lost     Lost
}

// Lost says why a claim does not decide its register (S-6).
type Lost uint8

// The reasons.
const (
	LostNot      Lost = 0 // it decides
	LostOlder    Lost = 1 // another claim has a later version
	LostRank     Lost = 2 // of the same version, and its state ranks lower
	LostReread   Lost = 3 // of the same version, and a later reading, once settled, counts
	LostRepeats  Lost = 4 // says what the deciding claim says
	LostDated    Lost = 5 // dates a past state, which fills the history alone
	LostConflict Lost = 6 // of the same version, with another word, one of them unmapped
)

var lostNames = [...]string{"decides", "older-version", "lower-rank", "read-again", "repeats", "dated", "conflict"}

// String returns the reason's name, such as "older-version".
func (l Lost) String() string {
	if int(l) < len(lostNames) {
		return lostNames[l]
	}
	return "decides"
}

// RuleWhy says why a rule fired for an order, or did not.
type RuleWhy struct {
	Rule *Rule
	// Version of the policy that states it so; it judges anchors in [From, Until).
	Version uint64
	From    Instant
	Until   Instant
	Drift   bool
	Open    *PredicateWhy
	Close   *PredicateWhy
	Unless  *PredicateWhy // nil: none
	Sigma   Micros
	Depends []FeedKey
	// Missing names a dependency that no feed satisfies: nothing is ever proven.
	Missing  string
	Episodes []EpisodeWhy // the newest, ascending; Earlier are left out
	Earlier  int
}

// PredicateWhy is a predicate over an order as it stands.
type PredicateWhy struct {
	Predicate *Predicate
	Truth     Truth
	// Ever: it was certainly true at some instant of the order's history.
	Ever bool
	// Leaves are its comparisons in reading order.
	Leaves []LeafWhy
	Cells  []CellRead
	Sums   []SumRead
}

// LeafWhy is one comparison of a predicate.
type LeafWhy struct {
	Predicate *Predicate
	Truth     Truth
	Ever      bool
}

// CellRead is a cell that a predicate reads. Source is empty where nobody plays
// the role for the order.
type CellRead struct {
	Cell   CellRef
	Source Source
	State  State
	Since  Within // valid if not ABSENT
	By     EventID
}

// SumRead is a sum that a predicate reads; not OK: unheard, or of several
// currencies.
type SumRead struct {
	Amount AmountRef
	Source Source
	Money  Money
	OK     bool
}

// EpisodeWhy is one opening of a rule.
type EpisodeWhy struct {
	N      uint32
	Anchor Within
	By     EventID // the opening document
	// RunEnd is where the opening predicate turned false again, Forever if it did not.
	RunEnd Instant
	// Unknown is where an unknown before the opening began, 0 if none.
	Unknown  Instant
	Ended    bool
	Until    Within
	UntilBy  EventID
	Voided   bool
	VoidedAt Within
	Steps    []StepWhy
}

// StepWhy is the verdict on one step of an episode and what it rests on.
type StepWhy struct {
	VerdictView
	After Micros
	// Early is the instant before which the end is certainly in time, Late the one
	// from which it is certainly late (S-23), Due when the step is judged.
	Early Instant
	Late  Instant
	Due   Instant
	// Proof is what an absence rests on; nil where the verdict rests on presence.
	Proof *ProofWhy
}

// ProofWhy is the certificate of an absence: who was heard over which stretch,
// and what there is to say against it.
type ProofWhy struct {
	Over  Interval
	Feeds []FeedHearing
	// HeldUntil: a shelved word of the order holds the verdict until then; past it
	// the verdict is incomplete. 0: none does. Held are the documents.
	HeldUntil Instant
	Held      []EventID
	// Hidden is where a gap between two versions begins in which what is waited for
	// could have come and gone, 0 if there is none.
	Hidden Instant
}

// Hearing says by what a feed was heard over a stretch.
type Hearing uint8

// The ways.
const (
	HeardNot      Hearing = 0
	HeardCoverage Hearing = 1 // by the coverage that its epoch proved
	HeardAssumed  Hearing = 2 // taken for granted, as the policy says
	HeardLookup   Hearing = 3 // by a look-up of this order
	HeardHoles    Hearing = 4 // but for holes that were waited for long enough
	HeardMembers  Hearing = 5 // by the partition of each member of a merged order
)

var hearingNames = [...]string{"not-heard", "coverage", "assumed", "look-up", "coverage-with-holes", "members"}

// String returns the way's name, such as "look-up".
func (h Hearing) String() string {
	if int(h) < len(hearingNames) {
		return hearingNames[h]
	}
	return "not-heard"
}

// FeedHearing is how one feed was heard over a stretch.
type FeedHearing struct {
	Feed FeedKey
	By   Hearing
	// Until is how far it was heard without a gap, Beginning if never.
	Until Instant
	// Interval is the stretch of coverage that Until ends; zero if there is none.
	Interval  Interval
	Epoch     Epoch
	Withdrawn []Interval // that met the stretch
	LastHeard Instant
	Silent    bool
	Settle    Micros
	Against   []Objection
	Members   []MemberHearing // of a merged order
}

// ObjectionKind says what stands against a proof.
type ObjectionKind uint8

// The objections.
const (
	ObjectionHole       ObjectionKind = 1 // a quarantined record; its entry
	ObjectionParked     ObjectionKind = 2 // a record that found no order; the type of its name
	ObjectionContested  ObjectionKind = 3 // a name that another order claims, too
	ObjectionUnanswered ObjectionKind = 4 // a name under which records may be on their way
	ObjectionJoining    ObjectionKind = 5 // it was heard further, and its records are being joined
	ObjectionSkew       ObjectionKind = 6 // its clock is wrong by more than was declared
)

var objectionNames = [...]string{"none", "hole", "parked", "contested", "unanswered", "joining", "skew"}

// String returns the objection's name, such as "contested".
func (k ObjectionKind) String() string {
	if int(k) < len(objectionNames) {
		return objectionNames[k]
	}
	return "none"
}

// Objection is one thing that stands against a proof; Name is what its kind says.
type Objection struct {
	Kind ObjectionKind
	Name string
}

// MemberHearing is how the partition of one member of a merged order was heard.
type MemberHearing struct {
	Order     OrderKey
	Partition int32
	Heard     bool
	Until     Instant
	// Against names what makes it incomplete, "" if nothing does.
	Against string
}

// What an explanation lists at most.
const (
	explainedRegisters = 100 // per cell
	explainedClaims    = 20  // per register, beside the one that decides
	explainedEpisodes  = 20  // per rule
)

// Explain says why an order stands as it does, false if the partition has none
// of that key. Of merged orders the root is explained as it stands for all.
func (r *Reader) Explain(k OrderKey) (Explanation, bool, error) {
	at, err := r.standsFor(k)
	if err != nil {
		return Explanation{}, false, err
	}
	o, err := r.whole(at)
	if err != nil || o == nil {
		return Explanation{}, false, err
	}
	e := newExplainer(r.p, o)
	e.walk()
	x := Explanation{Order: k, Members: r.Members(k), Clock: r.p.guard.Clock, Policy: r.p.plan.version, Created: o.run.created}
	x.Cells = append(e.cells(), e.absent()...)
	if r.p.plan.newest != nil {
		x.Rules = e.rules()
	}
	return x, true, nil
}

// explainer looks at one order, which was read for viewing.
type explainer struct {
	p  *Partition
	o  *order
	op *originPlan
	// ever are the predicates, and the comparisons in them, that were certainly
	// true at some instant.
	ever map[*Predicate]bool
}

func newExplainer(p *Partition, o *order) *explainer {
	return &explainer{p: p, o: o, op: p.originPlan(o), ever: map[*Predicate]bool{}}
}

// walk walks the order's history once more and notes what was ever true.
func (e *explainer) walk() {
	w := &e.p.w
	w.begin(e.p.plan, e.op, e.o)
	for lo := 0; lo < len(w.refs); {
		hi := lo + 1
		for hi < len(w.refs) && w.refs[hi].at == w.refs[lo].at {
			hi++
		}
		w.step(w.refs[lo:hi])
		for _, j := range e.op.rules {
			for _, p := range [...]*Predicate{j.open, j.close, j.unless} {
				p.Walk(func(n *Predicate) {
					if !e.ever[n] && n.Eval(w) == True {
						e.ever[n] = true
					}
				})
			}
		}
		lo = hi
	}
	e.o.walked = true
}
