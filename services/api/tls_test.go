package api_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/config/certtest"
)

// secured starts a shop whose gRPC demands a client certificate and whose REST
// speaks TLS.
func secured(t *testing.T) (*apitest.Shop, *certtest.Authority) {
	a := certtest.New(t)
	cert, key := a.Issue("server")
	server := func(clientCA string) *tls.Config {
		files := config.ServerTLS{CertFile: cert, KeyFile: key, ClientCAFile: clientCA}
		c, err := files.Server("tls", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return apitest.Start(t, func(o *api.Options) { o.GRPCTLS, o.RESTTLS = server(a.File), server("") }), a
}

func TestGRPCOverTLSDemandsTheClientsCertificate(t *testing.T) {
	s, a := secured(t)
	ask := func(c *tls.Config) error {
		t.Helper()
		conn, err := grpc.NewClient(s.Surface.GRPC, grpc.WithTransportCredentials(credentials.NewTLS(c)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, err = orderledgerv1.NewSourceServiceClient(conn).ListSources(soon(t), &orderledgerv1.ListSourcesRequest{})
		return err
	}
	if err := ask(a.Client("client")); err != nil {
		t.Fatalf("a known client: %v", err)
	}
	if err := ask(a.Client("")); status.Code(err) != codes.Unavailable {
		t.Fatalf("a client without a certificate: %v", err)
	}
	stranger := a.Client("")
	stranger.Certificates = certtest.New(t).Client("client").Certificates
	if err := ask(stranger); status.Code(err) != codes.Unavailable {
		t.Fatalf("a client of another authority: %v", err)
	}
	if err := ask(certtest.New(t).Client("client")); status.Code(err) != codes.Unavailable {
		t.Fatalf("a client that does not trust the server: %v", err)
	}
	_, err := orderledgerv1.NewSourceServiceClient(s.Conn).ListSources(soon(t), &orderledgerv1.ListSourcesRequest{})
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("plain text: %v", err)
	}
}

// REST speaks TLS itself, and reaches gRPC though that demands a certificate.
func TestRESTOverTLS(t *testing.T) {
	s, a := secured(t)
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: a.Client(""), ForceAttemptHTTP2: true}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("https://" + s.Surface.REST + "/v1/sources")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 || !strings.Contains(string(body), `"shop"`) {
		t.Fatalf("%s %s: %v", resp.Status, body, err)
	}
	if resp, err := http.Get("https://" + s.Surface.REST + "/v1/sources"); err == nil {
		_ = resp.Body.Close()
		t.Fatal("a client that does not know the authority was content")
	}
	plain, err := http.Get("http://" + s.Surface.REST + "/v1/sources")
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Fatalf("plain text: %s", plain.Status)
	}
}
