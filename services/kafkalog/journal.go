package kafkalog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Appender writes records to the log.
type Appender interface {
	// Append writes one record and waits for its position, at most until ctx
	// ends. It returns [ErrBackPressure] at once when the buffer is full,
	// [ErrRejected] when the record can never be taken, and [ErrUndecided] when
	// ctx ended first: ending ctx abandons the wait, not the record.
	Append(ctx context.Context, rec Record) (Position, error)
	// AppendAsync writes one record and calls done exactly once with what
	// Append would have returned. Calls to done are serial, in another
	// goroutine, and must not block. The record's bytes must not be changed
	// before done was called. Records of one partition land in the order of
	// the calls.
	AppendAsync(rec Record, done func(Position, error))
	// Broken reports whether the oldest record without an answer has waited
	// longer than the configured patience, and since when it waits. An edge
	// that must answer fast refuses work while it is true.
	Broken() (since time.Time, broken bool)
}

// Source reads the log.
type Source interface {
	// NewReader returns a reader that stands at the given offsets.
	NewReader(opts ReaderOptions) (Reader, error)
	// StartOffsets returns the first offset held, by partition.
	StartOffsets(ctx context.Context, topic string) (map[int32]int64, error)
	// EndOffsets returns the offset the next record will get, by partition.
	EndOffsets(ctx context.Context, topic string) (map[int32]int64, error)
}

// Reader reads partitions from given offsets. It is in no consumer group and
// commits nothing. All methods but Close are for one goroutine at a time.
type Reader interface {
	// Poll waits for records, at most until ctx ends. The batches hold at most
	// one run per partition. An error does not make the batches invalid: both
	// may be returned. Errors matching [ErrLogLost] stop their partitions and
	// leave the others reading ([LostPartitions] lists them).
	Poll(ctx context.Context) ([]Batch, error)
	// Add starts reading a partition at the position, or moves there if the
	// partition is already being read. A stopped partition may be added again.
	Add(from Position)
	// Remove stops reading a partition and forgets it.
	Remove(topic string, partition int32)
	// Pause keeps a partition's place but returns nothing of it until Resume.
	Pause(topic string, partition int32)
	// Resume ends Pause.
	Resume(topic string, partition int32)
	// Close ends the reader. A waiting Poll returns [ErrClosed].
	Close()
}

// ReaderOptions says what a reader reads.
type ReaderOptions struct {
	// Assignments is topic → partition → the first offset to return.
	Assignments map[string]map[int32]int64
	// Epochs is topic → partition → the leader epoch of the record before that
	// offset, where it is known. With it the broker is asked whether its log
	// still contains that record's history.
	Epochs map[string]map[int32]int32
	// MaxPollRecords bounds one Poll over all partitions; 0 means 10,000.
	MaxPollRecords int
	// Isolation is which records of other people's transactions are returned.
	Isolation Isolation
}

// Isolation says what a reader sees of transactions.
type Isolation uint8

const (
	// Uncommitted returns every record, which is all there is in topics that
	// nobody writes to in transactions.
	Uncommitted Isolation = iota
	// Committed returns records of transactions once they are committed, and
	// none of aborted ones. Batches may then hold no record and still move on,
	// see [Batch.After].
	Committed
)

// Validate reports every unusable option.
func (o ReaderOptions) Validate() error {
	var errs []error
	for topic, partitions := range o.Assignments {
		if topic == "" {
			errs = append(errs, errors.New("assignments: topic name is empty"))
		}
		for partition, offset := range partitions {
			if partition < 0 || offset < 0 {
				errs = append(errs, fmt.Errorf("assignments: %s/%d@%d: partition and offset must not be negative", topic, partition, offset))
			}
		}
	}
	if o.MaxPollRecords < 0 {
		errs = append(errs, fmt.Errorf("max_poll_records: %d must not be negative", o.MaxPollRecords))
	}
	return errors.Join(errs...)
}

// TopicID is the identity of one incarnation of a topic. A topic deleted and
// created again has another one.
type TopicID [16]byte

// String returns the id in hexadecimal.
func (id TopicID) String() string { return hex.EncodeToString(id[:]) }

// Admin creates and verifies topics.
type Admin interface {
	// EnsureTopics creates the missing topics and verifies the existing ones.
	// It returns the id of every topic, or one error that names every setting
	// that is not as wanted.
	EnsureTopics(ctx context.Context, specs []TopicSpec, opts EnsureOptions) (map[string]TopicID, error)
	// TopicID returns the present id of a topic.
	TopicID(ctx context.Context, topic string) (TopicID, error)
}

// Ownership is membership in a group that shares out the partitions of one
// topic. It decides who acts, never where anyone reads.
type Ownership interface {
	// Owned returns the partitions held now, ascending.
	Owned() []int32
	// Close ends the membership. A member with an instance id leaves its
	// partitions reserved until the session timeout, so that a restart finds
	// them again.
	Close()
}

// OwnershipOptions configures one membership.
type OwnershipOptions struct {
	// Group is the consumer group.
	Group string
	// InstanceID makes the membership static; empty means dynamic.
	InstanceID string
	// Topic is the topic whose partitions are shared out.
	Topic string
	// SessionTimeout is how long a silent member keeps its partitions; 0 means
	// 10 s. Brokers refuse less than 6 s by default.
	SessionTimeout time.Duration
	// OnChange is called with the owned partitions, ascending, whenever they
	// change. Calls are serial. Partitions that a call takes away get another
	// owner when it has returned: it may finish what it began, for a few seconds
	// at most.
	OnChange func(owned []int32)
}

// Validate reports every missing option.
func (o OwnershipOptions) Validate() error {
	var errs []error
	if o.Group == "" {
		errs = append(errs, errors.New("group: must be set"))
	}
	if o.Topic == "" {
		errs = append(errs, errors.New("topic: must be set"))
	}
	if o.SessionTimeout < 0 {
		errs = append(errs, fmt.Errorf("session_timeout: %v must not be negative", o.SessionTimeout))
	}
	return errors.Join(errs...)
}

// Journal is everything a role of orderledger asks of the log.
type Journal interface {
	Appender
	Source
	Admin
	// NewOwnership joins a group.
	NewOwnership(opts OwnershipOptions) (Ownership, error)
	// Close waits a short while for appended records, then ends everything.
	// What has no answer by then is reported as [ErrUndecided].
	Close()
}
