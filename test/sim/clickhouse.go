package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
)

// history is a model of ClickHouse as the sink uses it: blocks that land whole,
// tokens remembered for a while, and a greatest seq to ask for.
type history struct {
	r   *run
	rnd *rand.Rand
	// parts are the blocks of a table and partition, as they landed.
	parts  map[place][]part
	tokens map[place][]string
	down   bool
	next   trouble // of the next insert
	during trouble // of every insert
	// severed: the server was restarted, so the first request finds its
	// connection broken.
	severed map[int]bool
}

// place is one table of one partition.
type place struct {
	table     projections.Table
	partition int32
}

// part is one block.
type part struct {
	from, to uint64
	rows     []byte
}

// trouble is what becomes of an insert.
type trouble uint8

const (
	troubleNone    trouble = iota
	troubleBefore          // it fails and leaves nothing
	troubleAfter           // it lands, and its answer is lost
	troubleLate            // it lands when nobody waits any more
	troubleSwallow         // its token is noted, its rows are not
)

var troubles = map[string]trouble{"fails": troubleBefore, "lost-answer": troubleAfter, "late": troubleLate, "swallows": troubleSwallow}

// window is how many tokens a table remembers.
const window = 4

func newHistory(r *run) *history {
	return &history{r: r, rnd: r.stream(3), parts: map[place][]part{}, tokens: map[place][]string{}, severed: map[int]bool{}}
}

// conn is ClickHouse as one node's sink.
type conn struct {
	h    *history
	node int
}

var _ projections.Sink = (*conn)(nil)

// Name implements projections.Sink.
func (*conn) Name() string { return "clickhouse" }

// Wants implements projections.Sink.
func (*conn) Wants(t projections.Table) bool { return t != projections.Outgoing }

var errHistory = errors.New("ClickHouse does not answer")

func (c *conn) broken() bool {
	was := c.h.severed[c.node]
	delete(c.h.severed, c.node)
	return was || c.h.down
}

// Held implements projections.Sink.
func (c *conn) Held(_ context.Context, partition int32) (projections.Held, error) {
	var held projections.Held
	if c.broken() {
		return held, errHistory
	}
	for t := range projections.Table(projections.Tables) {
		for _, p := range c.h.parts[place{t, partition}] {
			held[t] = max(held[t], p.to)
		}
	}
	return held, nil
}

// Insert implements projections.Sink.
func (c *conn) Insert(_ context.Context, b *projections.Block) error {
	h, at := c.h, place{b.Table, b.Partition}
	t := max(h.next, h.during)
	h.next = troubleNone
	if c.broken() || t == troubleSwallow && h.rivals(b.Partition) {
		t = troubleBefore
	}
	p, token := part{b.From, b.To, ledger.EncodeRows(nil, b.Rows)}, b.Token()
	h.r.note("insert", int64(b.Table), int64(b.Partition), int64(b.From), int64(b.To), int64(t), int64(c.node))
	switch t {
	case troubleBefore:
		return errHistory
	case troubleAfter:
		h.land(at, p, token)
		return errHistory
	case troubleLate:
		h.r.in(between(h.rnd, ledger.Second, 40*ledger.Second), func() { h.land(at, p, token) })
		return errHistory
	case troubleSwallow:
		if !slices.Contains(h.tokens[at], token) {
			h.tokens[at] = append(h.tokens[at], token)
			return errHistory
		}
	}
	h.land(at, p, token)
	return nil
}

// rivals reports whether several nodes believe that they own a partition. A block
// of one of them that is swallowed then takes the other's with it, which is a
// known limit (README.md).
func (h *history) rivals(partition int32) bool {
	owners := 0
	for _, n := range h.r.nodes {
		for _, s := range n.seats {
			if n.up && s != nil && s.Owner() && n.foldOptions(s.index).Partition == partition {
				owners++
			}
		}
	}
	return owners > 1
}

// land takes a block, unless its token is known.
func (h *history) land(at place, p part, token string) {
	if slices.Contains(h.tokens[at], token) {
		return
	}
	if h.tokens[at] = append(h.tokens[at], token); len(h.tokens[at]) > window {
		h.tokens[at] = h.tokens[at][1:]
	}
	h.parts[at] = append(h.parts[at], p)
	h.r.note("landed", int64(at.table), int64(at.partition), int64(p.from), int64(p.to))
}

// forget is a loss of power: rows were written before they were answered for,
// the tokens were not, and every connection breaks.
func (h *history) forget() {
	h.tokens = map[place][]string{}
	for n := range h.r.nodes {
		h.severed[n] = true
	}
	h.r.note("forgot")
}
