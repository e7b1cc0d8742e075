// Package ordeal runs the product in processes of its own, and examines what they
// leave behind: the log, the stores, ClickHouse.
package ordeal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/orderledger/orderledger/services/role"
)

// Process is a process of the product that can be killed, stopped, frozen and
// started again on its data. It dies with the process that started it.
type Process struct {
	dir, config string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd ended
	err    error         // how, set before
	starts int
}

// NewProcess writes the configuration of a process that lives in a directory:
// where its data and its endpoints stand, and what else is said.
func NewProcess(dir, settings string) (*Process, error) {
	p := &Process{dir: dir, config: filepath.Join(dir, "orderledger.yaml")}
	text := fmt.Sprintf("data_dir: %s\nendpoints_file: %s\n%s", p.Data(), p.endpointsFile(), settings)
	if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return p, nil
}

// Config is the file of the configuration, Data the directory of the data, Log
// the file with what the processes had to say.
func (p *Process) Config() string        { return p.config }
func (p *Process) Data() string          { return filepath.Join(p.dir, "data") }
func (p *Process) Log() string           { return filepath.Join(p.dir, "process.log") }
func (p *Process) endpointsFile() string { return filepath.Join(p.dir, "endpoints.json") }

// Start starts the process and returns at once: whoever needs it ready waits.
func (p *Process) Start(program string, args ...string) error {
	if err := os.Remove(p.endpointsFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start a process: %w", err)
	}
	out, err := os.OpenFile(p.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start a process: %w", err)
	}
	cmd, exited := exec.Command(program, args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = out, out
	// The signal is sent when the starting thread ends, so that thread waits.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	p.starts++
	p.mu.Unlock()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = out.Close() }()
		err := cmd.Start()
		if err == nil {
			p.mu.Lock()
			p.cmd, p.exited, p.err = cmd, exited, nil
			p.mu.Unlock()
		}
		started <- err
		if err == nil {
			p.ended(cmd.Wait(), exited)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start a process: %w", err)
	}
	return nil
}

func (p *Process) ended(err error, exited chan struct{}) {
	p.mu.Lock()
	p.cmd, p.err = nil, err
	p.mu.Unlock()
	close(exited)
}

// Running reports whether the process lives.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd != nil
}

// Starts is how often the process was started.
func (p *Process) Starts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

// Exited is closed when the process that was started last has ended.
func (p *Process) Exited() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exited
}

// Wait waits for the end of the process and says how it ended.
func (p *Process) Wait() error {
	<-p.Exited()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Endpoints are where the process listens; an error before it does. A process
// that ended by itself is one for ever ([ErrEnded]).
func (p *Process) Endpoints() (ends role.Endpoints, err error) {
	if !p.Running() {
		return ends, fmt.Errorf("start %d: %w: %v", p.Starts(), ErrEnded, p.Wait())
	}
	raw, err := os.ReadFile(p.endpointsFile())
	if err != nil {
		return ends, err
	}
	return ends, json.Unmarshal(raw, &ends)
}

// ErrEnded says that a process ended by itself.
var ErrEnded = errors.New("ended by itself")

// Signal sends a signal to the process.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return os.ErrProcessDone
	}
	return p.cmd.Process.Signal(s)
}

// Kill ends the process as kill -9 does, and waits for its end.
func (p *Process) Kill() {
	_ = p.Signal(syscall.SIGKILL)
	_ = p.Wait()
}

// Stop ends the process as an operator would, by force when the patience is
// over. The error says that it did not end properly.
func (p *Process) Stop(patience time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.Exited():
		return p.Wait()
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("the process did not end within %s of SIGTERM", patience)
	}
}

// Metric is the sum of a metric's values, over all its labels, as the admin
// address of a process tells it.
func Metric(ctx context.Context, admin, name string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	sum, found := 0.0, false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "orderledger_"+name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", lines.Text(), err)
		}
		sum, found = sum+v, true
	}
	if !found {
		return 0, fmt.Errorf("no metric is called orderledger_%s", name)
	}
	return sum, nil
}
