package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/logarchive"
)

// LogImportRequest says what `log import` is to read.
type LogImportRequest struct {
	Path   string
	Resume bool
	Report func(logarchive.PartitionSum)
}

// LogTasks carry out `log export` and `log import`.
type LogTasks struct {
	// Flags adds the flags that say which log.
	Flags func(*pflag.FlagSet)
	// Export returns the file that was written.
	Export func(ctx context.Context, path string, report func(logarchive.PartitionSum)) (string, logarchive.Summary, error)
	Import func(context.Context, LogImportRequest) (logarchive.Summary, error)
}

func (a *app) log() *cobra.Command {
	return group("log", "Keep the whole log in a file, and bring it back", a.logExport(), a.logImport(), a.logVerify())
}

func (a *app) logExport() *cobra.Command {
	return a.logCommand(&cobra.Command{
		Use: "export FILE|DIR", Short: "Write the whole log into one file", Args: exactly(1, "a file or a folder"),
		Long: "Write the whole log, every record of every topic with its place, key, headers and time, into one compressed file with hashes.\n\n" +
			"The copy is of one instant: where records keep coming it is refused, so stop connectors and ledgers first. The file appears only once it is complete.\n" +
			"It holds whatever personal data the log holds: keep it as you keep the log.",
	}, func(cmd *cobra.Command, t *LogTasks, path string) error {
		name, sum, err := t.Export(cmd.Context(), path, a.reportPartition)
		if err != nil {
			return err
		}
		return a.archived(name, &sum)
	})
}

func (a *app) logImport() *cobra.Command {
	resume := false
	cmd := a.logCommand(&cobra.Command{
		Use: "import FILE", Short: "Append an exported log to new topics", Args: exactly(1, "a file"),
		Long: "Check a file that `log export` wrote, and append every record where it stood. The topics must be empty and have the same number of partitions; missing ones are made.\n\n" +
			"Run it before any connector or ledger is started on these topics. Of a damaged file nothing is appended (the command ends with 3).",
	}, func(cmd *cobra.Command, t *LogTasks, path string) error {
		sum, err := t.Import(cmd.Context(), LogImportRequest{Path: path, Resume: resume, Report: a.reportPartition})
		switch {
		case errors.Is(err, logarchive.ErrDamaged):
			return Findings(err)
		case err != nil:
			return err
		}
		return a.archived(path, &sum)
	})
	cmd.Flags().BoolVar(&resume, "resume", false, "go on with an import that was interrupted: compare what the topics hold, then append the rest")
	return cmd
}

func (a *app) logVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE", Short: "Check an exported log to its last byte", Args: exactly(1, "a file"),
		Long: "Read an exported log to its end and check every hash, count and offset. Needs no Kafka. Ends with 3, and says where, if the file is not what was written.",
		RunE: func(_ *cobra.Command, given []string) error {
			if _, err := a.format(); err != nil {
				return err
			}
			sum, err := logarchive.VerifyFile(given[0])
			switch {
			case errors.Is(err, logarchive.ErrDamaged), errors.Is(err, logarchive.ErrNoArchive):
				return Findings(err)
			case err != nil:
				return err
			}
			return a.archived(given[0], &sum)
		},
	}
}

// logCommand makes a command that works on a log.
func (a *app) logCommand(cmd *cobra.Command, run func(*cobra.Command, *LogTasks, string) error) *cobra.Command {
	var t LogTasks
	if a.Log != nil {
		t = a.Log()
	}
	if t.Flags != nil {
		t.Flags(cmd.Flags())
	}
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if t.Export == nil {
			return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
		}
		if _, err := a.format(); err != nil {
			return err
		}
		return run(cmd, &t, given[0])
	}
	return cmd
}

// reportPartition says on Err what is done, where a person reads.
func (a *app) reportPartition(s logarchive.PartitionSum) {
	if a.drawn() && !a.noHeaders && s.Records > 0 {
		_, _ = fmt.Fprintf(a.Err, "%s/%d: %d records\n", s.Topic, s.Partition, s.Records)
	}
}

// archived shows what a file holds.
func (a *app) archived(name string, sum *logarchive.Summary) error {
	if !a.drawn() {
		raw, err := json.Marshal(struct {
			File string `json:"file"`
			*logarchive.Summary
		}{name, sum})
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	t := a.table("TOPIC", "PARTITION", "RECORDS", "BYTES", "SHA-256")
	for _, p := range sum.Partitions {
		if p.Records > 0 || a.output == "wide" {
			t.row(p.Topic, strconv.Itoa(int(p.Partition)), strconv.FormatInt(p.Records, 10), strconv.FormatInt(p.Bytes, 10), p.SHA256)
		}
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Out, "%s: %d records of %d partitions (N = %d), %d bytes, sha-256 chain %s\n", name, sum.Records, len(sum.Partitions), sum.Header.Partitions, sum.Size, sum.SHA256)
	return err
}
