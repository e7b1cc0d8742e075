package ruletest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// pairs is one thing seen, as keys and values in a fixed order.
type pairs [][2]string

func (p pairs) get(key string) (string, bool) {
	for _, kv := range p {
		if kv[0] == key {
			return kv[1], true
		}
	}
	return "", false
}

func (p pairs) keys() []string {
	var out []string
	for _, kv := range p {
		out = append(out, kv[0])
	}
	return out
}

// instantKeys are the keys whose values are instants, compared as such.
var instantKeys = [...]string{"deadline", "since", "opened", "until"}

func (r *runner) show(i ledger.Instant) string { return showInstant(i, r.start) }

// cells sees an order's cells that were heard; a cell asked for and unheard is
// ABSENT.
func (r *runner) cells(e *expectation) ([]pairs, error) {
	v, err := r.view(e)
	if err != nil {
		return nil, err
	}
	var out pairs
	for _, c := range v.Summary.Cells {
		out = append(out, [2]string{string(c.Source) + "." + c.Axis.String(), c.Axis.StateName(c.State)})
	}
	if n := e.Cells.node; n != nil {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, ok := out.get(n.Content[i].Value); !ok {
				out = append(out, [2]string{n.Content[i].Value, "ABSENT"})
			}
		}
	}
	return []pairs{out}, nil
}

// sums sees an order's totals, as "minor currency"; one of several currencies is
// "mixed", one that is asked for and unheard is "none".
func (r *runner) sums(e *expectation) ([]pairs, error) {
	v, err := r.view(e)
	if err != nil {
		return nil, err
	}
	var out pairs
	for _, s := range v.Summary.Sums {
		text := fmt.Sprintf("%d %s", s.Money.Minor, s.Money.Currency)
		if s.Mixed {
			text = "mixed"
		}
		out = append(out, [2]string{string(s.Source) + "." + s.Kind.String(), text})
	}
	if n := e.Sums.node; n != nil {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, ok := out.get(n.Content[i].Value); !ok {
				out = append(out, [2]string{n.Content[i].Value, "none"})
			}
		}
	}
	return []pairs{out}, nil
}

func (r *runner) view(e *expectation) (ledger.OrderView, error) {
	key, err := r.key(e.Order)
	if err != nil {
		return ledger.OrderView{}, err
	}
	read, err := r.log.reader()
	if err != nil {
		return ledger.OrderView{}, err
	}
	v, _, err := read.Order(key)
	if err != nil {
		return ledger.OrderView{}, fmt.Errorf("read order %s: %w", key, err)
	}
	return v, nil
}

// verdicts sees an order's verdicts, of one rule if the expectation names it.
func (r *runner) verdicts(e *expectation) ([]pairs, error) {
	v, err := r.view(e)
	if err != nil {
		return nil, err
	}
	var out []pairs
	for i := range v.Verdicts {
		x := &v.Verdicts[i]
		if e.Rule.text != "" && x.Rule != e.Rule.text {
			continue
		}
		feed, since := "", ""
		if x.Feed.Source != "" && x.State == ledger.VerdictUndetermined {
			feed, since = x.Feed.String(), r.show(x.Since)
		}
		out = append(out, pairs{
			{"rule", x.Rule},
			{"step", strconv.Itoa(int(x.Step))},
			{"episode", strconv.Itoa(int(x.Episode))},
			{"state", x.State.String()},
			{"basis", x.Basis.String()},
			{"because", x.Because.String()},
			{"deadline", r.show(x.Deadline)},
			{"feed", feed},
			{"since", since},
			{"historic", strconv.FormatBool(x.Historic)},
		})
	}
	return out, nil
}

// exceptions sees the open exceptions, of one order if the expectation names it.
func (r *runner) exceptions(e *expectation) ([]pairs, error) {
	read, err := r.log.reader()
	if err != nil {
		return nil, err
	}
	var list []*ledger.Exception
	err = read.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
		list = append(list, x)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read open exceptions: %w", err)
	}
	slices.SortFunc(list, func(a, b *ledger.Exception) int {
		if c := strings.Compare(a.Subject.String(), b.Subject.String()); c != 0 {
			return c
		}
		return strings.Compare(a.Rule, b.Rule)
	})
	var out []pairs
	for _, x := range list {
		ok, err := r.concerns(e, x)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, r.exception(x))
		}
	}
	return out, nil
}

func (r *runner) concerns(e *expectation, x *ledger.Exception) (bool, error) {
	if e.Rule.text != "" && x.Rule != e.Rule.text {
		return false, nil
	}
	if e.Order.text == "" {
		return true, nil
	}
	key, err := r.key(e.Order)
	return x.Subject.Order == key, err
}

func (r *runner) exception(x *ledger.Exception) pairs {
	risk := ""
	if x.AtRisk.Currency != "" {
		risk = fmt.Sprintf("%d %s", x.AtRisk.Minor, x.AtRisk.Currency)
	}
	return pairs{
		{"exception", x.Name},
		{"severity", x.Severity.String()},
		{"rule", x.Rule},
		{"subject", x.Subject.String()},
		{"step", strconv.Itoa(int(x.Step))},
		{"episode", strconv.Itoa(int(x.Episode))},
		{"n", strconv.FormatUint(x.N, 10)},
		{"basis", x.Basis.String()},
		{"hop", x.Hop},
		{"owner", x.Owner},
		{"at_risk", risk},
		{"historic", strconv.FormatBool(x.Historic)},
		{"announced", strconv.FormatBool(x.Announced)},
		{"cause", x.Cause.String()},
		{"deadline", r.show(x.Deadline)},
		{"opened", r.show(x.OpenedAt)},
	}
}

// changes sees every change of an exception that was told, in log order.
func (r *runner) changes(e *expectation) ([]pairs, error) {
	var out []pairs
	for i := range r.log.told {
		row := &r.log.told[i]
		ok, err := r.concerns(e, &row.Exception)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, append(pairs{{"change", strings.TrimPrefix(row.Change.String(), "exception-")}}, r.exception(&row.Exception)...))
		}
	}
	return out, nil
}

// facts sees what was said about an order, in log order.
func (r *runner) factsOf(e *expectation) ([]pairs, error) {
	key, err := r.key(e.Order)
	if err != nil {
		return nil, err
	}
	var out []pairs
	for i := range r.log.facts[key] {
		f := &r.log.facts[key][i]
		if e.Rule.text != "" && f.Rule != e.Rule.text {
			continue
		}
		from, to := "", ""
		if f.Kind == ledger.FactVerdict || f.Kind == ledger.FactRevised {
			from, to = f.From.String(), f.To.String()
		}
		out = append(out, pairs{
			{"kind", f.Kind.String()},
			{"rule", f.Rule},
			{"step", strconv.Itoa(int(f.Step))},
			{"episode", strconv.Itoa(int(f.Episode))},
			{"from", from},
			{"to", to},
			{"because", f.Because.String()},
			{"name", f.Name},
			{"text", f.Text},
		})
	}
	return out, nil
}

// counts sees the outcomes of one source's records.
func (r *runner) counts(e *expectation) ([]pairs, error) {
	read, err := r.log.reader()
	if err != nil {
		return nil, err
	}
	spec, err := r.spec(e.Source)
	if err != nil {
		return nil, err
	}
	var out pairs
	for o, n := range read.Counts(spec.Name) {
		if o > 0 {
			out = append(out, [2]string{ledger.Outcome(o).String(), strconv.FormatUint(n, 10)})
		}
	}
	return []pairs{out}, nil
}
