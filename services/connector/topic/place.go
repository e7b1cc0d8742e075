package topic

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// ReasonLost is the reason of quarantine of records that were gone before they
// were read.
const ReasonLost = "offsets-lost"

// errMoved says that the topic is not as it was when it was last looked at: it
// was made anew, or has got more partitions.
var errMoved = errors.New("the topic has changed; its places are looked up again")

// findPlace holds the cursor to the topic as it is, and opens a reader there. A
// loss is said before anything is read on: in quarantine, and by a new epoch.
func (c *Consumer) findPlace(ctx context.Context) error {
	id, at, err := c.survey(ctx)
	if err != nil {
		return err
	}
	if len(at.start) < len(c.state.cursor.Places) && id == c.state.cursor.TopicID {
		return errMoved // topics do not shrink: some partition is not listed right now
	}
	if lost := c.state.arrive(c.topic, id, at, c.distrusted); len(lost) > 0 {
		if err := c.sayLost(ctx, lost); err != nil {
			c.state = nil // what was moved is not durable: it is found again
			return err
		}
	}
	c.distrusted = map[int32]bool{}
	opts := kafkalog.ReaderOptions{
		Assignments: map[string]map[int32]int64{c.topic: {}}, Epochs: map[string]map[int32]int32{c.topic: {}},
		MaxPollRecords: c.opts.MaxRecords, Isolation: kafkalog.Committed,
	}
	for i, p := range c.state.cursor.Places {
		opts.Assignments[c.topic][int32(i)] = p.Next
		if p.Epoch > 0 {
			opts.Epochs[c.topic][int32(i)] = p.Epoch
		}
	}
	c.reader, err = c.log.NewReader(opts)
	return err
}

// survey asks what the topic is and holds. The id is asked again at the end, so
// that the offsets are those of one topic.
func (c *Consumer) survey(ctx context.Context) (string, ends, error) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	var at ends
	id, err := c.log.TopicID(ctx, c.topic)
	if err != nil {
		return "", at, err
	}
	start, err := c.log.StartOffsets(ctx, c.topic)
	if err != nil {
		return "", at, err
	}
	end, err := c.log.EndOffsets(ctx, c.topic)
	if err != nil {
		return "", at, err
	}
	if at.start, err = dense(start); err == nil {
		at.end, err = dense(end)
	}
	if err != nil || len(at.start) != len(at.end) {
		return "", at, errors.Join(errMoved, err)
	}
	again, err := c.log.TopicID(ctx, c.topic)
	if err == nil && again != id {
		err = errMoved
	}
	return id.String(), at, err
}

// dense lists offsets by partition.
func dense(by map[int32]int64) ([]int64, error) {
	out := make([]int64, len(by))
	for p, offset := range by {
		if int(p) >= len(out) {
			return nil, fmt.Errorf("partition %d has a leader and an earlier one has none", p)
		}
		out[p] = offset
	}
	return out, nil
}

// sayLost quarantines the notice of a loss, and then opens the next epoch.
func (c *Consumer) sayLost(ctx context.Context, lost []loss) error {
	texts := make([]string, len(lost))
	for i := range lost {
		texts[i] = lost[i].String()
	}
	now := ledger.At(c.opts.Clock.Now())
	in := catalog.Input{Feed: c.feed, ReceivedAt: now, Place: c.topic}
	in.Delivery.Topic = c.topic
	res := c.mapper.SetAside(in, []byte(strings.Join(texts, "\n")+"\nepoch "+fmt.Sprint(c.state.status.Epoch.Number+1)), ReasonLost, strings.Join(texts, "; "))
	if err := c.append(ctx, connector.Outgoing{Quarantined: []*ledger.Quarantined{res.Quarantined}}); err != nil {
		return err
	}
	c.opts.Logger.Error("the topic no longer holds what was to be read: coverage begins anew; import what is missing, or send it again",
		"source", c.opts.Source.Name, "feed", c.opts.Feed, "topic", c.topic, "lost", texts)
	c.observe(connector.OutcomeQuarantined, 1, nil)
	c.state.lose(c.opts.Instance, lost, c.terms.settle)
	c.dirty = true
	return c.save(ctx)
}

// ask asks for the topic's end if it is due. An asking stays open until all of
// its records are acknowledged, however fast more are written.
func (c *Consumer) ask(ctx context.Context) error {
	now := c.opts.Clock.Now()
	if c.asking != nil || now.Sub(c.asked) < c.feed.Kafka.AskEvery.Duration() {
		return nil
	}
	c.asked = now
	call, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	end, err := c.log.EndOffsets(call, c.topic)
	if err != nil {
		return err
	}
	id, err := c.log.TopicID(call, c.topic)
	if err != nil {
		return err
	}
	list, err := dense(end)
	if err != nil || id.String() != c.state.cursor.TopicID || len(list) != len(c.state.cursor.Places) {
		return errors.Join(errMoved, err)
	}
	c.asking = &asking{at: ledger.At(now), ends: list}
	return nil
}

// settle says what was heard, if an asking's records are all acknowledged, and
// saves the place now and then.
func (c *Consumer) settle(ctx context.Context) error {
	if c.asking != nil && c.state.reached(c.asking) {
		c.state.acknowledged(c.asking, c.terms)
		c.asking, c.dirty = nil, true
		return c.save(ctx)
	}
	if c.opts.Clock.Now().Sub(c.saved) < c.opts.SaveEvery {
		return nil
	}
	return c.save(ctx)
}
