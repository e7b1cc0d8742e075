package kafkalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// StartOffsets implements [Source].
func (l *Log) StartOffsets(ctx context.Context, topic string) (map[int32]int64, error) {
	return offsetsOf(topic, func() (kadm.ListedOffsets, error) { return l.admin.ListStartOffsets(ctx, topic) })
}

// EndOffsets implements [Source].
func (l *Log) EndOffsets(ctx context.Context, topic string) (map[int32]int64, error) {
	return offsetsOf(topic, func() (kadm.ListedOffsets, error) { return l.admin.ListEndOffsets(ctx, topic) })
}

func offsetsOf(topic string, list func() (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	listed, err := list()
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, topicError(err))
	}
	if len(listed[topic]) == 0 {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, ErrUnknownTopic)
	}
	offsets := make(map[int32]int64, len(listed[topic]))
	for partition, o := range listed[topic] {
		offsets[partition] = o.Offset
	}
	return offsets, nil
}

// topicError lets callers recognise a missing topic without knowing Kafka.
func topicError(err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("%w: %w", ErrUnknownTopic, err)
	}
	return err
}

// TopicID implements [Admin].
func (l *Log) TopicID(ctx context.Context, topic string) (TopicID, error) {
	details, err := l.admin.ListTopics(ctx, topic)
	if err != nil {
		return TopicID{}, fmt.Errorf("ask for topic %s: %w", topic, err)
	}
	detail, ok := details[topic]
	if !ok {
		return TopicID{}, fmt.Errorf("ask for topic %s: %w", topic, ErrUnknownTopic)
	}
	if detail.Err != nil {
		return TopicID{}, fmt.Errorf("ask for topic %s: %w", topic, topicError(detail.Err))
	}
	return TopicID(detail.ID), nil
}
