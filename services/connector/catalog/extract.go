package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/orderledger/orderledger/ledger"
)

// maxElements bounds the lists that one document may unfold into.
const maxElements = 10_000

// extraction evaluates the expressions of a mapping over one document.
type extraction struct {
	mapper *Mapper
	doc    any
	in     *Input
	it     any // the subject of the document
	item   any
}

// subject settles what the document is about.
func (x *extraction) subject(d *mapping) error {
	x.it = x.doc
	if d.subject == nil {
		return nil
	}
	v, err := x.eval(d.subject, x.doc)
	if err != nil {
		return err
	}
	v, _ = bare(v)
	if x.it = v.Value(); !isTree(x.it) {
		return x.fail(d.subject, "want an object of the document, found %s", v.Type().TypeName())
	}
	return nil
}

// eval runs p with `it` bound.
func (x *extraction) eval(p *program, it any) (ref.Val, error) {
	if p.fast != nil {
		if v := p.fast(x, it); v != nil {
			return v, nil
		}
	}
	v, _, err := p.run.Eval(&bindings{x, it})
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", p.name, p.at, err)
	}
	return v, nil
}

// bindings are the variables of one evaluation.
type bindings struct {
	x  *extraction
	it any
}

// ResolveName implements cel.Activation.
func (b *bindings) ResolveName(name string) (any, bool) {
	switch name {
	case "it":
		return b.it, true
	case "doc":
		return b.x.doc, true
	case "item":
		return b.x.item, true
	case "source":
		return b.x.mapper.vars, true
	case "delivery":
		var signed, asked any
		if b.x.in.SignedAt != 0 {
			signed = b.x.in.SignedAt.Time()
		}
		if b.x.in.AskedAt != 0 {
			asked = b.x.in.AskedAt.Time()
		}
		return map[string]any{"signed_at": signed, "asked_at": asked}, true
	default:
		return nil, false
	}
}

// Parent implements cel.Activation.
func (b *bindings) Parent() cel.Activation { return nil }

func (x *extraction) fail(p *program, format string, args ...any) error {
	return fmt.Errorf("%s (%s): %w", p.name, p.at, fmt.Errorf(format, args...))
}

// truth evaluates a condition; null and missing are false.
func (x *extraction) truth(p *program, it any) (bool, error) {
	v, err := x.eval(p, it)
	if err != nil {
		return false, err
	}
	v, _ = bare(v)
	switch b := v.(type) {
	case types.Bool:
		return bool(b), nil
	case types.Null:
		return false, nil
	default:
		return false, x.fail(p, "want true or false, found %s", v.Type().TypeName())
	}
}

// text evaluates to a text; false for null and missing.
func (x *extraction) text(p *program, it any) (string, bool, error) {
	v, err := x.eval(p, it)
	if err != nil {
		return "", false, err
	}
	v, present := bare(v)
	if !present || v == types.NullValue {
		return "", false, nil
	}
	s, ok := plain(v)
	if !ok {
		return "", false, x.fail(p, "want a text, found %s", v.Type().TypeName())
	}
	if len(s) > maxWord {
		return "", false, x.fail(p, "text is longer than %d bytes", maxWord)
	}
	return s, true, nil
}

// needText is text for what must be there.
func (x *extraction) needText(p *program, it any) (string, error) {
	s, ok, err := x.text(p, it)
	if err == nil && (!ok || s == "") {
		err = x.fail(p, "is empty")
	}
	return s, err
}

// integer evaluates to a whole number.
func (x *extraction) integer(p *program, it any) (int64, error) {
	v, err := x.eval(p, it)
	if err != nil {
		return 0, err
	}
	v, _ = bare(v)
	i, ok := v.(types.Int)
	if !ok {
		return 0, x.fail(p, "want a whole number, found %s", v.Type().TypeName())
	}
	return int64(i), nil
}

// instant evaluates to a point in time; false for null and missing.
func (x *extraction) instant(p *program, it any) (time.Time, bool, error) {
	v, err := x.eval(p, it)
	if err != nil {
		return time.Time{}, false, err
	}
	t, ok, err := instantOf(v, nil)
	if err != nil {
		return time.Time{}, false, x.fail(p, "%w", err)
	}
	return t, ok, nil
}

