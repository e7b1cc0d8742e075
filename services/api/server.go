package api

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/flow"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

const topicEvents = kafkalog.TopicEvents

// Limits of the gRPC server.
const (
	maxMessage = 4 << 20
	maxStreams = 128
)

// Options configure a Server.
type Options struct {
	Ledger Ledger
	// Policies compiles proposals; nil refuses them.
	Policies PolicyCompiler
	// Places knows where policies stand; nil leaves their positions unset.
	Places PolicyPlaces
	// Quarantine is the quarantine topic; nil shows only the fold's own entries.
	Quarantine QuarantineStore
	// Audits is the continuous audit; nil: this process carries out none.
	Audits Audits
	// Links are the systems' own pages; nil: none is known.
	Links Links
	// Tokens are who may call; without any, everybody on this machine may.
	Tokens []Token
	// PageKey seals page tokens. Replicas behind one address share it; empty
	// means a key of this process.
	PageKey []byte
	// HashKey keys the hashes under which e-mail addresses and telephone numbers
	// are kept, as the connectors' does; empty: they cannot be looked up.
	HashKey []byte
	// Limit is how much one caller may ask; the zero value sets no limit.
	Limit Limit
	// GRPCTLS and RESTTLS are how the two listeners speak TLS; nil: they do not.
	GRPCTLS *tls.Config
	RESTTLS *tls.Config
	// Replica names this process in answers.
	Replica string
	// Hosts are Host headers that REST answers to beside the loopback names.
	Hosts []string
	// Heartbeat is how often a quiet stream beats; 0 means 10 s.
	Heartbeat time.Duration
	Observer  Observer
	// Traces receives the spans of calls; nil: there are none.
	Traces trace.TracerProvider
	Logger *slog.Logger
	// Now is the wall clock; nil means the machine's.
	Now func() time.Time
}

// Validate joins every problem of the options.
func (o *Options) Validate() error {
	var errs []error
	if o.Ledger == nil {
		errs = append(errs, errors.New("ledger: is missing"))
	}
	if o.Logger == nil {
		errs = append(errs, errors.New("logger: is missing"))
	}
	if o.Heartbeat < 0 || o.Heartbeat > 15*time.Second {
		errs = append(errs, fmt.Errorf("heartbeat: %s: the contract promises at least one in 15 s", o.Heartbeat))
	}
	return errors.Join(append(errs, o.Limit.Validate())...)
}

// Server answers over gRPC. REST is made from it by NewREST.
type Server struct {
	opt    Options
	pages  *pages
	auth   *authenticator
	flow   flow.Meter
	grpc   *grpc.Server
	health *health.Server
	ctx    context.Context // ends when the server stops; streams end with it
	stop   context.CancelFunc
}

// New builds a server; Serve lets it answer.
func New(opt Options) (*Server, error) {
	if err := opt.Validate(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if opt.Heartbeat == 0 {
		opt.Heartbeat = 10 * time.Second
	}
	if opt.Observer == nil {
		opt.Observer = nobody{}
	}
	if opt.Links == nil {
		opt.Links = noLinks{}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if len(opt.PageKey) == 0 {
		opt.PageKey = make([]byte, 32)
		if _, err := rand.Read(opt.PageKey); err != nil {
			return nil, fmt.Errorf("make a page key: %w", err)
		}
	}
	p, err := newPages(opt.PageKey)
	if err != nil {
		return nil, fmt.Errorf("page key: %w", err)
	}
	s := &Server{opt: opt, pages: p, auth: &authenticator{opt.Tokens}, health: health.NewServer()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	g := &guard{auth: s.auth, limit: newLimiter(opt.Limit, time.Now), observer: opt.Observer, logger: opt.Logger}
	traced := []grpc.ServerOption{}
	if opt.Traces != nil {
		traced = append(traced, grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(opt.Traces), otelgrpc.WithMeterProvider(noop.NewMeterProvider()), otelgrpc.WithPropagators(propagation.TraceContext{}))))
	}
	s.grpc = grpc.NewServer(append(traced,
		grpc.UnaryInterceptor(g.unary), grpc.StreamInterceptor(g.stream),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second, MaxConnectionIdle: 15 * time.Minute}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)...)
	orderledgerv1.RegisterOrderServiceServer(s.grpc, &orders{s: s})
	orderledgerv1.RegisterExceptionServiceServer(s.grpc, &exceptions{s: s})
	orderledgerv1.RegisterSourceServiceServer(s.grpc, &sources{s: s})
	orderledgerv1.RegisterQuarantineServiceServer(s.grpc, &quarantine{s: s})
	orderledgerv1.RegisterPolicyServiceServer(s.grpc, &policies{s: s})
	orderledgerv1.RegisterAuditServiceServer(s.grpc, newAudits(s))
	healthv1.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthv1.HealthCheckResponse_SERVING)
	}
	return s, nil
}

// Services lists what is registered.
func (s *Server) Services() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }

// Serve answers on the listener until Stop. Without authentication it refuses
// an address that other machines reach.
func (s *Server) Serve(l net.Listener) error {
	if err := s.auth.open(l.Addr()); err != nil {
		return err
	}
	return s.grpc.Serve(l)
}

// Stop ends the streams, answers what has been asked, and closes; calls that
// have not ended when ctx does are cut off.
func (s *Server) Stop(ctx context.Context) {
	s.health.Shutdown()
	s.stop()
	done := make(chan struct{})
	go func() { s.grpc.GracefulStop(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		s.grpc.Stop()
		<-done
	}
}

// each reads every partition of orders in turn and collects how fresh they are.
func (s *Server) each(ctx context.Context, fn func(*ledger.Reader, engine.Freshness) error) ([]*orderledgerv1.Freshness, error) {
	return s.upTo(ctx, s.opt.Ledger.Partitions(), fn)
}

// eachLog reads the partitions of unkeyed records, too.
func (s *Server) eachLog(ctx context.Context, fn func(*ledger.Reader, engine.Freshness) error) ([]*orderledgerv1.Freshness, error) {
	return s.upTo(ctx, s.opt.Ledger.Logs(), fn)
}

func (s *Server) upTo(ctx context.Context, logs int32, fn func(*ledger.Reader, engine.Freshness) error) ([]*orderledgerv1.Freshness, error) {
	var out []*orderledgerv1.Freshness
	for p := range logs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := s.opt.Ledger.Read(p, func(r *ledger.Reader, f engine.Freshness) error {
			out = append(out, s.freshness(f))
			return fn(r, f)
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
