package timeline

import (
	"fmt"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

var axisNouns = [...]string{"", "the order", "the payment", "the fulfilment", "the return", "the stock allocation", "the notification"}

// axisNoun is how a sentence names an axis.
func axisNoun(a ledger.Axis) string {
	if a.Valid() {
		return axisNouns[a]
	}
	return "something"
}

// Word is a native word as a sentence quotes it.
func Word(native string) string {
	switch native {
	case ledger.NativeNull:
		return "an empty status"
	case ledger.NativeMissing:
		return "no status"
	default:
		return `"` + native + `"`
	}
}

func claimText(e *Entry) string {
	noun := axisNoun(e.Axis)
	switch {
	case !e.Axis.Valid():
		return fmt.Sprintf("%s says %s about something that this version does not know.", e.Source, Word(e.Native))
	case e.State == ledger.Unmapped:
		return fmt.Sprintf("%s gives %s the status %s, which the matrix does not know; it stands aside until a policy maps it.", e.Source, noun, Word(e.Native))
	case e.Kind == KindConflict:
		return fmt.Sprintf("%s says %s is %s (%s), against another report of the same version; both are kept.", e.Source, noun, e.Axis.StateName(e.State), Word(e.Native))
	case e.Mode == ledger.Created:
		return fmt.Sprintf("%s created %s %s: %s.", e.Source, article(e.Object.Type), e.Object.ID, e.Axis.StateName(e.State))
	case e.Mode == ledger.Dated:
		return fmt.Sprintf("%s dates %s %s at %s.", e.Source, noun, e.Axis.StateName(e.State), clock(e.Occurred.Earliest))
	default:
		return fmt.Sprintf("%s says %s is %s (%s).", e.Source, noun, e.Axis.StateName(e.State), Word(e.Native))
	}
}

func article(object string) string {
	if object == "" {
		return "document"
	}
	return strings.ReplaceAll(object, "_", " ")
}

// silentText describes a document that claims no status.
func silentText(e *ledger.Event) string {
	return fmt.Sprintf("%s sent a document about %s %s.", e.Source, article(e.Object.Type), e.Object.ID)
}

// amountText lists the totals a document states, without adding currencies.
func amountText(e *ledger.Event) string {
	var b strings.Builder
	for i := range e.Amounts {
		s := &e.Amounts[i]
		if len(s.Amounts) == 0 {
			continue
		}
		sum := ledger.Money{Currency: s.Amounts[0].Currency}
		mixed := false
		for _, a := range s.Amounts {
			mixed = mixed || a.Currency != sum.Currency
			sum.Minor += a.Minor
		}
		kind := s.Kind.String()
		kind = strings.ToUpper(kind[:1]) + kind[1:]
		if mixed {
			fmt.Fprintf(&b, " %s: several currencies.", kind)
			continue
		}
		fmt.Fprintf(&b, " %s: %s.", kind, Money(sum))
	}
	return b.String()
}

// clock shows an instant inside a sentence.
func clock(i ledger.Instant) string {
	if i <= ledger.Beginning || i >= ledger.Forever || i == 0 {
		return "an unknown time"
	}
	return i.Time().Format("15:04:05")
}

func factText(f *ledger.Fact) string {
	switch f.Kind {
	case ledger.FactVerdict:
		return "Rule " + f.Rule + " " + verdictText(f.To, f)
	case ledger.FactRevised:
		return fmt.Sprintf("Rule %s, said to be %s before, %s", f.Rule, f.From, verdictText(f.To, f))
	case ledger.FactExceptionOpened:
		return fmt.Sprintf("Exception %s opened%s.", f.Name, silently(f))
	case ledger.FactExceptionStepped:
		return fmt.Sprintf("The exception moved up: it is %s now.", f.Name)
	case ledger.FactExceptionResolved:
		return fmt.Sprintf("Exception %s resolved: %s.", f.Name, CauseText(f.Because))
	case ledger.FactExceptionReopened:
		return fmt.Sprintf("Exception %s opened again (episode %d).", f.Name, f.Episode)
	case ledger.FactAction:
		return actionText(f)
	case ledger.FactRefused:
		return fmt.Sprintf("%s asked to %s, and was refused: %s.", f.Actor, strings.ReplaceAll(f.Name, "-", " "), strings.ToLower(strings.ReplaceAll(f.Text, "_", " ")))
	case ledger.FactShelved:
		axis, word, _ := strings.Cut(f.Name, " ")
		return fmt.Sprintf("The %s status %s of %s was set aside with its document; the matrix does not know it.", axis, Word(word), f.Text)
	case ledger.FactReleased:
		axis, word, _ := strings.Cut(f.Name, " ")
		return fmt.Sprintf("A new policy reads the %s status %s as %s.", axis, Word(word), f.Text)
	case ledger.FactWithdrawn:
		return fmt.Sprintf("A document of %s was taken back: the name it came by is another order's.", f.Name)
	case ledger.FactMerged:
		a, b, _ := strings.Cut(f.Name, " ")
		return fmt.Sprintf("%s said that %s and %s are one order%s.", f.Actor, a, b, colon(f.Text))
	case ledger.FactSplit:
		a, b, _ := strings.Cut(f.Name, " ")
		return fmt.Sprintf("%s said that %s and %s are two orders after all%s.", f.Actor, a, b, colon(f.Text))
	case ledger.FactExceptionMoved:
		return fmt.Sprintf("It carries on an exception of %s, and what people did about that.", f.Text)
	case ledger.FactSnoozeEnded:
		return fmt.Sprintf("The snooze of %s ended.", f.Name)
	default:
		return "The ledger noted something that this version does not know."
	}
}

// joinedText says by which names a document that names no order came here.
func joinedText(by []ledger.Alias) string {
	if len(by) == 0 {
		return ""
	}
	names := make([]string, len(by))
	for i, a := range by {
		names[i] = a.Type + " " + a.Value
	}
	return " Joined by " + strings.Join(names, " and ") + "."
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func silently(f *ledger.Fact) string {
	if f.Announced {
		return ""
	}
	return ", without telling anybody: it lies in the past"
}

func actionText(f *ledger.Fact) string {
	verbs := map[string]string{
		"acknowledge": "acknowledged the exception", "assign": "assigned the exception", "snooze": "snoozed the exception",
		"comment": "commented", "resolve": "resolved the exception", "false-positive": "marked the exception as a false positive",
	}
	verb, ok := verbs[f.Name]
	if !ok {
		verb = "did: " + f.Name
	}
	if f.Text == "" {
		return f.Actor + " " + verb + "."
	}
	return fmt.Sprintf("%s %s: %s", f.Actor, verb, f.Text)
}

func verdictText(v ledger.VerdictState, f *ledger.Fact) string {
	switch v {
	case ledger.VerdictMet:
		if f.Because == ledger.BecauseUnless {
			return "has nothing to ask for: what would release it had already happened."
		}
		return "is kept in time."
	case ledger.VerdictMetImprecise:
		return "is kept; the evidence is too coarse to say whether in time."
	case ledger.VerdictMetLate:
		return fmt.Sprintf("is kept late, after %s.", clock(f.Deadline))
	case ledger.VerdictBreached:
		return fmt.Sprintf("is broken: its promise ran out at %s%s.", clock(f.Deadline), BasisText(f.Basis))
	case ledger.VerdictVoid:
		return "no longer matters: it was released before its deadline."
	case ledger.VerdictUndetermined:
		return waitingText(f.Because, f.Feed, f.Since)
	case ledger.VerdictRetracted:
		return "is taken back: " + CauseText(f.Because) + "."
	default:
		return "is open."
	}
}

func waitingText(why ledger.Because, feed ledger.FeedKey, since ledger.Instant) string {
	switch why {
	case ledger.BecauseHeld:
		if feed.Source != "" {
			return fmt.Sprintf("cannot be judged: a record of %s in quarantine may be the one it waits for.", feed)
		}
		return "cannot be judged: a status that is set aside may be the one it waits for."
	case ledger.BecauseUnprovable:
		return "cannot be judged: it depends on a feed that does not exist."
	}
	if feed.Source == "" {
		return "cannot be judged yet."
	}
	if since <= ledger.Beginning || since == 0 {
		return fmt.Sprintf("cannot be judged: %s was never heard. The order is not blamed.", feed)
	}
	return fmt.Sprintf("cannot be judged: %s has not been heard since %s. The order is not blamed.", feed, clock(since))
}

// BasisText says what a breach rests on, as the end of a sentence.
func BasisText(b ledger.Basis) string {
	switch b {
	case ledger.BasisProven:
		return ", proven by every source that should have spoken"
	case ledger.BasisAssumed:
		return ", assuming that a source which cannot prove it has said all by now"
	default:
		return ", though something in between could not be read"
	}
}

// CauseText says why something ended or changed, as the end of a sentence.
func CauseText(b ledger.Because) string {
	switch b {
	case ledger.BecauseUntil, ledger.BecauseHealed:
		return "what was missing came"
	case ledger.BecauseUnless:
		return "it no longer matters"
	case ledger.BecauseDue:
		return "the deadline passed"
	case ledger.BecauseSilent:
		return "a source it depends on is not heard"
	case ledger.BecauseHeld:
		return "a status that is set aside may be the one it waits for"
	case ledger.BecauseRearranged:
		return "later evidence tells the story differently"
	case ledger.BecausePolicy:
		return "another policy is in force"
	case ledger.BecauseWithdrawn:
		return "what proved it was withdrawn"
	case ledger.BecauseOperator:
		return "a person resolved it"
	case ledger.BecauseRegrouped:
		return "orders were merged or split"
	case ledger.BecauseClock:
		return "the clock was put right"
	default:
		return "the state that it names is over"
	}
}

// VerdictText is the present standing of one promise in one sentence.
func VerdictText(v *ledger.VerdictView) string {
	f := ledger.Fact{Deadline: v.Deadline, Basis: v.Basis, Because: v.Because, Feed: v.Feed, Since: v.Since}
	if v.State == ledger.VerdictPending {
		if v.Feed.Source != "" {
			return "Past its deadline, and waiting until " + v.Feed.String() + " has been heard that far."
		}
		return fmt.Sprintf("Open until %s.", clock(v.Deadline))
	}
	text := strings.TrimPrefix(verdictText(v.State, &f), "is ")
	return strings.ToUpper(text[:1]) + text[1:]
}
