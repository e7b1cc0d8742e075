package bench_test

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The Java program that does the same with Kafka Streams.
//
//go:embed streams/pom.xml streams/src
var streamsSource embed.FS

// streamsProgram builds the Java program, once per content of its sources, into
// the user's cache, and returns its class path.
func streamsProgram(t *testing.T) string {
	t.Helper()
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		t.Fatal("mvn is not installed: install Maven and a JDK, which build the comparison with Kafka Streams")
	}
	base, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	final := filepath.Join(base, "orderledger", "bench-streams-"+sumOf(t, streamsSource))
	path := filepath.Join(final, "target", "classes") + ":" + filepath.Join(final, "lib", "*")
	if _, err := os.Stat(final); err == nil {
		return path
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(final), "bench-streams-partial-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, err := fs.Sub(streamsSource, "streams")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, root); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), mvn, "-q", "-B", "-f", filepath.Join(dir, "pom.xml"), "compile", "dependency:copy-dependencies", "-DoutputDirectory="+filepath.Join(dir, "lib"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mvn compile: %v\n%s", err, out)
	}
	if err := os.Rename(dir, final); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	return path
}

// javaVersion is the first line of what java says of itself.
func javaVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "java", "-version").CombinedOutput()
	if err != nil {
		t.Fatalf("java -version: %v: install a JDK, 17 or newer", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.ReplaceAll(strings.TrimSpace(first), "\"", "")
}

// sumOf is a short hash of everything in a file system.
func sumOf(t *testing.T, of fs.FS) string {
	t.Helper()
	h := sha256.New()
	err := fs.WalkDir(of, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(of, path)
		_, _ = fmt.Fprintf(h, "%s %d\n", path, len(raw))
		_, _ = h.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// streamsFlags fit a JVM to two cores and a few hundred MB of live heap: the
// collector without helpers is the cheapest one, the young generation holds
// what lives for one commit.
var streamsFlags = strings.Fields("-server -Xms2g -Xmx2g -Xmn1200m -XX:+UseSerialGC -XX:-UsePerfData")

// streamsTask is one run of the Java program.
type streamsTask struct {
	brokers, application, output, directory string
	records                                 int64
	commitMillis                            int
	eventSchema, tickSchema                 uint32
	tally                                   bool
}

func (s *streamsTask) command(t *testing.T, topic string) *exec.Cmd {
	t.Helper()
	args := append([]string{}, streamsFlags...)
	args = append(args, "-cp", streamsProgram(t), "orderledger.bench.streams.Main",
		"--brokers="+s.brokers, "--topic="+topic, "--output="+s.output, "--application="+s.application, "--directory="+s.directory,
		fmt.Sprint("--records=", s.records), fmt.Sprint("--commit-ms=", s.commitMillis),
		fmt.Sprint("--event-schema=", s.eventSchema), fmt.Sprint("--tick-schema=", s.tickSchema), fmt.Sprint("--tally=", s.tally))
	return exec.CommandContext(t.Context(), "java", args...)
}
