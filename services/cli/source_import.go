package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/file"
)

// ImportRequest says what `source import` is to read.
type ImportRequest struct {
	Source string
	Paths  []string
	Covers *connector.Covers
	Follow bool
	Report func(file.Progress)
}

// Importing carries out `source import`.
type Importing struct {
	// Flags adds the flags that say into which log.
	Flags func(*pflag.FlagSet)
	Run   func(context.Context, ImportRequest) (file.Summary, error)
	// Terminal says whether Err is one: then progress is a bar.
	Terminal bool
}

func (a *app) sourceImport() *cobra.Command {
	var covers string
	var req ImportRequest
	cmd := &cobra.Command{
		Use: "import SOURCE PATH...", Short: "Read past orders out of files: CSV, JSON lines and JSON, also in gzip or zstd",
		Long: "Read past orders out of files: CSV, JSON lines and JSON, also in gzip or zstd.\n\n" +
			"PATH is a file, a folder, or a pattern. What was read before is not read again; a run that was interrupted is gone on with by the same command.\n" +
			"Rows that cannot be read are set aside with their file and line: `orderledger quarantine list`. The command then ends with 3.",
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) < 2 {
				return Usage("%s takes a source and at least one path: see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, given []string) error {
			if a.Import.Run == nil {
				return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
			}
			if _, err := a.format(); err != nil {
				return err
			}
			if covers != "" {
				c, err := connector.ParseCovers(covers)
				if err != nil {
					return Usage("--covers %w", err)
				}
				req.Covers = c
			}
			req.Source, req.Paths = given[0], given[1:]
			return a.importFiles(cmd.Context(), req)
		},
	}
	cmd.Flags().StringVar(&covers, "covers", "", "stretch of time of which the files hold every order, FROM..UNTIL or FROM..written, such as 2023-01-01..2024-01-01")
	cmd.Flags().BoolVar(&req.Follow, "follow", false, "go on reading what is added, until interrupted")
	if a.Import.Flags != nil {
		a.Import.Flags(cmd.Flags())
	}
	return cmd
}

func (a *app) importFiles(ctx context.Context, req ImportRequest) error {
	bar := &importBar{out: a.Err, terminal: a.Import.Terminal, began: time.Now()}
	req.Report = bar.report
	sum, err := a.Import.Run(ctx, req)
	bar.clear()
	if err != nil && (!req.Follow || ctx.Err() == nil) {
		return err
	}
	if err := a.drawImport(&sum); err != nil {
		return err
	}
	switch {
	case len(sum.Faults) > 0:
		return errors.Join(sum.Faults...)
	case sum.Quarantined > 0:
		return Findings(fmt.Errorf("%d rows are in quarantine: see `orderledger quarantine list --filter 'source = %s'`", sum.Quarantined, req.Source))
	default:
		return nil
	}
}

// drawImport says what an import did.
func (a *app) drawImport(sum *file.Summary) error {
	proven := "nothing: no --covers was given"
	switch {
	case sum.Proven != nil:
		proven = sum.Proven.From.String() + " to " + sum.Proven.Until.String()
	case sum.Withheld != "":
		proven = "nothing: " + sum.Withheld
	}
	if !a.drawn() {
		raw, err := json.Marshal(map[string]any{
			"files": sum.Files, "unchanged": sum.Unchanged, "rows": sum.Rows, "events": sum.Events, "foreign": sum.Foreign,
			"quarantined": sum.Quarantined, "proven": proven,
		})
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	t := a.table("FILES", "UNCHANGED", "ROWS", "EVENTS", "FOREIGN", "QUARANTINED", "PROVEN")
	t.row(fmt.Sprint(sum.Files), fmt.Sprint(sum.Unchanged), fmt.Sprint(sum.Rows), fmt.Sprint(sum.Events), fmt.Sprint(sum.Foreign), fmt.Sprint(sum.Quarantined), proven)
	return t.write(a.Out)
}

// barWidth is that of the bar itself; barEvery how often it is drawn.
const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

// importBar shows progress: a bar on a terminal, and a line for each file that is
// read to its end.
type importBar struct {
	out      io.Writer
	terminal bool
	began    time.Time
	drawn    time.Time
	path     string
}

func (b *importBar) report(p file.Progress) {
	if p.Path != b.path {
		b.path, b.began = p.Path, time.Now()
	}
	if p.Done || p.Err != nil {
		b.clear()
		_, _ = fmt.Fprintln(b.out, line(p))
		b.path = ""
		return
	}
	if !b.terminal || time.Since(b.drawn) < barEvery {
		return
	}
	b.drawn = time.Now()
	_, _ = fmt.Fprint(b.out, "\r\x1b[K"+bar(p, time.Since(b.began)))
}

// clear removes the bar.
func (b *importBar) clear() {
	if b.terminal {
		_, _ = fmt.Fprint(b.out, "\r\x1b[K")
	}
}

// line is what is left to say about a file.
func line(p file.Progress) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %d rows, %d events", filepath.Base(p.Path), p.Rows, p.Events)
	if p.Foreign > 0 {
		fmt.Fprintf(&s, ", %d foreign", p.Foreign)
	}
	if p.Quarantined > 0 {
		fmt.Fprintf(&s, ", %d quarantined", p.Quarantined)
	}
	if p.Note != "" {
		s.WriteString(" (" + p.Note + ")")
	}
	if p.Err != nil {
		s.WriteString(": " + p.Err.Error())
	}
	return s.String()
}

// bar draws how far a file is read.
func bar(p file.Progress, took time.Duration) string {
	share := 1.0
	if p.Size > 0 {
		share = min(1, float64(p.Read)/float64(p.Size))
	}
	full := int(share * barWidth)
	rate := float64(p.Rows) / max(took.Seconds(), 0.001)
	left := "-"
	if share > 0.01 {
		left = (time.Duration(float64(took) * (1 - share) / share)).Round(time.Second).String()
	}
	return fmt.Sprintf("%s [%s%s] %3.0f %%  %d rows, %.0f/s, %d quarantined, %s left",
		filepath.Base(p.Path), strings.Repeat("#", full), strings.Repeat(".", barWidth-full), share*100, p.Rows, rate, p.Quarantined, left)
}
