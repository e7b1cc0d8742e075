package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// partitions of orders and of unkeyed records.
const partitions = 2

// broker is a model of Kafka: lists of records. What it does to appends is what
// an idempotent producer with acks=all leaves to be afraid of.
type broker struct {
	r      *run
	rnd    *rand.Rand
	topics map[string][]*journal
	down   bool
	ids    map[string]kafkalog.TopicID
}

// journal is one partition of one topic.
type journal struct {
	topic   string
	index   int32
	records []kafkalog.Record
	landed  []ledger.Instant // in truth
	epoch   int32
	// began are the first offsets of the epochs.
	began []int64
	// next is what becomes of the next append; during what becomes of all.
	next, during fate
	lost         int // acknowledged records that an unclean election lost
}

// fate is what becomes of an append.
type fate uint8

const (
	fateDone      fate = iota
	fateNoAck          // it lands, nobody is told
	fateLost           // it never lands
	fateLate           // it lands later, nobody is told
	fateDuplicate      // it lands twice
)

var fates = map[string]fate{"drop-ack": fateNoAck, "lose": fateLost, "late": fateLate, "duplicate": fateDuplicate}

func newBroker(r *run) *broker {
	b := &broker{r: r, rnd: r.stream(2), topics: map[string][]*journal{}, ids: map[string]kafkalog.TopicID{}}
	for i, topic := range topics {
		n := int32(partitions)
		if topic == kafkalog.TopicControl || topic == kafkalog.TopicSources || topic == kafkalog.TopicQuarantine {
			n = 1
		}
		for p := range n {
			b.topics[topic] = append(b.topics[topic], &journal{topic: topic, index: p, began: []int64{0}})
		}
		b.ids[topic] = kafkalog.TopicID{byte(i + 1)}
	}
	return b
}

var topics = []string{kafkalog.TopicEvents, kafkalog.TopicControl, kafkalog.TopicSources, kafkalog.TopicUnkeyed, kafkalog.TopicAliases,
	kafkalog.TopicQuarantine, kafkalog.TopicExceptions}

// log finds a journal by its number among those that nodes fold: those of orders,
// then those of unkeyed records.
func (b *broker) log(n int) *journal {
	if n < partitions {
		return b.topics[kafkalog.TopicEvents][n]
	}
	return b.topics[kafkalog.TopicUnkeyed][n-partitions]
}

// client is the broker as one process sees it; at is that process's clock.
type client struct {
	b  *broker
	at func() ledger.Instant
	// waits are records on their way, in the order in which they will land: of one
	// producer, none overtakes another.
	waits map[*journal][]kafkalog.Record
}

func (b *broker) client(at func() ledger.Instant) *client {
	return &client{b: b, at: at, waits: map[*journal][]kafkalog.Record{}}
}

var _ kafkalog.Journal = (*client)(nil)

var errUnanswered = fmt.Errorf("%w: the broker did not answer", kafkalog.ErrUndecided)

// Append implements kafkalog.Appender.
func (c *client) Append(_ context.Context, rec kafkalog.Record) (kafkalog.Position, error) {
	list := c.b.topics[rec.Topic]
	if rec.Partition == kafkalog.ByKey {
		rec.Partition = kafkalog.PartitionFor(rec.Key, int32(len(list)))
	}
	j := list[rec.Partition]
	rec.Timestamp = int64(c.at()) / 1000 * 1000
	f := max(j.next, j.during)
	if j.next != fateDone {
		j.next = fateDone
	}
	if c.b.down && f == fateDone {
		f = []fate{fateLost, fateLate}[c.b.rnd.IntN(2)]
	}
	if len(c.waits[j]) > 0 {
		f = fateLate
	}
	switch f {
	case fateNoAck:
		c.b.land(j, rec)
		return kafkalog.Position{}, errUnanswered
	case fateLost:
		c.b.r.note("lost", int64(rec.Partition))
		return kafkalog.Position{}, errUnanswered
	case fateLate:
		c.delay(j, rec)
		return kafkalog.Position{}, errUnanswered
	case fateDuplicate:
		c.b.land(j, rec)
	}
	return c.b.land(j, rec), nil
}

// delay keeps a record back, and whatever the client appends after it.
func (c *client) delay(j *journal, rec kafkalog.Record) {
	c.waits[j] = append(c.waits[j], rec)
	if len(c.waits[j]) > 1 {
		return
	}
	c.b.r.in(between(c.b.rnd, ledger.Second, 20*ledger.Second), func() {
		list := c.waits[j]
		c.waits[j] = nil
		for _, rec := range list {
			c.b.land(j, rec)
		}
	})
}

