package schemaregistry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/orderledger/orderledger/services/schemaregistry"
)

// importer makes a fake registry keep the rule of a real one: an id is taken
// only in a subject whose mode is IMPORT, and then it is the one that was given.
// It remembers what was changed.
type importer struct {
	fake *srfake.Registry

	mu      sync.Mutex
	changes []string
	modes   map[string]bool
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	i := &importer{fake: srfake.New(), modes: map[string]bool{}}
	t.Cleanup(i.fake.Close)
	i.fake.Intercept(i.serve)
	return i
}

func (i *importer) serve(w http.ResponseWriter, req *http.Request) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if subject, ok := strings.CutPrefix(req.URL.Path, "/mode/"); ok {
		i.changes = append(i.changes, req.Method+" "+subject)
		i.modes[subject] = req.Method == http.MethodPut
		_, _ = io.WriteString(w, `{"mode":"IMPORT"}`)
		return true
	}
	subject, registers := strings.CutSuffix(req.URL.Path, "/versions")
	if req.Method != http.MethodPost || !registers || !strings.HasPrefix(subject, "/subjects/") {
		return false
	}
	subject = strings.TrimPrefix(subject, "/subjects/")
	var asked sr.SubjectSchema
	if err := json.NewDecoder(req.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	if !i.modes[subject] {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprintf(w, `{"error_code":42205,"message":"Subject %s is not in import mode"}`, subject)
		return true
	}
	i.changes = append(i.changes, fmt.Sprintf("register %s %d %d", subject, asked.Version, asked.ID))
	id, err := asked.ID, error(nil)
	if usages := i.usages(asked.ID); usages > 0 { // known from another subject
		id, _, err = i.fake.RegisterSchema(subject, asked.Schema)
	} else {
		i.fake.SeedSchema(subject, asked.Version, asked.ID, asked.Schema)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return true
	}
	_, _ = fmt.Fprintf(w, `{"id":%d}`, id)
	return true
}

func (i *importer) usages(id int) int {
	n := 0
	for _, c := range i.changes {
		if strings.HasPrefix(c, "register ") && strings.HasSuffix(c, fmt.Sprintf(" %d", id)) {
			n++
		}
	}
	return n - 1
}

func (i *importer) changed() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.changes)
}

// manual is a clock that waits until it is told that the time has come.
type manual struct {
	waits chan time.Duration
	fire  chan struct{}
}

func newManual() *manual {
	return &manual{waits: make(chan time.Duration, 16), fire: make(chan struct{})}
}

func (m *manual) Wait(ctx context.Context, d time.Duration) error {
	m.waits <- d
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-m.fire:
		return nil
	}
}

