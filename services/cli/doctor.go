package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/doctor"
)

// Examining carries out `doctor`.
type Examining struct {
	// Flags adds the flags that say with which configuration.
	Flags func(*pflag.FlagSet)
	Run   func(context.Context) ([]doctor.Result, error)
}

func (a *app) doctor() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Examine the installation: settings, machine, engines, clocks and certificates", Args: exactly(0, "no arguments"),
		Long: "Examine the installation: configuration, policy, secrets, certificates, data directory, limits, Kafka and its topics, ClickHouse, schema registry, and the clocks of all of them and of the sources.\n\n" +
			"Works on a configuration (--config), and on the instance that the endpoints file names. Changes nothing; asks each polled source once, without credentials.\n" +
			"Ends with 3 if anything needs a look.",
	}
	if a.Examine.Flags != nil {
		a.Examine.Flags(cmd.Flags())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.Examine.Run == nil {
			return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
		}
		if _, err := a.format(); err != nil {
			return err
		}
		results, err := a.Examine.Run(cmd.Context())
		if err != nil {
			return err
		}
		return a.examined(results)
	}
	return cmd
}

// examined shows what the checks found.
func (a *app) examined(results []doctor.Result) error {
	counts := map[doctor.Status]int{}
	for _, r := range results {
		counts[r.Status]++
	}
	if err := a.drawResults(results); err != nil {
		return err
	}
	if n := counts[doctor.Warn] + counts[doctor.Fail]; n > 0 {
		return Findings(fmt.Errorf("%d of %d checks need a look: %d fail, %d warn", n, len(results), counts[doctor.Fail], counts[doctor.Warn]))
	}
	return nil
}

func (a *app) drawResults(results []doctor.Result) error {
	if !a.drawn() {
		raw, err := json.Marshal(map[string]any{"checks": results})
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	colours := map[doctor.Status]string{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red}
	t := a.table("STATUS", "CHECK", "FOUND")
	for _, r := range results {
		t.row(a.paint(colours[r.Status], string(r.Status)), r.Check, r.Detail)
		if r.Remedy != "" {
			t.row("", "", "→ "+r.Remedy)
		}
	}
	return t.write(a.Out)
}
