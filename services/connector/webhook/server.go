package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Defaults of Config.
const (
	DefaultMaxBody        = 5 << 20
	DefaultReadTimeout    = 10 * time.Second
	DefaultAppendTimeout  = 2 * time.Second
	DefaultSourceInFlight = 32 << 20
	DefaultTotalInFlight  = 256 << 20
	DefaultRetryAfter     = 5 * time.Second
)

// Config configures a Server. Zero values take the defaults above.
type Config struct {
	Endpoints []*Endpoint
	Sink      connector.Sink
	Clock     connector.Clock
	Observer  connector.Observer
	// Tracer follows authentic deliveries; nil follows none.
	Tracer connector.Tracer
	Logger *slog.Logger
	// MaxBody bounds a body in bytes, ReadTimeout the time it may take.
	MaxBody     int64
	ReadTimeout time.Duration
	// AppendTimeout bounds how long a sender waits for the log.
	AppendTimeout time.Duration
	// SourceInFlight and TotalInFlight bound the bytes being worked on.
	SourceInFlight int64
	TotalInFlight  int64
	RetryAfter     time.Duration
}

// Validate fills in defaults and joins every problem.
func (c *Config) Validate() error {
	var errs []error
	if c.Sink == nil || c.Clock == nil || c.Logger == nil {
		errs = append(errs, errors.New("webhook: Sink, Clock and Logger are needed"))
	}
	seen := map[ledger.Source]bool{}
	for _, e := range c.Endpoints {
		if seen[e.source] {
			errs = append(errs, fmt.Errorf("webhook: source %s stands twice", e.source))
		}
		seen[e.source] = true
	}
	if c.Observer == nil {
		c.Observer = connector.Silent{}
	}
	if c.Tracer == nil {
		c.Tracer = connector.Untraced{}
	}
	setDefault(&c.MaxBody, DefaultMaxBody)
	setDefault(&c.ReadTimeout, DefaultReadTimeout)
	setDefault(&c.AppendTimeout, DefaultAppendTimeout)
	setDefault(&c.SourceInFlight, DefaultSourceInFlight)
	setDefault(&c.TotalInFlight, DefaultTotalInFlight)
	setDefault(&c.RetryAfter, DefaultRetryAfter)
	return errors.Join(errs...)
}

func setDefault[T ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Server is the http.Handler of all endpoints.
type Server struct {
	cfg      Config
	ctx      context.Context // ends appends at shutdown; never a request's
	byName   map[string]*Endpoint
	stranger *Endpoint // does the work of a refusal for names that do not exist
	mux      *http.ServeMux
	inFlight atomic.Int64
	draining atomic.Bool
}

// NewServer returns a server whose appends live as long as ctx.
func NewServer(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, ctx: ctx, byName: map[string]*Endpoint{}, mux: http.NewServeMux()}
	s.stranger = &Endpoint{verify: connector.Verify{Scheme: "hmac-sha256", Header: "X-Signature"}}
	keys := decoys
	s.stranger.keys.Store(&keys)
	for _, e := range cfg.Endpoints {
		s.byName[string(e.source)] = e
	}
	s.mux.HandleFunc("POST /webhooks/{source}", s.receive)
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Drain refuses deliveries from now on: senders come back, to another process or
// to the next. What has come in is answered as before.
func (s *Server) Drain() { s.draining.Store(true) }

// receive handles one delivery.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) {
	began := s.cfg.Clock.Now()
	e, known := s.byName[r.PathValue("source")]
	if !known {
		e = s.stranger
	}
	outcome, err := s.deliver(w, r, e, known)
	s.cfg.Observer.Observe(connector.Observation{
		Source: e.source, Feed: e.feedName(), Outcome: outcome, Count: 1,
		Took: s.cfg.Clock.Now().Sub(began), Err: err,
	})
}

func (e *Endpoint) feedName() string {
	if e.feed == nil {
		return ""
	}
	return e.feed.Name
}

func (s *Server) deliver(w http.ResponseWriter, r *http.Request, e *Endpoint, known bool) (connector.Outcome, error) {
	if s.draining.Load() {
		w.Header().Set("Connection", "close")
		return connector.OutcomeUnavailable, s.later(w, http.StatusServiceUnavailable)
	}
	if !supported(r.Header) {
		return connector.OutcomeUnsupported, s.answer(w, http.StatusUnsupportedMediaType, "send application/json in UTF-8, uncompressed")
	}
	size := s.cfg.MaxBody
	if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if size > s.cfg.MaxBody {
		w.Header().Set("Connection", "close")
		return connector.OutcomeTooLarge, s.answer(w, http.StatusRequestEntityTooLarge, "body is too large")
	}
	release, status := s.reserve(e, size)
	if release == nil {
		return connector.OutcomeThrottled, s.later(w, status)
	}
	defer release()
	body, outcome, err := s.read(w, r)
	if err != nil {
		return outcome, err
	}
	now := s.cfg.Clock.Now()
	sig := present(e.verify, r, body, now)
	if authentic := sig.verify(*e.keys.Load()); !authentic || !known {
		return connector.OutcomeUnauthentic, s.answer(w, http.StatusUnauthorized, "not authentic")
	}
	e.heard.Store(int64(ledger.At(now)))
	in := catalog.Input{
		Feed: e.feed, Raw: body, ReceivedAt: ledger.At(now), SignedAt: sig.signedAt, Delivery: e.describe(r.Header.Get),
	}
	if sig.id != "" {
		in.Delivery.ID = clean(sig.id)
	}
	return s.take(w, e, &in, r.Header.Get("Traceparent"))
}

