package prove

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
)

// ReplayOptions say in how many ways the log is folded.
type ReplayOptions struct {
	Options
	// Schedules is how many; 0 means 8. Seed draws them.
	Schedules int
	Seed      uint64
	// Progress is told of every schedule that is done; nil: nobody is.
	Progress func(done, of int)
}

// ReplayReport says what came of it.
type ReplayReport struct {
	Seed       uint64            `json:"seed"`
	Schedules  int               `json:"schedules"`
	Partitions []ReplayPartition `json:"partitions"`
	Notes      []string          `json:"notes,omitempty"`
	Findings   []Finding         `json:"findings"`
}

// ReplayPartition is one partition as it was folded.
type ReplayPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Records   int64  `json:"records"`
	Digest    string `json:"digest"`
	// Compared says what was held against it beside the schedules.
	Compared []string `json:"compared,omitempty"`
}

// replayer carries a proof of replay out.
type replayer struct {
	o      ReplayOptions
	report *ReplayReport
	mu     sync.Mutex
	at     map[int32]*ReplayPartition
}

// Replay folds every partition of the log from its first record in many ways,
// and compares the digests; and with them the stores of a stopped instance and a
// running one, each at the offset where it stands. A difference is named by the
// first offset after which there is one, order and field, with both values.
func Replay(ctx context.Context, o ReplayOptions) (*ReplayReport, error) {
	parts, err := o.parts(ctx)
	if err != nil {
		return nil, err
	}
	if o.Schedules == 0 {
		o.Schedules = 8
	}
	r := &replayer{o: o, report: &ReplayReport{Seed: o.Seed, Schedules: o.Schedules, Findings: []Finding{}}, at: map[int32]*ReplayPartition{}}
	for i := range parts {
		r.at[parts[i].number()] = &ReplayPartition{Topic: parts[i].topic, Partition: parts[i].index, Records: parts[i].end}
	}
	want := make([][32]byte, len(parts))
	for i := range parts {
		if want[i], err = r.base(ctx, &parts[i]); err != nil {
			return nil, err
		}
	}
	for _, s := range schedules(o.Seed, o.Schedules, len(parts))[1:] {
		if err := r.try(ctx, &s, parts, want); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(s.n+1, o.Schedules)
		}
	}
	for i := range parts {
		r.report.Partitions = append(r.report.Partitions, *r.at[parts[i].number()])
	}
	slices.SortStableFunc(r.report.Findings, func(a, b Finding) int { return int(a.Partition - b.Partition) })
	return r.report, nil
}

// Err is ErrUnproven if something was found.
func (r *ReplayReport) Err() error {
	if len(r.Findings) > 0 {
		return ErrUnproven
	}
	return nil
}

func (r *replayer) find(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Findings = append(r.report.Findings, f)
}

func (r *replayer) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Notes = append(r.report.Notes, s)
}

func (r *replayer) compared(p *part, s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.at[p.number()]
	x.Compared = append(x.Compared, s)
}

// base folds a partition in the plainest way, and holds on its way whatever is
// kept of it against that.
func (r *replayer) base(ctx context.Context, p *part) (sum [32]byte, err error) {
	base, err := r.o.scratch(p, nil)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, base.close()) }()
	if err := r.proveKept(ctx, p, base); err != nil {
		return sum, err
	}
	if err := base.to(ctx, p.end); err != nil {
		return sum, err
	}
	if sum, err = ledger.Digest(base.store); err != nil {
		return sum, err
	}
	r.at[p.number()].Digest = hex.EncodeToString(sum[:])
	if r.o.Live != nil {
		return sum, r.proveLive(ctx, p, base)
	}
	return sum, nil
}

// proveKept compares the store of a stopped instance with a replay up to where
// it stands.
func (r *replayer) proveKept(ctx context.Context, p *part, base *folded) error {
	kept := r.o.kept(p, r.note)
	if kept == nil {
		return nil
	}
	defer func() { _ = kept.Close() }()
	at, ok, err := engine.PlaceOf(kept)
	switch {
	case err != nil:
		return err
	case !ok:
		r.compared(p, "the store has folded nothing yet")
		return nil
	case at.Offset > p.end:
		r.find(p.finding("the store stands at %d, the log ends at %d", at.Offset, p.end))
		return nil
	case at.TopicID != [16]byte(p.id):
		r.find(p.finding("the store was folded from another topic of this name"))
		return nil
	}
	if _, err := engine.NewFold(kept, p.options()); err != nil {
		r.find(p.finding("the store can not be folded on: %s", err))
		return nil
	}
	if err := base.to(ctx, at.Offset); err != nil {
		return err
	}
	m, err := ledger.FirstMismatch(base.store, kept)
	switch {
	case err != nil:
		return err
	case m != nil:
		r.find(mismatched(p.finding("the store differs from the replay up to %d", at.Offset), m))
	case base.fold.Place().Chain != at.Chain:
		r.find(p.finding("the store was folded from other records than the log holds before %d", at.Offset))
	default:
		r.compared(p, fmt.Sprintf("the store at %d is the replay", at.Offset))
	}
	return nil
}

// try folds every partition by one schedule, some of them side by side.
func (r *replayer) try(ctx context.Context, s *schedule, parts []part, want [][32]byte) error {
	room := make(chan struct{}, s.width)
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i := range parts {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			errs[i] = r.tryPart(ctx, s, &parts[i], want[i])
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *replayer) tryPart(ctx context.Context, s *schedule, p *part, want [32]byte) error {
	f, err := s.run(ctx, &r.o.Options, p, p.end)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", p, s, err)
	}
	got, err := ledger.Digest(f.store)
	if err == nil && got != want {
		err = r.bisect(ctx, s, p)
	}
	return errors.Join(err, f.close())
}

// bisect looks for the least offset after which a schedule's state differs from
// that of the plainest, and names the difference there.
func (r *replayer) bisect(ctx context.Context, s *schedule, p *part) error {
	lo, hi := int64(0), p.end // alike after lo, different after hi
	for lo+1 < hi {
		mid := lo + (hi-lo)/2
		m, err := r.differs(ctx, s, p, mid)
		if err != nil {
			return err
		}
		if m == nil {
			lo = mid
		} else {
			hi = mid
		}
	}
	m, err := r.differs(ctx, s, p, hi)
	if err != nil {
		return err
	}
	f := p.finding("%s differs from the plainest, first after the record at offset %d", s, hi-1)
	if m == nil {
		f.What = fmt.Sprintf("%s gave another digest once and not again: what it is made of is not the log alone", s)
	}
	f = mismatched(f, m)
	if m != nil {
		f.Offset = hi - 1
	}
	r.find(f)
	return nil
}

// differs folds a partition up to an offset by a schedule and by the plainest.
func (r *replayer) differs(ctx context.Context, s *schedule, p *part, until int64) (m *ledger.Mismatch, err error) {
	plain, err := r.o.scratch(p, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plain.close()) }()
	if err := plain.to(ctx, until); err != nil {
		return nil, err
	}
	other, err := s.run(ctx, &r.o.Options, p, until)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, other.close()) }()
	return ledger.FirstMismatch(plain.store, other.store)
}
