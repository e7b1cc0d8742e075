package api

import (
	"cmp"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// known is everything a snapshot says of one order.
type known struct {
	key        ledger.OrderKey
	view       ledger.OrderView
	told       []ledger.Told
	exceptions []*ledger.Exception // open ones
	policy     *ledger.Policy
	events     map[ledger.EventID]*ledger.Event
	links      Links
}

// load reads an order; nil if the partition has none of that key.
func load(r *ledger.Reader, k ledger.OrderKey, links Links) (*known, error) {
	v, ok, err := r.Order(k)
	if err != nil || !ok {
		return nil, err
	}
	o := &known{key: k, view: v, policy: r.Policy(), links: links}
	if o.told, err = r.Timeline(k); err == nil {
		err = signAll(r, o.told)
	}
	if err != nil {
		return nil, err
	}
	o.events = eventsOf(o.told)
	if v.Summary.Open == 0 {
		return o, nil
	}
	seen := map[ledger.ExceptionID]bool{}
	for i := range o.told {
		f := o.told[i].Fact
		if f == nil || f.Exception == (ledger.ExceptionID{}) || seen[f.Exception] {
			continue
		}
		seen[f.Exception] = true
		x, err := r.Exception(f.Exception)
		if err != nil {
			return nil, err
		}
		if x != nil && x.Open {
			o.exceptions = append(o.exceptions, x)
		}
	}
	slices.SortFunc(o.exceptions, func(a, b *ledger.Exception) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.ID.String(), b.ID.String()))
	})
	return o, nil
}

// first and last are the append times of the records that touched the order.
func (o *known) first() ledger.Instant {
	if len(o.told) == 0 {
		return 0
	}
	return o.told[0].RecordedAt
}

func (o *known) last() ledger.Instant {
	if len(o.told) == 0 {
		return 0
	}
	return o.told[len(o.told)-1].RecordedAt
}

// roleOf is what a source does for this order (S-11).
func (o *known) roleOf(s ledger.Source) string {
	if o.policy == nil {
		return ""
	}
	for _, b := range o.policy.Bindings {
		if b.Origin == o.key.Origin() && b.Source == s {
			return b.Role.String()
		}
	}
	for i := range o.policy.Sources {
		if o.policy.Sources[i].Name == s {
			return o.policy.Sources[i].Role.String()
		}
	}
	return ""
}

func (o *known) message(view orderledgerv1.OrderView) *orderledgerv1.Order {
	sum := &o.view.Summary
	out := &orderledgerv1.Order{
		Name: "orders/" + string(o.key), OrderKey: string(o.key), OriginSource: string(o.key.Origin()),
		Created: interval(ledger.Within{Earliest: sum.Created, Latest: sum.Created}), CreateTime: stamp(o.first()), UpdateTime: stamp(o.last()), Cells: o.cells(),
		MergedInto: string(sum.MergedInto),
	}
	for _, k := range o.view.Members {
		out.Members = append(out.Members, string(k))
	}
	for _, a := range o.view.Aliases {
		out.Aliases = append(out.Aliases, boundAlias(a, o.view.Bindings))
	}
	risk := map[string]int64{}
	for _, x := range o.exceptions {
		m := exceptionOf(x)
		linkEvidence(m, o.pageOf)
		out.OpenExceptions = append(out.OpenExceptions, m)
		if x.AtRisk.Currency != "" { // the order counts once: the greatest sum at stake
			risk[x.AtRisk.Currency] = max(risk[x.AtRisk.Currency], x.AtRisk.Minor)
		}
	}
	for currency, minor := range risk {
		out.MoneyAtRisk = addMoney(out.MoneyAtRisk, ledger.Money{Minor: minor, Currency: currency})
	}
	slices.SortFunc(out.MoneyAtRisk, func(a, b *orderledgerv1.Money) int { return strings.Compare(a.Currency, b.Currency) })
	if view == orderledgerv1.OrderView_ORDER_VIEW_BASIC {
		return out
	}
	for _, s := range sum.Sums {
		if !s.Mixed {
			out.Amounts = append(out.Amounts, &orderledgerv1.Amount{Source: string(s.Source), Kind: orderledgerv1.AmountKind(s.Kind), Money: moneyOf(s.Money)})
		}
	}
	out.Lines = o.lines()
	out.Verdicts = o.verdicts()
	out.Sentence, out.Clauses = o.sentence()
	out.Links = o.allLinks()
	return out
}

// cells lists what each source says per axis, and ABSENT for what a bound
// source could say and has not.
func (o *known) cells() []*orderledgerv1.Cell {
	type at struct {
		s ledger.Source
		a ledger.Axis
	}
	have := map[at]bool{}
	var out []*orderledgerv1.Cell
	for _, c := range o.view.Summary.Cells {
		have[at{c.Source, c.Axis}] = true
		cell := &orderledgerv1.Cell{
			Role: o.roleOf(c.Source), Source: string(c.Source), Axis: axisOf(c.Axis), State: c.Axis.StateName(c.State),
			Since: interval(c.Since), Certainty: certainty(c.State),
		}
		for _, w := range o.view.Words {
			if w.Source == c.Source && w.Axis == c.Axis && !slices.Contains(cell.NativeWords, w.Native) {
				cell.NativeWords = append(cell.NativeWords, w.Native)
			}
		}
		out = append(out, cell)
	}
	if o.policy == nil {
		return out
	}
	for i := range o.policy.Sources {
		s := &o.policy.Sources[i]
		if !o.bound(s.Name) {
			continue
		}
		for _, f := range s.Feeds {
			for _, p := range f.Proves {
				if k := (at{s.Name, p.Axis}); !have[k] {
					have[k] = true
					out = append(out, &orderledgerv1.Cell{
						Role: o.roleOf(s.Name), Source: string(s.Name), Axis: axisOf(p.Axis),
						State: p.Axis.StateName(ledger.Absent), Certainty: orderledgerv1.Certainty_CERTAINTY_CERTAIN,
					})
				}
			}
		}
	}
	return out
}

