package kafkalog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// specNamed is the spec of one of the topics.
func specNamed(t *testing.T, opt kafkalog.TopicOptions, name string) kafkalog.TopicSpec {
	t.Helper()
	for _, s := range kafkalog.Topics(opt) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no topic %s", name)
	return kafkalog.TopicSpec{}
}

// What may be altered is altered, what may lose or hide a loss is refused.
func TestPlanTellsSafeFromUnsafe(t *testing.T) {
	opt := kafkalog.TopicOptions{Partitions: 24, Replication: 3}
	events, quarantine := specNamed(t, opt, kafkalog.TopicEvents), specNamed(t, opt, kafkalog.TopicQuarantine)
	found := func(spec kafkalog.TopicSpec, change map[string]string) *kafkalog.FoundTopic {
		f := &kafkalog.FoundTopic{Partitions: 24, Replication: 3, Settings: spec.Wanted()}
		for k, v := range change {
			f.Settings[k] = v
		}
		return f
	}
	cases := []struct {
		name    string
		spec    kafkalog.TopicSpec
		found   *kafkalog.FoundTopic
		records int64
		want    kafkalog.Action
		reason  string
	}{
		{"missing", events, nil, 0, kafkalog.ActionCreate, ""},
		{"as wanted", events, found(events, nil), 9, kafkalog.ActionKeep, ""},
		{"small batches", events, found(events, map[string]string{"max.message.bytes": "1048588"}), 9, kafkalog.ActionAlter, ""},
		{"unclean elections", events, found(events, map[string]string{"unclean.leader.election.enable": "true"}), 9, kafkalog.ActionAlter, ""},
		{"few in sync", events, found(events, map[string]string{"min.insync.replicas": "1"}), 9, kafkalog.ActionAlter, ""},
		{"expiring", events, found(events, map[string]string{"retention.ms": "604800000"}), 9, kafkalog.ActionRefuse, "lost its oldest"},
		{"expiring, empty", events, found(events, map[string]string{"retention.ms": "604800000"}), 0, kafkalog.ActionAlter, ""},
		{"compacted", events, found(events, map[string]string{"cleanup.policy": "compact"}), 9, kafkalog.ActionRefuse, "was compacted"},
		{"other N", events, &kafkalog.FoundTopic{Partitions: 12, Replication: 3, Settings: events.Wanted()}, 0, kafkalog.ActionRefuse, "fixed for ever"},
		{"few replicas", events, &kafkalog.FoundTopic{Partitions: 24, Replication: 1, Settings: events.Wanted()}, 0, kafkalog.ActionRefuse, "kafka-reassign-partitions"},
		{"quarantine goes early", quarantine, found(quarantine, map[string]string{"retention.ms": "1000"}), 9, kafkalog.ActionAlter, ""},
		{"one bad, one good", events, found(events, map[string]string{"retention.ms": "1", "max.message.bytes": "1"}), 9, kafkalog.ActionRefuse, ""},
	}
	for _, c := range cases {
		p := kafkalog.PlanTopic(c.spec, c.found, c.records)
		if p.Action != c.want {
			t.Errorf("%s: %s, want %s: %+v", c.name, p.Action, c.want, p.Changes)
		}
		if c.reason != "" && (len(p.Changes) == 0 || !strings.Contains(p.Changes[0].Reason, c.reason)) {
			t.Errorf("%s: %+v does not say %q", c.name, p.Changes, c.reason)
		}
		if c.found != nil && (len(kafkalog.VerifyTopic(c.spec, *c.found)) != len(p.Changes)) {
			t.Errorf("%s: the plan and the check at start disagree", c.name)
		}
	}
}

func TestPlanAndApplyOnEmbeddedBroker(t *testing.T) {
	l := open(t, kafkalog.Config{Brokers: []string{startBroker(t, broker.Options{}).Addr()}})
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 2, KeepEverything: true})
	applies(t, l, specs)
	other := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 3, KeepEverything: true})
	if err := l.ApplyTopics(t.Context(), plan(t, l, other)); !errors.Is(err, kafkalog.ErrRefused) || !strings.Contains(err.Error(), "partitions is 2, wanted 3") {
		t.Fatalf("another N: %v", err)
	}
}

func TestPlanAndApplyOnRealKafka(t *testing.T) {
	kafka := startKafka(t)
	l := open(t, kafkalog.Config{Brokers: []string{kafka.Addr()}})
	specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 2})
	applies(t, l, specs)

	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	admin := kadm.NewClient(client)
	t.Cleanup(client.Close)
	set := func(topic, name, value string) {
		t.Helper()
		if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, topic); err != nil {
			t.Fatal(err)
		}
	}
	set(kafkalog.TopicEvents, "max.message.bytes", "1048588")
	set(kafkalog.TopicQuarantine, "retention.ms", "1000")
	applies(t, l, specs)

	if _, err := l.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Value: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	set(kafkalog.TopicEvents, "retention.ms", "604800000")
	set(kafkalog.TopicControl, "max.message.bytes", "1048588")
	err = l.ApplyTopics(t.Context(), plan(t, l, specs))
	if !errors.Is(err, kafkalog.ErrRefused) || !strings.Contains(err.Error(), "orders.events.v1: retention.ms is 604800000, wanted -1") {
		t.Fatalf("an expiring log: %v", err)
	}
	again := plan(t, l, specs)
	if again[0].Action != kafkalog.ActionRefuse || again[1].Action != kafkalog.ActionAlter {
		t.Fatalf("beside a refusal something was changed: %s %s", again[0].Action, again[1].Action)
	}
}

func plan(t *testing.T, l *kafkalog.Log, specs []kafkalog.TopicSpec) []kafkalog.TopicPlan {
	t.Helper()
	plans, err := l.PlanTopics(t.Context(), specs)
	if err != nil || len(plans) != len(specs) {
		t.Fatalf("%d plans: %v", len(plans), err)
	}
	return plans
}

// applies carries out a plan that has something to do, after which nothing is
// left and a start finds the topics safe.
func applies(t *testing.T, l *kafkalog.Log, specs []kafkalog.TopicSpec) {
	t.Helper()
	todo := plan(t, l, specs)
	busy := 0
	for _, p := range todo {
		if p.Action != kafkalog.ActionKeep {
			busy++
		}
	}
	if busy == 0 {
		t.Fatal("the plan has nothing to do")
	}
	if err := l.ApplyTopics(t.Context(), todo); err != nil {
		t.Fatal(err)
	}
	for _, p := range plan(t, l, specs) {
		if p.Action != kafkalog.ActionKeep {
			t.Errorf("%s: still %s: %+v", p.Spec.Name, p.Action, p.Changes)
		}
	}
	if _, err := l.EnsureTopics(t.Context(), specs, kafkalog.EnsureOptions{}); err != nil {
		t.Error(err)
	}
}
