package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// OverrideFlag is the command-line flag that turns refusals of
// [Admin.EnsureTopics] into warnings.
const OverrideFlag = "--allow-unsafe-topics"

// EnsureTopics implements [Admin].
func (l *Log) EnsureTopics(ctx context.Context, specs []TopicSpec, opts EnsureOptions) (map[string]TopicID, error) {
	var errs []error
	names := make([]string, 0, len(specs))
	for _, spec := range specs {
		errs = append(errs, spec.Validate())
		names = append(names, spec.Name)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	if err := l.createMissing(ctx, specs, names); err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	seen, err := l.describe(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	ids := make(map[string]TopicID, len(specs))
	var refused []error
	for _, spec := range specs {
		found := seen[spec.Name]
		ids[spec.Name] = found.ID
		if limit, err := strconv.ParseInt(found.Settings["max.message.bytes"], 10, 32); err == nil {
			l.limits.set(spec.Name, int32(limit))
		}
		for _, finding := range VerifyTopic(spec, found) {
			if opts.AllowUnsafe && finding.Overridable {
				l.logger.Error("topic is unsafe, going on because of "+OverrideFlag,
					"topic", finding.Topic, "setting", finding.Setting, "found", finding.Found, "wanted", finding.Wanted)
				continue
			}
			refused = append(refused, finding)
		}
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("ensure topics: %w", errors.Join(refused...))
	}
	return ids, nil
}

// createMissing creates what metadata does not list. Another process may be
// doing the same; whoever comes second verifies like everybody.
func (l *Log) createMissing(ctx context.Context, specs []TopicSpec, names []string) error {
	details, err := l.admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var errs []error
	for _, spec := range specs {
		if d, ok := details[spec.Name]; ok && d.Err == nil {
			continue
		}
		configs := make(map[string]*string)
		for key, value := range spec.configs() {
			configs[key] = kadm.StringPtr(value)
		}
		created, err := l.admin.CreateTopic(ctx, spec.Partitions, spec.Replication, configs, spec.Name)
		if err == nil || errors.Is(err, kerr.TopicAlreadyExists) {
			continue
		}
		if created.ErrMessage != "" {
			err = fmt.Errorf("%w: %s", err, created.ErrMessage)
		}
		errs = append(errs, fmt.Errorf("create topic %s: %w", spec.Name, err))
	}
	return errors.Join(errs...)
}

// describe reads what the brokers say about the topics. A topic that was just
// created may be unknown to some broker for a moment, so that is asked again.
func (l *Log) describe(ctx context.Context, names []string) (map[string]FoundTopic, error) {
	for attempt := 0; ; attempt++ {
		found, err := l.describeOnce(ctx, names)
		if err == nil || !errors.Is(err, kerr.UnknownTopicOrPartition) || attempt == 20 {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(retryBackoff(attempt)):
		}
	}
}

func (l *Log) describeOnce(ctx context.Context, names []string) (map[string]FoundTopic, error) {
	details, err := l.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	configs, err := l.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	found := make(map[string]FoundTopic, len(names))
	for _, name := range names {
		detail, ok := details[name]
		if !ok {
			return nil, fmt.Errorf("list topic %s: %w", name, kerr.UnknownTopicOrPartition)
		}
		resource, err := configs.On(name, nil)
		if err := errors.Join(detail.Err, err, resource.Err); err != nil {
			return nil, fmt.Errorf("describe topic %s: %w", name, err)
		}
		topic := FoundTopic{
			ID: TopicID(detail.ID), Partitions: int32(len(detail.Partitions)),
			Replication: int16(detail.Partitions.NumReplicas()), Settings: make(map[string]string),
		}
		for i := range resource.Configs {
			topic.Settings[resource.Configs[i].Key] = resource.Configs[i].MaybeValue()
		}
		found[name] = topic
	}
	return found, nil
}
