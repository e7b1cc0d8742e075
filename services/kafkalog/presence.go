package kafkalog

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// presenceAttempts is how often a partition must be denied to count as
// missing: a broker may learn late of a topic that was just created.
const presenceAttempts = 4

// stopMissing asks once for every partition added since the last call whether
// it exists, because the client itself would wait for it silently, for ever.
// While no broker answers nothing is decided.
func (r *kafkaReader) stopMissing(ctx context.Context) error {
	r.mu.Lock()
	asked := r.unasked
	r.unasked = nil
	r.mu.Unlock()
	if len(asked) == 0 {
		return nil
	}
	for attempt := 1; ; attempt++ {
		missing, err := r.missing(ctx, asked)
		switch {
		case errors.Is(err, kgo.ErrClientClosed):
			return ErrClosed
		case err == nil && len(missing) == 0:
			return nil
		case err == nil && attempt >= presenceAttempts:
			return r.stopAll(missing)
		}
		select {
		case <-ctx.Done():
			r.mu.Lock()
			r.unasked = append(r.unasked, asked...)
			r.mu.Unlock()
			return nil
		case <-time.After(retryBackoff(attempt)):
		}
	}
}

// missing returns those of the partitions that the cluster does not have.
func (r *kafkaReader) missing(ctx context.Context, asked []partitionKey) ([]partitionKey, error) {
	topics := make([]string, 0, len(asked))
	for _, key := range asked {
		topics = append(topics, key.topic)
	}
	details, err := kadm.NewClient(r.client).ListTopics(ctx, topics...)
	if err != nil {
		return nil, err
	}
	var missing []partitionKey
	for _, key := range asked {
		detail, ok := details[key.topic]
		if ok && detail.Err != nil && !errors.Is(topicError(detail.Err), ErrUnknownTopic) {
			continue // such as no permission: fetching will tell
		}
		if _, there := detail.Partitions[key.partition]; !ok || !there {
			missing = append(missing, key)
		}
	}
	return missing, nil
}

func (r *kafkaReader) stopAll(keys []partitionKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, key := range keys {
		errs = append(errs, r.stop(key, ErrUnknownTopic))
	}
	return errors.Join(errs...)
}
