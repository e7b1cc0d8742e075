package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// fileAliasType declares how names of one type are joined.
type fileAliasType struct {
	Type        Word `yaml:"type"`
	Recycle     Word `yaml:"recycle"`
	Single      bool `yaml:"single"`
	OrphanAfter Word `yaml:"orphan_after"`
}

// Place is where something stands in a catalog file; line and column from 1.
type Place struct {
	File   string
	Line   int
	Column int
}

// AliasType declares how names of one type are joined, for whichever systems
// use it: all that declare the type must agree (S-35).
type AliasType struct {
	ledger.AliasSpec
	Place
}

// AliasUse is a `by:`: documents that no order key was found in are parked
// under a name of the type.
type AliasUse struct {
	Type string
	Place
}

// fileScope is whose names they are: own, origin, or {role: …}.
type fileScope struct {
	Word
	Role Word
}

// UnmarshalNode reads a word, or a mapping with the key role.
func (s *fileScope) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return s.Word.UnmarshalNode(n)
	}
	s.Line, s.Column = n.Line, n.Column
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "role" {
		return errors.New("want own, origin or {role: storefront}")
	}
	return s.Role.UnmarshalNode(n.Content[1])
}

// scope is the compiled form of a fileScope: the source itself where both are
// unset.
type scope struct {
	origin bool
	role   ledger.Role
}

func (c *compiler) scope(at string, t *fileScope) scope {
	switch {
	case t.Role.Text != "":
		role, ok := ledger.ParseRole(t.Role.Text)
		if !ok {
			c.bad(t.Role, "%s.scope.role: %q is no role%s", at, t.Role.Text, strictyaml.Hint(t.Role.Text, roleNames()))
		}
		return scope{role: role}
	case t.Text == "origin":
		return scope{origin: true}
	case t.Text != "" && t.Text != "own":
		c.bad(t.Word, "%s.scope: %q is neither own nor origin nor {role: …}%s", at, t.Text, strictyaml.Hint(t.Text, []string{"own", "origin"}))
	}
	return scope{}
}

// naming reads what the file declares of types of names, and collects where it
// joins by them.
func (c *compiler) naming(s *System, f *file) {
	for i := range f.AliasTypes {
		t := &f.AliasTypes[i]
		at := "alias_types[" + t.Type.Text + "]"
		spec := ledger.AliasSpec{Type: t.Type.Text, Single: t.Single, Recycle: c.span(at+".recycle", t.Recycle, "never"), OrphanAfter: c.span(at+".orphan_after", t.OrphanAfter, "")}
		if spec.Type == "" || slices.ContainsFunc(s.AliasTypes, func(x AliasType) bool { return x.Type == spec.Type }) {
			c.bad(t.Type, "%s.type: must be given and unique", at)
		}
		s.AliasTypes = append(s.AliasTypes, AliasType{spec, Place{c.file, t.Type.Line, t.Type.Column}})
	}
	slices.SortFunc(s.AliasTypes, func(a, b AliasType) int { return strings.Compare(a.Type, b.Type) })
	for i := range f.Documents {
		if by := f.Documents[i].By; by != nil && by.Type.Text != "" {
			if by.Type.Text == "email" || by.Type.Text == "phone" {
				c.bad(by.Type, "documents[%s].by: many orders share one %s, so that nothing can be joined by it; list it under aliases, where it is looked up",
					f.Documents[i].Name.Text, by.Type.Text)
			}
			s.JoinsBy = append(s.JoinsBy, AliasUse{by.Type.Text, Place{c.file, by.Type.Line, by.Type.Column}})
		}
	}
}

// span reads a positive span; the word given, and nothing at all, are zero.
func (c *compiler) span(at string, w Word, none string) ledger.Micros {
	if w.Text == "" || w.Text == none {
		return 0
	}
	var out connector.Span
	err := out.UnmarshalText([]byte(w.Text))
	if err == nil && out <= 0 {
		err = errors.New("must be positive")
	}
	if err != nil {
		c.bad(w, "%s: %s", at, err)
	}
	return out.Micros()
}

