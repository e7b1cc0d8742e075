package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// place is where a source stands in a file.
type place struct {
	file string
	item *yaml.Node
}

// placesOf finds the items of `sources:`, nothing in a file without them.
func placesOf(file string, data []byte) []place {
	var root yaml.Node
	if yaml.NewDecoder(bytes.NewReader(data)).Decode(&root) != nil || len(root.Content) == 0 {
		return nil // the strict reader has said so
	}
	top := root.Content[0]
	for i := 0; i+1 < len(top.Content) && top.Kind == yaml.MappingNode; i += 2 {
		if top.Content[i].Value != "sources" {
			continue
		}
		var out []place
		for _, item := range top.Content[i+1].Content {
			out = append(out, place{file: file, item: item})
		}
		return out
	}
	return nil
}

// problem says which source an error is about, and where it stands: at the key
// that the error's path begins with, or else at the source.
func (c *Config) problem(i int, err error) error {
	name := c.Sources[i].Name
	if i >= len(c.places) || c.places[i].value("name") != name { // put together by a program
		return fmt.Errorf("sources[%d] (%s): %w", i, name, err)
	}
	p := &c.places[i]
	path := strings.TrimPrefix(err.Error(), "sources["+name+"].")
	at := p.item
	if k := p.key(path[:len(path)-len(strings.TrimLeft(path, "abcdefghijklmnopqrstuvwxyz_"))]); k >= 0 {
		at = p.item.Content[k]
	}
	return fmt.Errorf("%s:%d:%d: %w", p.file, at.Line, at.Column, err)
}

// key is the index of a key in the source's block, −1 if it is not there.
func (p *place) key(name string) int {
	for k := 0; k+1 < len(p.item.Content) && p.item.Kind == yaml.MappingNode; k += 2 {
		if p.item.Content[k].Value == name {
			return k
		}
	}
	return -1
}

func (p *place) value(name string) string {
	if k := p.key(name); k >= 0 {
		return p.item.Content[k+1].Value
	}
	return ""
}

// problems lists what a validation joined, each with its place.
func (c *Config) problems(i int, err error) []error {
	if err == nil {
		return nil
	}
	parts := []error{err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		parts = joined.Unwrap()
	}
	out := make([]error, len(parts))
	for k := range parts {
		out[k] = c.problem(i, parts[k])
	}
	return out
}

func (c *Config) validateSources() []error {
	if len(c.Sources) == 0 {
		return nil
	}
	var errs []error
	for i := range c.Sources {
		errs = append(errs, c.problems(i, c.Sources[i].Validate())...)
	}
	if err := connector.ValidateNames(c.Sources); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// ValidateCatalog joins what the systems of the catalog, shipped and configured,
// say about the sources: what they must be told before they can be heard. A
// role that starts checks the same.
func (c *Config) ValidateCatalog() error {
	cat, err := catalog.Load(c.CatalogDirs)
	if err != nil {
		return err
	}
	var errs []error
	if err := cat.Bind(c.Sources); err != nil {
		errs = append(errs, err)
	}
	for i := range c.Sources {
		if c.Sources[i].System == "" {
			continue // Validate says so
		}
		sys, err := cat.System(c.Sources[i].System)
		if err != nil {
			errs = append(errs, c.problem(i, fmt.Errorf("sources[%s].system: %w", c.Sources[i].Name, err)))
			continue
		}
		errs = append(errs, c.problems(i, sys.Check(&c.Sources[i]))...)
		if err := c.checkRegistry(i, sys); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
