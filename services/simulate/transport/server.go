package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// TroubleKind says how an API misbehaves.
type TroubleKind uint8

// The kinds of trouble. Silence, the third, belongs to the shop's configuration
// because a ledger must notice it.
const (
	// Slow answers come late.
	Slow TroubleKind = 1
	// Throttled answers are 429 with Retry-After.
	Throttled TroubleKind = 2
)

// Trouble is a stretch over which the API of a source misbehaves in a way that
// must not be noticed by anybody.
type Trouble struct {
	Kind   TroubleKind
	Source string
	From   time.Time
	Until  time.Time
	// Delay of slow answers.
	Delay time.Duration
}

// ServerConfig configures a Server.
type ServerConfig struct {
	Shop        *Shared
	Credentials Credentials
	Clock       connector.Clock
	Logger      *slog.Logger
	Troubles    []Trouble
}

// Server is the http.Handler of the APIs that are polled.
type Server struct {
	cfg    ServerConfig
	names  shop.Sources
	mux    *http.ServeMux
	bucket *bucket
	minute *minute
}

// NewServer checks a configuration and binds it.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Shop == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("simulated APIs: Shop, Clock and Logger are needed")
	}
	s := &Server{cfg: cfg, names: cfg.Shop.Config().Sources, mux: http.NewServeMux(), bucket: &bucket{size: 40, leak: 2}, minute: &minute{most: 40}}
	s.mux.HandleFunc("GET /admin/api/{version}/orders.json", s.guard(s.names.Storefront, s.orders))
	s.mux.HandleFunc("POST /services/rest/query/v1/suiteql", s.guard(s.names.ERP, s.suiteql))
	for _, c := range []shop.Collection{shop.PaymentEvents, shop.PaymentIntents, shop.Charges, shop.Refunds, disputes} {
		s.mux.HandleFunc("GET /v1/"+string(c), s.guard(s.names.Payment, s.account(c)))
	}
	s.mux.HandleFunc("GET /orders", s.guard(s.names.Warehouse, s.warehouse(shop.WarehouseOrders)))
	s.mux.HandleFunc("GET /shipments", s.guard(s.names.Warehouse, s.warehouse(shop.Shipments)))
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// guard puts the weather of a source in front of its API.
func (s *Server) guard(source string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := s.cfg.Clock.Now()
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		if s.cfg.Shop.Silent(source, now) {
			s.answer(w, http.StatusInternalServerError, map[string]any{"errors": "Internal Server Error"})
			return
		}
		for _, t := range s.cfg.Troubles {
			if t.Source != source || now.Before(t.From) || !now.Before(t.Until) {
				continue
			}
			if t.Kind == Throttled {
				w.Header().Set("Retry-After", "1.0")
				s.answer(w, http.StatusTooManyRequests, map[string]any{"errors": "Exceeded the request limit. Slow down."})
				return
			}
			if err := s.cfg.Clock.Wait(r.Context(), t.Delay); err != nil {
				return
			}
		}
		next(w, r)
	}
}

// answer writes JSON. Its error only says that the other side is gone.
func (s *Server) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.cfg.Logger.Debug("answer not delivered", "error", err)
	}
}

// Listener is a Server that listens.
type Listener struct {
	// URL is the base_url for connectors.
	URL    string
	server *http.Server
}

// Listen starts a server on a loopback address such as 127.0.0.1:0.
func (s *Server) Listen(addr string) (*Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, fmt.Errorf("simulated APIs listen on loopback only: use 127.0.0.1:PORT instead of %q", addr)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated APIs: %w", err)
	}
	out := &Listener{URL: "http://" + l.Addr().String(), server: &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}}
	go func() {
		if err := out.server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("simulated APIs ended", "error", err)
		}
	}()
	return out, nil
}

// Close stops listening and drops open connections.
func (l *Listener) Close() error { return l.server.Close() }

// bucket is a leaking bucket of requests. Its time is the server's clock.
type bucket struct {
	size, leak float64
	level      float64
	at         time.Time
}

// take adds one request; false if it does not fit.
func (b *bucket) take(now time.Time) (level int, ok bool) {
	if !b.at.IsZero() && now.After(b.at) {
		b.level = max(0, b.level-b.leak*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.level+1 > b.size {
		return int(b.level), false
	}
	b.level++
	return int(b.level), true
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
