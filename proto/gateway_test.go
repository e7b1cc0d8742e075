package proto_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// recorder answers every method of every service with an empty response and keeps the request.
type recorder struct {
	mu     sync.Mutex
	method string
	req    proto.Message
}

func (r *recorder) keep(method string, req proto.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.req = method, req
}

// take returns what was kept since the last call, and forgets it.
func (r *recorder) take() (string, proto.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	method, req := r.method, r.req
	r.method, r.req = "", nil
	return method, req
}

func (r *recorder) unary(_ context.Context, req any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	r.keep(info.FullMethod, req.(proto.Message))
	_, resp, err := messagesOf(info.FullMethod)
	return resp, err
}

// stream sends two messages, so that a client sees that they come one by one.
func (r *recorder) stream(_ any, ss grpc.ServerStream, info *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
	req, resp, err := messagesOf(info.FullMethod)
	if err != nil {
		return err
	}
	if err := ss.RecvMsg(req); err != nil {
		return err
	}
	r.keep(info.FullMethod, req)
	for range 2 {
		if err := ss.SendMsg(resp); err != nil {
			return err
		}
	}
	return nil
}

// messagesOf returns an empty request and response of a method given as "/package.Service/Method".
func messagesOf(fullMethod string) (req, resp proto.Message, err error) {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(fullMethod, "/"), "/", "."))
	desc, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		return nil, nil, fmt.Errorf("find method %s: %w", name, err)
	}
	method := desc.(protoreflect.MethodDescriptor)
	in, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return nil, nil, fmt.Errorf("find request of %s: %w", name, err)
	}
	out, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, nil, fmt.Errorf("find response of %s: %w", name, err)
	}
	return in.New().Interface(), out.New().Interface(), nil
}

// newGateway starts a gRPC server behind the REST gateway and returns the gateway's address.
func newGateway(t *testing.T) (string, *recorder) {
	t.Helper()
	rec := &recorder{}
	srv := grpc.NewServer(grpc.UnaryInterceptor(rec.unary), grpc.StreamInterceptor(rec.stream))
	orderledgerv1.RegisterOrderServiceServer(srv, orderledgerv1.UnimplementedOrderServiceServer{})
	orderledgerv1.RegisterExceptionServiceServer(srv, orderledgerv1.UnimplementedExceptionServiceServer{})
	orderledgerv1.RegisterSourceServiceServer(srv, orderledgerv1.UnimplementedSourceServiceServer{})
	orderledgerv1.RegisterAuditServiceServer(srv, orderledgerv1.UnimplementedAuditServiceServer{})
	orderledgerv1.RegisterQuarantineServiceServer(srv, orderledgerv1.UnimplementedQuarantineServiceServer{})
	orderledgerv1.RegisterPolicyServiceServer(srv, orderledgerv1.UnimplementedPolicyServiceServer{})

	lis := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	t.Cleanup(func() {
		srv.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve gRPC: %v", err)
		}
	})

	conn, err := grpc.NewClient("passthrough:///gateway",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("connect the gateway: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	mux := runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved))
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		orderledgerv1.RegisterOrderServiceHandler,
		orderledgerv1.RegisterExceptionServiceHandler,
		orderledgerv1.RegisterSourceServiceHandler,
		orderledgerv1.RegisterAuditServiceHandler,
		orderledgerv1.RegisterQuarantineServiceHandler,
		orderledgerv1.RegisterPolicyServiceHandler,
	} {
		if err := register(t.Context(), mux, conn); err != nil {
			t.Fatalf("register a service with the gateway: %v", err)
		}
	}
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	return web.URL, rec
}

