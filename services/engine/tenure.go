package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/orderledger/orderledger/projections"
)

// blockPatience is how long a partition that is given up, or a node that is
// closed, waits for the block on its way. It is less than a session timeout.
const blockPatience = 5 * time.Second

// errGivenUp ends a run of the pump after the partition went to another node.
var errGivenUp = errors.New("the partition was given up")

// tenured is a sink as a pump of one partition may use it: during one time of
// ownership, and block by block. A block once begun is finished, or its
// successor could not know whether it lands after the sink was asked.
type tenured struct {
	projections.Sink
	s    *Seat
	term int64
}

// Repeats implements projections.Repeating, for the sink behind.
func (t *tenured) Repeats() bool {
	r, ok := t.Sink.(projections.Repeating)
	return ok && r.Repeats()
}

// Insert implements projections.Sink.
func (t *tenured) Insert(ctx context.Context, b *projections.Block) error {
	t.s.shipping.RLock()
	defer t.s.shipping.RUnlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !t.s.owner.Load() || t.s.terms.Load() != t.term {
		return errGivenUp
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		pause(run, blockPatience)
		cancel()
	})
	defer stop()
	return t.Sink.Insert(run, b)
}

// owned takes note of what this node owns. It returns once nothing is on its
// way from a partition that was given up, so that the next owner is named, and
// asks the sinks, after it.
func (n *Node) owned(partitions []int32) {
	var left sync.WaitGroup
	for _, r := range n.all() {
		if r.Own(slices.Contains(partitions, r.index)) {
			left.Go(func() {
				r.shipping.Lock()
				defer r.shipping.Unlock()
			})
		}
	}
	landed := make(chan struct{})
	go func() { left.Wait(); close(landed) }()
	patience := time.NewTimer(blockPatience)
	defer patience.Stop()
	select {
	case <-landed:
	case <-patience.C:
		n.deps.Logger.Warn("partitions are given up with a block still on its way to a sink")
	}
	n.deps.Logger.Info("owned partitions changed", "partitions", partitions)
}
