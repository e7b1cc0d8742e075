package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/cli"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/config/certtest"
	"github.com/orderledger/orderledger/services/connector/file"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"orderledger": func() {
		os.Exit(cli.Run(context.Background(), deps(), os.Args[1:]))
	}})
}

// deps are those of a process, with commands that only show they were reached.
func deps() cli.Deps {
	found := cli.Command{Run: func(cmd *cobra.Command, args []string) error {
		return cli.Findings(fmt.Errorf("%s found something in %v", cmd.Name(), args))
	}}
	cache := func() (string, error) { return os.Getenv("WORK"), nil }
	return cli.Deps{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, CacheDir: cache, Version: "1.2.3", Commit: "abc",
		RulesCheck: found, Import: cli.Importing{Run: imported},
	}
}

// imported is an import of two files, of which good.csv is read and bad.csv has a
// row in quarantine; gone.csv is not there.
func imported(_ context.Context, req cli.ImportRequest) (file.Summary, error) {
	sum := file.Summary{Files: len(req.Paths), Withheld: "rows are in quarantine"}
	for _, path := range req.Paths {
		p := file.Progress{Path: path, Size: 10, Read: 5, Rows: 3, Events: 3}
		switch path {
		case "gone.csv":
			p.Err = os.ErrNotExist
			sum.Faults = append(sum.Faults, fmt.Errorf("%s: %w", path, p.Err))
		case "bad.csv":
			p.Quarantined, p.Note = 1, "goes on behind line 7"
		}
		req.Report(p)
		p.Done = true
		req.Report(p)
		sum.Rows, sum.Events, sum.Quarantined = sum.Rows+p.Rows, sum.Events+p.Events, sum.Quarantined+p.Quarantined
	}
	if req.Covers != nil && sum.Quarantined == 0 {
		sum.Proven, sum.Withheld = &ledger.Interval{From: req.Covers.From.Instant(), Until: req.Covers.Until.At}, ""
	}
	return sum, nil
}

// pages are those of the shop's own administration.
type pages struct{}

func (pages) Link(source ledger.Source, o ledger.Object, _ ledger.OrderKey) (title, address string, ok bool) {
	return "Shop order", "https://admin.example/orders/" + o.ID, source == ledgertest.Shop && o.Type == "order"
}

// shop is the ledger that the scripts ask: order 1001 never reached the ERP,
// 1002 carries a word that nobody knows, 1003 was heard out of order, and two orders share a purchase number.
func shop(t *testing.T) *apitest.Shop {
	s := apitest.Start(t, func(o *api.Options) { o.Links = pages{} })
	s.Event(ledgertest.ShopEvent("1002", ledgertest.Clock(10, 1, 0), ledgertest.Clock(10, 1, 1), ledgertest.Words{Order: "odd"}))
	for _, at := range []ledger.Instant{ledgertest.Clock(10, 2, 10), ledgertest.Clock(10, 1, 50)} { // the older one is heard later
		word := "open"
		if at == ledgertest.Clock(10, 2, 10) {
			word = "cancelled"
		}
		s.Event(ledgertest.ShopEvent("1003", at, ledgertest.Clock(10, 2, 20), ledgertest.Words{Order: word}))
	}
	for _, id := range []string{"7", "8"} {
		e := ledgertest.ShopEvent(id, ledgertest.Clock(10, 2, 0), ledgertest.Clock(10, 2, 1), ledgertest.Words{Order: "cancelled"})
		e.Aliases = append(e.Aliases, ledger.Alias{Scope: ledgertest.ERP, Type: "po", Value: "77"})
		e.ID = e.ComputeID()
		s.Event(e)
	}
	s.Broken("1001")
	return s
}

// clickHouse answers any query the way ClickHouse does.
func clickHouse(t *testing.T) string {
	h := func(w http.ResponseWriter, r *http.Request) {
		sql, err := io.ReadAll(r.Body)
		q := r.URL.Query()
		switch {
		case err != nil || q.Get("readonly") != "2" || q.Get("database") != "orderledger":
			http.Error(w, "not as agreed", http.StatusBadRequest)
		case strings.Contains(string(sql), "nonsense"):
			http.Error(w, "Code: 62. DB::Exception: Syntax error", http.StatusBadRequest)
		case q.Get("default_format") == "JSONEachRow":
			_, _ = io.WriteString(w, `{"n":1,"word":"a"}`+"\n")
		case q.Get("default_format") == "JSON":
			_, _ = io.WriteString(w, `{"data":[{"n":1,"word":"a"}]}`)
		default:
			_, _ = io.WriteString(w, "[\"n\",\"word\"]\n[1,\"a\"]\n[22,null]\n")
		}
	}
	srv := httptest.NewServer(http.HandlerFunc(h))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// TestScripts runs every script against a shop of its own.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { runScript(t, f) })
	}
}

