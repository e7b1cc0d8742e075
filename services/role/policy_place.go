package role

import (
	"context"
	"sync"

	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/kafkalog"
)

var _ api.PolicyPlaces = (*PolicyPlaces)(nil)

// PolicyPlaces finds where the policies stand in orders.control.v1. It reads on
// from where it stopped, so that each record is read once.
type PolicyPlaces struct {
	s *Stack

	mu     sync.Mutex
	next   int64
	places []kafkalog.Position // of version 1, 2, …
}

// NewPolicyPlaces returns a reader of the stack's policies.
func NewPolicyPlaces(s *Stack) *PolicyPlaces { return &PolicyPlaces{s: s} }

// PlaceOf implements api.PolicyPlaces.
func (p *PolicyPlaces) PlaceOf(ctx context.Context, version uint64) (kafkalog.Position, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if version > uint64(len(p.places)) {
		if err := p.catchUp(ctx); err != nil {
			return kafkalog.Position{}, false, err
		}
	}
	if version == 0 || version > uint64(len(p.places)) {
		return kafkalog.Position{}, false, nil
	}
	return p.places[version-1], true, nil
}

// catchUp takes the first record of each next version, as every owner does.
func (p *PolicyPlaces) catchUp(ctx context.Context) error {
	starts, err := p.s.Log.StartOffsets(ctx, kafkalog.TopicControl)
	if err != nil {
		return err
	}
	ends, err := p.s.Log.EndOffsets(ctx, kafkalog.TopicControl)
	if err != nil {
		return err
	}
	from := kafkalog.Position{Topic: kafkalog.TopicControl, Offset: max(p.next, starts[0])}
	records, err := kafkalog.ReadRange(ctx, p.s.Log, from, ends[0])
	if err != nil {
		return err
	}
	dec := p.s.Codec.NewDecoder()
	for i := range records {
		p.next = records[i].Offset + 1
		if rec, err := dec.DecodePolicy(records[i].Value); err == nil && rec.Version == uint64(len(p.places))+1 {
			p.places = append(p.places, records[i].Position())
		}
	}
	return nil
}
