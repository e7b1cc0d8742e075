package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// watchRoom is how many commits a stream may lag before it reads the store
// again instead.
const watchRoom = 256

// catchUpPatience is how long a resumed stream waits for a replica that is
// behind the one that gave the token.
const catchUpPatience = 10 * time.Second

func heartbeat(now time.Time) *orderledgerv1.Heartbeat {
	return &orderledgerv1.Heartbeat{SentAt: timestamppb.New(now)}
}

// resumable waits until a partition has folded what a token speaks of. A token
// from beyond the end of the log is of another log.
func (s *Server) resumable(ctx context.Context, partition int32, offset int64) error {
	var end int64
	err := s.opt.Ledger.Read(partition, func(_ *ledger.Reader, f engine.Freshness) error {
		end = max(f.LogEnd, f.AppliedOffset)
		if f.LogEnd < 0 {
			end = offset
		}
		return nil
	})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, catchUpPatience)
	defer cancel()
	if err := s.opt.Ledger.WaitFor(wait, partition, offset); err != nil {
		if offset > end {
			return fail(InvalidResumeToken, "resume_token lies beyond the end of the log: begin again without it")
		}
		return err
	}
	return nil
}

// WatchOrder implements OrderServiceServer. What it sends is read from the
// store; commits only say when to look, so a slow stream misses nothing.
func (a *orders) WatchOrder(req *orderledgerv1.WatchOrderRequest, stream grpc.ServerStreamingServer[orderledgerv1.WatchOrderResponse]) error {
	k, err := orderKey(req.GetOrder())
	if err != nil {
		return err
	}
	w := &orderWatch{s: a.s, k: k, partition: a.s.opt.Ledger.PartitionOf(k), stream: stream, id: requestHash("order", string(k))}
	sub := a.s.opt.Ledger.Subscribe(watchRoom)
	defer sub.Close()
	if err := w.open(req.GetResumeToken()); err != nil {
		return err
	}
	beat := time.NewTicker(a.s.opt.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-a.s.ctx.Done():
			return fail(NotReady, "the server is stopping: connect again with the last resume token")
		case c := <-sub.C:
			if sub.Lagged() || w.concerns(&c) {
				err = w.look()
			}
		case <-beat.C:
			if err = w.look(); err == nil {
				err = w.send(&orderledgerv1.WatchOrderResponse{Event: &orderledgerv1.WatchOrderResponse_Heartbeat{Heartbeat: heartbeat(a.s.opt.Now())}})
			}
		}
		if err != nil {
			return err
		}
	}
}

// orderWatch is one stream about one order.
type orderWatch struct {
	s         *Server
	k         ledger.OrderKey
	partition int32
	stream    grpc.ServerStreamingServer[orderledgerv1.WatchOrderResponse]
	id        uint64
	// told is the last entry sent; place and fresh are of the last look.
	told  int64
	place int64
	fresh *orderledgerv1.Freshness
}

func (w *orderWatch) open(token string) error {
	if token != "" {
		t, err := decodeResume(token, w.id, 1)
		if err != nil {
			return err
		}
		if err := w.s.resumable(w.stream.Context(), w.partition, t.Points[0].Offset); err != nil {
			return err
		}
		w.told = t.Sequence
		return w.look()
	}
	o, err := w.read()
	if err != nil {
		return err
	}
	w.told = int64(len(tell(o.told)))
	return w.send(&orderledgerv1.WatchOrderResponse{Event: &orderledgerv1.WatchOrderResponse_Snapshot{Snapshot: o.message(orderledgerv1.OrderView_ORDER_VIEW_FULL)}})
}

func (w *orderWatch) read() (*known, error) {
	o, fresh, err := w.s.order(w.k)
	if err != nil {
		return nil, err
	}
	w.fresh, w.place = fresh, fresh.AppliedOffset+1
	return o, nil
}

// concerns reports whether a commit changed the order.
func (w *orderWatch) concerns(c *engine.Committed) bool {
	if c.Log != w.partition || c.Rows == nil {
		return false
	}
	for i := range c.Rows.History {
		if c.Rows.History[i].Order == w.k {
			return true
		}
	}
	return false
}

// look sends what was told since the last entry sent, if anything.
func (w *orderWatch) look() error {
	o, err := w.read()
	if err != nil {
		return err
	}
	entries := tell(o.told)
	if int64(len(entries)) < w.told {
		return fail(InvalidResumeToken, "resume_token speaks of entries that this log does not have: begin again without it")
	}
	if int64(len(entries)) == w.told {
		return nil
	}
	change := &orderledgerv1.OrderChange{Order: o.message(orderledgerv1.OrderView_ORDER_VIEW_FULL)}
	for i := range entries[w.told:] {
		change.Entries = append(change.Entries, o.entry(&entries[w.told+int64(i)], w.partition))
	}
	w.told = int64(len(entries))
	return w.send(&orderledgerv1.WatchOrderResponse{Event: &orderledgerv1.WatchOrderResponse_Change{Change: change}})
}

func (w *orderWatch) send(m *orderledgerv1.WatchOrderResponse) error {
	m.ResumeToken = resumeToken{Stream: w.id, Sequence: w.told, Points: []resumePoint{{Offset: w.place}}}.encode()
	m.Freshness = []*orderledgerv1.Freshness{w.fresh}
	if err := w.stream.Send(m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
