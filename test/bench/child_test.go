package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Hidden first arguments that make the test binary another program. What such
// a child is to do follows as JSON.
const (
	devCommand    = "__dev"    // `dev`: the smoke run needs no built binary
	foldCommand   = "__fold"   // folds a topic once and says what it cost
	ledgerCommand = "__ledger" // a ledger that answers until it is killed
)

// child is the command of this binary as another program. It dies with this one.
func child(t *testing.T, command string, task any) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, command, string(raw))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// answer runs a command and reads the last line it prints as JSON.
func answer[T any](t *testing.T, cmd *exec.Cmd) (out T) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", cmd.Path, cmd.Args[1], err, stderr.String())
	}
	lines := bytes.Split(bytes.TrimSpace(stdout.Bytes()), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &out); err != nil {
		t.Fatalf("%s: %v: %s", cmd.Args[1], err, stdout.String())
	}
	return out
}

// runChild is the other program, by its task.
func runChild[T any](task string, run func(*T) error) int {
	var v T
	err := json.Unmarshal([]byte(task), &v)
	if err == nil {
		err = run(&v)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// status reads a size in MB from the kernel's account of a process.
func status(pid, name string) (float64, error) {
	raw, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(raw) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			var kb float64
			if _, err := fmt.Sscanf(string(rest), "%f", &kb); err != nil {
				return 0, fmt.Errorf("read %s: %w", name, err)
			}
			return kb / 1024, nil
		}
	}
	return 0, fmt.Errorf("the kernel tells no %s of %s", name, pid)
}
