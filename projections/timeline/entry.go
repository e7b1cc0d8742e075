package timeline

import (
	"strconv"

	"github.com/orderledger/orderledger/ledger"
)

// Kind is what sort of thing an entry records. The numbers are those of the
// public contract.
type Kind uint8

// The kinds.
const (
	KindClaim             Kind = 1
	KindDuplicate         Kind = 2
	KindConflict          Kind = 3
	KindShelved           Kind = 4
	KindVerdict           Kind = 5
	KindRevised           Kind = 6
	KindExceptionOpened   Kind = 7
	KindExceptionStepped  Kind = 8
	KindExceptionResolved Kind = 9
	KindExceptionReopened Kind = 10
	KindOperatorAction    Kind = 11
	KindPolicy            Kind = 12
	KindNote              Kind = 13
)

var kindNames = [...]string{
	"", "CLAIM", "DUPLICATE", "CONFLICT", "SHELVED", "VERDICT", "REVISED", "EXCEPTION_OPENED",
	"EXCEPTION_STEPPED", "EXCEPTION_RESOLVED", "EXCEPTION_REOPENED", "OPERATOR_ACTION", "POLICY", "NOTE",
}

// String returns the kind's name, such as "EXCEPTION_OPENED".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Kinds lists the names of all kinds in ascending number.
func Kinds() []string { return append([]string(nil), kindNames[1:]...) }

// Lanes that are no source.
const (
	LaneLedger = "orderledger"
	LanePeople = "people"
)

// Entry is one line of an order's story.
type Entry struct {
	// Sequence is dense from 1 within the order, in log order.
	Sequence int64
	Kind     Kind
	// Lane is the swim lane the entry belongs to: a source, LaneLedger or
	// LanePeople.
	Lane string
	// Occurred bounds when it happened; Earliest is 0 if nothing bounds it.
	Occurred    ledger.Within
	ReceivedAt  ledger.Instant // 0 for facts
	RecordedAt  ledger.Instant
	EvaluatedAt ledger.Instant // 0 for claims
	Source      ledger.Source
	Feed        string
	Axis        ledger.Axis
	Object      ledger.Object
	Native      string
	State       ledger.State // valid if Axis is
	Mode        ledger.Mode
	Version     string
	Event       ledger.EventID
	// Copies is how often the document was heard, 1 if once; 0 for facts.
	Copies    uint32
	Text      string
	Delivery  ledger.Delivery
	TraceID   string
	Offset    int64
	Exception ledger.ExceptionID
	Rule      string
	Episode   uint32
	Step      uint8
	Actor     string
	// Verdict is what a verdict or revision says; Because is why.
	Verdict ledger.VerdictState
	Because ledger.Because
	// Name is the exception's type for entries about one.
	Name string
}

// At is the instant to show beside the entry: when it happened, as far as
// known, else when it was evaluated.
func (e *Entry) At() ledger.Instant {
	switch {
	case e.EvaluatedAt != 0:
		return e.EvaluatedAt
	case e.Occurred.Latest != 0:
		return e.Occurred.Latest
	default:
		return e.ReceivedAt
	}
}

// Tell turns what a Reader knows of an order, in log order, into its story.
func Tell(told []ledger.Told) []Entry {
	out := make([]Entry, 0, 2*len(told))
	for i := range told {
		t := &told[i]
		if t.Fact != nil {
			out = append(out, fact(t.Fact))
			continue
		}
		out = document(out, t)
	}
	for i := range out {
		out[i].Sequence = int64(i) + 1
	}
	return out
}

