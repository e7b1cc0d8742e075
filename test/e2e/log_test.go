package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/logarchive"
	"github.com/orderledger/orderledger/services/role"
)

// logImportCommand is the hidden first argument that makes the test binary a
// `log import`: a data directory and a file follow.
const logImportCommand = "__log_import"

// runLogImport imports into the embedded broker of a directory. In the middle of
// the events it says so, and waits to be killed.
func runLogImport(args []string) error {
	cfg := config.Default()
	cfg.DataDir, cfg.Partitions = args[0], partitions
	cfg.Finish()
	s, err := role.Reach(context.Background(), cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = role.ImportLog(context.Background(), s, role.LogImport{Path: args[1], Report: func(p logarchive.PartitionSum) {
		if p.Topic == kafkalog.TopicEvents && p.Partition == 2 {
			fmt.Println("halfway")
			select {}
		}
	}})
	return err
}

// reach connects to a log of which nothing is known: embedded in a directory,
// or a Kafka.
func reach(t *testing.T, dir string, brokers ...string) *role.Stack {
	t.Helper()
	cfg := loopback()
	cfg.Ephemeral, cfg.DataDir, cfg.Partitions, cfg.Kafka.Brokers = false, dir, partitions, brokers
	cfg.Finish()
	s, err := role.Reach(t.Context(), cfg, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// lived is an embedded log of a shop with faults, with records in every topic.
func lived(t *testing.T) *role.Stack {
	t.Helper()
	s := reach(t, t.TempDir())
	if _, err := role.ApplyTopics(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	records := record(t, 30, 20*time.Minute)
	appendAll(t, s.Log, records)
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	at := opening.UnixMicro()
	for i := range 40 {
		e := ledgertest.ShopEvent(fmt.Sprint(i), ledgertest.Clock(10, 1, 0), ledgertest.Clock(10, 1, i), ledgertest.Words{Order: "open"})
		e.Order = ""
		e.ID = e.ComputeID()
		u := &ledger.Unkeyed{By: ledger.Alias{Scope: ledgertest.ERP, Type: "po", Value: fmt.Sprint(i % 7)}, Event: *e}
		value, err := codec.Encode(nil, u)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range []kafkalog.Record{
			{Topic: kafkalog.TopicUnkeyed, Partition: kafkalog.ByKey, Key: u.By.Key(), Value: value, Timestamp: at},
			{Topic: kafkalog.TopicSources, Key: fmt.Append(nil, "source ", i%3), Value: []byte("status"), Timestamp: at},
			{Topic: kafkalog.TopicQuarantine, Partition: int32(i % partitions), Value: []byte{0, 1, byte(i)}, Timestamp: time.Now().UnixMicro(), Headers: []kafkalog.Header{{Key: "a", Value: []byte("1")}, {Key: "a"}}},
			{Topic: kafkalog.TopicAliases, Partition: int32(i % partitions), Key: []byte("k"), Timestamp: at},
		} {
			if _, err := s.Log.Append(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// export writes a stack's log to a file.
func export(t *testing.T, s *role.Stack) (string, logarchive.Summary) {
	t.Helper()
	path, sum, err := role.ExportLog(t.Context(), s, role.LogExport{Path: t.TempDir(), Software: "test", Report: func(logarchive.PartitionSum) {}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return path, sum
}

func importing(path string) role.LogImport {
	return role.LogImport{Path: path, Report: func(logarchive.PartitionSum) {}}
}

// proven is what `prove replay` prints: the digest of every partition.
func proven(t *testing.T, s *role.Stack) string {
	t.Helper()
	var out bytes.Buffer
	if err := role.ProveReplay(t.Context(), s, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// foldedTopics are those whose sums must be equal through every broker: the
// others may be compacted or expire on a real one.
func foldedTopics(sum logarchive.Summary) (out []logarchive.PartitionSum) {
	for _, p := range sum.Partitions {
		if p.Topic != kafkalog.TopicSources && p.Topic != kafkalog.TopicQuarantine {
			out = append(out, p)
		}
	}
	return out
}

// TestLogTravels: embedded → Kafka → embedded, and the digest of every partition
// is the same at each stop (S-34).
func TestLogTravels(t *testing.T) {
	first := lived(t)
	want := proven(t, first)
	path, sum := export(t, first)

	kafka := reach(t, t.TempDir(), startKafka(t).Addr())
	if _, err := role.ImportLog(t.Context(), kafka, importing(path)); err != nil {
		t.Fatal(err)
	}
	if got := proven(t, kafka); got != want {
		t.Errorf("on Kafka:\n%s\nbefore:\n%s", got, want)
	}
	again, sumAgain := export(t, kafka)
	if !slices.Equal(foldedTopics(sumAgain), foldedTopics(sum)) {
		t.Errorf("exported from Kafka:\n%+v\nbefore:\n%+v", sumAgain.Partitions, sum.Partitions)
	}

	last := reach(t, t.TempDir())
	if _, err := role.ImportLog(t.Context(), last, importing(again)); err != nil {
		t.Fatal(err)
	}
	if got := proven(t, last); got != want {
		t.Errorf("back on the embedded broker:\n%s\nbefore:\n%s", got, want)
	}

	// What is there is not added to, and another file is told apart.
	if _, err := role.ImportLog(t.Context(), last, importing(path)); !errors.Is(err, role.ErrLogNotEmpty) {
		t.Errorf("into a log with records: %v", err)
	}
	resume := importing(again)
	resume.Resume = true
	if _, err := role.ImportLog(t.Context(), last, resume); err != nil {
		t.Errorf("a finished import, resumed: %v", err)
	}
	if _, err := last.Log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicControl, Value: []byte("more")}); err != nil {
		t.Fatal(err)
	}
	if _, err := role.ImportLog(t.Context(), last, resume); !errors.Is(err, role.ErrOtherLog) || !strings.Contains(err.Error(), kafkalog.TopicControl) {
		t.Errorf("resumed over a longer log: %v", err)
	}
}

// TestDamagedLogIsNotImported: nothing is appended of a file that is wrong
// anywhere, and the place is named.
func TestDamagedLogIsNotImported(t *testing.T) {
	path, _ := export(t, lived(t))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(raw)
	flipped[len(raw)*3/4] ^= 4
	for name, bad := range map[string][]byte{"flipped": flipped, "cut": raw[:len(raw)*9/10]} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		into := reach(t, t.TempDir())
		_, err := role.ImportLog(t.Context(), into, importing(file))
		if !errors.Is(err, logarchive.ErrDamaged) || !strings.Contains(err.Error(), "behind orders.") || !strings.Contains(err.Error(), "at byte ") {
			t.Errorf("%s: %v", name, err)
		}
		plans, err := role.PlanTopics(t.Context(), into)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range plans {
			if p.Records > 0 {
				t.Errorf("%s: %d records in %s", name, p.Records, p.Spec.Name)
			}
		}
	}
}

// TestKilledLogImportGoesOn: an import that died is refused, until it is told to
// go on; then the log is the one that was exported.
func TestKilledLogImportGoesOn(t *testing.T) {
	first := lived(t)
	want := proven(t, first)
	path, _ := export(t, first)
	dir := t.TempDir()

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, logImportCommand, dir, path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "halfway" {
		t.Fatalf("the import says %q", lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	into := reach(t, dir)
	if _, err := role.ImportLog(t.Context(), into, importing(path)); !errors.Is(err, role.ErrLogNotEmpty) || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("a log that was begun: %v", err)
	}
	resume := importing(path)
	resume.Resume = true
	if _, err := role.ImportLog(t.Context(), into, resume); err != nil {
		t.Fatal(err)
	}
	if got := proven(t, into); got != want {
		t.Errorf("after the kill:\n%s\nexported:\n%s", got, want)
	}
}

// TestBusyLogIsNotExported: where records keep coming there is no one instant.
func TestBusyLogIsNotExported(t *testing.T) {
	s := reach(t, t.TempDir())
	if _, err := role.ApplyTopics(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = s.Log.Append(ctx, kafkalog.Record{Topic: kafkalog.TopicControl, Value: []byte("x")})
		}
	}()
	dir := t.TempDir()
	_, _, err := role.ExportLog(t.Context(), s, role.LogExport{Path: dir, Report: func(logarchive.PartitionSum) {}, Now: time.Now})
	stop()
	<-done
	if !errors.Is(err, role.ErrBusyLog) {
		t.Fatalf("a log that is written to: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
}
