package kafkalog

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The topics of orderledger.
const (
	TopicEvents     = "orders.events.v1"
	TopicControl    = "orders.control.v1"
	TopicSources    = "orders.sources.v1"
	TopicUnkeyed    = "orders.unkeyed.v1"
	TopicAliases    = "orders.aliases.v1"
	TopicQuarantine = "orders.quarantine.v1"
	TopicExceptions = "orders.exceptions.v1"
)

// Values of TopicSpec.Cleanup.
const (
	CleanupDelete  = "delete"
	CleanupCompact = "compact"
)

// Forever as a retention means that nothing is ever removed.
const Forever int64 = -1

// DefaultMaxMessageBytes is the record batch limit of topics that set none.
const DefaultMaxMessageBytes = 4 << 20

// quarantineRetention is how long quarantined originals are kept on brokers
// that may remove anything at all.
const quarantineRetention = 90 * 24 * time.Hour

// TopicSpec is what the ledger needs a topic to be.
type TopicSpec struct {
	Name       string
	Partitions int32
	// Cleanup is [CleanupDelete] or [CleanupCompact].
	Cleanup string
	// RetentionMillis and RetentionBytes are [Forever] or a limit.
	RetentionMillis int64
	RetentionBytes  int64
	// MaxMessageBytes is the least the topic must accept per record batch; 0
	// leaves it to the broker.
	MaxMessageBytes int
	// Replication is the replication factor. From 3 on the topic must also be
	// safe against the loss of a broker: MinISR of 2 or more and no unclean
	// leader election.
	Replication int16
	MinISR      int
}

// Validate reports everything about the spec that cannot be asked of a broker.
func (s TopicSpec) Validate() error {
	var errs []error
	add := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("topic %s: %s: %s", s.Name, field, fmt.Sprintf(format, args...)))
	}
	if s.Name == "" {
		add("name", "must be set")
	}
	if s.Partitions < 1 {
		add("partitions", "%d must be at least 1", s.Partitions)
	}
	if s.Cleanup != CleanupDelete && s.Cleanup != CleanupCompact {
		add("cleanup", "%q must be %s or %s", s.Cleanup, CleanupDelete, CleanupCompact)
	}
	if s.RetentionMillis < Forever || s.RetentionMillis == 0 {
		add("retention", "%d ms must be -1 (for ever) or positive", s.RetentionMillis)
	}
	if s.RetentionBytes < Forever || s.RetentionBytes == 0 {
		add("retention", "%d bytes must be -1 (no limit) or positive", s.RetentionBytes)
	}
	if s.Replication < 1 {
		add("replication", "%d must be at least 1", s.Replication)
	}
	if s.Replication >= 3 && (s.MinISR < 2 || s.MinISR >= int(s.Replication)) {
		add("min_isr", "%d must be at least 2 and less than the replication factor %d", s.MinISR, s.Replication)
	}
	return errors.Join(errs...)
}

// configs returns the topic settings a broker is given on creation.
func (s TopicSpec) configs() map[string]string {
	c := map[string]string{
		"cleanup.policy":         s.Cleanup,
		"retention.ms":           strconv.FormatInt(s.RetentionMillis, 10),
		"retention.bytes":        strconv.FormatInt(s.RetentionBytes, 10),
		"message.timestamp.type": "CreateTime",
	}
	if s.MaxMessageBytes > 0 {
		c["max.message.bytes"] = strconv.Itoa(s.MaxMessageBytes)
	}
	if s.Replication >= 3 {
		c["min.insync.replicas"] = strconv.Itoa(s.MinISR)
		c["unclean.leader.election.enable"] = "false"
	}
	return c
}

// TopicOptions chooses the shape of the orderledger topics.
type TopicOptions struct {
	// Partitions is N, fixed for the life of the ledger.
	Partitions int32
	// Replication is the replication factor; 0 means 1.
	Replication int16
	// MinISR matters from a replication factor of 3 on; 0 means 2.
	MinISR int
	// KeepEverything is for the embedded broker, which must neither compact nor
	// expire: every topic gets cleanup=delete and endless retention.
	KeepEverything bool
}

// Topics returns the specs of all orderledger topics.
func Topics(opts TopicOptions) []TopicSpec {
	if opts.Replication == 0 {
		opts.Replication = 1
	}
	if opts.MinISR == 0 {
		opts.MinISR = 2
	}
	spec := func(name string, partitions int32) TopicSpec {
		return TopicSpec{
			Name: name, Partitions: partitions, Cleanup: CleanupDelete,
			RetentionMillis: Forever, RetentionBytes: Forever,
			MaxMessageBytes: DefaultMaxMessageBytes,
			Replication:     opts.Replication, MinISR: opts.MinISR,
		}
	}
	sources, quarantine := spec(TopicSources, 1), spec(TopicQuarantine, opts.Partitions)
	if !opts.KeepEverything {
		sources.Cleanup = CleanupCompact
		quarantine.RetentionMillis = quarantineRetention.Milliseconds()
	}
	return []TopicSpec{
		spec(TopicEvents, opts.Partitions),
		spec(TopicControl, 1),
		sources,
		spec(TopicUnkeyed, opts.Partitions),
		spec(TopicAliases, opts.Partitions),
		quarantine,
		spec(TopicExceptions, opts.Partitions),
	}
}

// EnsureOptions configures [Admin.EnsureTopics].
type EnsureOptions struct {
	// AllowUnsafe logs unsafe settings instead of refusing them. The number of
	// partitions is never allowed to differ.
	AllowUnsafe bool
}
