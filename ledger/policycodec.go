package ledger

import "crypto/sha256"

// The versions of the canonical policy encoding: the second says how aliases
// are joined, and is used by policies that say so alone.
const (
	policyFormat      = 1
	policyWithAliases = 2
)

// EncodePolicy returns the canonical encoding of a policy: what the policy
// record carries and what its digest covers. Lists are written in the order
// given, which Validate requires to be ascending.
func EncodePolicy(p *Policy) []byte {
	aliases := len(p.Aliases) > 0 || p.Settings.ParkSettle != 0
	b := append(make([]byte, 0, 4096), policyFormat)
	if aliases {
		b[0] = policyWithAliases
	}
	b = appendUint(b, p.Version)
	b = appendInt(b, p.EffectiveAt)
	b = appendUint(b, len(p.Sources))
	for i := range p.Sources {
		b = appendSourceSpec(b, &p.Sources[i])
	}
	b = appendUint(b, len(p.Bindings))
	for _, x := range p.Bindings {
		b = appendText(b, string(x.Origin))
		b = append(b, byte(x.Role))
		b = appendText(b, string(x.Source))
	}
	b = appendUint(b, len(p.Rows))
	for _, x := range p.Rows {
		b = appendText(b, x.System)
		b = append(b, byte(x.Axis))
		b = appendText(b, x.Native)
		b = append(b, byte(x.State))
		b = appendText(b, x.Target)
	}
	b = appendUint(b, len(p.Rollups))
	for _, x := range p.Rollups {
		b = appendText(b, x.System)
		b = append(b, byte(x.Axis), byte(x.How))
		b = appendUint(b, len(x.Objects))
		for _, o := range x.Objects {
			b = appendText(b, o)
		}
	}
	b = appendUint(b, len(p.Rules))
	for i := range p.Rules {
		b = appendRule(b, &p.Rules[i])
	}
	b = appendInt(b, p.Settings.ReopenWindow)
	b = appendInt(b, p.Settings.HoldMax)
	b = append(b, p.Settings.ResetOperators)
	if !aliases {
		return b
	}
	b = appendUint(appendInt(b, p.Settings.ParkSettle), len(p.Aliases))
	for _, x := range p.Aliases {
		b = append(appendInt(appendInt(appendText(b, x.Type), x.Recycle), x.OrphanAfter), boolByte(x.Single))
	}
	return b
}

func appendSourceSpec(b []byte, s *SourceSpec) []byte {
	b = appendText(b, string(s.Name))
	b = appendText(b, s.System)
	b = append(b, byte(s.Role), boolByte(s.Origin))
	b = appendInt(b, s.Skew)
	b = appendInt(b, s.Precision)
	b = appendInt(b, s.LiveFrom)
	b = appendUint(b, len(s.Feeds))
	for i := range s.Feeds {
		f := &s.Feeds[i]
		b = appendText(b, f.Name)
		b = appendInt(b, f.Settle)
		b = appendInt(b, f.ExpectedEvery)
		b = append(b, byte(f.Coverage), boolByte(f.Lookup))
		b = appendInt(b, f.LookupLag)
		b = appendUint(b, len(f.Proves))
		for _, pr := range f.Proves {
			b = append(b, byte(pr.Axis))
			b = appendText(b, pr.Object)
		}
	}
	return b
}

func appendRule(b []byte, r *Rule) []byte {
	b = appendText(b, r.Name)
	for _, p := range [...]*Predicate{r.From, r.Until, r.Unless, r.Expr} {
		b = appendPredicate(b, p)
	}
	b = append(b, boolByte(r.NoDefaultUnless), boolByte(r.Fresh))
	b = appendInt(b, r.Bridge)
	b = appendInt(b, r.Grace)
	b = appendUint(b, len(r.Steps))
	for _, s := range r.Steps {
		b = appendInt(b, s.After)
		b = appendText(b, s.Exception)
		b = append(b, byte(s.Severity))
	}
	b = appendUint(b, len(r.DependsOn))
	for _, d := range r.DependsOn {
		b = append(b, byte(d.Role))
		b = appendText(b, d.Feed)
	}
	for _, s := range [...]string{r.Hop, r.Owner, r.Impact, r.Remedy, r.Runbook} {
		b = appendText(b, s)
	}
	b = append(b, byte(r.Money), byte(r.MoneyRole))
	return appendInt(b, r.Since)
}

// appendPredicate writes a tree in prefix form; a missing tree is one 0xff byte.
func appendPredicate(b []byte, p *Predicate) []byte {
	if p == nil {
		return append(b, 0xff)
	}
	b = append(b, byte(p.Op))
	switch p.Op {
	case OpConst:
		b = append(b, boolByte(p.Value))
	case OpIn, OpNotIn:
		b = append(b, byte(p.Cell.Role), byte(p.Cell.Axis))
		b = appendUint(b, p.States)
	case OpAtOr:
		b = append(b, byte(p.Cell.Role), byte(p.Cell.Axis), byte(p.State))
	case OpAnd, OpOr, OpNot:
		b = appendUint(b, len(p.Args))
		for _, a := range p.Args {
			b = appendPredicate(b, a)
		}
	case OpSince:
		b = append(b, byte(p.Cmp), byte(p.Cell.Role), byte(p.Cell.Axis), byte(p.Other.Role), byte(p.Other.Axis))
	case OpAmount:
		b = append(b, byte(p.Cmp), byte(p.Amount.Role), byte(p.Amount.Kind), byte(p.OtherAmount.Role), byte(p.OtherAmount.Kind))
		b = appendInt(b, p.Minor)
		b = appendText(b, p.Currency)
	}
	return b
}

