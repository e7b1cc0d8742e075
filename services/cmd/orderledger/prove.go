package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/prove"
	"github.com/orderledger/orderledger/services/role"
)

// proving is what the command `prove` is told.
type proving struct {
	roles
	schedules int
	seed      uint64
	live      bool
}

// proof is what came of one.
type proof interface {
	Print(io.Writer)
	Err() error
}

// newProve returns the command `prove replay|conservation|deadlines`.
func newProve() cli.Command {
	p := &proving{}
	return cli.Command{
		Flags: func(fs *pflag.FlagSet) {
			p.settings = config.Bind(fs)
			fs.IntVar(&p.schedules, "schedules", 8, "replay: in how many ways the log is folded")
			fs.Uint64Var(&p.seed, "seed", 0, "replay: seed of the ways; 0 chooses one, which is printed")
			fs.BoolVar(&p.live, "live", false, "replay: also hold the running instance against the log that --endpoint or --endpoints-file names")
		},
		Run: p.run,
	}
}

func (p *proving) run(cmd *cobra.Command, args []string) error {
	proofs := map[string]func(context.Context, *cobra.Command, *role.Stack, prove.Options) (proof, error){
		"replay": p.replay, "conservation": p.conservation, "deadlines": p.deadlines,
	}
	if len(args) != 1 || proofs[args[0]] == nil {
		return cli.Usage("say what to prove: `orderledger prove replay`, `prove conservation` or `prove deadlines`")
	}
	cfg, err := p.settings.Load(os.LookupEnv)
	if err != nil {
		return cli.Usage("%w", err)
	}
	if err := p.reach(cfg); err != nil {
		return err
	}
	if cfg.Embedded() && cfg.DataDir == "" {
		return cli.Usage("name the log to prove: --kafka with the address that `dev` prints, or --data with the directory of an instance that is stopped")
	}
	s, err := role.OpenProof(cmd.Context(), cfg, logger(cfg))
	if err != nil {
		return err
	}
	defer s.Close()
	o, remove, err := s.ProveOptions()
	if err != nil {
		return err
	}
	defer remove()
	came, err := proofs[args[0]](cmd.Context(), cmd, s, o)
	if err != nil {
		return err
	}
	if err := show(cmd, came); err != nil {
		return err
	}
	if err := came.Err(); errors.Is(err, prove.ErrUnproven) {
		return cli.Findings(err)
	}
	return nil
}

// reach finds the log of the running instance, if none is named.
func (p *proving) reach(cfg *config.Config) error {
	if !p.live || !cfg.Embedded() || cfg.DataDir != "" {
		return nil
	}
	file := cfg.EndpointsFile
	if file == "" {
		var err error
		if file, err = cli.DefaultEndpointsFile(nil); err != nil {
			return err
		}
	}
	e, err := role.ReadEndpoints(file)
	if err != nil {
		return cli.Usage("name the log of the running instance with --kafka: %w", err)
	}
	if e.Kafka != "" {
		cfg.Kafka.Brokers = []string{e.Kafka}
	}
	return nil
}

func (p *proving) replay(ctx context.Context, cmd *cobra.Command, _ *role.Stack, o prove.Options) (proof, error) {
	if p.schedules < 1 {
		return nil, cli.Usage("--schedules %d: must be at least 1", p.schedules)
	}
	if p.seed == 0 {
		p.seed = rand.Uint64N(1 << 32)
	}
	if p.live {
		running, err := cli.Connect(cmd)
		if err != nil {
			return nil, err
		}
		defer func() { _ = running.Close() }()
		o.Live = running
	}
	return prove.Replay(ctx, prove.ReplayOptions{Options: o, Schedules: p.schedules, Seed: p.seed})
}

func (p *proving) conservation(ctx context.Context, _ *cobra.Command, s *role.Stack, o prove.Options) (proof, error) {
	history, err := role.OpenAuditor(s.Config.ClickHouse.DSN)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	if history != nil {
		defer func() { _ = history.Close() }()
	}
	return prove.Conservation(ctx, prove.ConservationOptions{Options: o, History: history})
}

func (p *proving) deadlines(ctx context.Context, _ *cobra.Command, _ *role.Stack, o prove.Options) (proof, error) {
	return prove.Deadlines(ctx, o)
}

// show writes what came of a proof in the format asked for.
func show(cmd *cobra.Command, came proof) error {
	out, format := cmd.OutOrStdout(), "table"
	if f := cmd.Flag("output"); f != nil {
		format = f.Value.String()
	}
	switch format {
	case "table", "wide":
		came.Print(out)
		return nil
	case "json", "ndjson":
		enc := json.NewEncoder(out)
		if format == "json" {
			enc.SetIndent("", "  ")
		}
		return enc.Encode(came)
	case "yaml":
		raw, err := json.Marshal(came)
		if err != nil {
			return err
		}
		var plain any
		if err := json.Unmarshal(raw, &plain); err != nil {
			return err
		}
		return yaml.NewEncoder(out).Encode(plain)
	default:
		return cli.Usage("--output %q: want table, wide, json, yaml or ndjson", format)
	}
}
