package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/policy"
	"github.com/orderledger/orderledger/services/policy/ruletest"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate"
)

// newSimulate returns the command `simulate`.
func newSimulate() cli.Command {
	var o simulate.Options
	var writeConfig string
	return cli.Command{
		Flags: func(fs *pflag.FlagSet) {
			fs.StringVar(&o.TargetFile, "target", "", "endpoints file of the running instance")
			fs.StringVar(&o.Webhooks, "webhooks", "", "address that receives the webhooks; wins over --target")
			fs.IntVar(&o.Orders, "orders", simulate.DefaultOrders, "orders that are born")
			fs.Float64Var(&o.Rate, "rate", simulate.DefaultRate, "orders a second, on average")
			fs.Uint64Var(&o.Seed, "seed", 1, "seed of the shop")
			fs.StringSliceVar(&o.Faults, "faults", nil, "classes of faults to inject, or all")
			fs.StringVar(&o.TruthFile, "truth", "", "file that receives what happened")
			fs.StringVar(&o.Listen, "listen", simulate.DefaultListen, "where the simulated systems answer")
			fs.DurationVar(&o.For, "for", 0, "end after this long")
			fs.StringVar(&writeConfig, "write-config", "", "only write, into this folder, the configuration with which an instance hears the simulation")
		},
		Run: func(cmd *cobra.Command, _ []string) error {
			if writeConfig != "" {
				file, err := simulate.WriteConfig(writeConfig, o.Listen, time.Now())
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), file)
				}
				return err
			}
			o.Out, o.Clock, o.Logger = cmd.OutOrStdout(), connector.SystemClock{}, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			return simulate.Run(cmd.Context(), o)
		},
	}
}

// newRulesTest returns the command `rules test`.
func newRulesTest() cli.Command {
	rewrite, tap := false, false
	return cli.Command{
		Flags: func(fs *pflag.FlagSet) {
			fs.BoolVar(&rewrite, "rewrite", false, "replace failed expectations by what was seen")
			fs.BoolVar(&tap, "tap", false, "write the Test Anything Protocol")
		},
		Run: func(cmd *cobra.Command, args []string) error {
			files, err := readFiles(args)
			if err != nil {
				return err
			}
			opt := ruletest.Options{ReadFile: os.ReadFile}
			if rewrite {
				return rewriteTests(opt, files)
			}
			rep := ruletest.Run(opt, files...)
			write := rep.WritePlain
			if tap {
				write = rep.WriteTAP
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			switch rep.ExitCode() {
			case cli.ExitOK:
				return nil
			case cli.ExitFindings:
				return cli.Findings(errors.New("expectations were not met"))
			default:
				return policy.Err(rep.Problems)
			}
		},
	}
}

func rewriteTests(opt ruletest.Options, files []policy.File) error {
	for _, f := range files {
		out, _, problems := ruletest.Rewrite(opt, f)
		if policy.Failed(problems) {
			return policy.Err(problems)
		}
		if err := os.WriteFile(f.Name, out, 0o600); err != nil {
			return fmt.Errorf("rewrite: %w", err)
		}
	}
	return nil
}

func readFiles(names []string) ([]policy.File, error) {
	if len(names) == 0 {
		return nil, cli.Usage("name at least one file")
	}
	var out []policy.File
	for _, n := range names {
		data, err := os.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", n, err)
		}
		out = append(out, policy.File{Name: n, Data: data})
	}
	return out, nil
}

// newCheck returns `rules check` or `matrix check`: the configured policy, with
// the files named in place of the configured ones.
func newCheck(check func(*policy.Draft, *role.Checked) []policy.Problem) cli.Command {
	r := &roles{}
	c := r.command(nil, nil)
	c.Run = func(cmd *cobra.Command, args []string) error {
		cfg, err := r.settings.Load(os.LookupEnv)
		if err != nil {
			return cli.Usage("%w", err)
		}
		if len(args) > 0 {
			cfg.Policy.Rules, cfg.Policy.Matrix = args, nil
		}
		checked, err := role.CheckPolicy(cfg)
		if err != nil {
			return cli.Findings(err)
		}
		problems := check(checked.Draft, checked)
		for i := range problems {
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), problems[i].Error())
		}
		if policy.Failed(problems) {
			return cli.Findings(errors.New("the policy has errors"))
		}
		for _, line := range policy.AliasTable(checked.Policy) {
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d rules, %d matrix rows: no errors, %d warnings\n", len(checked.Policy.Rules), len(checked.Policy.Rows), len(problems))
		return err
	}
	return c
}

// newRulesFmt returns the command `rules fmt`.
func newRulesFmt() cli.Command {
	return cli.Command{Run: func(cmd *cobra.Command, args []string) error {
		files, err := readFiles(args)
		if err != nil {
			return err
		}
		for _, f := range files {
			out, problems := policy.Format(f)
			if policy.Failed(problems) {
				return policy.Err(problems)
			}
			if string(out) == string(f.Data) {
				continue
			}
			if err := os.WriteFile(f.Name, out, 0o600); err != nil {
				return fmt.Errorf("format: %w", err)
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), f.Name)
		}
		return nil
	}}
}
