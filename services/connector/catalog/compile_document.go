package catalog

import (
	"fmt"
	"path"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

func (c *compiler) documents(s *System, f *file) {
	for i := range f.Documents {
		t := &f.Documents[i]
		if t.Name.Text == "" || c.byName[t.Name.Text] != nil {
			c.bad(t.Name, "documents[%d].name: must be given and unique", i)
			continue
		}
		d := c.document(t)
		c.byName[d.name] = &entry{doc: d, text: t}
		s.documents = append(s.documents, d)
	}
	if len(s.documents) == 0 {
		c.problem(1, 1, "documents: a system needs at least one")
	}
	for _, d := range s.documents {
		c.embeds(c.byName[d.name])
	}
}

// embeds resolves the parts of a document. A part may not embed further parts:
// what a document says must be readable from one place.
func (c *compiler) embeds(e *entry) {
	for i := range e.text.Parts {
		p := &e.text.Parts[i]
		name := fmt.Sprintf("documents[%s].parts[%d]", e.doc.name, i)
		used := c.byName[p.Use.Text]
		switch {
		case used == nil:
			var known []string
			for n := range c.byName {
				known = append(known, n)
			}
			c.bad(p.Use, "%s.use: no document %q%s", name, p.Use.Text, strictyaml.Hint(p.Use.Text, known))
		case len(used.text.Parts) > 0:
			c.bad(p.Use, "%s.use: %q has parts of its own; parts nest one level", name, p.Use.Text)
		default:
			e.doc.embeds = append(e.doc.embeds, embedded{each: c.need(name+".each", p.Each, p.Use), doc: used.doc})
		}
	}
}

func (c *compiler) document(t *fileDocument) *mapping {
	at := "documents[" + t.Name.Text + "]"
	d := &mapping{name: t.Name.Text, objectType: t.Object.Type.Text, precision: t.Version.Precision}
	d.kind = ledger.ParseKind(t.Kind.Text)
	if d.kind == ledger.KindUnknown {
		c.bad(t.Kind, "%s.kind: %q is no kind%s", at, t.Kind.Text, strictyaml.Hint(t.Kind.Text, kindNames()))
	}
	for _, w := range t.Topics {
		if _, err := path.Match(w.Text, ""); err != nil {
			c.bad(w, "%s.topics: %q is no pattern", at, w.Text)
		}
		d.topics = append(d.topics, w.Text)
	}
	d.shape = c.need(at+".shape", t.Shape, t.Name)
	d.ours = c.expr(at+".ours", t.Ours)
	d.subject = c.expr(at+".subject", t.Subject)
	d.order = c.expr(at+".order", t.Order)
	if t.By != nil {
		a := c.alias(at+".by", t.By)
		d.by = &a
	}
	if !t.Order.Set() && t.By == nil {
		c.bad(t.Name, "%s: give order: (the origin's id) or by: (the alias that finds it)", at)
	}
	d.nativeID = c.expr(at+".native_id", t.NativeID)
	d.direction = c.direction(at, t.Direction)
	if d.objectType == "" {
		c.bad(t.Name, "%s.object.type: is missing", at)
	}
	d.objectID = c.need(at+".object.id", t.Object.ID, t.Name)
	c.version(at, t, d)
	for i := range t.Aliases {
		d.aliases = append(d.aliases, c.alias(fmt.Sprintf("%s.aliases[%d]", at, i), &t.Aliases[i]))
	}
	for i := range t.Claims {
		d.claims = append(d.claims, c.claim(fmt.Sprintf("%s.claims[%d]", at, i), &t.Claims[i], d))
	}
	for i := range t.Lines {
		d.lines = append(d.lines, c.lineSet(fmt.Sprintf("%s.lines[%d]", at, i), &t.Lines[i]))
	}
	for i := range t.Amounts {
		d.amounts = append(d.amounts, c.amountSet(fmt.Sprintf("%s.amounts[%d]", at, i), &t.Amounts[i]))
	}
	return d
}

func kindNames() (out []string) {
	for k := ledger.KindOrder; k.String() != "unknown"; k++ {
		out = append(out, k.String())
	}
	return out
}

func (c *compiler) direction(at string, w Word) ledger.Direction {
	switch w.Text {
	case "":
		return ledger.DirectionUnknown
	case "outgoing":
		return ledger.DirectionOutgoing
	case "incoming":
		return ledger.DirectionIncoming
	default:
		c.bad(w, "%s.direction: %q is neither outgoing nor incoming", at, w.Text)
		return ledger.DirectionUnknown
	}
}

func (c *compiler) version(at string, t *fileDocument, d *mapping) {
	switch t.Version.Scheme.Text {
	case "timestamp":
		d.scheme = ledger.SchemeTimestamp
	case "sequence":
		d.scheme = ledger.SchemeSequence
	case "none", "":
		d.scheme = ledger.SchemeNone
	default:
		c.bad(t.Version.Scheme, "%s.version.scheme: %q is none of timestamp, sequence, none", at, t.Version.Scheme.Text)
		return
	}
	n := len(t.Version.Parts)
	if d.scheme == ledger.SchemeNone && n > 0 {
		c.bad(t.Version.Scheme, "%s.version: scheme none has no parts", at)
	}
	if d.scheme != ledger.SchemeNone && (n < 1 || n > 3) {
		c.bad(t.Version.Scheme, "%s.version.parts: want one to three, found %d", at, n)
	}
	for i, e := range t.Version.Parts {
		d.parts = append(d.parts, c.expr(fmt.Sprintf("%s.version.parts[%d]", at, i), e))
	}
}

func (c *compiler) alias(at string, t *fileAlias) alias {
	a := alias{typ: t.Type.Text, each: c.expr(at+".each", t.Each), value: c.need(at+".value", t.Value, t.Type)}
	if a.typ == "" {
		c.bad(t.Type, "%s.type: is missing", at)
	}
	a.scope = c.scope(at, &t.Scope)
	return a
}

func (c *compiler) claim(at string, t *fileClaim, d *mapping) claim {
	out := claim{
		axis: c.axis(at+".axis", t.Axis), precision: t.Precision, objectType: t.Object.Type.Text,
		native: c.need(at+".native", t.Native, t.Axis), stamp: c.expr(at+".stamp", t.Stamp),
		when: c.expr(at+".when", t.When), objectID: c.expr(at+".object.id", t.Object.ID),
	}
	if (out.objectType == "") != (out.objectID == nil) && !t.Object.ID.Set() {
		c.bad(t.Axis, "%s.object: give both type and id, or neither", at)
	}
	switch t.Mode.Text {
	case "current", "":
		out.mode = ledger.Current
	case "dated":
		out.mode = ledger.Dated
	case "created":
		out.mode = ledger.Created
	default:
		c.bad(t.Mode, "%s.mode: %q is none of current, dated, created", at, t.Mode.Text)
	}
	if !t.Stamp.Set() && (out.mode != ledger.Current || d.scheme != ledger.SchemeTimestamp) {
		c.bad(t.Axis, "%s.stamp: say when the state began; only a current claim of a timestamped version has a default", at)
	}
	return out
}

func (c *compiler) lineSet(at string, t *fileLines) lines {
	k, ok := ledger.ParseLineKind(t.Kind.Text)
	if !ok {
		c.bad(t.Kind, "%s.kind: %q is none of ordered, allocated, shipped, returned, removed", at, t.Kind.Text)
	}
	sel := selection{when: c.expr(at+".when", t.When), where: c.expr(at+".where", t.Where), each: c.need(at+".each", t.Each, t.Kind)}
	return lines{
		selection: sel, kind: k, complete: !t.Partial, id: c.need(at+".id", t.ID, t.Kind),
		sku: c.expr(at+".sku", t.SKU), quantity: c.need(at+".quantity", t.Quantity, t.Kind),
	}
}

func (c *compiler) amountSet(at string, t *fileAmount) amounts {
	k, ok := ledger.ParseAmountKind(t.Kind.Text)
	if !ok {
		c.bad(t.Kind, "%s.kind: %q is none of ordered, authorised, captured, invoiced, refunded, credited", at, t.Kind.Text)
	}
	sel := selection{when: c.expr(at+".when", t.When), where: c.expr(at+".where", t.Where), each: c.expr(at+".each", t.Each)}
	return amounts{
		selection: sel, kind: k, complete: !t.Partial, id: c.need(at+".id", t.ID, t.Kind),
		minor: c.need(at+".minor", t.Minor, t.Kind), currency: c.need(at+".currency", t.Currency, t.Kind),
	}
}
