package role

import (
	"context"

	"github.com/orderledger/orderledger/services/kafkalog"
)

// PlanTopics says what the topics of the log need to be as the configuration
// asks. It changes nothing.
func PlanTopics(ctx context.Context, s *Stack) ([]kafkalog.TopicPlan, error) {
	return s.Log.PlanTopics(ctx, s.topics())
}

// ApplyTopics creates what is missing and alters what is safe to alter, and
// returns what it had to do. A refusal matches [kafkalog.ErrRefused].
func ApplyTopics(ctx context.Context, s *Stack) ([]kafkalog.TopicPlan, error) {
	plans, err := PlanTopics(ctx, s)
	if err != nil {
		return nil, err
	}
	return plans, s.Log.ApplyTopics(ctx, plans)
}
