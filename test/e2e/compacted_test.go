package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// TestACompactedControlTopicKeepsEveryPolicy: a topic that its owners insist on
// compacting takes policies under the override, and no version makes Kafka
// forget an earlier one (S-32).
func TestACompactedControlTopicKeepsEveryPolicy(t *testing.T) {
	kafka, err := realkafka.Start(t.Context(), realkafka.Options{DataDir: t.TempDir(), Settings: map[string]string{"log.cleaner.backoff.ms": "100"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Kill9)
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	value := func(s string) *string { return &s }
	_, err = kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": value("compact"), "retention.ms": value("-1"),
		"segment.ms": value("100"), "min.cleanable.dirty.ratio": value("0.0"), "max.message.bytes": value("4194304")}, kafkalog.TopicControl)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(cfg *config.Config) {
		cfg.Kafka.Brokers, cfg.AllowUnsafeTopics = []string{kafka.Addr()}, true
		polled(t, cfg) // whose answers bear out the clock
	})
	body, err := json.Marshal(map[string]any{"yaml": "matrix:\n  shopify:\n    payment:\n      on_the_house: CAPTURED\n", "actor": "operations", "comment": "a present of the house"})
	if err != nil {
		t.Fatal(err)
	}
	if a := do(t, http.MethodPost, d.Endpoints.API+"/v1/policy:propose", strings.NewReader(string(body)), map[string]string{"Content-Type": "application/json"}); !strings.Contains(a.Body, "OUTCOME_ACCEPTED") {
		t.Fatalf("proposal: %d %s", a.Code, a.Body)
	}
	await(t, 20*time.Second, func() error {
		for _, s := range d.Node.Stats() {
			if s.Policy != 2 {
				return yet("partition %d is judged by version %d", s.Partition, s.Policy)
			}
		}
		return nil
	})
	log := d.Stack.Log
	policies := readControl(t, log, "junk") // and what shows that Kafka compacted
	if !slices.Equal(policies, []uint64{1, 2}) {
		t.Errorf("the compacted topic holds the versions %v", policies)
	}
}

// readControl writes records of one key behind the policies until Kafka has
// compacted them, and returns the versions that it still holds.
func readControl(t *testing.T, log *kafkalog.Log, key string) (versions []uint64) {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	dec := codec.NewDecoder()
	written := 0
	await(t, 40*time.Second, func() error {
		if _, err := log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicControl, Key: []byte(key), Value: []byte("?")}); err != nil {
			return err
		}
		written++
		ends, err := log.EndOffsets(t.Context(), kafkalog.TopicControl)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		records, err := kafkalog.ReadRange(ctx, log, kafkalog.Position{Topic: kafkalog.TopicControl}, ends[0])
		if err != nil {
			return err
		}
		versions = versions[:0]
		left := 0
		for i := range records {
			if string(records[i].Key) == key {
				left++
			} else if rec, err := dec.DecodePolicy(records[i].Value); err == nil {
				versions = append(versions, rec.Version)
			}
		}
		if left == written {
			return yet("nothing of %d records of one key was compacted", written)
		}
		return nil
	})
	return versions
}
