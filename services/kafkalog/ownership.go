package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	defaultSessionTimeout = 10 * time.Second
	rebalanceTimeout      = 30 * time.Second
)

// kafkaOwnership is a group member that fetches nothing and commits nothing.
type kafkaOwnership struct {
	client   *kgo.Client
	onChange func([]int32)
	stopped  chan struct{}

	mu    sync.Mutex
	owned map[int32]bool
}

// NewOwnership implements [Journal]. The protocol is the classic one with the
// cooperative-sticky balancer: partitions that stay with their owner are never
// taken from it during a rebalance.
func (l *Log) NewOwnership(opts OwnershipOptions) (Ownership, error) {
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("join group: %w", err)
	}
	if opts.SessionTimeout == 0 {
		opts.SessionTimeout = defaultSessionTimeout
	}
	o := &kafkaOwnership{onChange: opts.OnChange, owned: make(map[int32]bool), stopped: make(chan struct{})}
	change := func(gained bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, moved map[string][]int32) {
			o.change(moved[opts.Topic], gained)
		}
	}
	kopts := append(l.common[:len(l.common):len(l.common)],
		kgo.ConsumerGroup(opts.Group),
		kgo.ConsumeTopics(opts.Topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(opts.SessionTimeout),
		kgo.HeartbeatInterval(opts.SessionTimeout/5),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsAssigned(change(true)),
		kgo.OnPartitionsRevoked(change(false)),
		kgo.OnPartitionsLost(change(false)),
	)
	if opts.InstanceID != "" {
		kopts = append(kopts, kgo.InstanceID(opts.InstanceID))
	}
	client, err := kgo.NewClient(kopts...)
	if err != nil {
		return nil, fmt.Errorf("join group: %w", err)
	}
	client.PauseFetchTopics(opts.Topic)
	o.client = client
	go o.watch(l)
	return o, nil
}

// watch reports what goes wrong with the membership. With fetching paused a
// poll returns nothing but errors.
func (o *kafkaOwnership) watch(l *Log) {
	defer close(o.stopped)
	for {
		fetches := o.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				l.logger.Warn("group membership is troubled", "topic", topic, "partition", partition, "error", err)
			}
		})
	}
}

func (o *kafkaOwnership) change(partitions []int32, gained bool) {
	o.mu.Lock()
	before := len(o.owned)
	for _, p := range partitions {
		if gained {
			o.owned[p] = true
		} else {
			delete(o.owned, p)
		}
	}
	changed := len(o.owned) != before
	owned := o.sorted()
	o.mu.Unlock()
	if changed && o.onChange != nil {
		o.onChange(owned)
	}
}

func (o *kafkaOwnership) sorted() []int32 {
	owned := make([]int32, 0, len(o.owned))
	for p := range o.owned {
		owned = append(owned, p)
	}
	slices.Sort(owned)
	return owned
}

// Owned implements [Ownership].
func (o *kafkaOwnership) Owned() []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sorted()
}

// Close implements [Ownership].
func (o *kafkaOwnership) Close() {
	o.client.Close()
	<-o.stopped
}
