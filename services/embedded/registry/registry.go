// Package registry runs a schema registry inside this process, for
// `orderledger dev`, demos and tests.
//
// It speaks the Confluent HTTP API on loopback and holds exactly the schemas it
// was seeded with, under the ids it was given: ids stand in every record of the
// log, so they come from a list that is kept with the code, never from the order
// in which clients happen to register. It keeps nothing on disk and refuses
// everything that would change it.
package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// codeReadOnly is the registry API's code for an operation that the mode of a
// subject does not permit.
const codeReadOnly = 42205

// Schema is one self-contained Avro schema.
type Schema struct {
	// Subjects and Version are where the registry lists it, for example
	// "orders.events.v1-orderledger.order.v1.OrderEvent" and 1.
	Subjects []string
	Version  int
	// Definition is the schema's JSON.
	Definition string
}

// Options configures a Registry.
type Options struct {
	// Port is the port on 127.0.0.1; 0 chooses a free one.
	Port int
	// Schemas are seeded before the registry listens.
	Schemas map[int]Schema
	Logger  *slog.Logger
}

// Registry is a running schema registry.
type Registry struct {
	fake   *srfake.Registry
	server *http.Server
	url    string

	mu     sync.Mutex
	seeded map[int]Schema
}

// Start seeds the schemas and listens.
func Start(opts Options) (*Registry, error) {
	if opts.Logger == nil {
		return nil, errors.New("start schema registry: logger: must be set")
	}
	r := &Registry{fake: srfake.NewRegistry(), seeded: make(map[int]Schema)}
	if err := r.Seed(opts.Schemas); err != nil {
		return nil, fmt.Errorf("start schema registry: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.Port)))
	if err != nil {
		return nil, fmt.Errorf("start schema registry: %w", err)
	}
	r.url = "http://" + listener.Addr().String()
	r.server = &http.Server{Handler: http.HandlerFunc(r.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			opts.Logger.Error("schema registry stopped", "error", err)
		}
	}()
	return r, nil
}

// URL returns the base URL that clients use.
func (r *Registry) URL() string { return r.url }

// Close stops the registry.
func (r *Registry) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		_ = r.server.Close()
	}
}

// Seed adds schemas under their ids. Seeding the same again changes nothing;
// another schema under a taken id, or under a taken version, is an error, and
// then nothing of the call is added.
func (r *Registry) Seed(schemas map[int]Schema) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := maps.Clone(r.seeded)
	var errs []error
	ids := slices.Sorted(maps.Keys(schemas))
	for _, id := range ids {
		if err := admit(after, id, schemas[id]); err != nil {
			errs = append(errs, fmt.Errorf("seed schema %d: %w", id, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, id := range ids {
		if _, there := r.seeded[id]; there {
			continue
		}
		if err := r.list(id, schemas[id]); err != nil {
			return fmt.Errorf("seed schema %d: %w", id, err)
		}
		r.seeded[id] = after[id]
	}
	return nil
}

// list adds one admitted schema under its first subject, then under the others:
// a schema that is known already keeps its id there.
func (r *Registry) list(id int, s Schema) error {
	schema := sr.Schema{Schema: s.Definition, Type: sr.TypeAvro}
	r.fake.SeedSchema(s.Subjects[0], s.Version, id, schema)
	for _, subject := range s.Subjects[1:] {
		gotID, version, err := r.fake.RegisterSchema(subject, schema)
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		if gotID != id || version != s.Version {
			return fmt.Errorf("%s lists it as version %d under id %d: seed its versions in order", subject, version, gotID)
		}
	}
	return nil
}

// admit checks one schema against those before it and adds it to them.
func admit(seeded map[int]Schema, id int, s Schema) error {
	if id < 1 || s.Version < 1 {
		return fmt.Errorf("id %d and version %d must be positive", id, s.Version)
	}
	if len(s.Subjects) == 0 || slices.Contains(s.Subjects, "") {
		return errors.New("subject must be set")
	}
	if !json.Valid([]byte(s.Definition)) {
		return errors.New("definition is not JSON")
	}
	for other, t := range seeded {
		if other == id {
			if t.Version != s.Version || t.Definition != s.Definition || !slices.Equal(t.Subjects, s.Subjects) {
				return fmt.Errorf("the id is taken by %s version %d", t.Subjects[0], t.Version)
			}
			continue
		}
		at := slices.IndexFunc(s.Subjects, func(subject string) bool { return slices.Contains(t.Subjects, subject) })
		if at >= 0 && t.Version == s.Version {
			return fmt.Errorf("%s version %d already has id %d", s.Subjects[at], t.Version, other)
		}
	}
	seeded[id] = s
	return nil
}

// serve passes reading requests on. Registering a schema that is there already
// answers its id, as clients expect; everything else is refused.
func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	subject, registers := strings.CutSuffix(req.URL.EscapedPath(), "/versions")
	switch {
	case req.Method == http.MethodPost && strings.HasPrefix(subject, "/subjects/") && registers:
		r.lookUp(w, req, subject)
	case req.Method == http.MethodGet,
		req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/subjects/"),
		req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/compatibility/"):
		r.fake.Handler().ServeHTTP(w, req)
	default:
		readOnly(w)
	}
}

func (r *Registry) lookUp(w http.ResponseWriter, req *http.Request, subject string) {
	look, err := http.NewRequestWithContext(req.Context(), http.MethodPost, subject, req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found := answer{header: make(http.Header), status: http.StatusOK}
	r.fake.Handler().ServeHTTP(&found, look)
	if found.status == http.StatusNotFound {
		readOnly(w)
		return
	}
	maps.Copy(w.Header(), found.header)
	w.WriteHeader(found.status)
	_, _ = w.Write(found.body.Bytes()) // a client that left is no concern of ours
}

func readOnly(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_, _ = fmt.Fprintf(w, `{"error_code":%d,"message":"the embedded registry is read-only: its schemas and ids come with the program"}`+"\n", codeReadOnly)
}

// answer is a response kept in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
