package ruletest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/policy"
)

// runner runs one test.
type runner struct {
	s      *suite
	t      *test
	start  ledger.Instant
	log    *log
	layers [][]policy.File
	past   []*ledger.Policy
}

// problemAt is an error at a place of the test file.
func (r *runner) problemAt(w word, format string, args ...any) error {
	return &policy.Problem{Level: policy.LevelError, File: r.s.name, Line: max(w.line, 1), Column: max(w.column, 1), Text: fmt.Sprintf(format, args...)}
}

func (r *runner) instant(w *when, otherwise ledger.Instant) ledger.Instant {
	if w == nil {
		return otherwise
	}
	return w.instant(r.start)
}

func (r *runner) spec(w word) (*ledger.SourceSpec, error) {
	i := slices.IndexFunc(r.s.sources, func(s ledger.SourceSpec) bool { return string(s.Name) == w.text })
	if i < 0 {
		return nil, r.problemAt(w, "no source is named %q", w.text)
	}
	return &r.s.sources[i], nil
}

// key reads an order: a key, or the native id of the only origin.
func (r *runner) key(w word) (ledger.OrderKey, error) {
	if strings.Contains(w.text, "~") {
		k, err := ledger.ParseOrderKey(w.text)
		if err != nil {
			return "", r.problemAt(w, "%s", err)
		}
		return k, nil
	}
	var origins []ledger.Source
	for i := range r.s.sources {
		if r.s.sources[i].Origin {
			origins = append(origins, r.s.sources[i].Name)
		}
	}
	if len(origins) != 1 {
		return "", r.problemAt(w, "%d origins: write the order as source~id", len(origins))
	}
	k, err := ledger.NewOrderKey(origins[0], w.text)
	if err != nil {
		return "", r.problemAt(w, "%s", err)
	}
	return k, nil
}

// record builds the record of an input.
func (r *runner) record(in *input) (ledger.Record, error) {
	at := in.At.instant(r.start)
	rec := ledger.Record{RecordedAt: at}
	var err error
	switch {
	case in.Event != nil:
		rec.Event, err = r.event(in.Event, at)
	case in.Tick != nil:
		rec.Tick, err = r.tick(in.Tick, at)
	case in.Looked != nil:
		rec.Looked, err = r.looked(in.Looked, at)
	case in.Policy != nil:
		rec.Policy, err = r.nextPolicy(in.Policy, at)
	default:
		rec.Action, err = r.action(in.Action, at)
	}
	return rec, err
}

func (r *runner) event(e *event, at ledger.Instant) (*ledger.Event, error) {
	spec, err := r.spec(e.Source)
	if err != nil {
		return nil, err
	}
	key, err := r.key(e.Order)
	if err != nil {
		return nil, err
	}
	object := ledger.Object{Type: "order", ID: key.NativeID()}
	if e.Object.text != "" {
		typ, id, ok := cut(e.Object.text)
		if !ok {
			return nil, r.problemAt(e.Object, "want type/id, such as sales_order/88123")
		}
		object = ledger.Object{Type: typ, ID: id}
	}
	stamp := r.instant(e.Stamp, at)
	out := &ledger.Event{
		Source: spec.Name, System: spec.System, Order: key, Kind: ledger.ParseKind(e.Kind.text), Object: object,
		AskedAt: r.instant(e.Asked, 0), PrevAsked: r.instant(e.PrevAsked, 0), NativeID: e.NativeID,
	}
	out.ReceivedAt = r.instant(e.Received, at)
	if e.Asked != nil && e.Received == nil {
		out.ReceivedAt = out.AskedAt
	}
	if out.Version, err = r.version(e.Version, stamp); err != nil {
		return nil, err
	}
	if err := r.claims(e, out, stamp, spec); err != nil {
		return nil, err
	}
	if err := r.amounts(e, out); err != nil {
		return nil, err
	}
	if out.Feed = e.Feed.text; out.Feed == "" {
		out.Feed = feedOf(spec, out)
	}
	out.ID = out.ComputeID()
	return out, nil
}

