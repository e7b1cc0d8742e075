package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// fileOption is one thing that a file leaves to whoever configures a source.
type fileOption struct {
	Name    Word   `yaml:"name"`
	Default string `yaml:"default"`
	// Form is a regular expression that the whole value must match.
	Form string `yaml:"form"`
	// Help says what it is for, in one line.
	Help string `yaml:"help"`
}

// Option is a setting that a system leaves to its sources. Expressions read it
// as source.<name>.
type Option struct {
	Name    string
	Default string
	Help    string

	form *regexp.Regexp
}

// fileRefusal sets documents aside before anything reads them.
type fileRefusal struct {
	When   Expr   `yaml:"when"`
	Reason Word   `yaml:"reason"`
	Detail string `yaml:"detail"`
}

// refusal is the compiled form of a fileRefusal.
type refusal struct {
	when   *program
	reason string
	detail string
}

// reasonForm is what a reason of quarantine looks like: it labels metrics.
var reasonForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)

// reserved are the names that source. has without options.
var reserved = [...]string{"name", "origin", "account", "zone"}

// settings compiles the zone, the options and the refusals of a file.
func (c *compiler) settings(s *System, f *file) {
	if s.Zone = f.Zone.Text; s.Zone != "" {
		if _, err := time.LoadLocation(s.Zone); err != nil {
			c.bad(f.Zone, "zone: %q is no IANA time zone, such as Europe/Berlin", s.Zone)
		}
	}
	for i := range f.Options {
		c.option(s, &f.Options[i])
	}
	slices.SortFunc(s.Options, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	for i := range f.Refuse {
		t := &f.Refuse[i]
		at := fmt.Sprintf("refuse[%d]", i)
		if !reasonForm.MatchString(t.Reason.Text) {
			c.bad(t.Reason, "%s.reason: want a short name such as test-mode", at)
		}
		s.refusals = append(s.refusals, refusal{when: c.need(at+".when", t.When, t.Reason), reason: t.Reason.Text, detail: t.Detail})
	}
}

func (c *compiler) option(s *System, t *fileOption) {
	at := "options[" + t.Name.Text + "]"
	known := slices.ContainsFunc(s.Options, func(o Option) bool { return o.Name == t.Name.Text })
	switch {
	case t.Name.Text == "" || strings.Trim(t.Name.Text, "abcdefghijklmnopqrstuvwxyz_") != "":
		c.bad(t.Name, "%s.name: want lower-case letters and underscores", at)
	case known || slices.Contains(reserved[:], t.Name.Text):
		c.bad(t.Name, "%s.name: stands twice, or is one of %s", at, strings.Join(reserved[:], ", "))
	}
	o := Option{Name: t.Name.Text, Default: t.Default, Help: t.Help}
	if t.Form != "" {
		form, err := regexp.Compile(`^(?:` + t.Form + `)$`)
		if err != nil {
			c.bad(t.Name, "%s.form: %s", at, err)
			return
		}
		if o.form = form; !form.MatchString(t.Default) {
			c.bad(t.Name, "%s.default: does not have the form %s", at, t.Form)
		}
	}
	s.Options = append(s.Options, o)
}

// vars are what expressions read as source.<name>.
func (s *System) vars(src *connector.Source) map[string]string {
	out := map[string]string{"name": src.Name, "origin": string(src.OriginName()), "account": src.Account, "zone": s.ZoneOf(src)}
	for i := range s.Options {
		v, set := src.Options[s.Options[i].Name]
		if !set {
			v = s.Options[i].Default
		}
		out[s.Options[i].Name] = v
	}
	return out
}

// ZoneOf returns the IANA zone of a source's stamps that name none.
func (s *System) ZoneOf(src *connector.Source) string {
	switch {
	case src.Zone != "":
		return src.Zone
	case s.Zone != "":
		return s.Zone
	default:
		return "UTC"
	}
}

// checkOptions reports options that the system does not have, and values that
// do not have their form.
func (s *System) checkOptions(src *connector.Source, bad func(path, format string, args ...any)) {
	var names []string
	for i := range s.Options {
		names = append(names, s.Options[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(src.Options)) {
		i := slices.Index(names, name)
		switch {
		case i < 0:
			bad("options."+name, "system %s has no such option%s", s.Name, strictyaml.Hint(name, names))
		case s.Options[i].form != nil && !s.Options[i].form.MatchString(src.Options[name]):
			bad("options."+name, "%q does not have the form %s", src.Options[name], s.Options[i].form)
		}
	}
}

// refused returns why a document is set aside unread, nil if it is not. A rule
// that cannot be evaluated refuses nothing: what follows then fails by itself.
func (x *extraction) refused() *refusal {
	for i := range x.mapper.system.refusals {
		r := &x.mapper.system.refusals[i]
		if hit, err := x.truth(r.when, x.doc); err == nil && hit {
			return r
		}
	}
	return nil
}
