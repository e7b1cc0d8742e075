package sim

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// verb is one kind of fault: what stands behind its name, and what begins and
// ends it.
type verb struct {
	args  []string
	begin func(r *run, a args, span ledger.Micros)
	end   func(r *run, a args)
}

// args are a rule's words.
type args []string

func (a args) number(i int) int { n, _ := strconv.Atoi(a[i]); return n }

func (a args) span(i int) ledger.Micros {
	d, _ := time.ParseDuration(a[i])
	return ledger.Micros(d.Microseconds())
}

func (a args) node(r *run, i int) *node { return r.nodes[a.number(i)%len(r.nodes)] }

func (a args) journal(r *run, i int) *journal {
	topic, p, _ := strings.Cut(a[i], "/")
	list := r.broker.topics[topic]
	n, _ := strconv.Atoi(p)
	return list[n%len(list)]
}

// verbs are all kinds of faults, by the word that stands for them.
var verbs map[string]verb = map[string]verb{
	"kill": {args: []string{"node|mid-commit", "number"}, begin: func(r *run, a args, span ledger.Micros) {
		n := a.node(r, 1)
		if a[0] == "mid-commit" {
			n.fuse = n.rnd.IntN(6)
			return
		}
		n.kill(max(span, 3*ledger.Second))
	}},
	"reboot": {args: []string{"node", "number"}, begin: func(r *run, a args, span ledger.Micros) {
		n := a.node(r, 1)
		n.kill(max(span, 5*ledger.Second))
		n.reboot()
	}},
	"power-loss": {args: []string{"node", "number"}, begin: func(r *run, a args, span ledger.Micros) {
		n := a.node(r, 1)
		n.kill(max(span, 5*ledger.Second))
		for _, d := range n.disks {
			d.powerLoss(n.rnd.IntN(kept + 1))
		}
		n.reboot()
	}},
	"lose-disk": {args: []string{"node", "number"}, begin: func(r *run, a args, span ledger.Micros) {
		n := a.node(r, 1)
		n.kill(max(span, 5*ledger.Second))
		for i := range n.disks {
			n.disks[i] = newDisk()
		}
	}},
	"freeze": {args: []string{"node", "number"}, begin: func(r *run, a args, _ ledger.Micros) {
		a.node(r, 1).frozen = true
		r.in(10*ledger.Second, r.rebalance)
	}, end: func(r *run, a args) { a.node(r, 1).thaw() }},
	"pause": {args: []string{"node", "number"}, begin: func(r *run, a args, _ ledger.Micros) { a.node(r, 1).paused = true },
		end: func(r *run, a args) { a.node(r, 1).thaw() }},
	"lag": {args: []string{"node", "number", "span"}, begin: func(r *run, a args, _ ledger.Micros) { a.node(r, 1).lag = a.span(2) },
		end: func(r *run, a args) { a.node(r, 1).lag = 0 }},
	"clock": {args: []string{"node", "number", "span"}, begin: func(r *run, a args, _ ledger.Micros) { a.node(r, 1).wrong = a.span(2) },
		end: func(r *run, a args) { a.node(r, 1).wrong = 0 }},
	"rebalance": {begin: func(r *run, _ args, _ ledger.Micros) { r.rebalance() }},
	"two-owners": {args: []string{"number"}, begin: func(r *run, a args, _ ledger.Micros) { r.everybodyOwns(a.number(0)) },
		end: func(r *run, _ args) { r.rebalance() }},
	"drop-ack":  fated(fateNoAck),
	"lose":      fated(fateLost),
	"late":      fated(fateLate),
	"duplicate": fated(fateDuplicate),
	"broker": {args: []string{"down"}, begin: func(r *run, _ args, _ ledger.Micros) { r.broker.down = true },
		end: func(r *run, _ args) { r.broker.restart() }},
	"unclean": {args: []string{"log", "number"}, begin: func(r *run, a args, _ ledger.Micros) {
		r.unclean = true
		// Every other broker keeps no epochs and shares the nodes' process, as the
		// embedded one does: all go down with it, and nothing but the chain can tell.
		embedded := r.cfg.Seed%2 == 1
		r.broker.unclean(a.journal(r, 0), a.number(1), !embedded)
		if embedded {
			for _, n := range r.nodes {
				n.kill(between(n.rnd, 3*ledger.Second, 40*ledger.Second))
			}
		}
	}},
	"garbage": {args: []string{"log"}, begin: func(r *run, a args, _ ledger.Micros) {
		j := a.journal(r, 0)
		b := make([]byte, 1+r.broker.rnd.IntN(40))
		for i := range b {
			b[i] = byte(r.broker.rnd.Uint32())
		}
		r.broker.land(j, kafkalog.Record{Topic: j.topic, Timestamp: int64(r.now) / 1000 * 1000, Key: b[:len(b)/3], Value: b})
	}},
	"clickhouse": {args: []string{"down|fails|lost-answer|late|swallows|forgets"}, begin: beginHistory, end: func(r *run, a args) {
		r.history.down, r.history.during = false, troubleNone
	}},
	"webhooks": {args: []string{"lost|twice|late"}, begin: func(r *run, a args, _ ledger.Micros) { r.hooks.set(a[0], true) },
		end: func(r *run, a args) { r.hooks.set(a[0], false) }},
	"answers": {args: []string{"system", "number"}, begin: func(r *run, a args, _ ledger.Micros) { r.systems[systemOf(a[0])].answer = a.number(1) },
		end: func(r *run, a args) { r.systems[systemOf(a[0])].answer = 0 }},
	"skew": {args: []string{"system", "span"}, begin: func(r *run, a args, span ledger.Micros) {
		s := r.systems[systemOf(a[0])]
		if s.wrong = a.span(1); s.wrong < 0 {
			s.behind = append(s.behind, ledger.Interval{From: r.now, Until: r.now.Add(span)})
		}
	}, end: func(r *run, a args) { r.systems[systemOf(a[0])].wrong = 0 }},
	"unpolled": {args: []string{"system"}, begin: func(r *run, a args, _ ledger.Micros) { r.edge.paused[systemOf(a[0])] = true },
		end: func(r *run, a args) { r.edge.paused[systemOf(a[0])] = false }},
	"connector": {args: []string{"killed"}, begin: func(r *run, _ args, span ledger.Micros) { r.edge.kill(max(span, 2*ledger.Second)) }},
	"cursor":    {args: []string{"lost", "system"}, begin: func(r *run, a args, _ ledger.Micros) { r.edge.loseCursor(systemOf(a[1])) }},
}