// version reads "none", a sequence number, or takes the stamp.
func (r *runner) version(w word, stamp ledger.Instant) (ledger.Version, error) {
	switch w.text {
	case "":
		return ledger.Version{Scheme: ledger.SchemeTimestamp, Parts: [3]int64{int64(stamp) * 1000}}, nil
	case "none":
		return ledger.Version{}, nil
	}
	n, err := strconv.ParseInt(w.text, 10, 64)
	if err != nil {
		return ledger.Version{}, r.problemAt(w, "a version is none, or a whole number; without one the stamp is it")
	}
	return ledger.Version{Scheme: ledger.SchemeSequence, Parts: [3]int64{n}}, nil
}

func parseMode(name string) (ledger.Mode, bool) {
	switch name {
	case "", "current":
		return ledger.Current, true
	case "dated":
		return ledger.Dated, true
	case "created":
		return ledger.Created, true
	default:
		return 0, false
	}
}

// claims turns words (one current claim each) and claims into the event's.
func (r *runner) claims(e *event, out *ledger.Event, stamp ledger.Instant, spec *ledger.SourceSpec) error {
	list := slices.Clone(e.Words)
	for _, p := range e.Current.pairs {
		list = append(list, claim{Axis: p[0], Word: p[1]})
	}
	for i := range list {
		c := &list[i]
		axis, ok := ledger.ParseAxis(c.Axis.text)
		if !ok {
			return r.problemAt(c.Axis, "%q is no axis", c.Axis.text)
		}
		mode, ok := parseMode(c.Mode.text)
		if !ok {
			return r.problemAt(c.Mode, "a claim's mode is current, dated or created, not %q", c.Mode.text)
		}
		x := ledger.Claim{Axis: axis, Object: out.Object, Mode: mode, Native: c.Word.text, Version: out.Version, Earliest: r.instant(c.Stamp, stamp)}
		if c.Object.text != "" {
			x.Object.Type, x.Object.ID, _ = cut(c.Object.text)
		}
		precision := spec.Precision
		for _, p := range []*span{e.Precision, c.Precision} {
			if p != nil {
				precision = p.micros
			}
		}
		x.Latest = x.Earliest.Add(precision)
		out.Claims = append(out.Claims, x)
	}
	return nil
}

// amounts groups sums by kind, each a complete collection of the object.
func (r *runner) amounts(e *event, out *ledger.Event) error {
	for i := range e.Amounts {
		a := &e.Amounts[i]
		kind, ok := ledger.ParseAmountKind(a.Kind.text)
		if !ok {
			return r.problemAt(a.Kind, "%q is no kind of amount", a.Kind.text)
		}
		at := slices.IndexFunc(out.Amounts, func(s ledger.AmountSet) bool { return s.Kind == kind })
		if at < 0 {
			out.Amounts = append(out.Amounts, ledger.AmountSet{Object: out.Object, Kind: kind, Complete: true})
			at = len(out.Amounts) - 1
		}
		id := a.ID
		if id == "" {
			id = "total"
		}
		out.Amounts[at].Amounts = append(out.Amounts[at].Amounts, ledger.Amount{ID: id, Minor: a.Minor, Currency: a.Currency})
	}
	return nil
}

// feedOf is the first feed that proves what the event's object is; deliveries
// prefer a feed that proves nothing, as webhooks do beside a poll.
func feedOf(spec *ledger.SourceSpec, e *ledger.Event) string {
	fallback := ""
	for i := range spec.Feeds {
		f := &spec.Feeds[i]
		if fallback == "" || f.Name == "webhooks" && !e.Read() {
			fallback = f.Name
		}
	}
	if !e.Read() && fallback == "webhooks" {
		return fallback
	}
	for i := range spec.Feeds {
		if slices.ContainsFunc(spec.Feeds[i].Proves, func(p ledger.Proof) bool { return p.Object == e.Object.Type }) {
			return spec.Feeds[i].Name
		}
	}
	return fallback
}

