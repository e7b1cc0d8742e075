package cli

import (
	"fmt"
	"strings"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// explainCell says which claims a cell rests on, and which did not count.
func (a *app) explainCell(b *strings.Builder, x *orderledgerv1.CellExplanation) {
	c := x.GetCell()
	state := c.GetState()
	if c.GetCertainty() != orderledgerv1.Certainty_CERTAINTY_CERTAIN {
		state = a.paint(yellow, state)
	}
	fmt.Fprintf(b, "\n%s %s of %s is %s", dash(c.GetRole()), word(c.GetAxis().String(), "AXIS_"), c.GetSource(), state)
	if c.GetSince() != nil {
		fmt.Fprintf(b, " since %s", bounds(c.GetSince()))
	}
	b.WriteByte('\n')
	if len(x.GetRegisters()) > 1 {
		fmt.Fprintf(b, "  rolled up %s\n", rolledUp(x))
	}
	for _, r := range x.GetRegisters() {
		explainRegister(b, r)
	}
	if n := x.GetMore(); n > 0 {
		fmt.Fprintf(b, "  and %d more documents\n", n)
	}
	if len(x.GetRegisters()) == 0 {
		b.WriteString("  no document has said anything of it\n")
	}
	for _, f := range x.GetFeeds() {
		explainFeed(b, f, "  ")
	}
}

func rolledUp(x *orderledgerv1.CellExplanation) string {
	how := map[orderledgerv1.RollUp]string{
		orderledgerv1.RollUp_ROLL_UP_PROGRESS: "from all together: some ahead of others give the partial state",
		orderledgerv1.RollUp_ROLL_UP_FURTHEST: "from the document furthest along",
		orderledgerv1.RollUp_ROLL_UP_LEAD:     "from the first type, which later ones refine",
	}[x.GetRollUp()]
	if t := x.GetObjectTypes(); len(t) > 0 {
		how += " (" + strings.Join(t, ", ") + ")"
	}
	return how
}

func explainRegister(b *strings.Builder, r *orderledgerv1.RegisterExplanation) {
	fmt.Fprintf(b, "  %s %s is %s", r.GetObject().GetType(), r.GetObject().GetId(), r.GetState())
	if !r.GetCounts() {
		b.WriteString(", and does not count: the roll-up does not take its type")
	}
	b.WriteByte('\n')
	if d := r.GetDecides(); d != nil {
		fmt.Fprintf(b, "    because it says %s\n", claimed(d))
		if r.GetState() == "CONFLICT" {
			b.WriteString("    and one version of it says several things\n")
		}
	}
	for _, c := range r.GetOthers() {
		fmt.Fprintf(b, "    not     %s: %s\n", claimed(c), lostWords[c.GetStanding()])
	}
	if n := r.GetMore(); n > 0 {
		fmt.Fprintf(b, "    and %d more, which are older\n", n)
	}
	if u := r.GetLink().GetUrl(); u != "" {
		fmt.Fprintf(b, "    see     %s\n", u)
	}
}

var lostWords = map[orderledgerv1.ClaimStanding]string{
	orderledgerv1.ClaimStanding_CLAIM_STANDING_OLDER_VERSION: "a later version says otherwise",
	orderledgerv1.ClaimStanding_CLAIM_STANDING_LOWER_RANK:    "of the same version, and its state ranks lower",
	orderledgerv1.ClaimStanding_CLAIM_STANDING_READ_AGAIN:    "the same version was read again, and that counts",
	orderledgerv1.ClaimStanding_CLAIM_STANDING_REPEATS:       "it says the same",
	orderledgerv1.ClaimStanding_CLAIM_STANDING_DATED:         "it dates the past",
	orderledgerv1.ClaimStanding_CLAIM_STANDING_CONFLICT:      "of the same version, with another word",
}

// claimed is a claim in one line: the word, what it means, and which event said so.
func claimed(c *orderledgerv1.ClaimExplanation) string {
	out := fmt.Sprintf("%q, ", c.GetNativeWord())
	if m := c.GetMapping(); m != nil {
		out += fmt.Sprintf("%s in the matrix of %s", m.GetState(), m.GetSystem())
	} else {
		out += "which the matrix does not know"
	}
	if c.GetVersion() != "" {
		out += ", version " + c.GetVersion()
	}
	out += fmt.Sprintf(" (event %s, heard %s", c.GetEventId(), when(c.GetReceivedAt()))
	for _, a := range c.GetJoinedBy() {
		out += ", joined by " + a.GetType() + " " + a.GetValue()
	}
	return out + ")"
}

// explainFeed says how a feed was heard, and what stands against it.
func explainFeed(b *strings.Builder, f *orderledgerv1.FeedProof, indent string) {
	name := f.GetFeed().GetSource() + "/" + f.GetFeed().GetFeed()
	cover := ""
	if f.GetIntervalFrom() != nil || f.GetIntervalUntil() != nil {
		cover = fmt.Sprintf(" [%s, %s), epoch %d opened by %s", when(f.GetIntervalFrom()), when(f.GetIntervalUntil()), f.GetEpoch(), dash(f.GetEpochOpenedBy()))
	}
	switch f.GetHeardBy() {
	case orderledgerv1.HeardBy_HEARD_BY_COVERAGE:
		fmt.Fprintf(b, "%s%s was heard without a gap: coverage%s\n", indent, name, cover)
	case orderledgerv1.HeardBy_HEARD_BY_ASSUMED:
		fmt.Fprintf(b, "%s%s cannot prove what it said; it is assumed to have said all until %s\n", indent, name, when(f.GetHeardUntil()))
	case orderledgerv1.HeardBy_HEARD_BY_LOOK_UP:
		fmt.Fprintf(b, "%s%s was asked about this order alone, and covers it until %s\n", indent, name, when(f.GetHeardUntil()))
	case orderledgerv1.HeardBy_HEARD_BY_COVERAGE_WITH_HOLES:
		fmt.Fprintf(b, "%s%s was heard but for records that cannot be read: coverage%s\n", indent, name, cover)
	case orderledgerv1.HeardBy_HEARD_BY_MEMBERS:
		fmt.Fprintf(b, "%s%s was heard for every order that is merged here\n", indent, name)
	default:
		text := "was never heard"
		if f.GetHeardUntil() != nil {
			text = "was not heard that far, but until " + when(f.GetHeardUntil())
		}
		if f.GetSilent() {
			text += ", and counts as silent"
		}
		if cover != "" {
			text += ": coverage" + cover
		}
		fmt.Fprintf(b, "%s%s %s\n", indent, name, text)
	}
	for _, w := range f.GetWithdrawn() {
		fmt.Fprintf(b, "%s  withdrawn: [%s, %s)\n", indent, when(w.GetFrom()), when(w.GetUntil()))
	}
	for _, o := range f.GetAgainst() {
		fmt.Fprintf(b, "%s  %s\n", indent, strings.TrimSpace(objections[o.GetKind()]+" "+o.GetName()))
	}
	for _, m := range f.GetMembers() {
		heard := "not heard that far, but until " + when(m.GetHeardUntil())
		if m.GetHeard() {
			heard = "heard"
		}
		fmt.Fprintf(b, "%s  for %s (partition %d): %s", indent, m.GetOrderKey(), m.GetPartition(), heard)
		if m.GetAgainst() != "" {
			b.WriteString(", and against it stands " + m.GetAgainst())
		}
		b.WriteByte('\n')
	}
}

var objections = map[orderledgerv1.ObjectionKind]string{
	orderledgerv1.ObjectionKind_OBJECTION_KIND_HOLE:       "incomplete: a record is in quarantine,",
	orderledgerv1.ObjectionKind_OBJECTION_KIND_PARKED:     "incomplete: a record has found no order by its",
	orderledgerv1.ObjectionKind_OBJECTION_KIND_CONTESTED:  "incomplete: another order claims the name, too:",
	orderledgerv1.ObjectionKind_OBJECTION_KIND_UNANSWERED: "records may be on their way under the name",
	orderledgerv1.ObjectionKind_OBJECTION_KIND_JOINING:    "it was heard further, and what was heard is being joined to its orders",
	orderledgerv1.ObjectionKind_OBJECTION_KIND_SKEW:       "its clock is wrong by more than was declared",
}
