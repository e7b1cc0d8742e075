package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/simulate/lab"
)

// labGarbage is how much garbage the lab lets stand, in percent of what it keeps:
// it makes documents and forgets them.
const labGarbage = 400

// newLab returns the command `lab`.
func newLab() cli.Command {
	var c lab.Config
	var seeds, format, file string
	return cli.Command{
		Flags: func(fs *pflag.FlagSet) {
			fs.IntVar(&c.Orders, "orders", lab.DefaultOrders, "orders of each seed")
			fs.StringVar(&seeds, "seeds", "1", "how many seeds, from 1 on, or a list: 3,5,8")
			fs.StringSliceVar(&c.Faults, "faults", []string{"all"}, "classes of faults to inject, all or none")
			fs.IntVar(&c.Rate, "rate", lab.DefaultRate, "how many of a thousand orders have a fault")
			fs.BoolVar(&c.Null, "null", false, "also play every seed without faults, under clocks that go five minutes wrong")
			fs.BoolVar(&c.HoldOut, "holdout", false, "also play the classes that no rule was written against")
			fs.BoolVar(&c.Baselines, "baselines", false, "let five other detectors judge the same shops")
			fs.DurationVar(&c.For, "for", 0, "begin no further shop after this long; 0: play all")
			fs.IntVar(&c.Workers, "workers", 0, "shops played at once; 0: one for each processor")
			fs.StringVar(&file, "out", "", "file that receives the report; standard output if empty")
		},
		Run: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Seeds, err = parseSeeds(seeds); err != nil {
				return err
			}
			if o := cmd.Flags().Lookup("output"); o != nil {
				format = o.Value.String()
			}
			if err := c.Validate(); err != nil {
				return cli.Usage("%w", err)
			}
			debug.SetGCPercent(labGarbage)
			c.Progress = func(done, of int) { fmt.Fprintf(cmd.ErrOrStderr(), "\r%d of %d shops", done, of) }
			rep, err := lab.Run(cmd.Context(), c)
			fmt.Fprintln(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := writeReport(cmd.OutOrStdout(), file, format, rep); err != nil {
				return err
			}
			if !rep.Met() {
				return cli.Findings(errors.New("a target was missed"))
			}
			return nil
		},
	}
}

func parseSeeds(text string) ([]uint64, error) {
	var out []uint64
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 32)
		if err != nil {
			return nil, cli.Usage("--seeds: %q is no number", part)
		}
		out = append(out, n)
	}
	if len(out) > 1 {
		return out, nil
	}
	n := out[0]
	if n < 1 || n > 100_000 {
		return nil, cli.Usage("--seeds: say how many, from 1 to 100000")
	}
	out = out[:0]
	for s := range n {
		out = append(out, s+1)
	}
	return out, nil
}

func writeReport(w io.Writer, file, format string, rep *lab.Report) error {
	if file != "" {
		f, err := os.Create(file) //nolint:gosec // the operator names the file
		if err != nil {
			return fmt.Errorf("open the report: %w", err)
		}
		defer f.Close()
		w = f
	}
	if format == "json" {
		return rep.WriteJSON(w)
	}
	return rep.WriteTable(w)
}