// take maps a delivery that is authentic, and acknowledges what became of it.
func (s *Server) take(w http.ResponseWriter, e *Endpoint, in *catalog.Input, parent string) (outcome connector.Outcome, err error) {
	in.TraceID = traceID(parent)
	if in.TraceID == "" {
		parent = ""
	}
	ctx, end := s.cfg.Tracer.Begin(s.ctx, connector.Work{Name: "webhook", Source: string(e.source), Feed: e.feedName(), Parent: parent})
	defer func() { end(err) }()
	if in.TraceID == "" {
		in.TraceID = traceID(connector.TraceParent(ctx))
	}
	res := e.mapper.Map(*in)
	if res.Trigger != nil {
		if t := e.taker.Load(); t != nil {
			return s.hand(w, *t, fetchable(res.Trigger, in))
		}
		res = e.mapper.Decline(*in, ReasonNotFetched, "nobody reads what deliveries of this source name; set base_url and the tokens, and do not disable polling")
	}
	return s.record(ctx, w, res)
}

// record appends and only then acknowledges.
func (s *Server) record(ctx context.Context, w http.ResponseWriter, res catalog.Result) (connector.Outcome, error) {
	out := res.Outgoing()
	if !out.Empty() {
		if err := s.cfg.Sink.Healthy(); err != nil {
			return connector.OutcomeUnavailable, errors.Join(err, s.later(w, http.StatusServiceUnavailable))
		}
		ctx, end := s.cfg.Tracer.Begin(ctx, connector.Work{Name: "append"})
		ctx, cancel := context.WithTimeout(ctx, s.cfg.AppendTimeout)
		defer cancel()
		err := s.cfg.Sink.Append(ctx, out)
		if end(err); err != nil {
			return connector.OutcomeUnavailable, errors.Join(err, s.later(w, http.StatusServiceUnavailable))
		}
	}
	return res.Outcome(), s.answer(w, http.StatusOK, "")
}

// read takes the body once, bounded in size and time.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, connector.Outcome, error) {
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(s.cfg.Clock.Now().Add(s.cfg.ReadTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, connector.OutcomeUnavailable, errors.Join(err, s.later(w, http.StatusServiceUnavailable))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBody))
	var tooLarge *http.MaxBytesError
	var netErr net.Error
	switch {
	case err == nil:
		if err := rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return nil, connector.OutcomeUnavailable, errors.Join(err, s.later(w, http.StatusServiceUnavailable))
		}
		return body, "", nil
	case errors.As(err, &tooLarge):
		return nil, connector.OutcomeTooLarge, errors.Join(err, s.answer(w, http.StatusRequestEntityTooLarge, "body is too large"))
	case errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &netErr) && netErr.Timeout()):
		w.Header().Set("Connection", "close")
		return nil, connector.OutcomeTooSlow, errors.Join(err, s.answer(w, http.StatusRequestTimeout, "body took too long"))
	default:
		w.Header().Set("Connection", "close")
		return nil, connector.OutcomeTooSlow, errors.Join(err, s.answer(w, http.StatusRequestTimeout, "body ended early"))
	}
}

// reserve accounts for the bytes of a delivery. Without room it returns nil and
// the status that slows the right sender down.
func (s *Server) reserve(e *Endpoint, size int64) (release func(), status int) {
	if s.inFlight.Add(size) > s.cfg.TotalInFlight {
		s.inFlight.Add(-size)
		return nil, http.StatusServiceUnavailable
	}
	if e.inFlight.Add(size) > s.cfg.SourceInFlight {
		e.inFlight.Add(-size)
		s.inFlight.Add(-size)
		return nil, http.StatusTooManyRequests
	}
	return func() {
		e.inFlight.Add(-size)
		s.inFlight.Add(-size)
	}, 0
}

// supported reports whether the body is JSON in UTF-8 as it stands.
func supported(h http.Header) bool {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return false
	}
	media, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || (media != "application/json" && !strings.HasSuffix(media, "+json")) {
		return false
	}
	charset := params["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// later tells a sender to come back.
func (s *Server) later(w http.ResponseWriter, status int) error {
	seconds := max(1, int((s.cfg.RetryAfter+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return s.answer(w, status, "come back later")
}

// answer writes the response. Its error only says that the sender is gone.
func (s *Server) answer(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body := "{}\n"
	if text != "" {
		body = `{"error":"` + text + `"}` + "\n"
	}
	if _, err := io.WriteString(w, body); err != nil {
		return fmt.Errorf("answer the sender: %w", err)
	}
	return nil
}

// traceID returns the trace id of a W3C traceparent header, if it is one.
func traceID(header string) string {
	parts := strings.Split(header, "-")
	if len(parts) != 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}
