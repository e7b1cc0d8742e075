package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/judge"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// DeadlinesReport says how the ledger's verdicts compare with a judge's.
type DeadlinesReport struct {
	Orders int `json:"orders"`
	// Judged counts the verdicts and exceptions that were compared.
	Judged int `json:"judged"`
	// States counts the verdicts judged, by state.
	States map[string]int `json:"states"`
	// Unjudged counts what could not be judged, by the reason: it is not proven.
	Unjudged map[string]int `json:"not_judged"`
	Notes    []string       `json:"notes,omitempty"`
	Findings []Finding      `json:"findings"`
}

// Err is ErrUnproven if something was found.
func (r *DeadlinesReport) Err() error {
	if len(r.Findings) > 0 {
		return ErrUnproven
	}
	return nil
}

// Deadlines lets an independent judge say every verdict of the log once more, and
// compares: with the stores of a stopped instance where there are some, else with
// a replay.
func Deadlines(ctx context.Context, o Options) (*DeadlinesReport, error) {
	parts, err := o.parts(ctx)
	if err != nil {
		return nil, err
	}
	r := &DeadlinesReport{States: map[string]int{}, Unjudged: map[string]int{}, Findings: []Finding{}}
	for i := range parts {
		if p := &parts[i]; !p.joins() { // nothing is promised of names
			if err := o.judge(ctx, p, r); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// judge judges one partition.
func (o *Options) judge(ctx context.Context, p *part, r *DeadlinesReport) error {
	if kept := o.kept(p, func(s string) { r.Notes = append(r.Notes, s) }); kept != nil {
		defer func() { _ = kept.Close() }()
		if at, ok, err := engine.PlaceOf(kept); err != nil || ok {
			if err == nil && at.Offset > p.end {
				r.Findings = append(r.Findings, p.finding("the store stands at %d, the log ends at %d", at.Offset, p.end))
				return nil
			}
			if err == nil { // a tick's slices may be left from before a crash
				_, err = engine.NewFold(kept, p.options())
			}
			if err != nil {
				return err
			}
			return o.judgeStore(ctx, p, kept, r)
		}
	}
	f, err := o.scratch(p, nil)
	if err != nil {
		return err
	}
	err = f.to(ctx, p.end)
	if err == nil {
		err = o.judgeStore(ctx, p, f.store, r)
	}
	return errors.Join(err, f.close())
}

// judgeStore holds a store against the judge, who hears the log up to where the
// store stands.
func (o *Options) judgeStore(ctx context.Context, p *part, store ledger.Store, r *DeadlinesReport) error {
	read, err := ledger.NewReader(store, p.readerOptions())
	if err != nil {
		return err
	}
	j := judge.New(p.index, p.of)
	if err := o.each(ctx, p, 0, read.Offset(), func(d *engine.Decoded, _ *kafkalog.Record) error {
		j.Hear(&d.Record)
		return nil
	}); err != nil {
		return err
	}
	if j.Clock() != read.Clock() {
		f := p.finding("the clock is not what the ticks make it")
		f.Field, f.Want, f.Got = "clock", j.Clock().String(), read.Clock().String()
		r.Findings = append(r.Findings, f)
	}
	s, err := standing(read)
	if err != nil {
		return err
	}
	for i := range s.unlisted {
		x := &s.unlisted[i]
		f := p.finding("exception %s of %s is open, and not in the list of the open ones", x.ID, x.Rule)
		f.Order, f.Offset, f.Field, f.Want, f.Got = string(x.Subject.Order), x.Offset, "name", x.Name, "nothing"
		r.Findings = append(r.Findings, f)
	}
	for _, k := range j.Orders() {
		r.Orders++
		if err := r.order(p, j, read, s, k); err != nil {
			return err
		}
	}
	for k := range s.open { //lint:each is told alone, and findings are sorted
		f := p.finding("an exception is open of an order of which the log tells nothing")
		f.Order = string(k)
		r.Findings = append(r.Findings, f)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return slices.Compare([]byte(a.Order), []byte(b.Order))
	})
	return nil
}

// exceptions are those of the orders of a partition.
type exceptions struct {
	open map[ledger.OrderKey][]ledger.Exception
	// byPerson are the rules whose newest exception a person resolved.
	byPerson map[ledger.OrderKey][]string
	// unlisted are open, and not in the list of the open ones.
	unlisted []ledger.Exception
}

func standing(read *ledger.Reader) (*exceptions, error) {
	s := &exceptions{open: map[ledger.OrderKey][]ledger.Exception{}, byPerson: map[ledger.OrderKey][]string{}}
	listed := map[ledger.ExceptionID]bool{}
	err := read.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		listed[x.ID] = true
		if x.Subject.Kind == ledger.SubjectOrder {
			s.open[x.Subject.Order] = append(s.open[x.Subject.Order], *x)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return s, read.Exceptions(func(x *ledger.Exception) bool {
		if x.Open && !listed[x.ID] {
			s.unlisted = append(s.unlisted, *x)
		}
		if x.Subject.Kind == ledger.SubjectOrder && !x.Open && x.Cause == ledger.BecauseOperator {
			s.byPerson[x.Subject.Order] = append(s.byPerson[x.Subject.Order], x.Rule)
		}
		return true
	})
}

// order judges one order.
func (r *DeadlinesReport) order(p *part, j *judge.Judge, read *ledger.Reader, s *exceptions, k ledger.OrderKey) error {
	open := s.open[k]
	delete(s.open, k)
	view, ok, err := read.Order(k)
	if err != nil {
		return err
	}
	if !ok {
		f := p.finding("the ledger does not know an order of which the log tells")
		f.Order, f.Offset = string(k), j.LastHeard(k)
		r.Findings = append(r.Findings, f)
		return nil
	}
	if len(view.Members) > 0 {
		r.Unjudged[judge.UnjudgedMerged]++
		return nil
	}
	if !j.Rules(k) {
		r.Unjudged[judge.UnjudgedOrigin]++
		return nil
	}
	verdicts := j.Verdicts(k)
	c := judge.Compare(view.Verdicts, verdicts)
	x := judge.CompareOpen(&judge.Standing{Open: open, ByPerson: s.byPerson[k], Untouched: j.Policies() > 1 && j.LastHeard(k) < j.PolicySince()}, judge.Open(verdicts))
	c.Add(&x)
	r.Judged += c.Judged
	for why, n := range c.Unjudged { //lint:a sums do not depend on order
		r.Unjudged[why] += n
	}
	for state, n := range c.States { //lint:a sums do not depend on order
		r.States[state.String()] += n
	}
	for _, d := range c.Differences {
		f := p.finding("%s", fmt.Sprintf("%s is not as judged", d.Where))
		f.Order, f.Offset, f.Field, f.Want, f.Got = string(k), j.LastHeard(k), d.Field, d.Judge, d.Ledger
		r.Findings = append(r.Findings, f)
	}
	return nil
}