// document adds one entry per claim of a document, or one for the whole of a
// document that makes none.
func document(out []Entry, t *ledger.Told) []Entry {
	base := Entry{
		Kind: KindClaim, Lane: string(t.Event.Source), ReceivedAt: t.Received, RecordedAt: t.RecordedAt, Source: t.Event.Source,
		Feed: t.Event.Feed, Object: t.Event.Object, Version: Version(t.Event.Version), Event: t.Event.ID, Copies: t.Copies,
		Delivery: t.Event.Delivery, TraceID: t.Event.TraceID, Offset: t.Offset,
	}
	if t.Outcome == ledger.OutcomeConflict {
		base.Kind = KindConflict
	}
	from := len(out)
	for i := range t.Event.Claims {
		c := &t.Event.Claims[i]
		e := base
		e.Axis, e.Object, e.Native, e.Mode, e.Version = c.Axis, c.Object, c.Native, c.Mode, Version(c.Version)
		if i < len(t.States) {
			e.State = t.States[i]
		}
		e.Occurred = ledger.Within{Earliest: c.Earliest, Latest: c.Latest}
		if c.Mode == ledger.Current { // it began at some time before the document was stamped
			e.Occurred.Earliest = 0
		}
		if c.Axis.Valid() && e.State == ledger.Unmapped && e.Kind == KindClaim {
			e.Kind = KindShelved
		}
		e.Text = claimText(&e)
		out = append(out, e)
	}
	if len(out) == from {
		base.Occurred = ledger.Within{Latest: t.Received}
		base.Text = silentText(t.Event)
		out = append(out, base)
	}
	out[from].Text += amountText(t.Event) + joinedText(t.By)
	if t.Copies > 1 {
		out[from].Text += " Heard " + strconv.FormatUint(uint64(t.Copies), 10) + " times."
	}
	return out
}

// Version is a document's version as its source gives it, "" if it has none.
func Version(v ledger.Version) string {
	switch v.Scheme {
	case ledger.SchemeTimestamp:
		return ledger.Instant(v.Parts[0] / 1000).String()
	case ledger.SchemeSequence:
		return strconv.FormatInt(v.Parts[0], 10)
	default:
		return ""
	}
}

var factKinds = map[ledger.FactKind]Kind{
	ledger.FactVerdict: KindVerdict, ledger.FactRevised: KindRevised, ledger.FactExceptionOpened: KindExceptionOpened,
	ledger.FactExceptionStepped: KindExceptionStepped, ledger.FactExceptionResolved: KindExceptionResolved,
	ledger.FactExceptionReopened: KindExceptionReopened, ledger.FactAction: KindOperatorAction, ledger.FactRefused: KindOperatorAction,
	ledger.FactReleased: KindPolicy, ledger.FactMerged: KindOperatorAction, ledger.FactSplit: KindOperatorAction,
}

func fact(f *ledger.Fact) Entry {
	e := Entry{
		Kind: factKinds[f.Kind], Lane: LaneLedger, RecordedAt: f.RecordedAt, EvaluatedAt: f.At, Offset: f.Offset, Rule: f.Rule,
		Exception: f.Exception, Actor: f.Actor, Verdict: f.To, Because: f.Because, Episode: f.Episode, Step: f.Step, Name: f.Name,
	}
	if e.Kind == 0 {
		e.Kind = KindNote
	}
	if e.Kind == KindOperatorAction {
		e.Lane = LanePeople
	}
	if f.Kind == ledger.FactVerdict || f.Kind == ledger.FactRevised {
		e.Source, e.Feed = f.Feed.Source, f.Feed.Feed
		switch f.To {
		case ledger.VerdictBreached, ledger.VerdictMetLate:
			e.Occurred = ledger.Within{Earliest: f.Deadline, Latest: f.Deadline}
		default:
			e.Occurred = f.Anchor
		}
	}
	e.Text = factText(f)
	return e
}

// Lanes lists the swim lanes of a story: the sources in the order in which
// they first spoke, then the ledger, then people, as far as they appear.
func Lanes(entries []Entry) []string {
	var out, last []string
	seen := map[string]bool{}
	for i := range entries {
		l := entries[i].Lane
		if seen[l] {
			continue
		}
		seen[l] = true
		if l == LaneLedger || l == LanePeople {
			last = append(last, l)
			continue
		}
		out = append(out, l)
	}
	if len(last) == 2 && last[0] == LanePeople {
		last[0], last[1] = last[1], last[0]
	}
	return append(out, last...)
}
