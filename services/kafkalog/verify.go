package kafkalog

import (
	"fmt"
	"strconv"
)

// FoundTopic is a topic as its broker describes it.
type FoundTopic struct {
	ID          TopicID
	Partitions  int32
	Replication int16
	// Settings are the topic's effective settings by Kafka's names.
	Settings map[string]string
}

// UnsafeSetting is one way in which a topic differs from its spec. It matches
// [ErrUnsafeTopic].
type UnsafeSetting struct {
	Topic, Setting, Found, Wanted string
	// Overridable is false for what no flag may allow.
	Overridable bool
}

// Error names topic, setting, both values and the way on.
func (u *UnsafeSetting) Error() string {
	text := fmt.Sprintf("topic %s: %s is %s, wanted %s", u.Topic, u.Setting, u.Found, u.Wanted)
	if u.Overridable {
		return text + "; alter the topic, or start with " + OverrideFlag + " to go on without this promise"
	}
	return text + "; this can not be overridden, not even with " + OverrideFlag +
		": keys would change their partition. Configure the number the topic was created with"
}

// Is reports that every UnsafeSetting is an [ErrUnsafeTopic].
func (u *UnsafeSetting) Is(target error) bool { return target == ErrUnsafeTopic }

// VerifyTopic compares a topic with its spec and returns every difference that
// endangers the ledger. More safety than wanted is no difference.
func VerifyTopic(spec TopicSpec, found FoundTopic) []*UnsafeSetting {
	v := verification{topic: spec.Name, settings: found.Settings}
	if found.Partitions != spec.Partitions {
		v.findings = append(v.findings, &UnsafeSetting{
			Topic: spec.Name, Setting: "partitions",
			Found: strconv.Itoa(int(found.Partitions)), Wanted: strconv.Itoa(int(spec.Partitions)),
		})
	}
	v.equal("cleanup.policy", spec.Cleanup)
	if spec.Cleanup == CleanupDelete {
		v.atLeast("retention.ms", spec.RetentionMillis)
		v.atLeast("retention.bytes", spec.RetentionBytes)
	}
	v.equalIfKnown("message.timestamp.type", "CreateTime")
	if spec.MaxMessageBytes > 0 {
		v.atLeast("max.message.bytes", int64(spec.MaxMessageBytes))
	}
	if spec.Replication >= 3 {
		if found.Replication < spec.Replication {
			v.add("replication.factor", strconv.Itoa(int(found.Replication)), fmt.Sprintf("at least %d", spec.Replication))
		}
		if found.Settings["min.insync.replicas"] != "" {
			v.atLeast("min.insync.replicas", int64(spec.MinISR))
		}
		v.equalIfKnown("unclean.leader.election.enable", "false")
	}
	return v.findings
}

type verification struct {
	topic    string
	settings map[string]string
	findings []*UnsafeSetting
}

func (v *verification) add(setting, found, wanted string) {
	if found == "" {
		found = "unknown"
	}
	v.findings = append(v.findings, &UnsafeSetting{Topic: v.topic, Setting: setting, Found: found, Wanted: wanted, Overridable: true})
}

func (v *verification) equal(setting, wanted string) {
	if found := v.settings[setting]; found != wanted {
		v.add(setting, found, wanted)
	}
}

// equalIfKnown lets pass what the broker does not report: Kafka reports all of
// its settings, and a broker that replicates in another way (by a majority of
// a Raft group) does not have these.
func (v *verification) equalIfKnown(setting, wanted string) {
	if v.settings[setting] != "" {
		v.equal(setting, wanted)
	}
}

// atLeast compares limits, of which -1 means none.
func (v *verification) atLeast(setting string, wanted int64) {
	raw := v.settings[setting]
	found, err := strconv.ParseInt(raw, 10, 64)
	switch {
	case err != nil:
	case found == Forever:
		return
	case wanted != Forever && found >= wanted:
		return
	}
	text := strconv.FormatInt(wanted, 10)
	if wanted != Forever {
		text = "at least " + text
	}
	v.add(setting, raw, text)
}
