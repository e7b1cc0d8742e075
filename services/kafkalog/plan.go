package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Action is what bringing a topic to its spec takes.
type Action string

// The actions.
const (
	ActionKeep   Action = "keep"
	ActionCreate Action = "create"
	ActionAlter  Action = "alter"
	// ActionRefuse: doing it, or leaving it, may lose records; a person decides.
	ActionRefuse Action = "refuse"
)

// TopicChange is one setting of a topic that differs from its spec.
type TopicChange struct {
	Setting string `json:"setting"`
	Found   string `json:"found"`
	Wanted  string `json:"wanted"`
	Action  Action `json:"action"`
	// Reason says why the change is refused, and what to do.
	Reason string `json:"reason,omitempty"`

	value string // what the setting is altered to
}

// TopicPlan is what one topic needs.
type TopicPlan struct {
	Spec   TopicSpec
	Action Action
	// Found is what the brokers say, nil where the topic does not exist.
	Found   *FoundTopic
	Records int64 // held now
	Changes []TopicChange
}

// PlanTopic says what bringing a topic to its spec takes; found is nil if there
// is none. Records is how many offsets it has ever given out. It differs where
// [VerifyTopic] says so, and nowhere else.
func PlanTopic(spec TopicSpec, found *FoundTopic, records int64) TopicPlan {
	p := TopicPlan{Spec: spec, Found: found, Records: records, Action: ActionKeep}
	if found == nil {
		p.Action = ActionCreate
		return p
	}
	values := spec.configs()
	for _, f := range VerifyTopic(spec, *found) {
		c := TopicChange{Setting: f.Setting, Found: f.Found, Wanted: f.Wanted, Action: ActionAlter, value: values[f.Setting]}
		if c.Reason = refusal(spec, found, records, f); c.Reason != "" {
			c.Action = ActionRefuse
		}
		p.Changes = append(p.Changes, c)
		if p.Action != ActionRefuse {
			p.Action = c.Action
		}
	}
	return p
}

// refusal says why a setting is not altered, empty if it may be. Only what can
// neither lose nor hide the loss of a record is altered.
func refusal(spec TopicSpec, found *FoundTopic, records int64, f *UnsafeSetting) string {
	switch f.Setting {
	case "partitions":
		return "the number of partitions is fixed for ever: keys would change theirs. Configure the number the topic was created with"
	case "replication.factor":
		return "replicas are moved by the cluster's own tools: use kafka-reassign-partitions.sh"
	case "min.insync.replicas":
		if int(found.Replication) <= spec.MinISR {
			return fmt.Sprintf("with %d replicas no broker could be away: raise the replication factor first", found.Replication)
		}
	case "cleanup.policy":
		if spec.Cleanup == CleanupDelete && records > 0 {
			return "the topic was compacted: records may be gone, and nothing tells which. " + lostRemedy
		}
	case "retention.ms", "retention.bytes":
		if records > 0 && (f.Setting == "retention.bytes" || spec.RetentionMillis == Forever) {
			return "the topic may have lost its oldest records already. " + lostRemedy
		}
	}
	return ""
}

// lostRemedy is what to do about a topic that may have lost records.
const lostRemedy = "Stop the ledger, look whether the topic still begins at offset 0, " +
	"and restore it from an export if it does not; then alter the setting yourself with kafka-configs.sh"

// PlanTopics compares the topics with what they should be. It changes nothing.
func (l *Log) PlanTopics(ctx context.Context, specs []TopicSpec) ([]TopicPlan, error) {
	var names []string
	for _, spec := range specs {
		if err := spec.Validate(); err != nil {
			return nil, fmt.Errorf("plan topics: %w", err)
		}
		names = append(names, spec.Name)
	}
	listed, err := l.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("plan topics: list topics: %w", err)
	}
	var existing []string
	for _, name := range names {
		if d, ok := listed[name]; ok && d.Err == nil {
			existing = append(existing, name)
		}
	}
	found := map[string]FoundTopic{}
	if len(existing) > 0 {
		if found, err = l.describe(ctx, existing); err != nil {
			return nil, fmt.Errorf("plan topics: %w", err)
		}
	}
	var out []TopicPlan
	for _, spec := range specs {
		f, ok := found[spec.Name]
		if !ok {
			out = append(out, PlanTopic(spec, nil, 0))
			continue
		}
		records, err := l.recordsOf(ctx, spec.Name)
		if err != nil {
			return nil, fmt.Errorf("plan topics: %w", err)
		}
		out = append(out, PlanTopic(spec, &f, records))
	}
	return out, nil
}

