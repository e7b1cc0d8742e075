package power_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// childVar names what fails in a child process, in its working directory.
const childVar = "ORDERLEDGER_POWER_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childVar); file != "" {
		if err := child(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	os.Exit(m.Run())
}

// child folds a log on a real disk of which some files cannot be written, and
// prints every offset that it committed.
func child(file string) error {
	rnd := rand.New(rand.NewPCG(11, 4))
	w, err := newWorld(rnd)
	if err != nil {
		return err
	}
	disk := errorfs.Wrap(vfs.Default, &rule{file: file, from: 12, errno: syscall.ENOSPC})
	m, err := boot(w, disk, newSinks(), size{memtable: 4 << 10, outbox: 1 << 20, maxRows: 9})
	if err != nil {
		return err
	}
	for at := int64(0); at < w.end(); at++ {
		if err := m.seat.Fold(w.decoded(at, at+1)); err != nil {
			return err
		}
		fmt.Println(m.seat.Place().Offset)
	}
	return nil
}

// TestFaultEndsTheProcess: a process whose disk is full ends by itself, whatever
// Pebble was about and in whichever goroutine; its last words say what to do; and
// what it committed is there for the next.
func TestFaultEndsTheProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{".log", ".sst", "MANIFEST"} {
		t.Run(file, func(t *testing.T) {
			t.Chdir(t.TempDir())
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, self)
			cmd.Env = append(os.Environ(), childVar+"="+file)
			var said, last bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &last
			if err := cmd.Run(); err == nil {
				t.Error("the process ended well")
			}
			if words := last.String(); !strings.Contains(words, "no space left on device: free some space, and start again") {
				t.Errorf("the last words do not say what to do:\n%s", words)
			}
			lines := strings.Fields(said.String())
			if len(lines) == 0 {
				t.Fatal("nothing was committed before the fault")
			}
			committed, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			w, err := newWorld(rand.New(rand.NewPCG(11, 4)))
			if err != nil {
				t.Fatal(err)
			}
			l := loss{disk: vfs.Default, to: newSinks(), committed: committed, taken: w.end()}
			if _, err := l.check(w, rand.New(rand.NewPCG(1, 1)), size{memtable: 4 << 10, outbox: 1 << 20, maxRows: 9}); err != nil {
				t.Error(err)
			}
		})
	}
}
