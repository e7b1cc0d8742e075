package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/file"
	"github.com/orderledger/orderledger/services/role"
)

// newImport returns the command `source import`.
func newImport() cli.Importing {
	r := &roles{}
	return cli.Importing{
		Terminal: terminal(os.Stderr),
		Flags:    func(fs *pflag.FlagSet) { r.settings = config.Bind(fs) },
		Run: func(ctx context.Context, req cli.ImportRequest) (file.Summary, error) {
			cfg, err := r.settings.Load(os.LookupEnv)
			if err != nil {
				return file.Summary{}, cli.Usage("%w", err)
			}
			if err := settleFiles(cfg); err != nil {
				return file.Summary{}, err
			}
			if cfg.DataDir == "" && cfg.Embedded() {
				if dir, err := os.UserCacheDir(); err == nil { // where `dev` keeps it
					cfg.DataDir = filepath.Join(dir, "orderledger", "data")
				}
			}
			return role.Import(ctx, cfg, role.ImportOptions{Source: req.Source, Paths: req.Paths, Covers: req.Covers, Follow: req.Follow, Report: req.Report}, logger(cfg))
		},
	}
}