// tick is a tick whose wall a source's Date confirms.
func (r *runner) tick(t *tick, at ledger.Instant) (*ledger.Tick, error) {
	out := &ledger.Tick{Wall: at, Proposer: "ruletest", BootID: [16]byte{1}, BootClock: at.Sub(r.start) + 30*ledger.Day, SourceDate: at}
	names := make([]string, 0, len(t.Coverage))
	for n := range t.Coverage {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		c := t.Coverage[n]
		src, feed, ok := cut(n)
		if _, err := r.spec(word{text: src}); err != nil || !ok {
			return nil, r.problemAt(word{}, "coverage of %q: want source/feed of a source above", n)
		}
		fc := ledger.FeedCoverage{Source: ledger.Source(src), Feed: feed, Epoch: ledger.Epoch{Number: max(c.Epoch, 1), OpenedBy: "ruletest"}, LastHeard: at}
		if c.Until != nil {
			fc.Intervals = []ledger.Interval{{From: r.instant(c.From, r.start.Add(-ledger.Day)), Until: c.Until.instant(r.start)}}
		}
		if c.WithdrawnFrom != nil && c.WithdrawnUntil != nil {
			fc.Withdrawn = []ledger.Interval{{From: c.WithdrawnFrom.instant(r.start), Until: c.WithdrawnUntil.instant(r.start)}}
		}
		out.Feeds = append(out.Feeds, fc)
	}
	return out, nil
}

func (r *runner) looked(l *looked, at ledger.Instant) (*ledger.Looked, error) {
	spec, err := r.spec(l.Source)
	if err != nil {
		return nil, err
	}
	key, err := r.key(l.Order)
	if err != nil {
		return nil, err
	}
	return &ledger.Looked{Source: spec.Name, Feed: l.Feed.text, Order: key, AskedAt: r.instant(l.Asked, at), Found: l.Found}, nil
}

// nextPolicy compiles one version more, over the layers so far.
func (r *runner) nextPolicy(n *nextPolicy, at ledger.Instant) (*ledger.PolicyRecord, error) {
	before := len(r.s.problems)
	r.layers = append(r.layers, r.s.files(n.RuleFiles)...)
	if n.Text.text != "" {
		r.layers = append(r.layers, r.s.inline(n.Text))
	}
	if len(r.s.problems) > before {
		return nil, r.problemAt(n.Text, "the next policy cannot be read")
	}
	p, err := r.s.policy(r.layers, policy.Options{Version: uint64(len(r.past) + 1), EffectiveAt: r.instant(n.EffectiveAt, at), History: r.past})
	if err != nil {
		return nil, err
	}
	r.past = append(r.past, p)
	return p.Record(nil, "ruletest"), nil
}

// actionKinds are the actions an input may be.
var actionKinds = [...]ledger.ActionKind{ledger.ActionAcknowledge, ledger.ActionAssign, ledger.ActionComment, ledger.ActionResolve, ledger.ActionFalsePositive}

func (r *runner) action(a *actionInput, at ledger.Instant) (*ledger.OperatorAction, error) {
	out := &ledger.OperatorAction{RequestID: fmt.Sprintf("request-%d", r.log.next), Actor: a.Actor, Comment: a.Comment, ProposedAt: at}
	i := slices.IndexFunc(actionKinds[:], func(k ledger.ActionKind) bool { return k.String() == a.Kind.text })
	if i < 0 {
		return nil, r.problemAt(a.Kind, "an action is one of %v, not %q", actionKinds, a.Kind.text)
	}
	out.Kind = actionKinds[i]
	key, err := r.key(a.Order)
	if err != nil {
		return nil, err
	}
	for _, row := range slices.Backward(r.log.told) {
		if x := &row.Exception; x.Name == a.Exception.text && x.Subject.Order == key {
			out.Exception, out.Episode = x.ID, x.Episode
			return out, nil
		}
	}
	return nil, r.problemAt(a.Exception, "order %s has no exception %q yet", key, a.Exception.text)
}
