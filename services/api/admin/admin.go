// Package admin serves what operators and orchestrators ask of a process:
// whether it lives, whether it is ready and why not, and its metrics. It
// belongs on an address of its own that customers do not reach.
package admin

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"
)

// Check is one condition of readiness; nil means met. It must answer at once.
type Check struct {
	Name  string
	Ready func() error
}

// Options configure a Handler.
type Options struct {
	// Checks must all pass before the process is ready.
	Checks []Check
	// Alive is this process' own loop: it reports the instant of its last turn.
	// Nil means that answering is proof enough.
	Alive func() time.Time
	// Patience is how old that turn may be; 0 means 30 s.
	Patience time.Duration
	// Metrics serves /metrics; nil leaves it out.
	Metrics http.Handler
	// Profiling serves /debug/pprof.
	Profiling bool
}

// Handler answers /livez, /readyz, /startupz and /metrics.
type Handler struct {
	opt     Options
	mux     *http.ServeMux
	started atomic.Bool
}

// New returns a handler.
func New(opt Options) *Handler {
	if opt.Patience == 0 {
		opt.Patience = 30 * time.Second
	}
	h := &Handler{opt: opt, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /livez", h.livez)
	h.mux.HandleFunc("GET /readyz", h.readyz)
	h.mux.HandleFunc("GET /startupz", h.startupz)
	if opt.Metrics != nil {
		h.mux.Handle("GET /metrics", opt.Metrics)
	}
	if opt.Profiling {
		h.mux.HandleFunc("/debug/pprof/", pprof.Index)
		h.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		h.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		h.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		h.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// report is the body of every answer about health.
type report struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

func write(w http.ResponseWriter, r report) {
	code := http.StatusOK
	if r.Status != "ok" {
		code = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(r)
	if err != nil {
		body = []byte(`{"status":"unknown"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}

// livez says nothing about Kafka, ClickHouse or lag: a restart would not mend
// them.
func (h *Handler) livez(w http.ResponseWriter, _ *http.Request) {
	if h.opt.Alive != nil {
		if age := time.Since(h.opt.Alive()); age > h.opt.Patience {
			write(w, report{Status: "stuck", Checks: map[string]string{"loop": "last turned " + age.Round(time.Second).String() + " ago"}})
			return
		}
	}
	write(w, report{Status: "ok"})
}

func (h *Handler) check() report {
	out := report{Status: "ok", Checks: map[string]string{}}
	for _, c := range h.opt.Checks {
		out.Checks[c.Name] = "ok"
		if err := c.Ready(); err != nil {
			out.Checks[c.Name], out.Status = err.Error(), "not ready"
		}
	}
	if out.Status == "ok" {
		h.started.Store(true)
	}
	return out
}

func (h *Handler) readyz(w http.ResponseWriter, _ *http.Request) { write(w, h.check()) }

// startupz is readiness, once reached for good.
func (h *Handler) startupz(w http.ResponseWriter, _ *http.Request) {
	if h.started.Load() {
		write(w, report{Status: "ok"})
		return
	}
	write(w, h.check())
}
