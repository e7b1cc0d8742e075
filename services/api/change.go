package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// exceptionChange is one step of one exception. Changes are told in the order
// (offset, id, n), which follows from the store alone, so that every replica
// resumes at the same place.
type exceptionChange struct {
	offset     int64
	id         string
	n          int
	x          *ledger.Exception
	transition *orderledgerv1.ExceptionTransition
}

func (c *exceptionChange) compare(d *exceptionChange) int {
	return cmp.Or(cmp.Compare(c.offset, d.offset), strings.Compare(c.id, d.id), cmp.Compare(c.n, d.n))
}

// behind reports whether a change lies behind what a stream has told.
func (c *exceptionChange) behind(p *resumePoint) bool {
	return c.compare(&exceptionChange{offset: p.Offset, id: p.ID, n: p.N}) > 0
}

// changes are what happened to exceptions in a snapshot since a point: the
// facts of their orders, or for other subjects the rows seen live, or else what
// the exceptions themselves remember.
type changes struct {
	r         *ledger.Reader
	partition int32
	since     resumePoint
	until     int64
	list      []exceptionChange
}

// of adds the changes of one exception.
func (c *changes) of(x *ledger.Exception, rows []ledger.ExceptionRow) error {
	if x.Subject.Kind == ledger.SubjectOrder {
		return c.facts(x)
	}
	if rows == nil {
		c.remembered(x)
		return nil
	}
	n, last := 0, int64(-1)
	for i := range rows {
		if rows[i].Offset != last {
			n, last = 0, rows[i].Offset
		}
		n++
		f := &ledger.Fact{Kind: rows[i].Change, At: c.r.Clock(), Exception: x.ID, Episode: x.Episode, Step: x.Step, Offset: last, Because: x.Cause}
		c.add(exceptionChange{offset: last, id: x.ID.String(), n: n, x: x, transition: transitionOf(f, c.partition)})
	}
	return nil
}

func (c *changes) add(e exceptionChange) {
	if e.offset < c.until && e.behind(&c.since) {
		c.list = append(c.list, e)
	}
}

func (c *changes) facts(x *ledger.Exception) error {
	told, err := c.r.Timeline(x.Subject.Order)
	if err != nil {
		return err
	}
	n, last := 0, int64(-1)
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Exception != x.ID {
			continue
		}
		t := transitionOf(f, c.partition)
		if t == nil {
			continue
		}
		if f.Offset != last {
			n, last = 0, f.Offset
		}
		n++
		c.add(exceptionChange{offset: f.Offset, id: x.ID.String(), n: n, x: x, transition: t})
	}
	return nil
}

// remembered makes one change of what an exception that is about no order says
// of itself. Its exact offset is not kept: it may be told twice, never missed.
func (c *changes) remembered(x *ledger.Exception) {
	f := &ledger.Fact{Exception: x.ID, Episode: x.Episode, Step: x.Step, Offset: c.until - 1, Because: x.Cause}
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
	c.list = append(c.list, exceptionChange{offset: f.Offset, id: x.ID.String(), n: 1, x: x, transition: transitionOf(f, c.partition)})
}

// sorted returns the changes in the order in which they are told.
func (c *changes) sorted() []exceptionChange {
	slices.SortFunc(c.list, func(a, b exceptionChange) int { return a.compare(&b) })
	return c.list
}
