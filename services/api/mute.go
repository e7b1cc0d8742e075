package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// muteRequest is what the requests to mute and to unmute carry.
type muteRequest interface {
	GetSource() string
	GetReason() string
	GetActor() string
	GetRequestId() string
}

// MuteSource implements SourceServiceServer.
func (a *sources) MuteSource(ctx context.Context, req *orderledgerv1.MuteSourceRequest) (*orderledgerv1.MuteSourceResponse, error) {
	from, until, err := a.window(req)
	if err != nil {
		return nil, err
	}
	r, err := a.mute(ctx, req, ledger.Mute{From: ledger.At(from), Until: ledger.At(until)})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.MuteSourceResponse{Source: r.GetSource(), Freshness: r.GetFreshness()}, nil
}

// window reads from when until when maintenance lasts.
func (a *sources) window(req *orderledgerv1.MuteSourceRequest) (from, until time.Time, err error) {
	now := a.s.opt.Now()
	from = now
	if t := req.GetFrom(); t != nil {
		if !t.IsValid() {
			return from, until, invalid("from", "is no instant")
		}
		from = t.AsTime()
	}
	switch end := req.GetEnd().(type) {
	case *orderledgerv1.MuteSourceRequest_Until:
		if !end.Until.IsValid() {
			return from, until, invalid("until", "is no instant")
		}
		until = end.Until.AsTime()
	case *orderledgerv1.MuteSourceRequest_Lasts:
		if end.Lasts.CheckValid() != nil {
			return from, until, invalid("lasts", "is no span")
		}
		until = from.Add(end.Lasts.AsDuration())
	default:
		return from, until, invalid("until", "is missing: give it, or lasts")
	}
	switch {
	case !until.After(from) || !until.After(now):
		return from, until, invalid("until", "ends before it begins, or is over already")
	case until.Sub(now) > maxSnooze:
		return from, until, invalid("until", "lies more than a year ahead: take the source out of the policy instead")
	}
	return from, until, nil
}

// UnmuteSource implements SourceServiceServer.
func (a *sources) UnmuteSource(ctx context.Context, req *orderledgerv1.UnmuteSourceRequest) (*orderledgerv1.UnmuteSourceResponse, error) {
	muted := false
	err := a.s.opt.Ledger.Read(0, func(r *ledger.Reader, f engine.Freshness) error {
		for _, m := range r.Mutes() {
			again := m.RequestID != "" && m.RequestID == req.GetRequestId()
			muted = muted || string(m.Source) == req.GetSource() && (m.Until > f.Clock || again)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !muted {
		return nil, fail(NotMuted, "no maintenance of "+req.GetSource()+" is announced", "source", req.GetSource())
	}
	r, err := a.mute(ctx, req, ledger.Mute{From: 0, Until: 1})
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.UnmuteSourceResponse{Source: r.GetSource(), Freshness: r.GetFreshness()}, nil
}

// mute proposes a mute unless its request was answered before, and waits until
// every partition of orders has folded it.
func (a *sources) mute(ctx context.Context, req muteRequest, m ledger.Mute) (*orderledgerv1.GetSourceResponse, error) {
	if err := needs("reason", req.GetReason()); err != nil {
		return nil, err
	}
	if err := checkAction(req.GetActor(), req.GetReason(), req.GetRequestId()); err != nil {
		return nil, err
	}
	if _, err := a.GetSource(ctx, &orderledgerv1.GetSourceRequest{Source: req.GetSource()}); err != nil {
		return nil, err
	}
	m.Source, m.Reason, m.Actor = ledger.Source(req.GetSource()), req.GetReason(), actor(ctx, req.GetActor())
	m.RequestID, m.ProposedAt = req.GetRequestId(), ledger.At(a.s.opt.Now())
	if m.RequestID == "" {
		m.RequestID = uuid.NewString()
	}
	known := false
	err := a.s.opt.Ledger.Read(0, func(r *ledger.Reader, _ engine.Freshness) (err error) {
		if _, known, err = r.Answer(m.RequestID); !known {
			return err
		}
		for _, x := range r.Mutes() {
			if x.RequestID == m.RequestID && (x.Source != m.Source || (x.Until == 1) != (m.Until == 1)) {
				return fail(RequestIDReused, "request_id was used before for another mute: choose a new one", "request_id", m.RequestID)
			}
		}
		return nil
	})
	if err == nil && !known {
		var number uint64
		if number, err = a.s.opt.Ledger.ProposeMute(ctx, m); err == nil {
			for p := range a.s.opt.Ledger.Partitions() {
				if err = a.s.opt.Ledger.WaitMerged(ctx, p, number); err != nil {
					break
				}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return a.GetSource(ctx, &orderledgerv1.GetSourceRequest{Source: req.GetSource()})
}
