package broker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/kafkalogtest"
)

func TestOrderledgerTopicsFitTheContract(t *testing.T) {
	l := open(t, start(t, broker.Options{}).Addr())
	ensure(t, l, kafkalog.Topics(kafkalog.TopicOptions{Partitions: 4, KeepEverything: true})...)
	_, err := l.EnsureTopics(t.Context(), []kafkalog.TopicSpec{{
		Name: "compacted", Partitions: 1, Cleanup: kafkalog.CleanupCompact,
		RetentionMillis: kafkalog.Forever, RetentionBytes: kafkalog.Forever, Replication: 1,
	}}, kafkalog.EnsureOptions{})
	if !errors.Is(err, kerr.PolicyViolation) || !strings.Contains(err.Error(), "the embedded broker does not compact") {
		t.Errorf("a compacted topic: %v", err)
	}
}

func TestContractRefusals(t *testing.T) {
	client, err := kgo.NewClient(kgo.SeedBrokers(start(t, broker.Options{}).Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	value := kadm.StringPtr
	kept := map[string]*string{"retention.ms": value("-1")}
	if _, err := admin.CreateTopic(t.Context(), 2, 1, kept, "t"); err != nil {
		t.Fatalf("a topic within the contract: %v", err)
	}
	create := func(configs map[string]*string) func() error {
		return func() error {
			_, err := admin.CreateTopic(t.Context(), 1, 1, configs, "new")
			return err
		}
	}
	alter := func(op kadm.IncrementalOp, name, to string) func() error {
		return func() error {
			resp, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: op, Name: name, Value: value(to)}}, "t")
			return errors.Join(err, firstError(resp))
		}
	}
	refusals := map[string]func() error{
		"create without retention":      create(nil),
		"create with retention":         create(map[string]*string{"retention.ms": value("1000")}),
		"create with retention by size": create(map[string]*string{"retention.ms": value("-1"), "retention.bytes": value("1000")}),
		"create compacted":              create(map[string]*string{"retention.ms": value("-1"), "cleanup.policy": value("compact")}),
		"create compacted and deleted":  create(map[string]*string{"retention.ms": value("-1"), "cleanup.policy": value("compact,delete")}),
		"set retention":                 alter(kadm.SetConfig, "retention.ms", "1000"),
		"unset retention":               alter(kadm.DeleteConfig, "retention.ms", ""),
		"set retention by size":         alter(kadm.SetConfig, "retention.bytes", "1000"),
		"set compaction":                alter(kadm.SetConfig, "cleanup.policy", "compact"),
		"append compaction":             alter(kadm.AppendConfig, "cleanup.policy", "compact"),
		"replace settings":              func() error { return replaceSettings(t, admin, "max.message.bytes", "2000000") },
		"replace settings, compacting":  func() error { return replaceSettings(t, admin, "cleanup.policy", "compact") },
		"alter the broker":              func() error { return alterBroker(t, admin) },
		"add partitions": func() error {
			resp, err := admin.CreatePartitions(t.Context(), 1, "t")
			return errors.Join(err, resp.Error())
		},
		"delete a topic": func() error { resp, err := admin.DeleteTopics(t.Context(), "t"); return errors.Join(err, resp.Error()) },
		"delete records": func() error {
			offsets := make(kadm.Offsets)
			offsets.AddOffset("t", 0, 1, -1)
			resp, err := admin.DeleteRecords(t.Context(), offsets)
			return errors.Join(err, resp.Error())
		},
	}
	for name, request := range refusals {
		if err := request(); !errors.Is(err, kerr.PolicyViolation) {
			t.Errorf("%s: got %v, wanted a refusal", name, err)
		}
	}
	if err := alter(kadm.SetConfig, "max.message.bytes", "2000000")(); err != nil {
		t.Errorf("a harmless setting: %v", err)
	}
	if details, err := admin.ListTopics(t.Context()); err != nil || len(details) != 1 || len(details["t"].Partitions) != 2 {
		t.Errorf("after all refusals the topics are %v, %v", details.Names(), err)
	}
}

func firstError(resp kadm.AlterConfigsResponses) error {
	for _, r := range resp {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func replaceSettings(t *testing.T, admin *kadm.Client, name, to string) error {
	resp, err := admin.AlterTopicConfigsState(t.Context(), []kadm.AlterConfig{{Name: name, Value: kadm.StringPtr(to)}}, "t")
	return errors.Join(err, firstError(resp))
}

func alterBroker(t *testing.T, admin *kadm.Client) error {
	resp, err := admin.AlterBrokerConfigs(t.Context(), []kadm.AlterConfig{{Name: "log.retention.ms", Value: kadm.StringPtr("1000")}})
	return errors.Join(err, firstError(resp))
}

func TestTransactionsAreRefused(t *testing.T) {
	client, err := kgo.NewClient(kgo.SeedBrokers(start(t, broker.Options{}).Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, "t"); err != nil {
		t.Fatal(err)
	}
	id := "x"
	join := kmsg.NewPtrInitProducerIDRequest()
	join.TransactionalID = &id
	joined, err := join.RequestWith(t.Context(), client)
	if err != nil || joined.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
		t.Errorf("a transactional producer: code %d, %v", joined.ErrorCode, err)
	}
	produce := kmsg.NewPtrProduceRequest()
	produce.TransactionID, produce.Acks, produce.TimeoutMillis = &id, -1, 1000
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = []byte("not even a batch")
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = "t", []kmsg.ProduceRequestTopicPartition{partition}
	produce.Topics = []kmsg.ProduceRequestTopic{topic}
	produced, err := produce.RequestWith(t.Context(), client)
	if err != nil || produced.Topics[0].Partitions[0].ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code {
		t.Errorf("a record of a transaction: %+v, %v", produced, err)
	}
}

func TestDataCap(t *testing.T) {
	dir := t.TempDir()
	b := start(t, broker.Options{DataDir: dir, MaxBytes: 256 << 10})
	l := open(t, b.Addr())
	ensure(t, l, kafkalogtest.Spec("t", 1))
	noise := make([]byte, 16<<10)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	taken := 0
	for ; taken < 100; taken++ {
		_, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: noise})
		if err != nil {
			if !errors.Is(err, kafkalog.ErrRejected) || !errors.Is(err, kerr.PolicyViolation) {
				t.Fatalf("beyond the cap: %v", err)
			}
			break
		}
	}
	if taken < 10 || taken > 16 {
		t.Errorf("%d records of 16 KiB fitted into 256 KiB", taken)
	}
	l.Close()
	b.Close()
	// A restart measures what is there, so the cap still holds; a higher one
	// lets the log go on where it was.
	b = start(t, broker.Options{DataDir: dir, MaxBytes: 256 << 10})
	l = open(t, b.Addr())
	if _, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: noise}); !errors.Is(err, kafkalog.ErrRejected) {
		t.Errorf("beyond the cap after a restart: %v", err)
	}
	l.Close()
	b.Close()
	l = open(t, start(t, broker.Options{DataDir: dir, MaxBytes: 1 << 20}).Addr())
	if at, err := l.Append(t.Context(), kafkalog.Record{Topic: "t", Value: noise}); err != nil || at.Offset != int64(taken) {
		t.Errorf("with a higher cap: %v, %v", at, err)
	}
}
