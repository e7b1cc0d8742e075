package engine

import (
	"sync"
	"sync/atomic"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// SeatStore is the store that a seat stands on.
type SeatStore interface {
	Committer
	OutboxStore
}

// SeatOptions configure a Seat.
type SeatOptions struct {
	// Fold says which log is folded, and how; its Outbox is the seat's own.
	Fold FoldOptions
	// OutboxMaxBytes caps the outbox; 0 means 256 MiB.
	OutboxMaxBytes uint64
	// Sinks are the names of those who receive the rows.
	Sinks []string
}

// Seat is one partition on one node: its store, its fold, its outbox, what of
// them the proposer and the pumps are shown, and whether the node owns it. Its
// steps have no clock, no goroutine and no I/O but through the store; a Node
// drives them from goroutines. Fold is for one caller at a time, the other steps
// may run beside it.
type Seat struct {
	opt    SeatOptions
	state  SeatStore
	fold   *Fold
	view   atomic.Pointer[view]
	owner  atomic.Bool
	terms  atomic.Int64 // how often it became the owner
	outbox atomic.Pointer[Outbox]
	away   atomic.Int32 // sinks that do not take what they are sent
	// shipping is held for reading while a block is on its way to a sink.
	shipping sync.RWMutex
	shipped  sync.Map  // sink → projections.Held, of the present term
	done     broadcast // a commit, a change of ownership
}

// view is what the fold last committed, for those who do not fold.
type view struct {
	place    Place
	guard    ledger.Guard
	taken    uint64
	merged   uint64         // the last merge or split taken
	next     ledger.Instant // first timer, 0 if none
	policy   uint64
	counts   map[ledger.Source][ledger.Outcomes]uint64
	recorded ledger.Instant // of the newest record folded
	told     projections.Held
	// unforwarded: the alias store joined more than it told; satisfied: a status
	// that waited for what it told can count.
	unforwarded bool
	satisfied   bool
	idle        bool // the alias store never saw a record
}

// NewSeat returns a seat that holds no store yet.
func NewSeat() *Seat { return &Seat{done: newBroadcast()} }

// Open takes up the state that a store holds.
func (s *Seat) Open(store SeatStore, opt SeatOptions) error {
	s.state, s.opt = store, opt
	outbox, err := NewOutbox(store, OutboxOptions{MaxBytes: opt.OutboxMaxBytes, Sinks: opt.Sinks})
	if err != nil {
		return err
	}
	s.outbox.Store(outbox)
	opt.Fold.Outbox = outbox
	f, err := NewFold(store, opt.Fold)
	if err != nil {
		return err
	}
	s.fold = f
	return s.publish()
}

// joins reports whether this is a partition of the alias store.
func (s *Seat) joins() bool { return s.opt.Fold.Partition >= ledger.AliasPartitions }

// publish shows the committed state to tickers, pumps and readers.
func (s *Seat) publish() error {
	next, ok, err := s.fold.Part().NextTimer()
	if err != nil {
		return err
	}
	if !ok {
		next = 0
	}
	part := s.fold.Part()
	v := &view{place: s.fold.Place(), guard: part.Guard(), taken: part.Taken(), merged: part.Merged(), next: next, counts: part.Counts()}
	v.unforwarded, v.satisfied, v.idle = part.Unforwarded(), part.Satisfied(), s.joins() && part.Idle()
	v.told = told(part)
	if p := part.NewestPolicy(); p != nil {
		v.policy = p.Version
	}
	s.view.Store(v)
	s.done.fire()
	return nil
}

// told is how many rows of each table a partition has told.
func told(part *ledger.Partition) projections.Held {
	seqs := part.Seqs()
	return projections.Held{projections.History: seqs.History, projections.Exceptions: seqs.Exceptions, projections.Orders: seqs.Orders,
		projections.Quarantine: seqs.Quarantine, projections.Outgoing: seqs.Outgoing}
}

// Fold folds records, commits and shows them.
func (s *Seat) Fold(records []Decoded) error {
	for i := range records {
		if err := s.fold.Take(&records[i]); err != nil {
			return err
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := s.fold.Commit(); err != nil {
		return err
	}
	return s.publish()
}

// Place returns where the seat's committed state stands, as it is shown.
func (s *Seat) Place() Place { return s.view.Load().place }

// Told is how many rows of each table the seat has told, as it is shown.
func (s *Seat) Told() projections.Held { return s.view.Load().told }

// Clock is the partition's clock, as it is shown.
func (s *Seat) Clock() ledger.Instant { return s.view.Load().guard.Clock }

// Owner reports whether the node owns the partition.
func (s *Seat) Owner() bool { return s.owner.Load() }

// Own begins or ends the ownership, and reports whether it ended.
func (s *Seat) Own(owner bool) (ended bool) {
	if owner && !s.owner.Load() {
		s.terms.Add(1)
	}
	if s.owner.Swap(owner) == owner {
		return false
	}
	s.done.fire()
	return !owner
}

// Trim removes the outbox blobs that every sink has. The oldest beyond the cap
// go as well, unless every sink is at hand and takes them: refolding for one
// that is merely slower than the fold would make it slower still.
func (s *Seat) Trim() error {
	o := s.outbox.Load()
	err := o.Trim()
	if err == nil && (!s.owner.Load() || s.away.Load() > 0) {
		err = o.Cap()
	}
	return err
}

// gone notes whether one sink is away.
func (s *Seat) gone(was *bool, away bool) {
	if away && !*was {
		s.away.Add(1)
	} else if !away && *was {
		s.away.Add(-1)
	}
	*was = away
}
