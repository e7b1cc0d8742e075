package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/test/ordeal"
)

// dev is a `dev` process that can be killed and started again on its data, or
// one of another role.
type dev struct {
	t      *testing.T
	config string
	*ordeal.Process
	// role is what the binary is asked to be; empty: this test binary is `dev`.
	role string
	ends role.Endpoints
}

// newDev writes the configuration of a process: the sources' YAML, and what
// else is said.
func newDev(t *testing.T, dir, sources, more string) *dev {
	t.Helper()
	p, err := ordeal.NewProcess(dir, more+sources)
	if err != nil {
		t.Fatal(err)
	}
	d := &dev{t: t, config: p.Config(), Process: p}
	t.Cleanup(func() {
		if d.Running() {
			d.Kill()
		}
		if t.Failed() {
			d.tellLog()
		}
	})
	return d
}

func (d *dev) data() string { return d.Data() }

// tellLog shows what the last processes had to say.
func (d *dev) tellLog() {
	raw, err := os.ReadFile(d.Log())
	if err != nil {
		return
	}
	d.t.Logf("end of the log of %d starts:\n%s", d.Starts(), raw[max(0, len(raw)-12_000):])
}

// start starts the process. It returns at once: whoever needs it ready waits.
func (d *dev) start() {
	d.t.Helper()
	program, args := "", []string{devCommand, d.config}
	var err error
	if d.role != "" {
		program, args = product(d.t), []string{d.role, "--config", d.config}
	} else if program, err = os.Executable(); err != nil {
		d.t.Fatal(err)
	}
	if err := d.Start(program, args...); err != nil {
		d.t.Fatal(err)
	}
}

// ready waits until the process listens, and reads where. A process that ended
// by itself is a finding.
func (d *dev) ready() {
	d.t.Helper()
	await(d.t, 60*time.Second, func() (err error) {
		if d.ends, err = d.Endpoints(); errors.Is(err, ordeal.ErrEnded) {
			d.t.Fatal(err)
		}
		return err
	})
}

// metric is the sum of a metric's values, over all its labels; −1 while there is
// none.
func (d *dev) metric(name string) float64 {
	v, err := ordeal.Metric(d.t.Context(), d.ends.Admin, name)
	if err != nil {
		return -1
	}
	return v
}

// kill ends the process as kill -9 does, and waits for its end.
func (d *dev) kill() { d.Kill() }

// stop ends the process as an operator would.
func (d *dev) stop() {
	d.t.Helper()
	if err := d.Stop(30 * time.Second); err != nil {
		d.t.Errorf("ended on SIGTERM with %v", err)
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
