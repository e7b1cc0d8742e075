package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/embedded/internal/child"
)

// parentCommand makes this test binary a parent that starts a child, prints
// its process id and waits.
const parentCommand = "__parent"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == parentCommand {
		process, err := child.Start(exec.Command("sleep", "600"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(process.Pid())
		<-process.Exited()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestChildDiesWithItsKilledParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self, parentCommand)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	deadline := time.Now().Add(10 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the child outlived its parent")
		}
		time.Sleep(time.Millisecond)
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestStopAndKill(t *testing.T) {
	obedient, err := child.Start(exec.Command("sleep", "600"))
	if err != nil {
		t.Fatal(err)
	}
	obedient.Stop(time.Minute)
	if err := obedient.Err(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("stopped: %v", err)
	}
	deaf, err := child.Start(exec.Command("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"))
	if err != nil {
		t.Fatal(err)
	}
	if err := deaf.Await(t.Context(), func(context.Context) error {
		if deaf.Output() == "" {
			return errors.New("not yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	deaf.Stop(10 * time.Millisecond)
	if err := deaf.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("deaf to SIGTERM: %v", err)
	}
}

func TestAwaitTellsWhatTheChildSaid(t *testing.T) {
	process, err := child.Start(exec.Command("sh", "-c", "echo no such port >&2; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	err = process.Await(t.Context(), func(context.Context) error { return errors.New("never") })
	if err == nil || !strings.Contains(err.Error(), "no such port") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}
