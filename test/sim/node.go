package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logsink"
)

// logs are the partitions that every node folds: those of orders, then those of
// unkeyed records.
const logs = 2 * partitions

// node is one ledger process on one machine. Its disks outlive it.
type node struct {
	r     *run
	id    int
	rnd   *rand.Rand
	disks [logs]*disk

	up     bool
	frozen bool
	life   int // counts its starts
	seats  [logs]*seat
	heard  *engine.Heard
	takers map[string]func(*kafkalog.Record)
	read   map[string]int
	client *client
	dec    *avroevent.Decoder
	fuse   int

	boot   [16]byte
	bootAt ledger.Instant
	wrong  ledger.Micros // what its wall clock is off
	lag    ledger.Micros // how much later everything is delivered to it
	paused bool          // it fetches nothing
}

// seat is one partition on a running node, and what drives it.
type seat struct {
	*engine.Seat
	index    int
	proposer *engine.Proposer
	ship     []*engine.Shipper
	shipping []bool
	fetching bool
	due      ledger.Instant // of the next proposal
	stopped  error
}

func newNode(r *run, id int) *node {
	n := &node{r: r, id: id, rnd: r.stream(100 + uint64(id))}
	for i := range n.disks {
		n.disks[i] = newDisk()
	}
	n.reboot()
	return n
}

// reboot gives the machine another boot.
func (n *node) reboot() {
	for i := range n.boot {
		n.boot[i] = byte(n.rnd.Uint32())
	}
	n.bootAt = n.r.now.Add(-between(n.rnd, ledger.Minute, ledger.Hour))
}

// clock is the wall clock of the machine.
func (n *node) clock() ledger.Instant { return n.r.now.Add(n.wrong) }

// later does something unless the process that planned it is gone by then.
func (n *node) later(d ledger.Micros, fn func()) {
	life := n.life
	n.r.in(d, func() {
		if n.up && n.life == life {
			fn()
		}
	})
}

// soon is how long a step waits for its turn.
func (n *node) soon() ledger.Micros {
	return between(n.rnd, ledger.Millisecond, 300*ledger.Millisecond)
}

// foldOptions say what the seat of a log folds.
func (n *node) foldOptions(i int) engine.FoldOptions {
	opt := engine.FoldOptions{Partition: int32(i), Partitions: partitions, OrderPartitions: partitions, TopicID: n.r.broker.ids[n.r.broker.log(i).topic],
		CacheOrders: 4, SliceTimers: 2}
	if i >= partitions {
		opt.Partition += ledger.AliasPartitions - partitions
	}
	return opt
}

// start begins the process.
func (n *node) start() {
	n.up, n.frozen, n.fuse = true, false, 1<<40
	n.life++
	n.client = n.r.broker.client(n.clock)
	n.dec = n.r.shop.codec.NewDecoder()
	n.heard, n.takers, n.read = engine.NewHeard(n.r.shop.codec), map[string]func(*kafkalog.Record){}, map[string]int{}
	for _, topic := range n.heard.Topics() {
		n.takers[topic] = n.heard.Taker(topic)
		n.listen(topic)
	}
	for i := range n.seats {
		n.seats[i] = nil
	}
	for i := range n.seats {
		if n.up {
			n.open(i)
		}
	}
	n.later(between(n.rnd, 500*ledger.Millisecond, 4*ledger.Second), n.r.rebalance)
}

// open takes up one partition where its disk left it.
func (n *node) open(i int) {
	n.disks[i].fuse = &n.fuse
	s := &seat{Seat: engine.NewSeat(), index: i, proposer: &engine.Proposer{}}
	sinks := []projections.Sink{&conn{n.r.history, n.id}, logsink.NewJoins(n.client, n.r.shop.codec)}
	err := s.Open(n.disks[i], engine.SeatOptions{Fold: n.foldOptions(i), OutboxMaxBytes: n.r.cfg.OutboxBytes, Sinks: []string{sinks[0].Name(), sinks[1].Name()}})
	if n.died(err) {
		return
	}
	for _, sink := range sinks {
		s.ship = append(s.ship, engine.NewShipper(s.Seat, sink, n.refill(i), engine.PumpOptions{MaxRows: 1 + n.rnd.IntN(40)}))
	}
	s.shipping = make([]bool, len(s.ship))
	n.seats[i] = s
	n.resume(s)
}