// fated is a fault of the next append to a partition, or of all for a while.
func fated(f fate) verb {
	return verb{args: []string{"log"}, begin: func(r *run, a args, span ledger.Micros) {
		j := a.journal(r, 0)
		if span != 0 {
			j.during = f
		} else {
			j.next = f
		}
	}, end: func(r *run, a args) { a.journal(r, 0).during = fateDone }}
}

func beginHistory(r *run, a args, span ledger.Micros) {
	switch {
	case a[0] == "down":
		r.history.down = true
	case a[0] == "forgets":
		r.history.forget()
	case span != 0:
		r.history.during = troubles[a[0]]
	default:
		r.history.next = troubles[a[0]]
	}
}

func (h *hooks) set(what string, on bool) {
	switch what {
	case "lost":
		h.lose = on
	case "twice":
		h.twice = on
	case "late":
		h.late = on
	}
}

// everybodyOwns lets every node believe that it owns a partition.
func (r *run) everybodyOwns(p int) {
	for _, n := range r.nodes {
		for i, s := range n.seats {
			if n.up && !n.frozen && s != nil && i%partitions == p%partitions {
				s.Own(true)
				n.propose(s, n.soon())
				n.shipAll(s)
			}
		}
	}
}

// restart ends an outage of the broker.
func (b *broker) restart() {
	b.down = false
	for _, n := range b.r.nodes {
		if n.up {
			n.thawed()
		}
	}
}

// plan lets a rule happen.
func (r *run) plan(rule *Rule) {
	if rule.At != 0 {
		r.at(rule.At, func() { r.strike(rule) })
		return
	}
	rnd := rand.New(rand.NewPCG(r.cfg.Seed, uint64(len(rule.Verb))<<32|uint64(rule.Every)))
	var again func()
	again = func() {
		if r.now < r.cfg.World.Heal {
			r.strike(rule)
			r.in(rule.Every/2+between(rnd, 0, rule.Every), again)
		}
	}
	r.in(between(rnd, 0, rule.Every), again)
}

// strike begins a fault and plans its end.
func (r *run) strike(rule *Rule) {
	if r.now >= r.cfg.World.Heal {
		return
	}
	v := verbs[rule.Verb]
	r.note("fault " + rule.String())
	v.begin(r, rule.Args, rule.For)
	if v.end != nil && (rule.For != 0 || !instant(rule)) {
		span := rule.For
		if span == 0 {
			span = 20 * ledger.Second
		}
		r.at(min(r.now.Add(span), r.cfg.World.Heal), func() {
			r.note("over " + rule.String())
			v.end(r, rule.Args)
		})
	}
}

// instant reports whether a rule without a span is over at once.
func instant(rule *Rule) bool {
	_, next := fates[rule.Verb]
	return next || rule.Verb == "clickhouse" && rule.Args[0] != "down"
}