// call sends one request and returns the status and the number of lines in the body.
func call(t *testing.T, method, target, body string) (status, lines int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatalf("make request %s: %v", target, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, strings.Count(strings.TrimSpace(readAll(t, resp)), "\n") + 1
}

var routes = []struct {
	verb, path, body string
	method           string
	want             proto.Message
}{
	{"GET", "/v1/orders/shop~1001", "", "OrderService/GetOrder", &orderledgerv1.GetOrderRequest{Order: "shop~1001"}},
	{"GET", "/v1/orders/shop~1001?view=ORDER_VIEW_BASIC", "", "OrderService/GetOrder", &orderledgerv1.GetOrderRequest{Order: "shop~1001", View: orderledgerv1.OrderView_ORDER_VIEW_BASIC}},
	{"GET", "/v1/orders:lookup?alias=order-number:%231001&source=shop", "", "OrderService/LookupOrder", &orderledgerv1.LookupOrderRequest{Alias: "order-number:#1001", Source: "shop"}},
	{"GET", "/v1/orders?filter=a%3D1&order_by=create_time+desc&page_size=3&page_token=t", "", "OrderService/ListOrders", &orderledgerv1.ListOrdersRequest{Filter: "a=1", OrderBy: "create_time desc", PageSize: 3, PageToken: "t"}},
	{"GET", "/v1/orders?orderBy=order_key&pageSize=3", "", "OrderService/ListOrders", &orderledgerv1.ListOrdersRequest{OrderBy: "order_key", PageSize: 3}},
	{"GET", "/v1/orders/shop~1001/timeline?page_size=7", "", "OrderService/GetTimeline", &orderledgerv1.GetTimelineRequest{Order: "shop~1001", PageSize: 7}},
	{"GET", "/v1/orders/shop~1001:watch?resume_token=r", "", "OrderService/WatchOrder", &orderledgerv1.WatchOrderRequest{Order: "shop~1001", ResumeToken: "r"}},
	{"GET", "/v1/orders/shop~1001:explain?rule=ingestion&axis=AXIS_PAYMENT", "", "OrderService/ExplainOrder", &orderledgerv1.ExplainOrderRequest{Order: "shop~1001", Rule: "ingestion", Axis: orderledgerv1.Axis_AXIS_PAYMENT}},
	{"POST", "/v1/orders/shop~1001:merge", `{"with":"shop~1002","reason":"one basket"}`, "OrderService/MergeOrders", &orderledgerv1.MergeOrdersRequest{Order: "shop~1001", With: "shop~1002", Reason: "one basket"}},
	{"POST", "/v1/orders/shop~1001:split", `{"from":"shop~1002","reason":"two after all"}`, "OrderService/SplitOrders", &orderledgerv1.SplitOrdersRequest{Order: "shop~1001", From: "shop~1002", Reason: "two after all"}},
	{"GET", "/v1/exceptions/00ff", "", "ExceptionService/GetException", &orderledgerv1.GetExceptionRequest{Id: "00ff"}},
	{"GET", "/v1/exceptions?filter=severity%3DSEVERITY_CRITICAL", "", "ExceptionService/ListExceptions", &orderledgerv1.ListExceptionsRequest{Filter: "severity=SEVERITY_CRITICAL"}},
	{"GET", "/v1/exceptions:watch?filter=f", "", "ExceptionService/WatchExceptions", &orderledgerv1.WatchExceptionsRequest{Filter: "f"}},
	{"POST", "/v1/exceptions/00ff:acknowledge", `{"episode":2,"comment":"on it","requestId":"u"}`, "ExceptionService/AcknowledgeException", &orderledgerv1.AcknowledgeExceptionRequest{Id: "00ff", Episode: 2, Comment: "on it", RequestId: "u"}},
	{"POST", "/v1/exceptions/00ff:assign", `{"episode":2,"assignee":"ann"}`, "ExceptionService/AssignException", &orderledgerv1.AssignExceptionRequest{Id: "00ff", Episode: 2, Assignee: "ann"}},
	{"POST", "/v1/exceptions/00ff:snooze", `{"episode":2,"snoozeFor":"3600s"}`, "ExceptionService/SnoozeException", &orderledgerv1.SnoozeExceptionRequest{Id: "00ff", Episode: 2, End: &orderledgerv1.SnoozeExceptionRequest_SnoozeFor{SnoozeFor: durationpb.New(time.Hour)}}},
	{"POST", "/v1/exceptions/00ff:comment", `{"episode":2,"comment":"slow"}`, "ExceptionService/CommentException", &orderledgerv1.CommentExceptionRequest{Id: "00ff", Episode: 2, Comment: "slow"}},
	{"POST", "/v1/exceptions/00ff:resolve", `{"episode":2,"reason":"done"}`, "ExceptionService/ResolveException", &orderledgerv1.ResolveExceptionRequest{Id: "00ff", Episode: 2, Reason: "done"}},
	{"POST", "/v1/exceptions/00ff:markFalsePositive", `{"episode":2,"reason":"test"}`, "ExceptionService/MarkFalsePositive", &orderledgerv1.MarkFalsePositiveRequest{Id: "00ff", Episode: 2, Reason: "test"}},
	{"GET", "/v1/sources/netsuite-main", "", "SourceService/GetSource", &orderledgerv1.GetSourceRequest{Source: "netsuite-main"}},
	{"POST", "/v1/sources/netsuite-main:mute", `{"reason":"upgrade","lasts":"3600s"}`, "SourceService/MuteSource", &orderledgerv1.MuteSourceRequest{Source: "netsuite-main", Reason: "upgrade", End: &orderledgerv1.MuteSourceRequest_Lasts{Lasts: durationpb.New(time.Hour)}}},
	{"POST", "/v1/sources/netsuite-main:unmute", `{"reason":"done"}`, "SourceService/UnmuteSource", &orderledgerv1.UnmuteSourceRequest{Source: "netsuite-main", Reason: "done"}},
	{"GET", "/v1/audit/orders.events.v1/3/digest?shards=16", "", "AuditService/GetDigest", &orderledgerv1.GetDigestRequest{Topic: "orders.events.v1", Partition: 3, Shards: 16}},
	{"GET", "/v1/audit/orders.events.v1/3/entries?shards=16&shard=2", "", "AuditService/ListStateEntries", &orderledgerv1.ListStateEntriesRequest{Topic: "orders.events.v1", Partition: 3, Shards: 16, Shard: 2}},
	{"GET", "/v1/audit/orders.unkeyed.v1/0/entry?key=b3g=", "", "AuditService/GetStateEntry", &orderledgerv1.GetStateEntryRequest{Topic: "orders.unkeyed.v1", Key: []byte("ox")}},
	{"GET", "/v1/audit/findings?standing_only=true", "", "AuditService/ListAuditFindings", &orderledgerv1.ListAuditFindingsRequest{StandingOnly: true}},
	{"GET", "/v1/sources", "", "SourceService/ListSources", &orderledgerv1.ListSourcesRequest{}},
	{"GET", "/v1/quarantine/0a?view=QUARANTINE_VIEW_FULL", "", "QuarantineService/GetQuarantineEntry", &orderledgerv1.GetQuarantineEntryRequest{Id: "0a", View: orderledgerv1.QuarantineView_QUARANTINE_VIEW_FULL}},
	{"GET", "/v1/quarantine?filter=reason%3Dx", "", "QuarantineService/ListQuarantineEntries", &orderledgerv1.ListQuarantineEntriesRequest{Filter: "reason=x"}},
	{"POST", "/v1/quarantine/0a:release", `{"comment":"mapped"}`, "QuarantineService/ReleaseQuarantineEntry", &orderledgerv1.ReleaseQuarantineEntryRequest{Id: "0a", Comment: "mapped"}},
	{"GET", "/v1/policy", "", "PolicyService/GetPolicy", &orderledgerv1.GetPolicyRequest{}},
	{"POST", "/v1/policy:propose", `{"yaml":"groups: []","validateOnly":true}`, "PolicyService/ProposePolicy", &orderledgerv1.ProposePolicyRequest{Yaml: "groups: []", ValidateOnly: true}},
}

// TestRoutes calls every path of the REST surface and compares the method and request that the
// server sees; a method without a route fails it, too.
func TestRoutes(t *testing.T) {
	base, rec := newGateway(t)
	routed := map[string]bool{}
	for _, r := range routes {
		t.Run(r.verb+" "+r.path, func(t *testing.T) {
			status, lines := call(t, r.verb, base+r.path, r.body)
			if status != http.StatusOK {
				t.Fatalf("status %d, want 200", status)
			}
			method, req := rec.take()
			if want := "/orderledger.v1." + r.method; method != want {
				t.Fatalf("reached %q, want %q", method, want)
			}
			if !proto.Equal(req, r.want) {
				t.Errorf("request is\n%v\nwant\n%v", req, r.want)
			}
			if strings.Contains(r.path, ":watch") && lines != 2 {
				t.Errorf("%d lines for two messages, want 2", lines)
			}
		})
		routed[r.method] = true
	}
	for _, m := range methods() {
		if name := string(m.Parent().Name()) + "/" + string(m.Name()); !routed[name] {
			t.Errorf("method %s is not reachable over HTTP by any tested route", name)
		}
	}
}

// orderKeys are keys whose native ids hold what a path treats specially. Left the id, right the
// key that S-1 gives it.
var orderKeys = map[string]string{
	"1001":                             "shop~1001",
	"gid://shopify/Order/450789469":    "shop~gid%3A%2F%2Fshopify%2FOrder%2F450789469",
	"#1001":                            "shop~%231001",
	"50%":                              "shop~50%25",
	"a%2Fb":                            "shop~a%252Fb",
	"with space+plus":                  "shop~with%20space%2Bplus",
	"id:watch":                         "shop~id%3Awatch",
	"?x=1&y=2;z":                       "shop~%3Fx%3D1%26y%3D2%3Bz",
	"Größe":                            "shop~Gr%C3%B6%C3%9Fe",
	"..":                               "shop~..",
	"305-1234567-7654321_x.y":          "shop~305-1234567-7654321_x.y",
	"a~b":                              "shop~a%7Eb",
	"timeline":                         "shop~timeline",
	strings.Repeat("%2F", 10) + "/end": "shop~" + strings.Repeat("%252F", 10) + "%2Fend",
}

// TestOrderKeysTravel sends every key, encoded as a path segment, through each path that holds
// one, and expects it byte for byte at the server, also from clients that encode more than they
// need to.
func TestOrderKeysTravel(t *testing.T) {
	base, rec := newGateway(t)
	for id, key := range orderKeys {
		for name, encode := range map[string]func(string) string{"usual": url.PathEscape, "everything": escapeAll} {
			for suffix, method := range map[string]string{"": "GetOrder", "/timeline": "GetTimeline", ":watch": "WatchOrder", ":explain": "ExplainOrder"} {
				t.Run(fmt.Sprintf("%s %s %s", id, name, method), func(t *testing.T) {
					if status, _ := call(t, "GET", base+"/v1/orders/"+encode(key)+suffix, ""); status != http.StatusOK {
						t.Fatalf("status %d, want 200", status)
					}
					got, req := rec.take()
					if want := "/orderledger.v1.OrderService/" + method; got != want {
						t.Fatalf("reached %q, want %q", got, want)
					}
					if order := req.(interface{ GetOrder() string }).GetOrder(); order != key {
						t.Errorf("order arrives as %q, want %q", order, key)
					}
				})
			}
		}
	}
}

// TestPastedKeyReachesTheServer sends a key as it stands, without encoding it for the path. It
// arrives decoded, and so as something that is no key; the server can say so.
func TestPastedKeyReachesTheServer(t *testing.T) {
	base, rec := newGateway(t)
	if status, _ := call(t, "GET", base+"/v1/orders/shop~gid%3A%2F%2Fshopify%2FOrder%2F1/timeline", ""); status != http.StatusOK {
		t.Fatalf("status %d, want 200", status)
	}
	_, req := rec.take()
	if got, want := req.(*orderledgerv1.GetTimelineRequest).GetOrder(), "shop~gid://shopify/Order/1"; got != want {
		t.Errorf("order arrives as %q, want %q", got, want)
	}
}

// escapeAll percent-encodes every byte.
func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// TestUnknownPaths makes sure that what is not in the surface is not found.
func TestUnknownPaths(t *testing.T) {
	base, rec := newGateway(t)
	for _, path := range []string{"/v1/orders/shop~1/2", "/v1/orders/shop~1/events", "/v1/exceptions/00ff:assigned", "/v2/orders", "/"} {
		status, _ := call(t, "POST", base+path, "{}")
		if method, _ := rec.take(); status < 400 || method != "" {
			t.Errorf("POST %s: status %d, reached %q; want an error and no method", path, status, method)
		}
	}
}
