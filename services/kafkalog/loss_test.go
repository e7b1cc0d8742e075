package kafkalog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

// unguarded is a broker without the contract of the embedded one: it loses
// things when told to.
func unguarded(t *testing.T) (*kfake.Cluster, *kafkalog.Log) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, open(t, kafkalog.Config{Brokers: cluster.ListenAddrs()})
}

func TestLostLogStopsTheReader(t *testing.T) {
	for name, lose := range map[string]func(*kfake.Cluster) error{
		"trimmed": func(c *kfake.Cluster) error { return c.DeleteRecords("t", 0, 8) },
		"recreated": func(c *kfake.Cluster) error {
			return errors.Join(c.DeleteTopic("t"), c.CreateTopic("t", 1, nil))
		},
		"deleted": func(c *kfake.Cluster) error { return c.DeleteTopic("t") },
	} {
		t.Run(name, func(t *testing.T) {
			cluster, l := unguarded(t)
			ensure(t, l, kafkalogtest.Spec("t", 1))
			for range 10 {
				if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t"}); err != nil {
					t.Fatal(err)
				}
			}
			reader, err := l.NewReader(kafkalog.ReaderOptions{
				Assignments: map[string]map[int32]int64{"t": {0: 0}}, MaxPollRecords: 3,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if batches, err := reader.Poll(t.Context()); err != nil || len(batches) != 1 || batches[0].Next() != 3 {
				t.Fatalf("first poll: %v, %v", batches, err)
			}
			reader.Add(kafkalog.Position{Topic: "t", Offset: 3}) // forget what was fetched ahead
			if err := lose(cluster); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
			defer cancel()
			next := int64(3)
			for {
				batches, err := reader.Poll(ctx)
				for _, batch := range batches {
					// What was fetched before the loss is genuine and in order.
					if batch.Records[0].Offset != next {
						t.Fatalf("read %v, wanted offset %d", batch.Records[0].Position(), next)
					}
					next = batch.Next()
				}
				if errors.Is(err, kafkalog.ErrLogLost) {
					if lost := kafkalog.LostPartitions(err); len(lost) != 1 || lost[0].Position.Offset != next {
						t.Errorf("lost %v, wanted offset %d", lost, next)
					}
					break
				}
				if err != nil {
					t.Fatalf("poll: %v", err)
				}
			}
		})
	}
}

func TestEnsureTopicsRefusesUnsafeTopics(t *testing.T) {
	cluster, l := unguarded(t)
	for name, configs := range map[string]map[string]string{
		kafkalog.TopicEvents:  {"retention.ms": "1000"},
		kafkalog.TopicControl: {"cleanup.policy": "compact", "retention.ms": "-1"},
	} {
		if err := cluster.CreateTopic(name, 1, configs); err != nil {
			t.Fatal(err)
		}
	}
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 1})
	for i := range specs {
		specs[i].MaxMessageBytes = 0
	}
	_, err := l.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{})
	if !errors.Is(err, kafkalog.ErrUnsafeTopic) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{
		"topic orders.events.v1: retention.ms is 1000, wanted -1; alter the topic, or start with --allow-unsafe-topics",
		"topic orders.control.v1: cleanup.policy is compact, wanted delete; alter the topic, or start with --allow-unsafe-topics",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal does not say %q: %v", part, err)
		}
	}
	if strings.Count(err.Error(), "wanted") != 2 {
		t.Errorf("more was refused than was wrong: %v", err)
	}
	if _, err := l.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{AllowUnsafe: true}); err != nil {
		t.Errorf("overridden: %v", err)
	}
}
