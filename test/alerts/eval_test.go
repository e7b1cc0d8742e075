package alerts_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// series is one time series with its values, by how long ago they were scraped.
type series struct {
	name   string
	labels map[string]string
	at     func(ago time.Duration) float64
}

// steady is a series that has had one value all along.
func steady(name string, v float64, labels ...string) series {
	s := series{name: name, labels: map[string]string{}, at: func(time.Duration) float64 { return v }}
	for i := 0; i+1 < len(labels); i += 2 {
		s.labels[labels[i]] = labels[i+1]
	}
	return s
}

// evaluator answers the part of PromQL that the shipped rules use, over series
// in memory; whatever else the parser takes, it refuses.
type evaluator struct {
	all []series
	now time.Time
}

// fires lists the label sets for which an expression gives a sample.
func (e *evaluator) fires(expr string) ([]map[string]string, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", expr, err)
	}
	got, err := e.vector(tree)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", expr, err)
	}
	var out []map[string]string
	for _, s := range got {
		out = append(out, s.labels)
	}
	return out, nil
}

func (e *evaluator) vector(x parser.Expr) ([]series, error) {
	switch x := x.(type) {
	case *parser.ParenExpr:
		return e.vector(x.Expr)
	case *parser.StepInvariantExpr:
		return e.vector(x.Expr)
	case *parser.VectorSelector:
		return slices.DeleteFunc(slices.Clone(e.all), func(s series) bool {
			for _, m := range x.LabelMatchers {
				if v := s.labels[m.Name]; m.Name == "__name__" && !m.Matches(s.name) || m.Name != "__name__" && !m.Matches(v) {
					return true
				}
			}
			return false
		}), nil
	case *parser.AggregateExpr:
		return e.aggregate(x)
	case *parser.Call:
		return e.call(x)
	case *parser.BinaryExpr:
		return e.binary(x)
	default:
		return nil, fmt.Errorf("%T is not evaluated here", x)
	}
}

func (e *evaluator) scalar(x parser.Expr) (float64, bool) {
	switch x := x.(type) {
	case *parser.NumberLiteral:
		return x.Val, true
	case *parser.ParenExpr:
		return e.scalar(x.Expr)
	case *parser.StepInvariantExpr:
		return e.scalar(x.Expr)
	case *parser.Call:
		return float64(e.now.UnixMilli()) / 1000, x.Func.Name == "time"
	}
	return 0, false
}

func (e *evaluator) binary(x *parser.BinaryExpr) ([]series, error) {
	if left, ok := e.scalar(x.LHS); ok && x.Op == parser.SUB {
		right, err := e.vector(x.RHS)
		for i := range right {
			at := right[i].at
			right[i].at = func(ago time.Duration) float64 { return left - ago.Seconds() - at(ago) }
		}
		return right, err
	}
	left, err := e.vector(x.LHS)
	right, ok := e.scalar(x.RHS)
	if err != nil || !ok || !x.Op.IsComparisonOperator() {
		return nil, fmt.Errorf("%s is not evaluated here (%w)", x, err)
	}
	return slices.DeleteFunc(left, func(s series) bool {
		v := s.at(0)
		switch x.Op {
		case parser.GTR:
			return !(v > right)
		case parser.NEQ:
			return v == right
		case parser.EQLC:
			return v != right
		default:
			return true
		}
	}), nil
}

func (e *evaluator) call(x *parser.Call) ([]series, error) {
	m, ok := x.Args[0].(*parser.MatrixSelector)
	if x.Func.Name != "increase" || !ok {
		return nil, fmt.Errorf("%s is not evaluated here", x)
	}
	list, err := e.vector(m.VectorSelector)
	for i := range list {
		at := list[i].at
		list[i].at = func(ago time.Duration) float64 { return at(ago) - at(ago+m.Range) }
	}
	return list, err
}

func (e *evaluator) aggregate(x *parser.AggregateExpr) ([]series, error) {
	if x.Op != parser.MIN && x.Op != parser.MAX {
		return nil, fmt.Errorf("%s is not evaluated here", x)
	}
	list, err := e.vector(x.Expr)
	groups := map[string]series{}
	for _, s := range list {
		labels, key := map[string]string{}, ""
		for _, l := range x.Grouping {
			labels[l] = s.labels[l]
			key += l + "=" + s.labels[l] + ","
		}
		v := s.at(0)
		if old, ok := groups[key]; ok && (x.Op == parser.MIN) == (old.at(0) < v) {
			continue
		}
		groups[key] = series{labels: labels, at: func(time.Duration) float64 { return v }}
	}
	var out []series
	for _, s := range groups {
		out = append(out, s)
	}
	return out, err
}

// metricsIn lists the metrics that an expression names.
func metricsIn(expr string) ([]string, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", expr, err)
	}
	var out []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			out = append(out, v.Name)
		}
		return nil
	})
	return out, nil
}

// scraped reads the text format of /metrics.
func scraped(text string) []series {
	var out []series
	for _, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		head, value, _ := strings.Cut(line, "} ")
		name, labels, labelled := strings.Cut(head, "{")
		if !labelled {
			name, value, _ = strings.Cut(line, " ")
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			continue
		}
		s := steady(name, v)
		for _, l := range strings.Split(labels, `",`) {
			if k, x, ok := strings.Cut(l, `="`); ok {
				s.labels[k] = strings.TrimSuffix(x, `"`)
			}
		}
		out = append(out, s)
	}
	return out
}
