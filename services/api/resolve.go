package api

import (
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
)

// resolvedAs begins the comment of a record that resolves an exception. The
// fact of the resolving names nobody; this comment does, and is told from
// remarks made at the same tick.
const resolvedAs = "resolved"

// reasonOf is the text of a comment, and whether it is the reason of a
// resolving.
func reasonOf(c ledger.Acknowledgement) (string, bool) {
	rest, ok := strings.CutPrefix(c.Comment, resolvedAs+" (")
	if !ok || !strings.HasSuffix(rest, ")") {
		return c.Comment, false
	}
	return strings.TrimSuffix(rest, ")"), true
}

// resolver is the person who resolved an exception at an instant of the
// ledger's clock, and why; nobody if none did.
func resolver(x *ledger.Exception, at ledger.Instant) ledger.Acknowledgement {
	for i := len(x.Comments) - 1; i >= 0; i-- {
		c := x.Comments[i]
		if reason, ok := reasonOf(c); ok && c.At == at {
			c.Comment = reason
			return c
		}
	}
	return ledger.Acknowledgement{}
}

// signed gives the fact of a person's resolving that person and their reason.
func signed(f *ledger.Fact, x *ledger.Exception) *ledger.Fact {
	if f.Kind != ledger.FactExceptionResolved || f.Because != ledger.BecauseOperator || f.Actor != "" {
		return f
	}
	who := resolver(x, f.At)
	out := *f
	out.Actor, out.Text = who.Actor, who.Comment
	return &out
}

// signAll signs the facts of a story.
func signAll(r *ledger.Reader, told []ledger.Told) error {
	for i := range told {
		f := told[i].Fact
		if f == nil || f.Kind != ledger.FactExceptionResolved || f.Because != ledger.BecauseOperator {
			continue
		}
		x, err := r.Exception(f.Exception)
		if err != nil {
			return err
		}
		if x != nil {
			told[i].Fact = signed(f, x)
		}
	}
	return nil
}

// tell is timeline.Tell with the names of those who resolved.
func tell(told []ledger.Told) []timeline.Entry {
	out := timeline.Tell(told)
	reasons := map[int64]string{}
	for i := range told {
		if f := told[i].Fact; f != nil && f.Kind == ledger.FactExceptionResolved && f.Text != "" {
			reasons[f.Offset] = f.Text
		}
	}
	for i := range out {
		if e := &out[i]; e.Kind == timeline.KindExceptionResolved && e.Actor != "" {
			e.Lane, e.Text = timeline.LanePeople, e.Actor+" resolved "+e.Name+": "+reasons[e.Offset]
		}
	}
	return out
}
