package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
	"github.com/orderledger/orderledger/services/simulate"
)

// settings write a configuration whose sources are those of the simulation,
// every port chosen by the machine.
func settings(t *testing.T, dir string) (string, *config.Config) {
	t.Helper()
	file, err := simulate.WriteConfig(dir, "127.0.0.1:1", time.Now().Add(-48*time.Hour)) // nobody listens there: polls find no one
	if err != nil {
		t.Fatal(err)
	}
	sources, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("data_dir: %s\nendpoints_file: %s\nclickhouse: {native_port: 0, http_port: 0}\n"+
		"listen: {rest: '127.0.0.1:0', grpc: '127.0.0.1:0', admin: '127.0.0.1:0', webhooks: '127.0.0.1:0', kafka_port: 0, schema_registry_port: 0}\n%s",
		filepath.Join(dir, "data"), filepath.Join(dir, "endpoints.json"), sources)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	if err := cfg.Read(file); err != nil {
		t.Fatal(err)
	}
	cfg.Finish()
	return file, cfg
}

// translator gives the mixed stream's events the sources and words of a policy.
type translator struct {
	p     *ledger.Policy
	names map[ledger.Source]ledger.SourceSpec
}

func newTranslator(t *testing.T, p *ledger.Policy) *translator {
	t.Helper()
	tr := &translator{p: p, names: map[ledger.Source]ledger.SourceSpec{}}
	for from, role := range map[ledger.Source]ledger.Role{Shop: ledger.RoleStorefront, ERP: ledger.RoleERP, Payments: ledger.RolePayment} {
		at := slices.IndexFunc(p.Sources, func(s ledger.SourceSpec) bool { return s.Role == role })
		if at < 0 {
			t.Fatalf("the simulation has no %s", role)
		}
		tr.names[from] = p.Sources[at]
	}
	return tr
}

// word is a native word of a system that says what another system's word says;
// the word itself if it has none.
func (tr *translator) word(from, to string, c *ledger.Claim) string {
	rows := Policy().Rows
	at := slices.IndexFunc(rows, func(r ledger.MatrixRow) bool { return r.System == from && r.Axis == c.Axis && r.Native == c.Native })
	for _, r := range tr.p.Rows {
		if at >= 0 && r.System == to && r.Axis == c.Axis && r.State == rows[at].State {
			return r.Native
		}
	}
	return ""
}

// translate changes an event in place; claims for which there is no word go.
func (tr *translator) translate(e *ledger.Event, shift ledger.Micros) {
	spec := tr.names[e.Source]
	key := strings.Replace(string(e.Order), string(Shop)+"~", string(tr.names[Shop].Name)+"~", 1)
	var kept []ledger.Claim
	for _, c := range e.Claims {
		if c.Native = tr.word(e.System, spec.System, &c); c.Native == "" {
			continue
		}
		c.Earliest, c.Latest = c.Earliest.Add(shift), c.Latest.Add(shift)
		c.Version.Parts[0] += int64(shift) * 1000
		kept = append(kept, c)
	}
	e.Source, e.System, e.Feed, e.Order, e.Claims = spec.Name, spec.System, spec.Feeds[0].Name, ledger.OrderKey(key), kept
	e.Version.Parts[0] += int64(shift) * 1000
	e.ReceivedAt = e.ReceivedAt.Add(shift)
	if e.AskedAt != 0 {
		e.AskedAt, e.PrevAsked = e.AskedAt.Add(shift), e.PrevAsked.Add(shift)
	}
	for i := range e.Aliases {
		e.Aliases[i].Scope = spec.Name
	}
	e.ID = e.ComputeID()
}

