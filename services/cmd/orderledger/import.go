package main

import (
	"context"
	"os"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/connector/file"
	"github.com/orderledger/orderledger/services/role"
)

// newImport returns the command `source import`.
func newImport() cli.Importing {
	r := &reaching{}
	return cli.Importing{
		Terminal: terminal(os.Stderr),
		Flags:    r.flags,
		Run: func(ctx context.Context, req cli.ImportRequest) (file.Summary, error) {
			cfg, err := r.load()
			if err != nil {
				return file.Summary{}, err
			}
			return role.Import(ctx, cfg, role.ImportOptions{Source: req.Source, Paths: req.Paths, Covers: req.Covers, Follow: req.Follow, Report: req.Report}, logger(cfg))
		},
	}
}