// list evaluates to the elements of a list; null and missing are empty. Without
// an expression the single element is it.
func (x *extraction) list(p *program, it any) ([]any, error) {
	if p == nil {
		return []any{it}, nil
	}
	v, err := x.eval(p, it)
	if err != nil {
		return nil, err
	}
	v, present := bare(v)
	if !present || v == types.NullValue {
		return nil, nil
	}
	l, ok := v.(traits.Lister)
	if !ok {
		return nil, x.fail(p, "want a list, found %s", v.Type().TypeName())
	}
	n, _ := l.Size().(types.Int)
	if n > maxElements {
		return nil, x.fail(p, "list has more than %d elements", maxElements)
	}
	out := make([]any, 0, n)
	for i := range n {
		e := l.Get(i)
		if native := e.Value(); isTree(native) {
			out = append(out, native)
		} else {
			out = append(out, e)
		}
	}
	return out, nil
}

// isTree reports whether v is a decoded object or array, which CEL can take
// back as it is.
func isTree(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	default:
		return false
	}
}

// fill extracts object, version, aliases, claims, lines and amounts of the
// document and of everything embedded in it.
func (x *extraction) fill(e *ledger.Event, d *mapping) error {
	root, err := x.part(e, d, x.it)
	if err != nil {
		return err
	}
	e.Object, e.Version = root.object, root.version
	for i := range d.embeds {
		elements, err := x.list(d.embeds[i].each, x.it)
		if err != nil {
			return err
		}
		for _, it := range elements {
			if _, err := x.part(e, d.embeds[i].doc, it); err != nil {
				return err
			}
		}
	}
	return nil
}

// part is the identity of one object of a document.
type part struct {
	object    ledger.Object
	version   ledger.Version
	stamp     time.Time // the first part of a timestamp version
	precision ledger.Micros
}

