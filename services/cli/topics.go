package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// TopicTasks carry out `topics plan` and `topics apply`.
type TopicTasks struct {
	// Flags adds the flags that say of which log.
	Flags func(*pflag.FlagSet)
	Plan  func(context.Context) ([]kafkalog.TopicPlan, error)
	// Apply returns what was to be done, also where it was refused.
	Apply func(context.Context) ([]kafkalog.TopicPlan, error)
}

func (a *app) topics() *cobra.Command {
	return group("topics", "Compare the topics of the log with what the ledger needs, and make them so", a.topicsPlan(), a.topicsApply())
}

func (a *app) topicsPlan() *cobra.Command {
	return a.topicsCommand(topicsCommand{
		use: "plan", short: "Show the topics that the ledger needs, what there is, and what apply would do",
		long: "Show the topics that the ledger needs, what there is, and what apply would do. Changes nothing. Ends with 3 if anything differs.",
		run: func(ctx context.Context, t *TopicTasks) error {
			plans, err := t.Plan(ctx)
			if err != nil {
				return err
			}
			if err := a.drawPlans(plans); err != nil {
				return err
			}
			if n := different(plans); n > 0 {
				return Findings(fmt.Errorf("%d of %d topics differ: `orderledger topics apply` does what is safe", n, len(plans)))
			}
			return nil
		},
	})
}

func (a *app) topicsApply() *cobra.Command {
	return a.topicsCommand(topicsCommand{
		use: "apply", short: "Create missing topics, and alter what is safe to alter",
		long: "Create missing topics, and alter what is safe to alter. Never deletes a topic and never changes the number of partitions.\n\n" +
			"Where a difference may mean that records were lost, or would lose some, everything is refused with the reason and nothing is changed.",
		run: func(ctx context.Context, t *TopicTasks) error {
			plans, err := t.Apply(ctx)
			if !errors.Is(err, kafkalog.ErrRefused) {
				return errors.Join(err, a.drawPlans(plans))
			}
			if err := a.drawPlans(plans); err != nil {
				return err
			}
			return fmt.Errorf("%w: the settings to refuse need a person, for the reasons above", kafkalog.ErrRefused)
		},
	})
}

// topicsCommand is what the two commands differ in.
type topicsCommand struct {
	use, short, long string
	run              func(context.Context, *TopicTasks) error
}

func (a *app) topicsCommand(c topicsCommand) *cobra.Command {
	var t TopicTasks
	if a.Topics != nil {
		t = a.Topics()
	}
	cmd := &cobra.Command{Use: c.use, Short: c.short, Long: c.long, Args: exactly(0, "no arguments")}
	if t.Flags != nil {
		t.Flags(cmd.Flags())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if t.Plan == nil {
			return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
		}
		if _, err := a.format(); err != nil {
			return err
		}
		return c.run(cmd.Context(), &t)
	}
	return cmd
}

func different(plans []kafkalog.TopicPlan) (n int) {
	for i := range plans {
		if plans[i].Action != kafkalog.ActionKeep {
			n++
		}
	}
	return n
}

// plannedTopic is a plan as JSON.
type plannedTopic struct {
	Topic   string                 `json:"topic"`
	Action  kafkalog.Action        `json:"action"`
	Exists  bool                   `json:"exists"`
	Records int64                  `json:"records"`
	Wanted  map[string]string      `json:"wanted"`
	Changes []kafkalog.TopicChange `json:"changes,omitempty"`
}

func (a *app) drawPlans(plans []kafkalog.TopicPlan) error {
	if !a.drawn() {
		out := make([]plannedTopic, len(plans))
		for i, p := range plans {
			out[i] = plannedTopic{Topic: p.Spec.Name, Action: p.Action, Exists: p.Found != nil, Records: p.Records, Wanted: p.Spec.Wanted(), Changes: p.Changes}
		}
		raw, err := json.Marshal(map[string]any{"topics": out})
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	t := a.table("TOPIC", "PARTITIONS", "REPLICAS", "MIN ISR", "CLEANUP", "RETENTION", "MAX BATCH", "OFFSETS", "ACTION")
	for _, p := range plans {
		w := p.Spec.Wanted()
		t.row(p.Spec.Name, w["partitions"], w["replication.factor"], dash(w["min.insync.replicas"]), p.Spec.Cleanup,
			retained(p.Spec.RetentionMillis), dash(w["max.message.bytes"]), strconv.FormatInt(p.Records, 10), a.action(p.Action))
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	changes := a.table("TOPIC", "SETTING", "FOUND", "WANTED", "ACTION", "WHY")
	for _, p := range plans {
		for _, c := range p.Changes {
			changes.row(p.Spec.Name, c.Setting, c.Found, c.Wanted, a.action(c.Action), dash(c.Reason))
		}
	}
	if len(changes.rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(a.Out); err != nil {
		return err
	}
	return changes.write(a.Out)
}

func (a *app) action(c kafkalog.Action) string {
	switch c {
	case kafkalog.ActionRefuse:
		return a.paint(red, string(c))
	case kafkalog.ActionKeep:
		return string(c)
	default:
		return a.paint(yellow, string(c))
	}
}

// retained writes how long records are kept.
func retained(ms int64) string {
	if ms == kafkalog.Forever {
		return "for ever"
	}
	return ago(time.Duration(ms) * time.Millisecond)
}