func start(t *testing.T, cfg schemaregistry.Config, clock *manual, log io.Writer) error {
	t.Helper()
	contracts, err := schemaregistry.Contracts()
	if err != nil {
		t.Fatal(err)
	}
	k, err := schemaregistry.Start(t.Context(), schemaregistry.Options{
		Registry: cfg, Contracts: contracts, Clock: clock,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err == nil {
		t.Cleanup(k.Close)
	}
	return err
}

// TestEverySchemaIsRegisteredUnderItsID: with the registry's mode as it was
// before, and nothing changed by a second start.
func TestEverySchemaIsRegisteredUnderItsID(t *testing.T) {
	reg := newImporter(t)
	cfg := schemaregistry.Config{URL: reg.fake.URL() + "/"}
	if err := start(t, cfg, newManual(), io.Discard); err != nil {
		t.Fatal(err)
	}
	contracts, err := schemaregistry.Contracts()
	if err != nil {
		t.Fatal(err)
	}
	subjects := 0
	for _, c := range contracts {
		for _, subject := range c.Subjects {
			subjects++
			got, ok := reg.fake.GetSchema(subject, c.Version)
			if !ok || got.ID != c.ID || got.Schema.Schema != c.Definition {
				t.Errorf("%s version %d: %v under id %d, want id %d", subject, c.Version, ok, got.ID, c.ID)
			}
			if reg.modes[subject] {
				t.Errorf("%s was left in mode IMPORT", subject)
			}
		}
	}
	if subjects < 13 {
		t.Errorf("only %d subjects", subjects)
	}
	before := len(reg.changed())
	if err := start(t, cfg, newManual(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if after := reg.changed(); len(after) != before {
		t.Errorf("the second start changed %v", after[before:])
	}
}

const events = "orders.events.v1-orderledger.order.v1.OrderEvent"

// TestRefusals: what readers of the registry would not understand stops the
// start, naming the subject and what to do.
func TestRefusals(t *testing.T) {
	contracts, err := schemaregistry.Contracts()
	if err != nil {
		t.Fatal(err)
	}
	ours := sr.Schema{Schema: contracts[0].Definition}
	other := sr.Schema{Schema: `{"type":"record","name":"Other","fields":[]}`}
	for name, tt := range map[string]struct {
		arrange func(i *importer)
		says    []string
	}{
		"another schema as our version": {
			func(i *importer) { i.fake.SeedSchema(events, 1, 5, other) },
			[]string{events, "version 1 is another schema", "DELETE /subjects/" + events},
		},
		"an id of the registry's own": {
			func(i *importer) { i.fake.SeedSchema(events, 1, 5, ours) },
			[]string{events, "has id 5 there, but records carry id 710101", "DELETE /subjects/" + events},
		},
		"our id on another schema": {
			func(i *importer) { i.fake.SeedSchema("else", 1, 710101, other) },
			[]string{events, "id 710101 belongs to another schema", "ids 710100 to 719999"},
		},
		"not compatible": {func(i *importer) {
			i.fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasPrefix(req.URL.Path, "/compatibility/subjects/"+events) {
					return false
				}
				_, _ = io.WriteString(w, `{"is_compatible":false,"messages":["READER_FIELD_MISSING_DEFAULT_VALUE at /fields/3"]}`)
				return true
			})
		}, []string{events, "not compatible", "READER_FIELD_MISSING_DEFAULT_VALUE", "/versions/latest"}},
		"mode refused": {func(i *importer) {
			i.fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasPrefix(req.URL.Path, "/mode/") {
					return false
				}
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, `{"error_code":40301,"message":"mode is not mutable"}`)
				return true
			})
		}, []string{events, "mode is not mutable", "PUT /mode/" + events}},
		"not let in": {func(i *importer) {
			i.fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			})
		}, []string{"not allowed (401)", "schema_registry.username"}},
	} {
		t.Run(name, func(t *testing.T) {
			reg := newImporter(t)
			reg.fake.ClearInterceptors()
			tt.arrange(reg)
			reg.fake.Intercept(reg.serve)
			err := start(t, schemaregistry.Config{URL: reg.fake.URL()}, newManual(), io.Discard)
			var refusal *schemaregistry.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// TestARegistryThatChoosesIDsIsRefused: one that ignores the id it is given.
func TestARegistryThatChoosesIDsIsRefused(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		var asked sr.SubjectSchema
		if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/"+events+"/versions") || json.NewDecoder(req.Body).Decode(&asked) != nil {
			return false
		}
		id, _, err := fake.RegisterSchema(events, asked.Schema)
		_, _ = fmt.Fprintf(w, `{"id":%d}`, id)
		return err == nil
	})
	err := start(t, schemaregistry.Config{URL: fake.URL()}, newManual(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "of its own, but records carry id 710101") || !strings.Contains(err.Error(), "takes no ids") {
		t.Fatalf("got %v", err)
	}
}

// TestNobodyListens: as with a registry that answers that it is away.
func TestNobodyListens(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	clock, log := newManual(), &lines{}
	if err := start(t, schemaregistry.Config{URL: gone.URL}, clock, log); err != nil {
		t.Fatal(err)
	}
	if <-clock.waits; !strings.Contains(log.String(), "connection refused") {
		t.Errorf("the log says %q", log)
	}
}

// TestARegistryThatIsAwayDelaysNothing: the start succeeds, loudly, and the
// schemas are registered once the registry is back.
func TestARegistryThatIsAwayDelaysNothing(t *testing.T) {
	reg := newImporter(t)
	var down atomic.Bool
	down.Store(true)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		reg.fake.Handler().ServeHTTP(w, req)
	}))
	defer front.Close()
	clock, log := newManual(), &lines{}
	if err := start(t, schemaregistry.Config{URL: front.URL}, clock, log); err != nil {
		t.Fatal(err)
	}
	if d := <-clock.waits; d <= 0 || d > time.Minute {
		t.Errorf("it waits %v", d)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), front.URL) {
		t.Errorf("the log says %q", log)
	}
	clock.fire <- struct{}{} // still away
	<-clock.waits
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
		t.Errorf("%d errors are logged, want 2", n)
	}
	down.Store(false)
	log.until = "is back and knows every schema"
	log.seen = make(chan struct{})
	clock.fire <- struct{}{}
	<-log.seen
	if got, ok := reg.fake.GetSchema(events, 1); !ok || got.ID != 710101 {
		t.Errorf("%s: %v under id %d", events, ok, got.ID)
	}
}

// lines is a log that tells when a line has come.
type lines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	until string
	seen  chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until != "" && bytes.Contains(p, []byte(l.until)) {
		close(l.seen)
	}
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func TestBasicAuthentication(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	var user, pass atomic.Value
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		u, p, _ := req.BasicAuth()
		user.Store(u)
		pass.Store(p)
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := start(t, schemaregistry.Config{URL: fake.URL(), Username: "ledger", PasswordFile: file}, newManual(), io.Discard)
	if err == nil || user.Load() != "ledger" || pass.Load() != "hush" {
		t.Errorf("user %v, password %v, %v", user.Load(), pass.Load(), err)
	}
}

func TestValidate(t *testing.T) {
	for want, cfg := range map[string]schemaregistry.Config{
		"":                        {},
		"want http://host:port":   {URL: "registry:8081"},
		"without credentials":     {URL: "http://me:secret@registry"},
		"set both, or neither":    {URL: "http://registry", Username: "me"},
		"say where the registry ": {CAFile: "ca.pem"},
	} {
		err := cfg.Validate()
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}
