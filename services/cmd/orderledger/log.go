package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logarchive"
	"github.com/orderledger/orderledger/services/role"
)

// reaching are commands that work on the log of an instance, as it is.
type reaching struct{ settings *config.Flags }

func (r *reaching) flags(fs *pflag.FlagSet) { r.settings = config.Bind(fs) }

// load reads the configuration. Where it names no Kafka it finds the instance
// that `dev` left in the user's cache folder.
func (r *reaching) load() (*config.Config, error) {
	cfg, err := r.settings.Load(os.LookupEnv)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	if err := settleFiles(cfg); err != nil {
		return nil, err
	}
	if cfg.DataDir == "" && cfg.Embedded() {
		if dir, err := os.UserCacheDir(); err == nil { // where `dev` keeps it
			cfg.DataDir = filepath.Join(dir, "orderledger", "data")
		}
	}
	return cfg, nil
}

// with connects, runs and closes.
func (r *reaching) with(ctx context.Context, run func(*role.Stack) error) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	s, err := role.Reach(ctx, cfg, logger(cfg))
	if err != nil {
		return err
	}
	defer s.Close()
	return run(s)
}

// newTopics returns the commands `topics plan` and `topics apply`.
func newTopics() cli.TopicTasks {
	r := &reaching{}
	task := func(do func(context.Context, *role.Stack) ([]kafkalog.TopicPlan, error)) func(context.Context) ([]kafkalog.TopicPlan, error) {
		return func(ctx context.Context) (plans []kafkalog.TopicPlan, err error) {
			err = r.with(ctx, func(s *role.Stack) (err error) {
				plans, err = do(ctx, s)
				return err
			})
			return plans, err
		}
	}
	return cli.TopicTasks{Flags: r.flags, Plan: task(role.PlanTopics), Apply: task(role.ApplyTopics)}
}

// newLog returns the commands `log export` and `log import`.
func newLog() cli.LogTasks {
	r := &reaching{}
	return cli.LogTasks{
		Flags: r.flags,
		Export: func(ctx context.Context, path string, report func(logarchive.PartitionSum)) (name string, sum logarchive.Summary, err error) {
			err = r.with(ctx, func(s *role.Stack) (err error) {
				name, sum, err = role.ExportLog(ctx, s, role.LogExport{Path: path, Software: "orderledger " + version, Report: report, Now: time.Now})
				return err
			})
			return name, sum, err
		},
		Import: func(ctx context.Context, req cli.LogImportRequest) (sum logarchive.Summary, err error) {
			err = r.with(ctx, func(s *role.Stack) (err error) {
				sum, err = role.ImportLog(ctx, s, role.LogImport{Path: req.Path, Resume: req.Resume, Report: req.Report})
				return err
			})
			return sum, err
		},
	}
}
