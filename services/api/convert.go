package api

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// stamp converts an instant; nil for none.
func stamp(i ledger.Instant) *timestamppb.Timestamp {
	if i == 0 || i <= ledger.Beginning || i >= ledger.Forever {
		return nil
	}
	return timestamppb.New(i.Time())
}

func span(m ledger.Micros) *durationpb.Duration { return durationpb.New(m.Duration()) }

// interval converts bounds; nil if there is no upper one.
func interval(w ledger.Within) *orderledgerv1.Interval {
	latest := stamp(w.Latest)
	if latest == nil {
		return nil
	}
	return &orderledgerv1.Interval{Earliest: stamp(w.Earliest), Latest: latest}
}

func (s *Server) freshness(f engine.Freshness) *orderledgerv1.Freshness {
	role := orderledgerv1.ReplicaRole_REPLICA_ROLE_FOLLOWER
	if f.Owner {
		role = orderledgerv1.ReplicaRole_REPLICA_ROLE_OWNER
	}
	return &orderledgerv1.Freshness{
		Topic: f.Topic, Partition: f.Partition, AppliedOffset: f.AppliedOffset - 1, Clock: stamp(f.Clock),
		LogEndOffset: max(f.LogEnd, f.AppliedOffset), FoldVersion: f.FoldVersion, Role: role, Replica: s.opt.Replica,
	}
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// place is where a partition stands, by its number among those of both topics.
func (s *Server) place(log int32) place {
	if n := s.opt.Ledger.Partitions(); log >= n {
		return place{kafkalog.TopicUnkeyed, log - n}
	}
	return place{topicEvents, log}
}

func position(topic string, partition int32, offset int64) *orderledgerv1.LogPosition {
	return &orderledgerv1.LogPosition{Topic: topic, Partition: partition, Offset: offset}
}

func placed(p kafkalog.Position) *orderledgerv1.LogPosition {
	return position(p.Topic, p.Partition, p.Offset)
}

// The enums of the contract carry the ledger's own numbers, so that a value
// this version does not know still travels.
func axisOf(a ledger.Axis) orderledgerv1.Axis             { return orderledgerv1.Axis(a) }
func severityOf(s ledger.Severity) orderledgerv1.Severity { return orderledgerv1.Severity(s) }

func basisOf(b ledger.Basis) orderledgerv1.Basis { return orderledgerv1.Basis(b) + 1 }

func moneyOf(m ledger.Money) *orderledgerv1.Money {
	return &orderledgerv1.Money{MinorUnits: m.Minor, Currency: m.Currency}
}

func aliasOf(a ledger.Alias) *orderledgerv1.Alias {
	return &orderledgerv1.Alias{Type: a.Type, Value: a.Value, Source: string(a.Scope)}
}

// boundAlias is an alias with how it is bound, if records are joined by it.
func boundAlias(a ledger.Alias, bindings []ledger.BindingView) *orderledgerv1.Alias {
	out := aliasOf(a)
	for i := range bindings {
		b := &bindings[i]
		if b.Alias != a || !b.Live {
			continue
		}
		state := orderledgerv1.AliasBindingState_ALIAS_BINDING_STATE_JOINING
		switch {
		case b.Contested:
			state = orderledgerv1.AliasBindingState_ALIAS_BINDING_STATE_CONTESTED
		case b.Answered:
			state = orderledgerv1.AliasBindingState_ALIAS_BINDING_STATE_JOINED
		}
		out.Binding = &orderledgerv1.AliasBinding{EvidenceEventId: b.Evidence.String(), ValidFrom: stamp(b.From), ValidUntil: stamp(b.Until), Depth: int32(b.Depth), State: state}
	}
	return out
}

// addMoney adds an amount to the entry of its currency.
func addMoney(sums []*orderledgerv1.Money, m ledger.Money) []*orderledgerv1.Money {
	if m.Currency == "" {
		return sums
	}
	for _, s := range sums {
		if s.Currency == m.Currency {
			s.MinorUnits += m.Minor
			return sums
		}
	}
	return append(sums, moneyOf(m))
}
