package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/embedded/realkafka"
	"github.com/orderledger/orderledger/test/ordeal"
)

// patience is how long anything may stand still that must come about.
const patience = 90 * time.Second

// stage is one round's everything: Kafka, ClickHouse, the roles, the shop.
type stage struct {
	t        testing.TB
	dir      string
	program  string
	net      *network // nil: no namespaces
	kafka    *realkafka.Broker
	history  *embedded.Server
	native   int // its ports, kept from one to the next
	web      int
	roles    []*actor
	shop     *shop
	office   *http.Server
	stopping context.Context // ends with the round
	stop     context.CancelFunc
	resting  context.Context // ends before the roles do
	rest     context.CancelFunc
	watchers sync.WaitGroup
	broker   sync.Mutex // who holds it may take Kafka away
	click    sync.Mutex // guards history
	disk     string     // of the ledger whose disk can be full, if any
}

// actor is a role in a process of its own, started again whenever it ends.
type actor struct {
	name, kind string
	*ordeal.Process
	space       string // its namespace
	log, tables *gate

	busy     sync.Mutex // held by the fault that hits it
	mu       sync.Mutex
	expected bool // its end is our doing
	own      []string
}

// newStage starts the engines and writes the configurations. The first role of
// the kind ledger has a disk of its own where one can be had.
func newStage(t testing.TB, opt roundOptions, dir string) *stage {
	t.Helper()
	s := &stage{t: t, dir: dir, program: opt.program, shop: newShop(opt.seed)}
	s.stopping, s.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	s.resting, s.rest = context.WithCancel(s.stopping)
	if _, not := opt.impossible[mute]; !not {
		var err error
		if s.net, err = newNetwork(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.net.close)
	}
	s.openHistory()
	hook := s.openKafka(opt.cast)
	opened := time.Now().Add(-time.Minute)
	listener, err := net.Listen("tcp", net.JoinHostPort(s.net.host(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	s.office = &http.Server{Handler: s.shop, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.office.Serve(listener) }()
	t.Cleanup(func() { _ = s.office.Close() })
	text, err := common{dir: dir, office: listener.Addr().String()}.write(opened)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range s.roles {
		s.prepare(a, i, text, hook)
	}
	if _, not := opt.impossible[diskFull]; !not {
		s.smallDisk()
	}
	if err := s.shop.bind(s.roles[0].Config()); err != nil {
		t.Fatal(err)
	}
	return s
}

// openHistory starts ClickHouse.
func (s *stage) openHistory() {
	s.t.Helper()
	if err := s.startHistory(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.present().Kill() })
}

// startHistory starts ClickHouse, where it was before.
func (s *stage) startHistory(ctx context.Context) error {
	srv, err := embedded.Start(ctx, embedded.Options{DataDir: s.historyDir(), Logger: slog.New(slog.DiscardHandler), NativePort: s.native, HTTPPort: s.web})
	if err != nil {
		return err
	}
	s.click.Lock()
	defer s.click.Unlock()
	s.history, s.native, s.web = srv, portOf(srv.NativeAddr()), portOf(srv.HTTPAddr())
	return nil
}

// present is ClickHouse as it runs now.
func (s *stage) present() *embedded.Server {
	s.click.Lock()
	defer s.click.Unlock()
	return s.history
}

// keepHistory starts ClickHouse again whenever it ends: by a fault, or by itself,
// as the embedded engine may with a client that was killed.
func (s *stage) keepHistory() {
	defer s.watchers.Done()
	for {
		select {
		case <-s.stopping.Done():
			return
		case <-s.present().Exited():
		}
		for s.stopping.Err() == nil && s.startHistory(s.stopping) != nil {
			pause(s.stopping, time.Second)
		}
	}
}

func (s *stage) historyDir() string { return filepath.Join(s.dir, "history", "clickhouse") }

func portOf(addr string) int {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port) // just listened on
	return n
}

// openKafka makes a gate to Kafka for every role, starts Kafka behind them, and
// chooses where webhooks go.
func (s *stage) openKafka(cast []string) (hook int) {
	s.t.Helper()
	opt := realkafka.Options{DataDir: filepath.Join(s.dir, "kafka"), Heap: "384m"}
	for i, name := range cast {
		a := &actor{name: name, kind: kindOf(name)}
		port := freePort(s.t)
		var err error
		if a.log, err = newGate(s.net.host(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			s.t.Fatal(err)
		}
		if a.tables, err = newGate(s.net.host(), s.history.NativeAddr()); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(a.log.close)
		s.t.Cleanup(a.tables.close)
		opt.Gates = append(opt.Gates, realkafka.Gate{Port: port, Advertised: a.log.addr()})
		if s.net != nil {
			if a.space, err = s.net.add(i); err != nil {
				s.t.Fatal(err)
			}
		}
		s.roles = append(s.roles, a)
	}
	b, err := realkafka.Start(s.t.Context(), opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.kafka = b
	s.t.Cleanup(func() { s.kafka.Kill9() })
	return freePort(s.t)
}

func kindOf(name string) string {
	for _, kind := range []string{"ledger", "connector", "api"} {
		if len(name) >= len(kind) && name[:len(kind)] == kind {
			return kind
		}
	}
	return name
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return portOf(l.Addr().String())
}

// prepare writes the configuration of a role.
func (s *stage) prepare(a *actor, i int, text string, hook int) {
	s.t.Helper()
	dir := filepath.Join(s.dir, a.name)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	ip := s.net.address(i)
	webhooks := 0
	if a.kind == "connector" {
		webhooks = hook
		s.shop.hook = fmt.Sprintf("http://%s:%d/webhooks/", ip, hook)
	}
	p, err := ordeal.NewProcess(dir, fmt.Sprintf("listen: {rest: \"%[1]s:0\", admin: \"%[1]s:0\", grpc: \"%[1]s:0\", webhooks: \"%[1]s:%[2]d\", hosts: [\"%[1]s\"]}\n"+
		"kafka: {brokers: [\"%[3]s\"]}\nclickhouse: {dsn: \"clickhouse://default@%[4]s/default\"}\n", ip, webhooks, a.log.addr(), a.tables.addr())+text)
	if err != nil {
		s.t.Fatal(err)
	}
	a.Process = p
}

// smallDisk puts the data of a ledger onto a file system of its own: small, but
// large enough for two write-ahead logs of every store, which are laid out in
// full beforehand.
func (s *stage) smallDisk() {
	s.t.Helper()
	for _, a := range s.roles {
		if a.kind == "ledger" {
			s.disk = a.Data()
			if err := syscall.Mount("tmpfs", s.disk, "tmpfs", 0, "size=768m,mode=0700"); err != nil {
				s.t.Fatal(err)
			}
			return
		}
	}
}

// play starts every role, and whatever ends by itself again.
func (s *stage) play() {
	s.watchers.Add(1)
	go s.keepHistory()
	for _, a := range s.roles {
		s.watchers.Add(1)
		go s.keep(a)
	}
}

// keep starts a role whenever it is not running, as an orchestrator does.
func (s *stage) keep(a *actor) {
	defer s.watchers.Done()
	for s.resting.Err() == nil {
		if err := a.launch(s.program); err != nil {
			s.shop.finds("%s: %v", a.name, err)
			return
		}
		select {
		case <-a.Exited():
		case <-s.resting.Done():
			return
		}
		wait := 200 * time.Millisecond
		a.mu.Lock()
		if !a.expected {
			a.own = append(a.own, a.lastWords())
			wait = time.Second
		}
		a.expected = false
		a.mu.Unlock()
		pause(s.resting, wait)
	}
}

// lastWords are how a process ended by itself, and the last line it said.
func (a *actor) lastWords() string {
	raw, err := os.ReadFile(a.Log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw[max(0, len(raw)-4096):])), "\n")
	return fmt.Sprintf("%v: %s", a.Wait(), lines[len(lines)-1])
}

// launch starts the role's process, in its namespace.
func (a *actor) launch(program string) error {
	args := []string{a.kind, "--config", a.Config()}
	if a.space != "" {
		return a.Start("nsenter", append([]string{"--net=/run/netns/" + a.space, program}, args...)...)
	}
	return a.Start(program, args...)
}

// ends says that the end of the process is our doing.
func (a *actor) ends() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected = true
}

// await polls a condition until it is met, or nothing of what it lacks has
// changed for so long that the patience is over.
func await(ctx context.Context, met func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 8*patience)
	defer cancel()
	limit, tick := time.NewTimer(patience), time.NewTicker(50*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for lacks := ""; ; {
		err := met()
		if err == nil {
			return nil
		}
		if err.Error() != lacks {
			lacks = err.Error()
			limit.Reset(patience)
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-limit.C:
			return fmt.Errorf("no change for %s: %w", patience, err)
		case <-tick.C:
		}
	}
}

var errYet = errors.New("not yet")

// ready waits until a role says that it is.
func (a *actor) ready(ctx context.Context) error {
	return await(ctx, func() error {
		code, err := a.readiness(ctx)
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("%w: %s: readyz answers %d", errYet, a.name, code)
		}
		return err
	})
}

// readiness is what a role answers to who asks whether it is ready.
func (a *actor) readiness(ctx context.Context) (int, error) {
	if !a.Running() {
		return 0, fmt.Errorf("%w: %s does not run", errYet, a.name)
	}
	ends, err := a.Endpoints()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ends.Admin+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}