// recordsOf counts the offsets that a topic has given out.
func (l *Log) recordsOf(ctx context.Context, topic string) (int64, error) {
	ends, err := l.EndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, end := range ends {
		sum += end
	}
	return sum, nil
}

// ErrRefused says that a plan holds what is not done by itself.
var ErrRefused = errors.New("refused, and nothing was changed")

// ApplyTopics carries plans out: it creates and alters. If any of them holds a
// refusal nothing is done, since topics are made to fit each other.
func (l *Log) ApplyTopics(ctx context.Context, plans []TopicPlan) error {
	var refused []error
	for _, p := range plans {
		for _, c := range p.Changes {
			if c.Action == ActionRefuse {
				refused = append(refused, fmt.Errorf("topic %s: %s is %s, wanted %s: %s", p.Spec.Name, c.Setting, c.Found, c.Wanted, c.Reason))
			}
		}
	}
	if len(refused) > 0 {
		return fmt.Errorf("apply topics: %w:\n%w", ErrRefused, errors.Join(refused...))
	}
	var missing []TopicSpec
	var names []string
	for _, p := range plans {
		if p.Action == ActionCreate {
			missing, names = append(missing, p.Spec), append(names, p.Spec.Name)
		}
	}
	if len(missing) > 0 {
		if err := l.createMissing(ctx, missing, names); err != nil {
			return fmt.Errorf("apply topics: %w", err)
		}
		if _, err := l.describe(ctx, names); err != nil { // until every broker knows them
			return fmt.Errorf("apply topics: %w", err)
		}
	}
	var altered []TopicSpec
	for _, p := range plans {
		if p.Action != ActionAlter {
			continue
		}
		if err := l.alter(ctx, p); err != nil {
			return fmt.Errorf("apply topics: %w", err)
		}
		altered = append(altered, p.Spec)
	}
	if err := l.settled(ctx, altered); err != nil {
		return fmt.Errorf("apply topics: %w", err)
	}
	return nil
}

// alterPatience is how long brokers have to show what they were told.
const alterPatience = 30 * time.Second

// settled waits until the brokers show topics as their specs want them: they
// answer a change before each of them knows it.
func (l *Log) settled(ctx context.Context, specs []TopicSpec) error {
	if len(specs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, alterPatience)
	defer cancel()
	for {
		plans, err := l.PlanTopics(ctx, specs)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(plans, func(p TopicPlan) bool { return p.Action != ActionKeep })
		if at < 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topic %s: the brokers took the change and do not show it yet; plan again: %w", plans[at].Spec.Name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *Log) alter(ctx context.Context, p TopicPlan) error {
	var configs []kadm.AlterConfig
	for _, c := range p.Changes {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: c.Setting, Value: kadm.StringPtr(c.value)})
	}
	answers, err := l.admin.AlterTopicConfigs(ctx, configs, p.Spec.Name)
	if err == nil && len(answers) > 0 {
		if err = answers[0].Err; err != nil && answers[0].ErrMessage != "" {
			err = fmt.Errorf("%w: %s", err, answers[0].ErrMessage)
		}
	}
	if err != nil {
		return fmt.Errorf("alter topic %s: %w", p.Spec.Name, err)
	}
	return nil
}

// Wanted lists what a spec asks of a topic, for people.
func (s TopicSpec) Wanted() map[string]string {
	w := s.configs()
	w["partitions"] = strconv.Itoa(int(s.Partitions))
	w["replication.factor"] = strconv.Itoa(int(s.Replication))
	return w
}
