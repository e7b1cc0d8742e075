package catalog

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// fileLink says where a system itself shows the objects of one type.
type fileLink struct {
	Object Word `yaml:"object"`
	Title  Word `yaml:"title"`
	// Path stands behind the source's admin_url. {id} is the object's id, {order}
	// that of the order at its origin, if the source is the origin.
	Path Word `yaml:"path"`
	// When are values of the source's options that the page is for.
	When map[string]string `yaml:"when"`
}

// link is a page of a system's own administration.
type link struct {
	object, title, path string
	when                map[string]string
}

// matches reports whether the page is for sources with these options.
func (l *link) matches(vars map[string]string) bool {
	for name, value := range l.when {
		if vars[name] != value {
			return false
		}
	}
	return true
}

var (
	adminForm   = regexp.MustCompile(`^(https://(?:[a-z0-9.-]|\{account\})+|\{base_url\})(/[A-Za-z0-9._~/-]*)?$`)
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
	hostLabel   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// links compiles `admin_url:` and `links:`.
func (c *compiler) links(s *System, f *file) {
	s.admin = f.AdminURL.Text
	if s.admin != "" && !adminForm.MatchString(s.admin) {
		c.bad(f.AdminURL, "admin_url: want https://host/path, {account} in the host, or {base_url}/path")
	}
	var types []string
	for _, d := range s.documents {
		types = append(types, d.objectType)
		for _, cl := range d.claims {
			types = append(types, cl.objectType)
		}
	}
	for i := range f.Links {
		t := &f.Links[i]
		at := fmt.Sprintf("links[%d]", i)
		if !slices.Contains(types, t.Object.Text) {
			c.bad(t.Object, "%s.object: no document speaks of %q%s", at, t.Object.Text, strictyaml.Hint(t.Object.Text, types))
		}
		if t.Title.Text == "" {
			c.bad(t.Object, "%s.title: say what the page is, such as Shopify order", at)
		}
		fits := strings.HasPrefix(t.Path.Text, "/") && !strings.HasPrefix(t.Path.Text, "//") && !strings.ContainsAny(t.Path.Text, "\\#@ ")
		for _, p := range placeholder.FindAllString(t.Path.Text, -1) {
			fits = fits && (p == "{id}" || p == "{order}")
		}
		if !fits {
			c.bad(t.Path, "%s.path: want a path behind admin_url, such as /orders/{id}; {id} and {order} are filled in", at)
		}
		for name := range t.When {
			if !slices.ContainsFunc(s.Options, func(o Option) bool { return o.Name == name }) {
				c.bad(t.Object, "%s.when: %q is no option of the system", at, name)
			}
		}
		s.links = append(s.links, link{object: t.Object.Text, title: t.Title.Text, path: t.Path.Text, when: t.When})
	}
}

// adminURL is where a source's own pages stand, nil if that is not known or would
// not be https: what its configuration says, else what the system says.
func (s *System) adminURL(src *connector.Source) *url.URL {
	text := src.AdminURL
	if text == "" {
		account := strings.ToLower(strings.ReplaceAll(src.Account, "_", "-"))
		if strings.Contains(s.admin, "{account}") && !hostLabel.MatchString(account) {
			return nil
		}
		base := ""
		if u, err := url.Parse(src.BaseURL); err == nil && u.Host != "" {
			base = u.Scheme + "://" + u.Host
		}
		text = strings.NewReplacer("{account}", account, "{base_url}", base).Replace(s.admin)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	return u
}

// Links knows the pages on which the configured sources themselves show what
// they keep. It is immutable and safe for concurrent use.
type Links struct {
	sources map[ledger.Source]*sourceLinks
}

type sourceLinks struct {
	admin *url.URL
	pages map[string]link // by object type
}

// Links returns the pages of the configured sources. Sources whose system is
// unknown, or whose pages' address is, have none.
func (c *Catalog) Links(sources []connector.Source) *Links {
	out := &Links{sources: map[ledger.Source]*sourceLinks{}}
	for i := range sources {
		src := &sources[i]
		s := c.systems[src.System]
		if s == nil {
			continue
		}
		admin := s.adminURL(src)
		if admin == nil {
			continue
		}
		pages := map[string]link{}
		for _, l := range s.links {
			if _, ok := pages[l.object]; !ok && l.matches(s.vars(src)) {
				pages[l.object] = l
			}
		}
		out.sources[ledger.Source(src.Name)] = &sourceLinks{admin, pages}
	}
	return out
}

// Link returns the page on which a source shows an object that belongs to an
// order, and what the page is; false if none is known. The address has the
// scheme, host and path of the configuration, whatever the ids are.
func (l *Links) Link(source ledger.Source, o ledger.Object, order ledger.OrderKey) (title, address string, ok bool) {
	s := l.sources[source]
	if s == nil {
		return "", "", false
	}
	page, ok := s.pages[o.Type]
	if !ok {
		return "", "", false
	}
	native := ""
	if order.Origin() == source {
		native = order.NativeID()
	}
	for p, id := range map[string]string{"{id}": o.ID, "{order}": native} {
		if strings.Contains(page.path, p) && !linkable(id) {
			return "", "", false
		}
	}
	path := strings.NewReplacer("{id}", escaped(o.ID), "{order}", escaped(native)).Replace(page.path)
	return page.title, s.admin.Scheme + "://" + s.admin.Host + strings.TrimSuffix(s.admin.EscapedPath(), "/") + path, true
}

// linkable reports whether an id can stand in an address: "." and ".." are steps
// of a path even where they are escaped, and control characters nobody's ids.
func linkable(id string) bool {
	return id != "" && id != "." && id != ".." && len(id) <= maxWord && !strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// escaped percent-encodes every byte of an id that is not a letter, a digit or
// one of - . _ ~, so that it is one segment of a path or one value of a query.
func escaped(id string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