// resume checks the log and begins to fold it.
func (n *node) resume(s *seat) {
	j := n.r.broker.log(s.index)
	err := engine.SameLog(context.Background(), n.client, kafkalog.Position{Topic: j.topic, Partition: j.index}, s.Place())
	switch {
	case errors.Is(err, kafkalog.ErrLogLost):
		n.refuse(s, err)
	case err != nil:
		n.later(ledger.Second, func() { n.resume(s) })
	default:
		n.wake(s)
		n.propose(s, n.soon())
		n.shipAll(s)
	}
}

// refuse stops a seat whose log is not the one it folded; somebody removes its
// store after a while, so that it folds what the log holds now.
func (n *node) refuse(s *seat, err error) {
	s.stopped = err
	n.r.refused++
	n.r.note("refused", int64(n.id), int64(s.index))
	n.later(10*ledger.Second, func() {
		n.disks[s.index] = newDisk()
		owner := s.Owner()
		n.open(s.index)
		if n.seats[s.index] != nil {
			n.seats[s.index].Own(owner)
		}
	})
}

// died reports whether the process died in what just failed. Any other error is
// one that the simulation knows no reason for.
func (n *node) died(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, errKilled):
		n.kill(5 * ledger.Second)
		return true
	default:
		panic(fmt.Errorf("node %d: %w", n.id, err))
	}
}

// kill ends the process; it is started again after a while.
func (n *node) kill(after ledger.Micros) {
	if !n.up {
		return
	}
	n.r.note("kill", int64(n.id))
	n.up, n.frozen = false, false
	n.snapshot()
	n.r.in(10*ledger.Second, n.r.rebalance)
	life := n.life
	n.r.in(after, func() {
		if n.life == life && !n.up {
			n.start()
		}
	})
}

// wake fetches soon.
func (n *node) wake(s *seat) {
	if s.fetching || s.stopped != nil {
		return
	}
	s.fetching = true
	n.later(n.soon()+n.lag, func() { n.fetch(s) })
}

// fetch takes one batch of the log.
func (n *node) fetch(s *seat) {
	s.fetching = false
	if n.frozen || n.paused || s.stopped != nil || n.seats[s.index] != s {
		return // whoever ends that wakes it
	}
	at, j := s.Place(), n.r.broker.log(s.index)
	if n.r.broker.down {
		n.later(ledger.Second, func() { n.wake(s) })
		return
	}
	if j.diverged(at.Offset, at.Epoch) {
		n.refuse(s, &kafkalog.LogLostError{Position: kafkalog.Position{Topic: j.topic, Partition: j.index, Offset: at.Offset}, Err: errors.New("truncated")})
		return
	}
	list := j.records[at.Offset:]
	if len(list) == 0 {
		return
	}
	list = list[:min(len(list), 1+n.rnd.IntN(30))]
	batch := make([]engine.Decoded, len(list))
	for i := range list {
		batch[i] = engine.Decode(n.dec, &list[i])
	}
	if n.died(s.Fold(batch)) || n.died(s.Trim()) {
		return
	}
	if s.Place().Offset < at.Offset {
		n.r.fail("node %d, log %d: the applied offset went back from %d to %d", n.id, s.index, at.Offset, s.Place().Offset)
	}
	n.r.note("fold", int64(n.id), int64(s.index), s.Place().Offset)
	n.wake(s)
	n.propose(s, n.soon())
	n.shipAll(s)
}

// listen reads what one of the small topics holds since.
func (n *node) listen(topic string) {
	j := n.r.broker.topics[topic][0]
	if n.frozen || n.r.broker.down {
		return
	}
	for ; n.read[topic] < len(j.records); n.read[topic]++ {
		n.takers[topic](&j.records[n.read[topic]])
	}
	for _, s := range n.seats {
		if s != nil {
			n.propose(s, n.soon())
		}
	}
}

