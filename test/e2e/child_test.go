package e2e_test

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
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/role"
)

// dev is a `dev` process that can be killed and started again on its data, or
// one of another role.
type dev struct {
	t      *testing.T
	dir    string
	config string
	// role is what the binary is asked to be; empty: this test binary is `dev`.
	role string

	cmd    *exec.Cmd
	exited chan error
	starts int
	ends   role.Endpoints
}

// newDev writes the configuration of a process: the sources' YAML, and what
// else is said.
func newDev(t *testing.T, dir, sources, more string) *dev {
	t.Helper()
	d := &dev{t: t, dir: dir, config: filepath.Join(dir, "orderledger.yaml")}
	text := fmt.Sprintf("data_dir: %s\nendpoints_file: %s\n%s%s", d.data(), d.endpointsFile(), more, sources)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.cmd != nil {
			d.kill()
		}
		if t.Failed() {
			d.tellLog()
		}
	})
	return d
}

func (d *dev) data() string          { return filepath.Join(d.dir, "data") }
func (d *dev) endpointsFile() string { return filepath.Join(d.dir, "endpoints.json") }
func (d *dev) log() string           { return filepath.Join(d.dir, "dev.log") }

// tellLog shows what the last processes had to say.
func (d *dev) tellLog() {
	raw, err := os.ReadFile(d.log())
	if err != nil {
		return
	}
	d.t.Logf("end of the log of %d starts:\n%s", d.starts, raw[max(0, len(raw)-12_000):])
}

// start starts the process. It returns at once: whoever needs it ready waits.
func (d *dev) start() {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.Remove(d.endpointsFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	out, err := os.OpenFile(d.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	d.starts++
	cmd := exec.Command(self, devCommand, d.config)
	if d.role != "" {
		cmd = exec.Command(product(d.t), d.role, "--config", d.config)
	}
	cmd.Stdout, cmd.Stderr = out, out
	// The process dies with this one. The signal is sent when the starting
	// thread ends, so that thread waits.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, exited := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			exited <- cmd.Wait()
		}
		_ = out.Close()
	}()
	if err := <-started; err != nil {
		d.t.Fatal(err)
	}
	d.cmd, d.exited = cmd, exited
}

// ready waits until the process listens, and reads where. A process that ended
// by itself is a finding.
func (d *dev) ready() {
	d.t.Helper()
	await(d.t, 60*time.Second, func() error {
		if err, ended := d.ended(); ended {
			d.cmd = nil
			d.t.Fatalf("start %d ended by itself: %v", d.starts, err)
		}
		raw, err := os.ReadFile(d.endpointsFile())
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &d.ends)
	})
}

func (d *dev) ended() (error, bool) {
	select {
	case err := <-d.exited:
		return err, true
	default:
		return nil, false
	}
}

// metric is the sum of a metric's values, over all its labels; −1 while there is
// none.
func (d *dev) metric(name string) float64 {
	res, err := http.Get(d.ends.Admin + "/metrics")
	if err != nil {
		return -1
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
			d.t.Fatalf("%s: %v", lines.Text(), err)
		}
		sum, found = sum+v, true
	}
	if !found {
		return -1
	}
	return sum
}

// kill ends the process as kill -9 does, and waits for its end.
func (d *dev) kill() {
	_ = d.cmd.Process.Kill()
	<-d.exited
	d.cmd = nil
}

// stop ends the process as an operator would.
func (d *dev) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case err := <-d.exited:
		d.cmd = nil
		if err != nil {
			d.t.Errorf("ended on SIGTERM with %v", err)
		}
	case <-time.After(30 * time.Second):
		d.kill()
		d.t.Error("did not end within 30 s of SIGTERM")
	}
}

// settled waits until the process has folded all its log holds.
func (d *dev) settled() {
	d.t.Helper()
	await(d.t, 60*time.Second, func() error {
		ctx, cancel := context.WithTimeout(d.t.Context(), 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.ends.Admin+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return yet("readyz answers %d", res.StatusCode)
		}
		return nil
	})
}
