package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/orderledger/orderledger/proto/gen/openapi"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// remoteHeader tells the gRPC server who called REST. It is believed on the
// connection inside this process alone.
const remoteHeader = "orderledger-remote-address"

// Limits of REST.
const (
	maxRESTBody = 1 << 20
	restTimeout = 30 * time.Second
)

// NewREST returns the HTTP handler that speaks to the gRPC server behind conn:
// /v1/… as http.yaml maps it, and /openapi.yaml.
func NewREST(ctx context.Context, conn *grpc.ClientConn, hosts []string) (http.Handler, error) {
	gw := runtime.NewServeMux(
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, lines{&runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}}),
		runtime.WithErrorHandler(func(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
			s := status.Convert(err)
			if e := ownComplaint(s); e != nil {
				writeError(w, e)
				return
			}
			sayWhen(w, s)
			runtime.DefaultHTTPErrorHandler(ctx, mux, m, w, r, err)
		}),
		runtime.WithRoutingErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
			noRoute(w, r, code)
		}),
		runtime.WithIncomingHeaderMatcher(forwarded),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
			return metadata.Pairs(remoteHeader, r.RemoteAddr)
		}),
		runtime.SetQueryParameterParser(strictQuery{}),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		orderledgerv1.RegisterOrderServiceHandler, orderledgerv1.RegisterExceptionServiceHandler, orderledgerv1.RegisterSourceServiceHandler, orderledgerv1.RegisterAuditServiceHandler,
		orderledgerv1.RegisterQuarantineServiceHandler, orderledgerv1.RegisterPolicyServiceHandler,
	} {
		if err := register(ctx, gw, conn); err != nil {
			return nil, fmt.Errorf("register REST: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapi.V3())
	})
	mux.Handle("/", bounded(gw))
	return sameSite(mux, hosts), nil
}

// lines marshals JSON; what it streams is one document per line.
type lines struct{ *runtime.JSONPb }

// StreamContentType implements runtime.StreamContentType.
func (lines) StreamContentType(any) string { return "application/x-ndjson" }

// strictQuery refuses parameters that the method does not have: a misspelt
// filter would otherwise select everything.
type strictQuery struct{ runtime.DefaultQueryParser }

// Parse implements runtime.QueryParameterParser.
func (q strictQuery) Parse(m proto.Message, values url.Values, taken *utilities.DoubleArray) error {
	known := m.ProtoReflect().Descriptor().Fields()
	for name := range values {
		if known.ByJSONName(name) == nil && known.ByTextName(name) == nil {
			var have []string
			for i := range known.Len() {
				have = append(have, known.Get(i).JSONName())
			}
			return invalid(name, "there is no such parameter: want one of %s", strings.Join(have, ", "))
		}
	}
	return q.DefaultQueryParser.Parse(m, values, taken)
}

// forwarded lets in the headers that gRPC knows what to do with. The gateway
// itself forwards Authorization.
func forwarded(name string) (string, bool) {
	if strings.EqualFold(name, "Traceparent") {
		return "traceparent", true
	}
	return "", false
}

// bounded limits bodies, and gives everything but a watch a deadline.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRESTBody)
		if strings.HasSuffix(r.URL.Path, ":watch") {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), restTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sameSite answers only to the names this server goes by, so that a page whose
// name was made to point here reads nothing (DNS rebinding), and refuses what a
// browser sends from another site.
func sameSite(next http.Handler, hosts []string) http.Handler {
	known := map[string]bool{"127.0.0.1": true, "localhost": true, "::1": true}
	for _, h := range hosts {
		known[strings.ToLower(h)] = true
	}
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !known[strings.ToLower(strings.Trim(host, "[]"))] {
			writeError(w, fail(PermissionDenied, "this server does not go by that name: add it to listen.hosts", "host", r.Host))
			return
		}
		if err := cross.Check(r); err != nil {
			writeError(w, fail(PermissionDenied, "requests from another site are refused", "origin", r.Header.Get("Origin")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// writeError answers with a status in the gateway's own shape.
func writeError(w http.ResponseWriter, e *Error) {
	body, err := protojson.Marshal(e.GRPCStatus().Proto())
	if err != nil {
		body = []byte(`{"code":13}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(runtime.HTTPStatusFromCode(e.Reason.Code()))
	_, _ = w.Write(body)
}

// ownComplaint gives what the gateway itself complains of (a body that is no
// JSON, a query parameter of the wrong kind) the one ErrorInfo that every error
// has; nil for errors that have it.
func ownComplaint(s *status.Status) *Error {
	for _, d := range s.Details() {
		if _, ok := d.(*errdetails.ErrorInfo); ok {
			return nil
		}
	}
	switch s.Code() {
	case codes.InvalidArgument:
		return fail(InvalidField, s.Message())
	case codes.DeadlineExceeded, codes.Unavailable, codes.Canceled:
		return fail(NotReady, "the answer was not ready in time: try again, or ask for less")
	default:
		return nil
	}
}

// sayWhen repeats a RetryInfo as the header that HTTP clients heed.
func sayWhen(w http.ResponseWriter, s *status.Status) {
	for _, d := range s.Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.GetRetryDelay().AsDuration().Seconds()))))
		}
	}
}

// noRoute answers where no method lives.
func noRoute(w http.ResponseWriter, r *http.Request, code int) {
	body, err := json.Marshal(map[string]any{
		"code": codes.NotFound, "message": fmt.Sprintf("%s %s: there is no such method; /openapi.yaml lists them all", r.Method, r.URL.Path),
		"details": []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NO_SUCH_METHOD", "domain": domain}},
	})
	if err != nil {
		body = []byte(`{"code":5}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
