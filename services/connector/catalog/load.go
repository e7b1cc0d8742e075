package catalog

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

//go:embed systems/*.yaml
var shipped embed.FS

// Catalog is a set of systems by name.
type Catalog struct {
	systems map[string]*System
}

// Shipped returns the systems that come with orderledger.
func Shipped() (*Catalog, error) {
	dir, err := fs.Sub(shipped, "systems")
	if err != nil {
		return nil, fmt.Errorf("open shipped catalog: %w", err)
	}
	c := &Catalog{systems: map[string]*System{}}
	return c, c.Add(dir)
}

// Add reads every *.yaml file of a folder. A system of a name already known
// replaces it, so that a shipped one can be overridden. The error joins every
// problem of every file.
func (c *Catalog) Add(dir fs.FS) error {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return fmt.Errorf("list catalog: %w", err)
	}
	if len(names) == 0 {
		return errors.New("the catalog folder holds no *.yaml file")
	}
	var errs []error
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("read catalog: %w", err))
			continue
		}
		s, err := Parse(path.Base(name), data)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.systems[s.Name] = s
	}
	return errors.Join(errs...)
}

// AddFile compiles one file and adds its system, replacing one of that name.
func (c *Catalog) AddFile(name string, data []byte) (*System, error) {
	s, err := Parse(path.Base(name), data)
	if err != nil {
		return nil, err
	}
	c.systems[s.Name] = s
	return s, nil
}

// System returns the system of that name. The error lists what is known.
func (c *Catalog) System(name string) (*System, error) {
	if s := c.systems[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("system %q is not in the catalog%s", name, strictyaml.Hint(name, c.Names()))
}

// Names lists the systems, ascending.
func (c *Catalog) Names() []string {
	var out []string
	for n := range c.systems {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Parse reads and compiles one catalog file. The error joins one
// *strictyaml.Problem per finding.
func Parse(name string, data []byte) (*System, error) {
	var f file
	if err := strictyaml.Decode(name, data, &f); err != nil {
		return nil, err
	}
	c, err := newCompiler(name)
	if err != nil {
		return nil, err
	}
	return c.compile(&f)
}

// Load returns the shipped systems and those of the folders.
func Load(dirs []string) (*Catalog, error) {
	c, err := Shipped()
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		if err := c.Add(os.DirFS(d)); err != nil {
			return nil, fmt.Errorf("catalog %s: %w", d, err)
		}
	}
	return c, nil
}