// DecodePolicy reads what EncodePolicy wrote.
func DecodePolicy(b []byte) (*Policy, error) {
	d := &decoder{b: b}
	format := d.byte()
	if format != policyFormat && format != policyWithAliases {
		d.fail("policy format")
	}
	p := &Policy{Version: d.uint(), EffectiveAt: d.instant()}
	for n := d.count(); n > 0; n-- {
		p.Sources = append(p.Sources, d.sourceSpec())
	}
	for n := d.count(); n > 0; n-- {
		p.Bindings = append(p.Bindings, Binding{Origin: Source(d.text()), Role: Role(d.byte()), Source: Source(d.text())})
	}
	for n := d.count(); n > 0; n-- {
		p.Rows = append(p.Rows, MatrixRow{System: d.text(), Axis: Axis(d.byte()), Native: d.text(), State: State(d.byte()), Target: d.text()})
	}
	for n := d.count(); n > 0; n-- {
		r := Rollup{System: d.text(), Axis: Axis(d.byte()), How: RollupHow(d.byte())}
		for m := d.count(); m > 0; m-- {
			r.Objects = append(r.Objects, d.text())
		}
		p.Rollups = append(p.Rollups, r)
	}
	for n := d.count(); n > 0; n-- {
		p.Rules = append(p.Rules, d.rule())
	}
	p.Settings = Settings{ReopenWindow: Micros(d.int()), HoldMax: Micros(d.int()), ResetOperators: d.byte()}
	if format == policyWithAliases {
		p.Settings.ParkSettle = Micros(d.int())
		for n := d.count(); n > 0; n-- {
			p.Aliases = append(p.Aliases, AliasSpec{Type: d.text(), Recycle: Micros(d.int()), OrphanAfter: Micros(d.int()), Single: d.bool()})
		}
	}
	if err := d.end("policy"); err != nil {
		return nil, err
	}
	return p, nil
}

func (d *decoder) sourceSpec() SourceSpec {
	s := SourceSpec{Name: Source(d.text()), System: d.text(), Role: Role(d.byte()), Origin: d.bool(),
		Skew: Micros(d.int()), Precision: Micros(d.int()), LiveFrom: d.instant()}
	for n := d.count(); n > 0; n-- {
		f := FeedSpec{Name: d.text(), Settle: Micros(d.int()), ExpectedEvery: Micros(d.int()),
			Coverage: CoverageMode(d.byte()), Lookup: d.bool(), LookupLag: Micros(d.int())}
		for m := d.count(); m > 0; m-- {
			f.Proves = append(f.Proves, Proof{Axis: Axis(d.byte()), Object: d.text()})
		}
		s.Feeds = append(s.Feeds, f)
	}
	return s
}

func (d *decoder) rule() Rule {
	r := Rule{Name: d.text(), From: d.predicate(0), Until: d.predicate(0), Unless: d.predicate(0), Expr: d.predicate(0),
		NoDefaultUnless: d.bool(), Fresh: d.bool(), Bridge: Micros(d.int()), Grace: Micros(d.int())}
	for n := d.count(); n > 0; n-- {
		r.Steps = append(r.Steps, Step{After: Micros(d.int()), Exception: d.text(), Severity: Severity(d.byte())})
	}
	for n := d.count(); n > 0; n-- {
		r.DependsOn = append(r.DependsOn, FeedRef{Role: Role(d.byte()), Feed: d.text()})
	}
	r.Hop, r.Owner, r.Impact, r.Remedy, r.Runbook = d.text(), d.text(), d.text(), d.text(), d.text()
	r.Money, r.MoneyRole = AmountKind(d.byte()), Role(d.byte())
	r.Since = d.instant()
	return r
}

// maxPredicateDepth bounds the nesting of a predicate tree.
const maxPredicateDepth = 32

func (d *decoder) predicate(depth int) *Predicate {
	op := d.byte()
	if op == 0xff || d.err != nil {
		return nil
	}
	if depth > maxPredicateDepth {
		d.fail("predicate depth")
		return nil
	}
	p := &Predicate{Op: Op(op)}
	switch p.Op {
	case OpConst:
		p.Value = d.bool()
	case OpIn, OpNotIn:
		p.Cell = CellRef{Role: Role(d.byte()), Axis: Axis(d.byte())}
		p.States = d.uint()
	case OpAtOr:
		p.Cell, p.State = CellRef{Role: Role(d.byte()), Axis: Axis(d.byte())}, State(d.byte())
	case OpAnd, OpOr, OpNot:
		for n := d.count(); n > 0; n-- {
			if a := d.predicate(depth + 1); a != nil {
				p.Args = append(p.Args, a)
			}
		}
		if p.Op == OpNot && len(p.Args) != 1 {
			d.fail("predicate arguments")
		}
	case OpSince:
		p.Cmp = Cmp(d.byte())
		p.Cell = CellRef{Role: Role(d.byte()), Axis: Axis(d.byte())}
		p.Other = CellRef{Role: Role(d.byte()), Axis: Axis(d.byte())}
	case OpAmount:
		p.Cmp = Cmp(d.byte())
		p.Amount = AmountRef{Role: Role(d.byte()), Kind: AmountKind(d.byte())}
		p.OtherAmount = AmountRef{Role: Role(d.byte()), Kind: AmountKind(d.byte())}
		p.Minor, p.Currency = d.int(), d.text()
	default:
		d.fail("predicate kind")
	}
	return p
}

// Record wraps a policy as the record that proposes it. The YAML source is
// carried for people; the fold reads the tree alone.
func (p *Policy) Record(yaml []byte, by string) *PolicyRecord {
	tree := EncodePolicy(p)
	return &PolicyRecord{Version: p.Version, EffectiveAt: p.EffectiveAt, Digest: sha256.Sum256(tree), YAML: yaml, Tree: tree, ProposedBy: by}
}