// bound reports whether a source plays a role for the order.
func (o *known) bound(s ledger.Source) bool {
	return s == o.key.Origin() || slices.ContainsFunc(o.policy.Bindings, func(b ledger.Binding) bool { return b.Origin == o.key.Origin() && b.Source == s })
}

func certainty(s ledger.State) orderledgerv1.Certainty {
	switch s {
	case ledger.Unmapped:
		return orderledgerv1.Certainty_CERTAINTY_UNMAPPED
	case ledger.Conflict:
		return orderledgerv1.Certainty_CERTAINTY_CONFLICT
	default:
		return orderledgerv1.Certainty_CERTAINTY_CERTAIN
	}
}

// lines adds up the quantities per source, article and kind.
func (o *known) lines() []*orderledgerv1.Line {
	var out []*orderledgerv1.Line
	for _, l := range o.view.Lines {
		kind := orderledgerv1.LineKind(l.Kind)
		i := slices.IndexFunc(out, func(x *orderledgerv1.Line) bool {
			return x.Source == string(l.Source) && x.Sku == l.Line.SKU && x.Kind == kind
		})
		if i >= 0 {
			out[i].Quantity += l.Line.Quantity
			continue
		}
		out = append(out, &orderledgerv1.Line{Source: string(l.Source), Sku: l.Line.SKU, Kind: kind, Quantity: l.Line.Quantity})
	}
	return out
}

func (o *known) verdicts() []*orderledgerv1.Verdict {
	var out []*orderledgerv1.Verdict
	for i := range o.view.Verdicts {
		out = append(out, o.verdict(&o.view.Verdicts[i]))
	}
	return out
}

func (o *known) verdict(v *ledger.VerdictView) *orderledgerv1.Verdict {
	m := &orderledgerv1.Verdict{
		Rule: v.Rule, Episode: v.Episode + 1, Step: uint32(v.Step), State: orderledgerv1.VerdictState(v.State),
		Basis: basisOf(v.Basis), Opened: interval(v.Anchor), Deadline: stamp(v.Deadline), Because: timeline.VerdictText(v),
	}
	if v.State == ledger.VerdictPending {
		m.Basis = orderledgerv1.Basis_BASIS_UNSPECIFIED
	} else {
		m.SaidAt = stamp(o.saidAt(v))
	}
	if v.Feed.Source != "" {
		m.WaitingFor = []*orderledgerv1.Waiting{{Feed: feedRef(v.Feed), Since: stamp(v.Since)}}
	}
	return m
}

// saidAt is the tick at which a verdict's present state was told; 0 if it was
// not told (what keeps the first step keeps the later ones).
func (o *known) saidAt(v *ledger.VerdictView) ledger.Instant {
	for i := len(o.told) - 1; i >= 0; i-- {
		f := o.told[i].Fact
		if f != nil && (f.Kind == ledger.FactVerdict || f.Kind == ledger.FactRevised) && f.Rule == v.Rule && f.Episode == v.Episode && f.Step == v.Step {
			return f.At
		}
	}
	return 0
}

// entry converts one line of the story.
func (o *known) entry(e *timeline.Entry, partition int32) *orderledgerv1.TimelineEntry {
	out := entryOf(e, partition)
	out.Link = linkOf(o.links, o.events[e.Event], e.Object, o.key)
	return out
}

// entryOf converts one line of the story, without the page of its document.
func entryOf(e *timeline.Entry, partition int32) *orderledgerv1.TimelineEntry {
	out := &orderledgerv1.TimelineEntry{
		Sequence: e.Sequence, Kind: orderledgerv1.EntryKind(e.Kind), Occurred: interval(e.Occurred),
		ReceivedAt: stamp(e.ReceivedAt), RecordedAt: stamp(e.RecordedAt), EvaluatedAt: stamp(e.EvaluatedAt), Source: string(e.Source), Feed: e.Feed,
		Axis: axisOf(e.Axis), NativeWord: e.Native, Version: e.Version, Text: e.Text, TraceId: e.TraceID,
		Position: position(topicEvents, partition, e.Offset), Rule: e.Rule, Actor: e.Actor,
	}
	if e.Object.Type != "" {
		out.Object = &orderledgerv1.ObjectRef{Type: e.Object.Type, Id: e.Object.ID}
	}
	if e.Axis.Valid() {
		out.CanonicalState = e.Axis.StateName(e.State)
	}
	if e.Event != (ledger.EventID{}) {
		out.EventId = e.Event.String()
		out.Delivery = &orderledgerv1.Delivery{Topic: e.Delivery.Topic, DeliveryId: e.Delivery.ID, Attempt: e.Delivery.Attempt}
		switch e.Mode {
		case ledger.Dated:
			out.Tense = orderledgerv1.ClaimTense_CLAIM_TENSE_DATED
		case ledger.Current:
			out.Tense = orderledgerv1.ClaimTense_CLAIM_TENSE_CURRENT
		case ledger.Created:
			out.Tense = orderledgerv1.ClaimTense_CLAIM_TENSE_CREATED
		}
	}
	if e.Exception != (ledger.ExceptionID{}) {
		out.ExceptionId = e.Exception.String()
	}
	return out
}