// propose plans a step of the proposer.
func (n *node) propose(s *seat, d ledger.Micros) {
	at := n.r.now.Add(d)
	if s.due != 0 && s.due <= at || s.stopped != nil {
		return
	}
	s.due = at
	n.later(d, func() {
		if s.due == at && n.seats[s.index] == s {
			s.due = 0
			if !n.frozen && !n.r.draining {
				n.proposed(s)
			}
		}
	})
}

// proposed appends what the proposer says.
func (n *node) proposed(s *seat) {
	now := engine.ProposerView{Name: fmt.Sprint("node-", n.id), Now: n.clock(), BootID: n.boot, BootClock: n.r.now.Sub(n.bootAt)}
	p := s.proposer.Step(s.Seat, n.heard, now)
	if p.Policy != nil {
		_ = n.append(s, p.Policy) // it is appended again until it is read back
	}
	if p.Numbered != nil {
		_ = n.append(s, p.Numbered)
	}
	if p.Tick != nil {
		n.r.note("tick", int64(n.id), int64(s.index), int64(p.Tick.Wall), int64(len(p.Tick.Feeds)))
		if n.append(s, p.Tick) != nil {
			s.proposer.Failed()
		}
	}
	n.propose(s, max(p.Again.Sub(now.Now), 10*ledger.Millisecond))
}

func (n *node) append(s *seat, v any) error {
	value, err := n.r.shop.codec.Encode(nil, v)
	if err != nil {
		panic(err)
	}
	j := n.r.broker.log(s.index)
	_, err = n.client.Append(context.Background(), kafkalog.Record{Topic: j.topic, Partition: j.index, Value: value})
	return err
}

// shipAll plans a step of every shipper that is not waiting after a failure.
func (n *node) shipAll(s *seat) {
	for k := range s.ship {
		if !s.ship[k].Failing() {
			n.shipIn(s, k, n.soon())
		}
	}
}

func (n *node) shipIn(s *seat, k int, d ledger.Micros) {
	if s.shipping[k] || s.stopped != nil {
		return
	}
	s.shipping[k] = true
	n.later(d, func() {
		s.shipping[k] = false
		if n.frozen || n.seats[s.index] != s {
			return
		}
		did := s.ship[k].Step(context.Background())
		n.r.note("ship", int64(n.id), int64(s.index), int64(k), int64(did.Rows), yes(did.Err == nil))
		if errors.Is(did.Err, errKilled) || errors.Is(did.Trim, errKilled) {
			n.kill(5 * ledger.Second)
			return
		}
		if did.Err != nil {
			n.shipIn(s, k, 2*ledger.Second)
		} else if s.ship[k].Failing() { // it is owned no more
			n.shipIn(s, k, 30*ledger.Second)
		}
	})
}

// refill folds a log again for a sink.
func (n *node) refill(i int) engine.Refiller {
	return func(ctx context.Context, sink projections.Sink, p *engine.Pump) (int, error) {
		n.r.refills++
		f, err := engine.NewRefill(newDisk(), n.foldOptions(i), sink)
		if err != nil {
			return 0, err
		}
		list := n.r.broker.log(i).records[:n.seats[i].Place().Offset]
		batch := make([]engine.Decoded, len(list))
		for k := range list {
			batch[k] = engine.Decode(n.dec, &list[k])
		}
		return f.Whole(ctx, batch, p)
	}
}

// snapshot keeps what one disk holds, to be compared with a replay.
func (n *node) snapshot() {
	i := n.rnd.IntN(logs)
	s := n.seats[i]
	if s == nil || s.stopped != nil {
		return
	}
	n.r.keep(n.disks[i], i)
}

// thaw goes on after a freeze or a pause.
func (n *node) thaw() {
	n.frozen, n.paused = false, false
	if n.up {
		n.thawed()
		n.later(n.soon(), func() { n.r.tell(n) })
	}
}

// thawed looks at everything again that it may have missed.
func (n *node) thawed() {
	for _, topic := range n.heard.Topics() {
		n.listen(topic)
	}
	for _, s := range n.seats {
		if s != nil {
			n.wake(s)
			n.propose(s, n.soon())
			for k := range s.ship {
				n.shipIn(s, k, n.soon())
			}
		}
	}
}
