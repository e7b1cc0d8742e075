package sim

import (
	"fmt"
	"math/rand/v2"

	"github.com/orderledger/orderledger/ledger"
)

// NewRules draws the faults of a seed.
func NewRules(seed uint64, w *World, nodes int) []Rule {
	rnd := rand.New(rand.NewPCG(seed, 5))
	g := &generator{rnd: rnd, w: w, nodes: nodes}
	var out []Rule
	for range rnd.IntN(9) {
		out = append(out, g.rule())
	}
	if rnd.IntN(25) == 0 { // while some node is away, and does not see it happen
		loss, away := g.at(0, "unclean", g.log(), fmt.Sprint(1+rnd.IntN(6))), g.at(g.span(ledger.Second, 90*ledger.Second), "kill", "node", g.node())
		away.At = max(loss.At.Add(-2*ledger.Second), Start.Add(ledger.Second))
		out = append(out, away, loss)
	}
	return out
}

type generator struct {
	rnd   *rand.Rand
	w     *World
	nodes int
}

// at is a fault at a drawn instant.
func (g *generator) at(span ledger.Micros, verb string, words ...string) Rule {
	when := Start.Add(between(g.rnd, 0, g.w.Heal.Sub(Start))) / ledger.Instant(ledger.Second) * ledger.Instant(ledger.Second)
	return Rule{At: max(when, Start.Add(ledger.Second)), For: span, Verb: verb, Args: words}
}

func (g *generator) every(verb string, words ...string) Rule {
	return Rule{Every: between(g.rnd, 15*ledger.Second, 2*ledger.Minute) / ledger.Second * ledger.Second, Verb: verb, Args: words}
}

func (g *generator) span(lo, hi ledger.Micros) ledger.Micros {
	return between(g.rnd, lo, hi) / ledger.Second * ledger.Second
}

func (g *generator) pick(words ...string) string { return words[g.rnd.IntN(len(words))] }

func (g *generator) node() string { return fmt.Sprint(g.rnd.IntN(g.nodes)) }

func (g *generator) log() string {
	return g.pick("orders.events.v1/", "orders.events.v1/", "orders.unkeyed.v1/") + fmt.Sprint(g.rnd.IntN(partitions))
}

// rule draws one fault of any kind.
func (g *generator) rule() Rule {
	s, m := ledger.Second, ledger.Minute
	system := names[g.rnd.IntN(systems)]
	switch g.rnd.IntN(22) {
	case 0:
		return g.at(g.span(s, 40*s), "kill", "node", g.node())
	case 1:
		return g.at(0, "kill", "mid-commit", g.node())
	case 2:
		return g.every("kill", "mid-commit", g.node())
	case 3:
		return g.at(g.span(5*s, 30*s), g.pick("reboot", "power-loss", "lose-disk"), "node", g.node())
	case 4:
		return g.at(g.span(3*s, 2*m), "freeze", "node", g.node())
	case 5:
		return g.at(g.span(5*s, 3*m), "pause", "node", g.node())
	case 6:
		return g.at(g.span(10*s, 3*m), "lag", "node", g.node(), (g.span(s, 20*s)).Duration().String())
	case 7:
		return g.at(g.span(10*s, 3*m), "clock", "node", g.node(), g.pick("3m", "-3m", "10s", "-20s", "1h", "1500ms"))
	case 8:
		return g.every("rebalance")
	case 9:
		return g.at(g.span(5*s, m), "two-owners", fmt.Sprint(g.rnd.IntN(partitions)))
	case 10, 11:
		return g.every(g.pick("drop-ack", "lose", "late", "duplicate"), g.log())
	case 12:
		return g.at(g.span(2*s, 40*s), g.pick("drop-ack", "lose", "late"), g.pick(g.log(), "orders.sources.v1/0"))
	case 13:
		return g.at(g.span(2*s, 90*s), "broker", "down")
	case 14:
		return g.every("clickhouse", g.pick("fails", "lost-answer", "late", "swallows"))
	case 15:
		return g.at(g.span(3*s, 2*m), "clickhouse", g.pick("down", "late", "lost-answer"))
	case 16:
		return g.at(0, "clickhouse", "forgets")
	case 17:
		return g.at(g.span(10*s, 4*m), "webhooks", g.pick("lost", "twice", "late"))
	case 18:
		return g.at(g.span(10*s, 5*m), "answers", system, g.pick("1", "500", "403", "429"))
	case 19:
		return g.at(g.span(10*s, 4*m), g.pick("unpolled", "unpolled"), system)
	case 20:
		return g.at(g.span(2*s, m), "connector", "killed")
	default:
		switch g.rnd.IntN(3) {
		case 0:
			return g.at(0, "cursor", "lost", system)
		case 1:
			return g.at(0, "garbage", g.log())
		default:
			return g.at(g.span(20*s, 3*m), "skew", system, g.pick("5s", "-5s", "30s", "-30s", "800ms"))
		}
	}
}
