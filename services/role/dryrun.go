package role

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/dryrun"
)

// DryRunOptions say what is tried, and as whose.
type DryRunOptions struct {
	// System is a configured source, a system of the catalog, or a YAML file.
	System string
	// Origin is the source whose order ids the documents of a stand-in carry; its
	// own if empty and the system is a storefront or a marketplace, else "shop".
	Origin string
	// Options and BaseURL configure a stand-in.
	Options map[string]string
	BaseURL string
	// Body says the rest. Source, System, StandIn, Matrix and HashKey are filled in.
	Body dryrun.Options
}

// ErrUnknownSystem says that no source, system or file has the name.
var ErrUnknownSystem = errors.New("no such system")

// DryRun maps a body as a source would, and sends it nowhere.
func DryRun(ctx context.Context, cfg *config.Config, o DryRunOptions) (*dryrun.Report, error) {
	cat, err := LoadCatalog(cfg.CatalogDirs)
	if err != nil {
		return nil, err
	}
	run := o.Body
	if run.HashKey, err = hashKeyOf(cfg); err != nil {
		return nil, err
	}
	src, err := sourceNamed(cfg, o.System)
	if err != nil {
		if src, err = standIn(cfg, cat, &o); err != nil {
			return nil, err
		}
		run.StandIn = true
	}
	if err := cat.Bind(cfg.Sources); err != nil {
		return nil, fmt.Errorf("sources:\n%w", err)
	}
	run.Source = src
	if run.System, err = cat.System(src.System); err != nil {
		return nil, err
	}
	p, _, err := CompilePolicy(cfg, cat, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("policy:\n%w", err)
	}
	run.Matrix = dryrun.MatrixOf(p.Rows, run.System.Name)
	return dryrun.Run(ctx, run)
}

// standIn puts a source for the system in the place of the configured ones, and
// an origin beside it if it is none.
func standIn(cfg *config.Config, cat *catalog.Catalog, o *DryRunOptions) (*connector.Source, error) {
	name := o.System
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read catalog file: %w", err)
		}
		s, err := cat.AddFile(name, data)
		if err != nil {
			return nil, err
		}
		name = s.Name
	}
	sys, err := cat.System(name)
	if err != nil {
		return nil, fmt.Errorf("%w: name a configured source (with --config), a YAML file, or one of %s: %w", ErrUnknownSystem, strings.Join(cat.Names(), ", "), err)
	}
	src := connector.Source{Name: name, System: name, Options: o.Options, BaseURL: o.BaseURL, Poll: connector.PollSettings{Disabled: true}}
	origin := o.Origin
	if origin == "" && sys.Role != ledger.RoleStorefront && sys.Role != ledger.RoleMarketplace {
		origin = "shop"
	}
	cfg.Policy.Bindings = nil
	cfg.Sources = []connector.Source{src}
	if src.Origin = origin == "" || origin == name; src.Origin {
		cfg.Sources[0].Origin = true
	} else {
		cfg.Sources[0].OriginSource = origin
		cfg.Sources = append(cfg.Sources, connector.Source{Name: origin, System: "generic", Origin: true, Role: ledger.RoleStorefront.String()})
	}
	return &cfg.Sources[0], nil
}