// Bind completes, for every source, whose names its documents carry: for each
// role the sources of the list that play it for the same origin. The error joins
// every issuer that is configured and cannot be one.
func (c *Catalog) Bind(sources []connector.Source) error {
	roles := make([]ledger.Role, len(sources))
	for i := range sources {
		if sys := c.systems[sources[i].System]; sys != nil {
			roles[i] = sys.role(&sources[i])
		}
	}
	var errs []error
	for i := range sources {
		src := &sources[i]
		src.IssuedBy = map[ledger.Role][]ledger.Source{}
		for k := range sources {
			if roles[k] != ledger.RoleNone && issuesFor(&sources[k], src) {
				src.IssuedBy[roles[k]] = append(src.IssuedBy[roles[k]], ledger.Source(sources[k].Name))
			}
		}
		for r := range src.IssuedBy {
			slices.Sort(src.IssuedBy[r])
		}
		if roles[i] != ledger.RoleNone { // it issues its own
			src.IssuedBy[roles[i]] = []ledger.Source{ledger.Source(src.Name)}
		}
		errs = append(errs, narrow(src, sources, roles))
	}
	return errors.Join(errs...)
}

// issuesFor reports whether documents of one source may carry names that
// another issued: they tell of orders of the same origin, as far as is known.
func issuesFor(issuer, src *connector.Source) bool {
	a, b := issuer.OriginName(), src.OriginName()
	return a == "" || b == "" || a == b
}

// narrow applies the issuers that a source names itself.
func narrow(src *connector.Source, sources []connector.Source, roles []ledger.Role) error {
	var errs []error
	for name, issuer := range src.Issuers {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("sources[%s].issuers.%s: %w", src.Name, name, fmt.Errorf(format, args...)))
		}
		role, ok := ledger.ParseRole(name)
		k := slices.IndexFunc(sources, func(s connector.Source) bool { return s.Name == issuer })
		switch {
		case !ok:
			bad("%q is no role%s", name, strictyaml.Hint(name, roleNames()))
		case k < 0:
			var names []string
			for i := range sources {
				names = append(names, sources[i].Name)
			}
			bad("no source is named %q%s", issuer, strictyaml.Hint(issuer, names))
		case roles[k] != role:
			bad("%s plays the role %s", issuer, roles[k])
		default:
			src.IssuedBy[role] = []ledger.Source{ledger.Source(issuer)}
		}
	}
	return errors.Join(errs...)
}

// scopes lists whose names an alias may be. Where no source of ours plays the
// role, its name stands for issuers that are nobody of ours.
func (m *Mapper) scopes(s scope) []ledger.Source {
	switch {
	case s.origin:
		return []ledger.Source{m.origin}
	case s.role == ledger.RoleNone:
		return []ledger.Source{m.source}
	case len(m.issuers[s.role]) == 0:
		return []ledger.Source{ledger.Source(s.role.String())}
	default:
		return m.issuers[s.role]
	}
}

// checkScopes reports names whose issuer cannot be told.
func (s *System) checkScopes(src *connector.Source, bad func(path, format string, args ...any)) {
	for _, d := range s.documents {
		for _, a := range d.aliases {
			if a.scope.origin && src.OriginName() == "" {
				bad("origin_source", "documents of %s carry names (%s) that their origin issued; say which source that is", s.Name, a.typ)
				return
			}
		}
		if d.by == nil {
			continue
		}
		issuers := src.IssuedBy[d.by.scope.role]
		switch {
		case d.by.scope.origin && src.OriginName() == "":
			bad("origin_source", "documents of %s are joined by a name (%s) that their origin issued; say which source that is", s.Name, d.by.typ)
			return
		case d.by.scope.role != ledger.RoleNone && len(issuers) > 1:
			bad("issuers", "documents are joined by %s of role %s, which %s and %s could have issued; write issuers: {%s: %s}, or the other", d.by.typ,
				d.by.scope.role, issuers[0], issuers[1], d.by.scope.role, issuers[0])
			return
		}
	}
}