func (x *extraction) part(e *ledger.Event, d *mapping, it any) (part, error) {
	p, err := x.head(d, it)
	if err != nil {
		return p, err
	}
	for i := range d.aliases {
		found, err := x.aliasesOf(&d.aliases[i], it)
		if err != nil {
			return p, err
		}
		e.Aliases = appendNew(e.Aliases, found)
	}
	e.Claims = slices.Grow(e.Claims, len(d.claims))
	for i := range d.claims {
		if err := x.claim(e, &d.claims[i], &p, it); err != nil {
			return p, err
		}
	}
	for i := range d.lines {
		if err := x.lineSet(e, &d.lines[i], p.object, it); err != nil {
			return p, err
		}
	}
	for i := range d.amounts {
		if err := x.amountSet(e, &d.amounts[i], p.object, it); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (x *extraction) head(d *mapping, it any) (part, error) {
	p := part{precision: x.mapper.precision}
	if d.precision != nil {
		p.precision = d.precision.Micros()
	}
	id, err := x.needText(d.objectID, it)
	if err != nil {
		return p, err
	}
	p.object = ledger.Object{Type: d.objectType, ID: id}
	p.version.Scheme = d.scheme
	for i, e := range d.parts {
		if d.scheme == ledger.SchemeSequence {
			if p.version.Parts[i], err = x.integer(e, it); err != nil {
				return p, err
			}
			continue
		}
		t, ok, err := x.instant(e, it)
		if err != nil {
			return p, err
		}
		if !ok && i == 0 {
			return p, x.fail(e, "the version is empty")
		}
		if ok {
			p.version.Parts[i] = t.UnixNano()
		}
		if i == 0 {
			p.stamp = t
		}
	}
	return p, nil
}

func (x *extraction) aliasesOf(a *alias, it any) ([]ledger.Alias, error) {
	elements, err := x.list(a.each, it)
	if err != nil {
		return nil, err
	}
	scopes := x.mapper.scopes(a.scope)
	var out []ledger.Alias
	for _, el := range elements {
		if a.each != nil {
			x.item = el
		}
		s, ok, err := x.text(a.value, it)
		x.item = nil
		if err != nil {
			return nil, err
		}
		if s = strings.TrimSpace(s); ok && s != "" {
			for _, scope := range scopes {
				out = append(out, ledger.Alias{Scope: scope, Type: a.typ, Value: s})
			}
		}
	}
	return out, nil
}

func appendNew(list, more []ledger.Alias) []ledger.Alias {
next:
	for _, a := range more {
		for _, b := range list {
			if a == b {
				continue next
			}
		}
		list = append(list, a)
	}
	return list
}

func (x *extraction) claim(e *ledger.Event, c *claim, p *part, it any) error {
	if c.when != nil {
		if ok, err := x.truth(c.when, it); err != nil || !ok {
			return err
		}
	}
	stamp := p.stamp
	if c.stamp != nil {
		t, ok, err := x.instant(c.stamp, it)
		if err != nil {
			return err
		}
		if !ok {
			if c.mode == ledger.Dated {
				return nil // the document does not say that this happened
			}
			return x.fail(c.stamp, "the stamp is empty")
		}
		stamp = t
	}
	v, err := x.eval(c.native, it)
	if err != nil {
		return err
	}
	word, err := wordOf(v)
	if err != nil {
		return x.fail(c.native, "%w", err)
	}
	out := ledger.Claim{Axis: c.axis, Mode: c.mode, Object: p.object, Native: word, Version: p.version}
	if c.objectType != "" {
		id, err := x.needText(c.objectID, it)
		if err != nil {
			return err
		}
		out.Object = ledger.Object{Type: c.objectType, ID: id}
	}
	precision := p.precision
	if c.precision != nil {
		precision = c.precision.Micros()
	}
	out.Earliest = ledger.At(stamp)
	out.Latest = out.Earliest.Add(precision)
	e.Claims = append(e.Claims, out)
	return nil
}

func (x *extraction) lineSet(e *ledger.Event, l *lines, object ledger.Object, it any) error {
	set := ledger.LineSet{Object: object, Kind: l.kind, Complete: l.complete}
	there, err := x.each(l.selection, it, func() error {
		var line ledger.Line
		var err error
		if line.ID, err = x.needText(l.id, it); err != nil {
			return err
		}
		if l.sku != nil {
			if line.SKU, _, err = x.text(l.sku, it); err != nil {
				return err
			}
		}
		if line.Quantity, err = x.integer(l.quantity, it); err != nil {
			return err
		}
		for _, other := range set.Lines {
			if other.ID == line.ID {
				return x.fail(l.id, "two lines share one id")
			}
		}
		set.Lines = append(set.Lines, line)
		return nil
	})
	if there {
		e.Lines = append(e.Lines, set)
	}
	return err
}

func (x *extraction) amountSet(e *ledger.Event, a *amounts, object ledger.Object, it any) error {
	set := ledger.AmountSet{Object: object, Kind: a.kind, Complete: a.complete}
	there, err := x.each(a.selection, it, func() error {
		var am ledger.Amount
		var err error
		if am.ID, err = x.needText(a.id, it); err != nil {
			return err
		}
		if am.Minor, err = x.integer(a.minor, it); err != nil {
			return err
		}
		if am.Currency, err = x.needText(a.currency, it); err != nil {
			return err
		}
		am.Currency = strings.ToUpper(am.Currency)
		if _, err := MinorDigits(am.Currency); err != nil {
			return x.fail(a.currency, "%w", err)
		}
		for _, other := range set.Amounts {
			if other.ID == am.ID {
				return x.fail(a.id, "two amounts share one id")
			}
		}
		set.Amounts = append(set.Amounts, am)
		return nil
	})
	if there {
		e.Amounts = append(e.Amounts, set)
	}
	return err
}

// each runs fn for every selected element, with `item` bound, and reports
// whether the set is there at all.
func (x *extraction) each(sel selection, it any, fn func() error) (bool, error) {
	if sel.when != nil {
		if ok, err := x.truth(sel.when, it); err != nil || !ok {
			return false, err
		}
	}
	elements, err := x.list(sel.each, it)
	if err != nil {
		return false, err
	}
	defer func() { x.item = nil }()
	for _, el := range elements {
		x.item = el
		if sel.where != nil {
			ok, err := x.truth(sel.where, it)
			if err != nil {
				return false, err
			}
			if !ok {
				continue
			}
		}
		if err := fn(); err != nil {
			return false, err
		}
	}
	return true, nil
}
