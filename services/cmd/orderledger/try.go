package main

import (
	"context"
	"os"

	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/dryrun"
	"github.com/orderledger/orderledger/services/role"
)

// newConnectorTest returns the command `connector test`.
func newConnectorTest() cli.Trying {
	r := &roles{}
	return cli.Trying{
		Flags: func(fs *pflag.FlagSet) { r.settings = config.Bind(fs) },
		Run: func(ctx context.Context, req cli.TryRequest) (*dryrun.Report, error) {
			cfg, err := r.settings.Load(os.LookupEnv)
			if err != nil {
				return nil, cli.Usage("%w", err)
			}
			return role.DryRun(ctx, cfg, role.DryRunOptions{
				System: req.System, Origin: req.Origin, Options: req.Options, BaseURL: req.BaseURL,
				Body: dryrun.Options{
					Feed: req.Feed, Topic: req.Topic, Headers: req.Headers, ReceivedAt: ledger.At(req.ReceivedAt),
					Path: req.Path, Body: req.Body, Limit: req.Limit,
				},
			})
		},
	}
}
