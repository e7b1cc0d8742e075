package sim

import (
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// Config is one run.
type Config struct {
	Seed  uint64
	World *World
	Rules []Rule
	Nodes int
	// OutboxBytes caps the outboxes; 0 means 256 MiB.
	OutboxBytes uint64
	// Trace is told every step; nil: nobody is.
	Trace io.Writer
}

// event is something planned.
type event struct {
	at  ledger.Instant
	seq uint64
	do  func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return e
}

// run is one run on its way.
type run struct {
	shop *Shop
	cfg  Config
	now  ledger.Instant
	seq  uint64
	q    queue

	trace hash.Hash
	steps int

	broker  *broker
	history *history
	systems [systems]*system
	edge    *edge
	nodes   []*node
	owners  [partitions]int
	hooks   hooks

	draining bool
	refused  int
	refills  int
	unclean  bool
	kept     []moment
	failures []string
}

// moment is what a disk held at some offset.
type moment struct {
	log    int
	offset int64
	digest [32]byte
}

// hooks are what faults do to the storefront's webhooks.
type hooks struct {
	lose, twice, late bool
}

// stream is a source of chance of its own, so that a fault more or less does not
// change every other choice of the run.
func (r *run) stream(n uint64) *rand.Rand { return rand.New(rand.NewPCG(r.cfg.Seed, n)) }

// in plans something.
func (r *run) in(d ledger.Micros, do func()) {
	r.seq++
	heap.Push(&r.q, event{r.now.Add(max(d, 0)), r.seq, do})
}

func (r *run) at(t ledger.Instant, do func()) { r.in(t.Sub(r.now), do) }

// note adds a step to the trace.
func (r *run) note(what string, args ...int64) {
	r.steps++
	var b [128]byte
	x := append(b[:0], what...)
	x = binary.BigEndian.AppendUint64(x, uint64(r.now))
	for _, a := range args {
		x = binary.BigEndian.AppendUint64(x, uint64(a))
	}
	_, _ = r.trace.Write(x)
	if r.cfg.Trace != nil {
		fmt.Fprintf(r.cfg.Trace, "%s %s %v\n", r.now.Time().UTC().Format("15:04:05.000"), what, args)
	}
}

// fail notes that a property does not hold.
func (r *run) fail(format string, args ...any) {
	if len(r.failures) < 20 {
		r.failures = append(r.failures, fmt.Sprintf(format, args...))
	}
}

func newRun(shop *Shop, cfg Config) *run {
	r := &run{shop: shop, cfg: cfg, now: Start, trace: sha256.New()}
	r.broker, r.history, r.edge = newBroker(r), newHistory(r), newEdge(r)
	for i := range r.systems {
		r.systems[i] = newSystem(r, i)
	}
	for id := range cfg.Nodes {
		r.nodes = append(r.nodes, newNode(r, id))
	}
	return r
}

// play runs the world to its end, and until everything that was begun is done.
func (r *run) play() {
	r.control(r.shop.policy)
	r.at(Start.Add(5*ledger.Minute), func() { r.control(r.shop.later) })
	for _, n := range r.nodes {
		n.start()
	}
	r.rebalance()
	r.edge.start()
	for _, c := range r.cfg.World.changes() {
		r.at(c.at, func() { r.happens(&c) })
	}
	for i := range r.cfg.Rules {
		r.plan(&r.cfg.Rules[i])
	}
	for len(r.q) > 0 && r.q[0].at <= r.cfg.World.End {
		e := heap.Pop(&r.q).(event)
		r.now = e.at
		e.do()
	}
	r.drain()
}

// drain lets everything that stands in the logs be folded and sent, and nothing
// new begin.
func (r *run) drain() {
	r.now, r.draining = r.cfg.World.End, true
	r.edge.up = false
	limit := r.now.Add(10 * ledger.Minute)
	for len(r.q) > 0 && r.q[0].at < limit { // beyond that are proposals of clocks that were wrong
		e := heap.Pop(&r.q).(event)
		r.now = max(r.now, e.at)
		e.do()
	}
}

// happens writes a change down in its system; the storefront tells of it, too.
func (r *run) happens(c *change) {
	s := r.systems[c.system]
	s.write(c)
	if c.system != web {
		return
	}
	o := s.objects[c.object]
	body := o.versions[len(o.versions)-1].body
	rnd := s.rnd
	times := 1
	if r.hooks.twice || rnd.IntN(10) == 0 {
		times = 2
	}
	for range times {
		d := between(rnd, 50*ledger.Millisecond, 2*ledger.Second)
		if r.hooks.late {
			d = between(rnd, 10*ledger.Second, 2*ledger.Minute)
		}
		if !r.hooks.lose {
			r.webhook(body, d, 0)
		}
	}
}

// webhook delivers a document after a while, and again while it is refused.
func (r *run) webhook(body []byte, d ledger.Micros, tries int) {
	r.in(d, func() {
		if r.draining || r.edge.deliver(body) || tries > 4 {
			return
		}
		r.webhook(body, 2*ledger.Second<<tries, tries+1)
	})
}

// control appends a record to the topic of policies, merges and mutes.
func (r *run) control(v any) {
	value, err := r.shop.codec.Encode(nil, v)
	if err != nil {
		panic(err)
	}
	r.broker.land(r.broker.topics[kafkalog.TopicControl][0], kafkalog.Record{Topic: kafkalog.TopicControl, Timestamp: int64(r.now) / 1000 * 1000, Value: value})
}

// appended wakes those who read a journal.
func (r *run) appended(j *journal) {
	for _, n := range r.nodes {
		if !n.up {
			continue
		}
		switch j.topic {
		case kafkalog.TopicEvents:
			if s := n.seats[j.index]; s != nil {
				n.wake(s)
			}
		case kafkalog.TopicUnkeyed:
			if s := n.seats[partitions+j.index]; s != nil {
				n.wake(s)
			}
		case kafkalog.TopicSources, kafkalog.TopicControl, kafkalog.TopicQuarantine:
			topic := j.topic
			n.later(n.soon()+n.lag, func() { n.listen(topic) })
		}
	}
}

// rebalance gives every partition to a node that is there.
func (r *run) rebalance() {
	var there []int
	for _, n := range r.nodes {
		if n.up && !n.frozen {
			there = append(there, n.id)
		}
	}
	if len(there) == 0 {
		return
	}
	for p := range r.owners {
		if !slices.Contains(there, r.owners[p]) || r.nodes[0].rnd.IntN(3) == 0 {
			r.owners[p] = there[(p+int(r.nodes[0].rnd.Uint32()))%len(there)]
		}
	}
	for _, n := range r.nodes {
		r.tell(n)
	}
}

// tell lets a node know what it owns, if it hears anything.
func (r *run) tell(n *node) {
	if !n.up || n.frozen {
		return
	}
	for i, s := range n.seats {
		if s == nil {
			continue
		}
		if r.owners[i%partitions] != n.id {
			s.Own(false)
			continue
		}
		n.later(n.soon(), func() {
			if r.owners[i%partitions] == n.id && !n.frozen {
				s.Own(true)
				n.propose(s, n.soon())
				n.shipAll(s)
			}
		})
	}
}

// keep notes what a disk holds, to be compared with a replay.
func (r *run) keep(d *disk, log int) {
	p, err := ledger.Open(d, ledger.Options{Partition: r.nodes[0].foldOptions(log).Partition, Partitions: partitions, OrderPartitions: partitions})
	if err != nil || p.Continuing() {
		return
	}
	digest, err := ledger.Digest(d)
	if err != nil {
		return
	}
	r.kept = append(r.kept, moment{log, p.Offset(), digest})
}

// Hash is that of every step.
func (r *run) Hash() string { return hex.EncodeToString(r.trace.Sum(nil)) }
