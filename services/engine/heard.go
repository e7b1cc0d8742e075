package engine

import (
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Heard is what a node knows of the small topics: what the connectors proved,
// which holes were read after all, which policies, merges, splits and mutes there
// are. Taking a record again changes nothing.
type Heard struct {
	codec    *avroevent.Codec
	feed     *sharedCoverage
	policies *policyLog
	merges   *mergeLog
}

// NewHeard returns one that has heard nothing.
func NewHeard(codec *avroevent.Codec) *Heard {
	return &Heard{codec: codec, feed: newSharedCoverage(), policies: newPolicyLog(), merges: newMergeLog()}
}

// Topics are the topics it is told of, each from its start.
func (h *Heard) Topics() []string {
	return []string{kafkalog.TopicSources, kafkalog.TopicControl, kafkalog.TopicQuarantine}
}

// Taker returns who takes the records of one of the topics, in log order. It is
// for one caller at a time.
func (h *Heard) Taker(topic string) func(*kafkalog.Record) {
	switch topic {
	case kafkalog.TopicSources:
		return h.feed.take(h.codec.NewDecoder())
	case kafkalog.TopicQuarantine:
		return h.feed.released(h.codec)
	default:
		policies, merges := h.policies.take(h.codec.NewDecoder()), h.merges.take(h.codec.NewDecoder())
		return func(r *kafkalog.Record) {
			policies(r)
			merges(r)
		}
	}
}
