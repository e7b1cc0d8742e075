package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// exceptionChange is one step of one exception: the n-th of that exception at
// one offset of the log. Both the rows of a commit and the facts in the store
// give the same offset and n, so either says what was told before.
type exceptionChange struct {
	offset     int64
	n          int
	x          *ledger.Exception
	transition *orderledgerv1.ExceptionTransition
}

// name names the change among those of its offset.
func (c *exceptionChange) name() string { return c.x.ID.String()[:12] + "." + strconv.Itoa(c.n) }

// rowChanges are the changes that a commit told of, in its order.
func rowChanges(where place, rows *ledger.Rows, counts map[ledger.ExceptionID]int) []exceptionChange {
	type at struct {
		offset int64
		id     ledger.ExceptionID
	}
	facts := map[at][]*ledger.Fact{}
	for i := range rows.History {
		if f := rows.History[i].Fact; f != nil && transitionOf(f, where) != nil {
			k := at{f.Offset, f.Exception}
			facts[k] = append(facts[k], f)
		}
	}
	var out []exceptionChange
	for i := range rows.Exceptions {
		row := &rows.Exceptions[i]
		k := at{row.Offset, row.Exception.ID}
		counts[k.id]++
		c := exceptionChange{offset: row.Offset, n: counts[k.id], x: &row.Exception}
		if list := facts[k]; len(list) > 0 {
			c.transition, facts[k] = transitionOf(signed(list[0], &row.Exception), where), list[1:]
		} else {
			c.transition = transitionOf(rowFact(row), where)
		}
		out = append(out, c)
	}
	return out
}

// rowFact is the fact that an exception which is about no order would have had.
func rowFact(row *ledger.ExceptionRow) *ledger.Fact {
	x := &row.Exception
	f := &ledger.Fact{Kind: row.Change, At: x.SteppedAt, Exception: x.ID, Episode: x.Episode, Step: x.Step, Offset: row.Offset, Because: x.Cause}
	switch row.Change {
	case ledger.FactExceptionOpened:
		f.At = x.OpenedAt
	case ledger.FactExceptionResolved:
		f.At = x.ResolvedAt
		f = signed(f, x)
	case ledger.FactAction:
		f.Name, f.At, f.Actor, f.Text = ledger.ActionAcknowledge.String(), x.Ack.At, x.Ack.Actor, x.Ack.Comment
		if n := len(x.Comments); n > 0 && x.Comments[n-1].At >= x.Ack.At {
			last := x.Comments[n-1]
			f.Name, f.At, f.Actor, f.Text = ledger.ActionComment.String(), last.At, last.Actor, last.Comment
		}
	}
	return f
}

// changes are what a snapshot says happened to exceptions since a point: the
// facts of their orders, or for other subjects what they themselves remember.
type changes struct {
	r     *ledger.Reader
	at    place
	since resumePoint
	until int64
	// exact changes have their place; loose ones are known to have happened
	// since the point, but not where.
	exact, loose []exceptionChange
}

// of adds the changes of one exception.
func (c *changes) of(x *ledger.Exception) error {
	if !x.Subject.OfOrder() {
		c.remembered(x)
		return nil
	}
	told, err := c.r.Told(&x.Subject)
	if err != nil {
		return err
	}
	n, last := 0, int64(-1)
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Exception != x.ID || f.Offset >= c.until {
			continue
		}
		t := transitionOf(signed(f, x), c.at)
		if t == nil {
			continue
		}
		if f.Offset != last {
			n, last = 0, f.Offset
		}
		n++
		if e := (exceptionChange{offset: f.Offset, n: n, x: x, transition: t}); !c.since.has(e.offset, e.name()) {
			c.exact = append(c.exact, e)
		}
	}
	return nil
}

// remembered makes one change of what an exception that is about no order says
// of itself. It may be told twice, never not at all.
func (c *changes) remembered(x *ledger.Exception) {
	f := &ledger.Fact{Exception: x.ID, Episode: x.Episode, Step: x.Step, Offset: x.Offset, Because: x.Cause}
	switch {
	case !x.Open && x.ResolvedAt >= c.since.Clock:
		f.Kind, f.At = ledger.FactExceptionResolved, x.ResolvedAt
	case x.Open && x.Offset >= c.since.Offset && x.Episode > 1:
		f.Kind, f.At = ledger.FactExceptionReopened, c.r.Clock()
	case x.Open && x.Offset >= c.since.Offset:
		f.Kind, f.At = ledger.FactExceptionOpened, x.OpenedAt
	case x.Open && x.Ack.At > c.since.Clock:
		f.Kind, f.At, f.Name, f.Actor, f.Text = ledger.FactAction, x.Ack.At, ledger.ActionAcknowledge.String(), x.Ack.Actor, x.Ack.Comment
	case x.Open && x.SteppedAt != 0 && x.SteppedAt >= c.since.Clock:
		f.Kind, f.At = ledger.FactExceptionStepped, x.SteppedAt
	default:
		return
	}
	e := exceptionChange{offset: x.Offset, n: 1, x: x, transition: transitionOf(signed(f, x), c.at)}
	if f.Kind == ledger.FactExceptionOpened || f.Kind == ledger.FactExceptionReopened {
		if !c.since.has(e.offset, e.name()) {
			c.exact = append(c.exact, e)
		}
		return
	}
	c.loose = append(c.loose, e)
}

// sort puts the exact changes into the order in which they are told.
func (c *changes) sort() {
	slices.SortFunc(c.exact, func(a, b exceptionChange) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), strings.Compare(a.x.ID.String(), b.x.ID.String()), cmp.Compare(a.n, b.n))
	})
}
