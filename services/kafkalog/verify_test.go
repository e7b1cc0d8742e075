package kafkalog_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/kafkalog"
)

func TestVerifyTopicRefusesEachWeakness(t *testing.T) {
	spec := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 24, Replication: 3})[0]
	safe := kafkalog.FoundTopic{Partitions: 24, Replication: 3, Settings: map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "8388608",
		"message.timestamp.type": "CreateTime", "min.insync.replicas": "2", "unclean.leader.election.enable": "false",
	}}
	if findings := kafkalog.VerifyTopic(spec, safe); len(findings) != 0 {
		t.Fatalf("a safe topic: %v", findings)
	}
	weaken := func(setting, value string) kafkalog.FoundTopic {
		weak := safe
		weak.Settings = maps.Clone(safe.Settings)
		weak.Settings[setting] = value
		return weak
	}
	cases := map[string]kafkalog.FoundTopic{
		"cleanup.policy is compact, wanted delete":                weaken("cleanup.policy", "compact"),
		"cleanup.policy is compact,delete, wanted delete":         weaken("cleanup.policy", "compact,delete"),
		"retention.ms is 604800000, wanted -1":                    weaken("retention.ms", "604800000"),
		"retention.bytes is 1073741824, wanted -1":                weaken("retention.bytes", "1073741824"),
		"max.message.bytes is 1048588, wanted at least 4194304":   weaken("max.message.bytes", "1048588"),
		"message.timestamp.type is LogAppendTime, wanted":         weaken("message.timestamp.type", "LogAppendTime"),
		"min.insync.replicas is 1, wanted at least 2":             weaken("min.insync.replicas", "1"),
		"unclean.leader.election.enable is true, wanted false":    weaken("unclean.leader.election.enable", "true"),
		"retention.ms is unknown, wanted -1":                      weaken("retention.ms", ""),
		"replication.factor is 2, wanted at least 3":              {Partitions: 24, Replication: 2, Settings: safe.Settings},
		"partitions is 25, wanted 24; this can not be overridden": {Partitions: 25, Replication: 3, Settings: safe.Settings},
	}
	for want, found := range cases {
		findings := kafkalog.VerifyTopic(spec, found)
		if len(findings) != 1 {
			t.Errorf("%s: %d findings %v", want, len(findings), findings)
			continue
		}
		text := findings[0].Error()
		if !strings.HasPrefix(text, "topic orders.events.v1: "+want) || !strings.Contains(text, kafkalog.OverrideFlag) {
			t.Errorf("got %q, wanted %q and the override flag", text, want)
		}
		if findings[0].Overridable == strings.HasPrefix(want, "partitions") {
			t.Errorf("%s: overridable is %v", want, findings[0].Overridable)
		}
		if !errors.Is(findings[0], kafkalog.ErrUnsafeTopic) {
			t.Errorf("%s: is no ErrUnsafeTopic", want)
		}
	}
}

func TestTopics(t *testing.T) {
	for _, keep := range []bool{true, false} {
		specs := kafkalog.Topics(kafkalog.TopicOptions{Partitions: 4, KeepEverything: keep})
		if len(specs) != 7 {
			t.Fatalf("%d topics", len(specs))
		}
		for _, spec := range specs {
			if err := spec.Validate(); err != nil {
				t.Error(err)
			}
			single := spec.Name == kafkalog.TopicControl || spec.Name == kafkalog.TopicSources
			if want := map[bool]int32{true: 1, false: 4}[single]; spec.Partitions != want {
				t.Errorf("%s has %d partitions", spec.Name, spec.Partitions)
			}
			compacted := spec.Cleanup == kafkalog.CleanupCompact
			if compacted != (spec.Name == kafkalog.TopicSources && !keep) {
				t.Errorf("%s: compacted %v with KeepEverything %v", spec.Name, compacted, keep)
			}
			expires := spec.RetentionMillis != kafkalog.Forever
			if expires != (spec.Name == kafkalog.TopicQuarantine && !keep) {
				t.Errorf("%s: expires %v with KeepEverything %v", spec.Name, expires, keep)
			}
		}
	}
}

func TestSpecValidate(t *testing.T) {
	err := kafkalog.TopicSpec{Name: "x", Replication: 3, MinISR: 1, Cleanup: "tidy"}.Validate()
	for _, part := range []string{"partitions", "cleanup", "retention", "min_isr"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not complained about: %v", part, err)
		}
	}
}
