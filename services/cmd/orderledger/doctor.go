package main

import (
	"context"
	"errors"
	"os"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/doctor"
)

// newDoctor returns the command `doctor`.
func newDoctor() cli.Examining {
	r := &reaching{}
	return cli.Examining{
		Flags: r.flags,
		Run: func(ctx context.Context) ([]doctor.Result, error) {
			if _, err := r.settings.Load(os.LookupEnv); err != nil { // a finding like any other
				return []doctor.Result{doctor.Unreadable(err)}, nil
			}
			cfg, err := r.load()
			if err != nil {
				return nil, err
			}
			cfg.Listen.KafkaPort = 0
			results, err := doctor.Run(ctx, doctor.Options{Config: cfg, Version: version, Logger: logger(cfg)})
			return results, errors.Join(err, ctx.Err())
		},
	}
}
