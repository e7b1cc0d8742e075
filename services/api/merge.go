package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// regroupRequest is what the requests to merge and to split carry.
type regroupRequest interface {
	GetOrder() string
	GetReason() string
	GetActor() string
	GetRequestId() string
}

// regrouping is a checked request.
type regrouping struct {
	ledger.Merge
	split bool
}

func (s *Server) regrouping(ctx context.Context, req regroupRequest, other string) (*regrouping, error) {
	a, err := orderKey(req.GetOrder())
	if err != nil {
		return nil, err
	}
	b, err := orderKey(other)
	if err != nil {
		return nil, err
	}
	if a == b {
		return nil, invalid("order", "an order is one with itself: name another")
	}
	if err := needs("reason", req.GetReason()); err != nil {
		return nil, err
	}
	if err := checkAction(req.GetActor(), req.GetReason(), req.GetRequestId()); err != nil {
		return nil, err
	}
	g := &regrouping{Merge: ledger.Merge{A: a, B: b, Actor: actor(ctx, req.GetActor()), Reason: req.GetReason(), RequestID: req.GetRequestId(),
		ProposedAt: ledger.At(s.opt.Now())}}
	if g.RequestID == "" {
		g.RequestID = uuid.NewString()
	}
	return g, nil
}

// regroup proposes a merge or a split unless its request was answered before, and
// waits until both orders' partitions and the root's have folded it.
func (s *Server) regroup(ctx context.Context, g *regrouping) (uint64, error) {
	for _, k := range []ledger.OrderKey{g.A, g.B} {
		if _, _, err := s.order(k); err != nil {
			return 0, err
		}
	}
	number, err := s.regrouped(g)
	if err != nil {
		return 0, err
	}
	if number == 0 {
		propose := s.opt.Ledger.ProposeMerge
		if g.split {
			propose = s.opt.Ledger.ProposeSplit
		}
		if number, err = propose(ctx, g.Merge); err != nil {
			return 0, err
		}
	}
	for _, k := range []ledger.OrderKey{g.A, g.B} {
		if err := s.opt.Ledger.WaitMerged(ctx, s.opt.Ledger.PartitionOf(k), number); err != nil {
			return 0, err
		}
		if err := s.opt.Ledger.WaitMerged(ctx, s.opt.Ledger.PartitionOf(s.root(k)), number); err != nil {
			return 0, err
		}
	}
	return number, nil
}

// regrouped is the number under which the request was carried out before, 0 if
// it was not; and whether it can be now.
func (s *Server) regrouped(g *regrouping) (uint64, error) {
	var number uint64
	err := s.opt.Ledger.Read(s.opt.Ledger.PartitionOf(g.A), func(r *ledger.Reader, _ engine.Freshness) error {
		direct, reused := false, false
		err := r.Merges(g.A, func(m ledger.Merged) bool {
			same := m.A == g.A && m.B == g.B || m.A == g.B && m.B == g.A
			if same {
				direct = m.Live
			}
			if m.RequestID == g.RequestID {
				number, reused = m.Number, !same || m.Live == g.split
			}
			return true
		})
		switch {
		case err != nil:
			return err
		case reused:
			return fail(RequestIDReused, "request_id was used before for another merge or split: choose a new one", "request_id", g.RequestID)
		case number != 0:
			return nil
		case direct && !g.split:
			return fail(AlreadyMerged, string(g.A)+" and "+string(g.B)+" are merged with each other already", "order", string(g.A), "with", string(g.B))
		case !direct && g.split:
			return fail(NotMerged, string(g.A)+" and "+string(g.B)+" are not merged with each other; members of the order show with what each is", "order", string(g.A), "from", string(g.B))
		}
		return nil
	})
	return number, err
}

// root is the order that speaks for one.
func (s *Server) root(k ledger.OrderKey) ledger.OrderKey {
	root := k
	_ = s.opt.Ledger.Read(s.opt.Ledger.PartitionOf(k), func(r *ledger.Reader, _ engine.Freshness) error {
		if members := r.Members(k); len(members) > 0 {
			root = members[0]
		}
		return nil
	})
	return root
}

// MergeOrders implements OrderServiceServer.
func (a *orders) MergeOrders(ctx context.Context, req *orderledgerv1.MergeOrdersRequest) (*orderledgerv1.MergeOrdersResponse, error) {
	g, err := a.s.regrouping(ctx, req, req.GetWith())
	if err != nil {
		return nil, err
	}
	number, err := a.s.regroup(ctx, g)
	if err != nil {
		return nil, err
	}
	o, fresh, err := a.s.order(a.s.root(g.A))
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.MergeOrdersResponse{Order: o.message(orderledgerv1.OrderView_ORDER_VIEW_UNSPECIFIED), Number: number,
		Freshness: []*orderledgerv1.Freshness{fresh}}, nil
}

// SplitOrders implements OrderServiceServer.
func (a *orders) SplitOrders(ctx context.Context, req *orderledgerv1.SplitOrdersRequest) (*orderledgerv1.SplitOrdersResponse, error) {
	g, err := a.s.regrouping(ctx, req, req.GetFrom())
	if err != nil {
		return nil, err
	}
	g.split = true
	number, err := a.s.regroup(ctx, g)
	if err != nil {
		return nil, err
	}
	out := &orderledgerv1.SplitOrdersResponse{Number: number}
	for _, k := range []ledger.OrderKey{g.A, g.B} {
		o, fresh, err := a.s.order(k)
		if err != nil {
			return nil, err
		}
		out.Orders = append(out.Orders, o.message(orderledgerv1.OrderView_ORDER_VIEW_UNSPECIFIED))
		out.Freshness = append(out.Freshness, fresh)
	}
	return out, nil
}
