package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

func token(t *testing.T, name, secret string, scopes ...api.Scope) api.Token {
	t.Helper()
	tok, err := api.NewToken(name, secret, scopes...)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func bearer(ctx context.Context, secret string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
}

const reader, operator = "reader-secret-0123456789", "operator-secret-0123456789"

func guarded(t *testing.T) *apitest.Shop {
	return apitest.Start(t, func(o *api.Options) {
		o.Tokens = []api.Token{token(t, "reader", reader, api.ScopeRead), token(t, "operator", operator)}
	})
}

func TestTokens(t *testing.T) {
	s := guarded(t)
	ids := s.Broken("1")
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	for _, ctx := range []context.Context{soon(t), bearer(soon(t), "wrong"), bearer(soon(t), ""), metadata.AppendToOutgoingContext(soon(t), "authorization", "Basic "+reader)} {
		_, err := c.ListExceptions(ctx, &orderledgerv1.ListExceptionsRequest{})
		wantReason(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
	}
	if _, err := c.ListExceptions(bearer(soon(t), reader), &orderledgerv1.ListExceptionsRequest{}); err != nil {
		t.Fatal(err)
	}
	ack := &orderledgerv1.AcknowledgeExceptionRequest{Id: ids[0].String(), Episode: 1, Actor: "night shift"}
	_, err := c.AcknowledgeException(bearer(soon(t), reader), ack)
	wantReason(t, err, codes.PermissionDenied, "PERMISSION_DENIED")
	r, err := c.AcknowledgeException(bearer(soon(t), operator), ack)
	if err != nil || r.Exception.Acknowledgement.GetActor() != "night shift (as operator)" {
		t.Fatalf("%v %v", r, err)
	}
	_, err = orderledgerv1.NewQuarantineServiceClient(s.Conn).GetQuarantineEntry(bearer(soon(t), operator),
		&orderledgerv1.GetQuarantineEntryRequest{Id: "1", View: orderledgerv1.QuarantineView_QUARANTINE_VIEW_FULL})
	wantReason(t, err, codes.PermissionDenied, "PERMISSION_DENIED")
	if r, err := healthv1.NewHealthClient(s.Conn).Check(soon(t), &healthv1.HealthCheckRequest{}); err != nil || r.Status != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("health is open: %v %v", r, err)
	}
}

func TestTokensOverREST(t *testing.T) {
	s := guarded(t)
	for secret, want := range map[string]int{"": 401, "wrong": 401, reader: 200} {
		req, err := http.NewRequestWithContext(soon(t), http.MethodGet, "http://"+s.Surface.REST+"/v1/exceptions", nil)
		if err != nil {
			t.Fatal(err)
		}
		if secret != "" {
			req.Header.Set("Authorization", "Bearer "+secret)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", secret, resp.StatusCode, want)
		}
	}
}

// Every method that is registered has a rule: without a credential each says
// UNAUTHENTICATED, but for health and reflection, which are open.
func TestEveryMethodHasAPermission(t *testing.T) {
	s := guarded(t)
	open := 0
	for service, info := range s.Server.Services() {
		for _, m := range info.Methods {
			full := "/" + service + "/" + m.Name
			if !api.Ruled(full) {
				t.Errorf("%s has no permission rule", full)
			}
			if strings.HasPrefix(service, "grpc.") {
				open++
				continue
			}
			st, err := s.Conn.NewStream(soon(t), &grpc.StreamDesc{ServerStreams: true}, full)
			if err == nil {
				_ = st.SendMsg(&emptypb.Empty{})
				_ = st.CloseSend()
				err = st.RecvMsg(&emptypb.Empty{})
			}
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s without a credential: %v", full, err)
			}
		}
	}
	if open == 0 {
		t.Error("neither health nor reflection is registered")
	}
}

func TestHostHeader(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Hosts = []string{"orders.example"} })
	for host, want := range map[string]int{"localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200, "orders.example": 200, "evil.example": 403, "127.0.0.1.evil.example:8080": 403} {
		req, err := http.NewRequestWithContext(soon(t), http.MethodGet, "http://"+s.Surface.REST+"/v1/exceptions", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
	req, err := http.NewRequestWithContext(soon(t), http.MethodPost, "http://"+s.Surface.REST+"/v1/policy:propose", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 403 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("from another site: %d", resp.StatusCode)
	}
}

func TestOpenOnlyToThisMachineWithoutTokens(t *testing.T) {
	s := apitest.Start(t)
	if _, err := s.Server.Listen("0.0.0.0:0", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "auth.token_files") {
		t.Fatalf("listening everywhere: %v", err)
	}
	if _, err := s.Server.Listen("127.0.0.1:0", "0.0.0.0:0"); err == nil {
		t.Fatal("REST listens everywhere")
	}
}

func TestUnknownMethodIsUnimplemented(t *testing.T) {
	s := apitest.Start(t)
	conn, err := grpc.NewClient(s.Surface.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Invoke(soon(t), "/orderledger.v1.OrderService/Forget", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Fatalf("got %v", err)
	}
}