// preload writes the policy and the stream of so many orders, an hour old, into
// the embedded log of a data directory.
func preload(t *testing.T, cfg *config.Config, orders int) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	cat, err := role.LoadCatalog(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, draft, err := role.CompilePolicy(cfg, cat, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := role.OpenStack(t.Context(), cfg, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	send := newSender(t, stack.Log, stack.Codec)
	rec := draft.Record(p, "configuration")
	send.to(kafkalog.TopicControl, 0, "", rec)
	for n := range cfg.Partitions {
		send.to(kafkalog.TopicEvents, n, "", rec)
	}
	tr := newTranslator(t, p)
	shift := ledger.At(time.Now()).Sub(Clock(11, 0, 0))
	for v := range mixed(orders) {
		if e, ok := v.(*ledger.Event); ok {
			tr.translate(e, shift)
			send.to(kafkalog.TopicEvents, kafkalog.ByKey, string(e.Order), e)
		}
	}
	send.wait()
}

// process is a running `dev`.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	exited chan error
	ends   role.Endpoints
}

func startDev(t *testing.T, s scale, file, dir string) *process {
	t.Helper()
	endpoints := filepath.Join(dir, "endpoints.json")
	if err := os.Remove(endpoints); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, devCommand, file)
	if s.devBinary != "" {
		cmd = exec.Command(s.devBinary, "dev", "--config", file)
	}
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatalf("start dev (make build makes the binary): %v", err)
	}
	p := &process{t: t, cmd: cmd, exited: make(chan error, 1)}
	go func() { p.exited <- cmd.Wait() }()
	t.Cleanup(p.stop)
	await(t, func() error {
		raw, err := os.ReadFile(endpoints)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &p.ends)
	})
	await(t, func() error { _, err := p.get(p.ends.Admin + "/readyz"); return err })
	return p
}

func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	p.cmd = nil
}

func (p *process) get(url string) (string, error) { return fetched(context.Background(), url) }

// fetched is the body of an answer that is 200.
func fetched(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, res.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}

// holds waits until history holds every order.
func (p *process) holds(orders int) {
	p.t.Helper()
	await(p.t, func() error {
		have, err := p.get("http://" + p.ends.ClickHouseHTTP + "/?query=SELECT+uniqExact(order_key)+FROM+orderledger.orders")
		if err == nil && have != fmt.Sprint(orders) {
			err = fmt.Errorf("history holds %s of %d orders", have, orders)
		}
		return err
	})
}

// await polls a condition of another process until it is met.
func await(t *testing.T, met func() error) {
	t.Helper()
	awaitEvery(t, 50*time.Millisecond, met)
}

func awaitEvery(t *testing.T, pause time.Duration, met func() error) {
	t.Helper()
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := met()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// resident is the memory of a process and of the child it started, in MB.
func (p *process) resident() (own, child float64) {
	p.t.Helper()
	pid := p.cmd.Process.Pid
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		p.t.Fatal(err)
	}
	children := strings.Fields(string(raw))
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range tasks {
		if raw, err := os.ReadFile(file); err == nil {
			children = append(children, strings.Fields(string(raw))...)
		}
	}
	slices.Sort(children)
	for _, c := range slices.Compact(children) {
		child += rss(p.t, c)
	}
	return rss(p.t, fmt.Sprint(pid)), child
}

func rss(t *testing.T, pid string) float64 {
	t.Helper()
	var kb float64
	if _, err := fmt.Sscanf(field(t, "/proc/"+pid+"/status", "VmRSS"), "%f", &kb); err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}

// measureDev starts `dev` on a log of so many orders, stops it, starts it again
// and reads what it and its ClickHouse take once both are settled.
func measureDev(t *testing.T, s scale) []figure {
	dir := t.TempDir()
	file, cfg := settings(t, dir)
	preload(t, cfg, s.orders)
	first := startDev(t, s, file, dir)
	first.holds(s.orders)
	grownOwn, grownChild := first.resident()
	first.stop()
	start := time.Now()
	again := startDev(t, s, file, dir)
	ready := time.Since(start)
	again.holds(s.orders)
	own, child := again.resident()
	again.stop()
	return []figure{
		of("dev with ClickHouse after a restart", "MB resident", own+child).atMost(2048).noting("%s orders of %d events in the embedded log, both processes", number(float64(s.orders)), perOrder),
		of("of which dev", "MB resident", own),
		of("of which ClickHouse", "MB resident", child),
		of("dev with ClickHouse while first catching up", "MB resident", grownOwn+grownChild).noting("at the end of folding and sending everything for the first time: dev %s, ClickHouse %s", number(grownOwn), number(grownChild)),
		of("ready after a restart", "s", ready.Seconds()),
	}
}