// land appends a record and wakes who reads it.
func (b *broker) land(j *journal, rec kafkalog.Record) kafkalog.Position {
	rec.Offset, rec.LeaderEpoch = int64(len(j.records)), j.epoch
	rec.Partition = j.index
	j.records, j.landed = append(j.records, rec), append(j.landed, b.r.now)
	b.r.note("append", int64(len(j.topic)), int64(j.index), rec.Offset, int64(len(rec.Value)))
	b.r.appended(j)
	return rec.Position()
}

// AppendAsync implements kafkalog.Appender; it answers before it returns.
func (c *client) AppendAsync(rec kafkalog.Record, done func(kafkalog.Position, error)) {
	done(c.Append(context.Background(), rec))
}

// unclean loses the newest records of a journal, acknowledged or not: a leader
// was elected that did not have them.
func (b *broker) unclean(j *journal, n int, epochs bool) {
	n = min(n, len(j.records))
	j.records = j.records[:len(j.records)-n]
	j.landed = j.landed[:len(j.records)]
	j.lost += n
	if epochs {
		j.epoch++
		j.began = append(j.began, int64(len(j.records)))
	}
	b.r.note("unclean", int64(j.index), int64(n))
}

// diverged reports whether a reader that stands at an offset, behind a record of
// an epoch, read what this journal does not hold: Kafka's own check.
func (j *journal) diverged(offset int64, epoch int32) bool {
	if epoch < 0 {
		return offset > int64(len(j.records))
	}
	end := int64(len(j.records))
	if int(epoch)+1 < len(j.began) {
		end = j.began[epoch+1]
		for _, from := range j.began[epoch+1:] {
			end = min(end, from)
		}
	}
	return offset > end
}

// Broken implements kafkalog.Appender.
func (c *client) Broken() (since time.Time, broken bool) { return c.at().Time(), c.b.down }

// StartOffsets implements kafkalog.Source.
func (c *client) StartOffsets(_ context.Context, topic string) (map[int32]int64, error) {
	return c.offsets(topic, func(*journal) int64 { return 0 })
}

// EndOffsets implements kafkalog.Source.
func (c *client) EndOffsets(_ context.Context, topic string) (map[int32]int64, error) {
	return c.offsets(topic, func(j *journal) int64 { return int64(len(j.records)) })
}

var errDown = errors.New("the broker is down")

func (c *client) offsets(topic string, of func(*journal) int64) (map[int32]int64, error) {
	if c.b.down {
		return nil, errDown
	}
	out := map[int32]int64{}
	for _, j := range c.b.topics[topic] {
		out[j.index] = of(j)
	}
	return out, nil
}

// NewReader implements kafkalog.Source.
func (c *client) NewReader(opts kafkalog.ReaderOptions) (kafkalog.Reader, error) {
	return &reader{c: c, opts: opts}, nil
}

// reader reads whole partitions at once; it serves who reads a range.
type reader struct {
	c    *client
	opts kafkalog.ReaderOptions
}

// Poll implements kafkalog.Reader.
func (r *reader) Poll(context.Context) ([]kafkalog.Batch, error) {
	if r.c.b.down {
		return nil, errDown
	}
	var out []kafkalog.Batch
	for _, topic := range topics {
		for _, j := range r.c.b.topics[topic] {
			if from, ok := r.opts.Assignments[topic][j.index]; ok && from < int64(len(j.records)) {
				out = append(out, kafkalog.Batch{Topic: topic, Partition: j.index, Records: j.records[from:], HighWatermark: int64(len(j.records))})
				r.opts.Assignments[topic][j.index] = int64(len(j.records))
			}
		}
	}
	return out, nil
}

func (r *reader) Add(kafkalog.Position) {}
func (r *reader) Remove(string, int32)  {}
func (r *reader) Pause(string, int32)   {}
func (r *reader) Resume(string, int32)  {}
func (r *reader) Close()                {}
func (c *client) Close()                {}

// EnsureTopics implements kafkalog.Admin.
func (c *client) EnsureTopics(context.Context, []kafkalog.TopicSpec, kafkalog.EnsureOptions) (map[string]kafkalog.TopicID, error) {
	return c.b.ids, nil
}

// TopicID implements kafkalog.Admin.
func (c *client) TopicID(_ context.Context, topic string) (kafkalog.TopicID, error) {
	return c.b.ids[topic], nil
}

// NewOwnership implements kafkalog.Journal; the run decides who owns what.
func (c *client) NewOwnership(kafkalog.OwnershipOptions) (kafkalog.Ownership, error) {
	return nil, errors.New("the simulation decides who owns what")
}
