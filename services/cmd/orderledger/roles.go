package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/role"
)

// roles are the commands that run parts of the product in this process.
type roles struct {
	settings *config.Flags
	seed     uint64
	lasting  time.Duration
}

// command binds a role to the settings and runs it.
func (r *roles) command(run func(context.Context, *config.Config, io.Writer) error, flags func(*pflag.FlagSet)) cli.Command {
	return cli.Command{
		Flags: func(fs *pflag.FlagSet) {
			r.settings = config.Bind(fs)
			if flags != nil {
				flags(fs)
			}
		},
		Run: func(cmd *cobra.Command, _ []string) error {
			cfg, err := r.settings.Load(os.LookupEnv)
			if err != nil {
				return cli.Usage("%w", err)
			}
			return run(cmd.Context(), cfg, cmd.OutOrStdout())
		},
	}
}

// newRole returns the command of a role; each has settings of its own.
func newRole(parts role.Parts) cli.Command {
	r := &roles{}
	return r.command(func(ctx context.Context, cfg *config.Config, out io.Writer) error { return serve(ctx, cfg, parts, out) }, nil)
}

// newDemo returns the command `demo`.
func newDemo() cli.Command {
	r := &roles{}
	return r.command(func(ctx context.Context, cfg *config.Config, out io.Writer) error {
		cfg.Ephemeral = cfg.Ephemeral || cfg.DataDir == ""
		if err := settleFiles(cfg); err != nil {
			return err
		}
		err := role.Demo(ctx, cfg, role.DemoOptions{Seed: r.seed, For: r.lasting, Out: out}, watchers(), logger(cfg))
		if errors.Is(err, role.ErrFindings) {
			return cli.Findings(err)
		}
		return err
	}, func(fs *pflag.FlagSet) {
		fs.Uint64Var(&r.seed, "seed", 1, "seed of the simulated shop")
		fs.DurationVar(&r.lasting, "for", 0, "end by itself after this long, print the score, and exit 0 only if it is perfect")
	})
}

// serve runs an instance until the context ends.
func serve(ctx context.Context, cfg *config.Config, parts role.Parts, out io.Writer) error {
	if cfg.DataDir == "" && !cfg.Ephemeral {
		dir, err := os.UserCacheDir()
		if err != nil {
			return cli.Usage("say where the data goes with --data, or use --ephemeral: %w", err)
		}
		cfg.DataDir = filepath.Join(dir, "orderledger", "data")
	}
	if parts.API { // who asks looks for this file
		if err := settleFiles(cfg); err != nil {
			return err
		}
	}
	log := logger(cfg)
	if _, err := role.LimitMemory(cfg, role.Surroundings{LookupEnv: os.LookupEnv, Root: os.DirFS("/")}, log); err != nil {
		return cli.Usage("%w", err)
	}
	i, err := role.Start(ctx, cfg, parts, watchers(), log)
	switch {
	case err != nil && ctx.Err() != nil:
		log.Info("asked to end before everything was started", "error", err)
		return nil //nolint:nilerr // nothing went wrong: it was asked to end
	case err != nil:
		return err
	}
	i.Endpoints.Print(out, i.Banner())
	<-ctx.Done()
	return i.Drain()
}

// settleFiles says where the endpoints are written, unless the configuration does.
func settleFiles(cfg *config.Config) error {
	if cfg.EndpointsFile != "" {
		return nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return cli.Usage("say where the endpoints are written with --endpoints-file: %w", err)
	}
	cfg.EndpointsFile = filepath.Join(dir, "orderledger", "endpoints.json")
	return nil
}

// logger writes to stderr: text for people, JSON for machines.
func logger(cfg *config.Config) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	opt := &slog.HandlerOptions{Level: levels[cfg.Log.Level]}
	if cfg.Log.Format == "json" || cfg.Log.Format == "auto" && !terminal(os.Stderr) {
		return slog.New(slog.NewJSONHandler(os.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opt))
}
