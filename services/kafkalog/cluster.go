package kafkalog

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster is what the brokers say of themselves.
type Cluster struct {
	ID      string
	Brokers int
	// Version is guessed from what the brokers can do, such as "v4.0".
	Version string
	// Clock is what the controller's clock said when it answered, zero where it
	// does not tell (ZooKeeper, the embedded broker, other makes). Asked and
	// Answered are ours around it.
	Clock           time.Time
	Asked, Answered time.Time
}

// metadataTopic is where KRaft keeps its own log.
const metadataTopic = "__cluster_metadata"

// Cluster asks the brokers about themselves.
func (l *Log) Cluster(ctx context.Context) (Cluster, error) {
	meta, err := l.admin.BrokerMetadata(ctx)
	if err != nil {
		return Cluster{}, fmt.Errorf("ask for the brokers: %w", err)
	}
	c := Cluster{ID: meta.Cluster, Brokers: len(meta.Brokers)}
	versions, err := l.admin.ApiVersions(ctx)
	if err != nil {
		return c, fmt.Errorf("ask for the brokers' versions: %w", err)
	}
	versions.Each(func(v kadm.BrokerApiVersions) {
		if v.Err == nil {
			c.Version = v.VersionGuess()
		}
	})
	l.controllerClock(ctx, &c)
	return c, nil
}

// controllerClock reads the clock of the controller out of what it says about its
// quorum: it heard of itself just now. Where it does not say, the clock is zero.
func (l *Log) controllerClock(ctx context.Context, c *Cluster) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = metadataTopic
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, topic)
	c.Asked = time.Now()
	resp, err := req.RequestWith(ctx, l.client)
	c.Answered = time.Now()
	if err != nil {
		return
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			for _, r := range p.CurrentVoters {
				if r.ReplicaID == p.LeaderID && r.LastCaughtUpTimestamp > 0 {
					c.Clock = time.UnixMilli(r.LastCaughtUpTimestamp)
				}
			}
		}
	}
}