func runScript(t *testing.T, file string) {
	s, ch := shop(t), clickHouse(t)
	testscript.Run(t, testscript.Params{Files: []string{file}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits}, Setup: func(env *testscript.Env) error {
		env.Setenv("ORDERLEDGER_ENDPOINT", s.Surface.GRPC)
		env.Setenv("CLICKHOUSE", ch)
		env.Setenv("EXCEPTION", s.Open(ledgertest.Key("1001")).ID.String())
		raw, err := json.Marshal(cli.Endpoints{GRPC: s.Surface.GRPC, ClickHouseHTTP: "http://" + ch})
		if err != nil {
			return err
		}
		return os.WriteFile(env.WorkDir+"/endpoints.json", raw, 0o600)
	}})
}

// exits runs a command and compares its exit code: exits CODE COMMAND ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%v ended with %d, want %s", args[1:], code, args[0])
	}
}

// Every command has a sentence of help and ends its usage well.
func TestEveryCommandIsDescribed(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		if !c.HasSubCommands() && c.RunE == nil {
			t.Errorf("%s does nothing", c.CommandPath())
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	root := cli.New(cli.Deps{Out: io.Discard, Err: io.Discard})
	walk(root)
	for _, path := range []string{
		"dev", "demo", "connector", "connector test", "topics plan", "topics apply", "log export", "log import", "log verify", "doctor", "ledger", "api", "simulate", "lab", "prove", "rules check", "rules test", "rules fmt", "matrix check",
		"order get", "order list", "order timeline", "order watch", "order explain", "exception get", "exception list", "exception watch", "exception ack",
		"exception assign", "exception snooze", "exception comment", "exception resolve", "exception false-positive",
		"quarantine get", "quarantine list", "quarantine release", "source get", "source list", "query", "version", "completion", "config validate",
		"config print", "config schema",
	} {
		if c, _, err := root.Find(strings.Fields(path)); err != nil || c.CommandPath() != "orderledger "+path {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	s := shop(t)
	for _, c := range []struct {
		terminal bool
		noColor  string
		want     bool
	}{{true, "", true}, {true, "1", false}, {false, "", false}} {
		var out strings.Builder
		d := cli.Deps{Out: &out, Err: io.Discard, Terminal: c.terminal, LookupEnv: func(k string) (string, bool) { return c.noColor, k == "NO_COLOR" && c.noColor != "" }}
		if code := cli.Run(t.Context(), d, []string{"exception", "list", "--endpoint", s.Surface.GRPC}); code != 0 {
			t.Fatalf("exit %d", code)
		}
		if got := strings.Contains(out.String(), "\x1b["); got != c.want {
			t.Errorf("%+v: coloured %v\n%s", c, got, out.String())
		}
	}
}

func TestWatchEndsWithThePerson(t *testing.T) {
	s := shop(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- cli.Run(ctx, cli.Deps{Out: w, Err: io.Discard}, []string{"exception", "watch", "-o", "ndjson", "--endpoint", s.Surface.GRPC})
	}()
	var m struct {
		Change struct{ Exception struct{ ID string } }
	}
	if err := json.NewDecoder(r).Decode(&m); err != nil || m.Change.Exception.ID == "" {
		t.Fatalf("%+v: %v", m, err)
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, r) }()
	if code := <-done; code != cli.ExitOK {
		t.Fatalf("exit %d", code)
	}
}

func TestTokenFile(t *testing.T) {
	tok, err := api.NewToken("ops", "a-secret-of-some-length")
	if err != nil {
		t.Fatal(err)
	}
	s := apitest.Start(t, func(o *api.Options) { o.Tokens = []api.Token{tok} })
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, []byte("a-secret-of-some-length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{"source list --token-file " + file: 0, "source list": 1, "source list --token-file /nowhere": 1} {
		var errs strings.Builder
		code := cli.Run(t.Context(), cli.Deps{Out: io.Discard, Err: &errs}, append(strings.Fields(args), "--endpoint", s.Surface.GRPC))
		if code != want {
			t.Errorf("%s: exit %d, want %d: %s", args, code, want, errs.String())
		}
	}
}

// An endpoint that demands a client certificate is reached with one, over an
// authority that a file names.
func TestEndpointOverTLS(t *testing.T) {
	a := certtest.New(t)
	cert, key := a.Issue("server")
	files := config.ServerTLS{CertFile: cert, KeyFile: key, ClientCAFile: a.File}
	c, err := files.Server("tls.grpc", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := apitest.Start(t, func(o *api.Options) { o.GRPCTLS = c })
	own, ownKey := a.Issue("client")
	for args, want := range map[string]int{
		"--tls-ca-file " + a.File + " --tls-cert-file " + own + " --tls-key-file " + ownKey: cli.ExitOK,
		"--tls-ca-file " + a.File:                              cli.ExitError,
		"--tls-cert-file " + own + " --tls-key-file " + ownKey: cli.ExitError,
		"--tls-ca-file " + key:                                 cli.ExitUsage,
		"--tls-ca-file /nowhere":                               cli.ExitError,
		"--tls-cert-file " + own:                               cli.ExitUsage,
	} {
		var errs strings.Builder
		line := append([]string{"source", "list", "--timeout", "5s", "--endpoint", "https://" + s.Surface.GRPC}, strings.Fields(args)...)
		if code := cli.Run(t.Context(), cli.Deps{Out: io.Discard, Err: &errs}, line); code != want {
			t.Errorf("%s: exit %d, want %d: %s", args, code, want, errs.String())
		}
	}
}
