// Package child runs the processes of the embedded engines. On Linux a child
// never outlives its parent, not even one that was killed.
package child

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tailBytes is how much of a child's output is kept for error messages.
const tailBytes = 8 << 10

// Process is a running child.
type Process struct {
	cmd    *exec.Cmd
	output tail
	exited chan struct{}
	err    error // set before exited is closed
}

// Start starts the command in a process group of its own. Its output is kept
// for messages; what it is worth logging is up to the caller.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	// A grandchild that keeps the output open must not keep us waiting.
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// The parent-death signal is sent when the starting thread ends, so
		// that thread waits for the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Pid returns the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed when the child has ended, for whatever reason.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err returns how the child ended, with its last output. It waits for the end.
func (p *Process) Err() error {
	<-p.exited
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", p.err, p.Output())
}

// Output returns the end of the child's output.
func (p *Process) Output() string { return p.output.String() }

// Stop asks the child to end, and kills it when the patience is over.
func (p *Process) Stop(patience time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an ended child is what we want
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.Kill()
	}
}

// Kill ends the child at once, as kill -9 does, and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an ended child is what we want
	<-p.exited
}

// Await polls ready until it succeeds, the child ends or ctx does.
func (p *Process) Await(ctx context.Context, ready func(context.Context) error) error {
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			if p.err != nil {
				return fmt.Errorf("process ended while starting: %w", p.Err())
			}
			return fmt.Errorf("process ended while starting: %s", p.Output())
		case <-ctx.Done():
			return fmt.Errorf("process is not ready: %w: %w: %s", ctx.Err(), err, p.Output())
		case <-retry.C:
		}
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - tailBytes; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
