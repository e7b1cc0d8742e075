package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Endpoints are the addresses of a running instance, as `dev` writes them.
type Endpoints struct {
	API              string `json:"api"`
	GRPC             string `json:"grpc"`
	Webhooks         string `json:"webhooks"`
	Admin            string `json:"admin"`
	Kafka            string `json:"kafka"`
	ClickHouseNative string `json:"clickhouse_native"`
	ClickHouseHTTP   string `json:"clickhouse_http"`
}

// DefaultEndpointsFile is where `dev` leaves its endpoints unless told otherwise.
func DefaultEndpointsFile(cacheDir func() (string, error)) (string, error) {
	if cacheDir == nil {
		cacheDir = os.UserCacheDir
	}
	dir, err := cacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(dir, "orderledger", "endpoints.json"), nil
}

// endpoints reads the endpoints file; nil if the default one does not exist.
func (a *app) endpoints() (*Endpoints, error) {
	file := a.env(a.endpointsFile, "ORDERLEDGER_ENDPOINTS_FILE")
	named := file != ""
	if !named {
		var err error
		if file, err = DefaultEndpointsFile(a.CacheDir); err != nil {
			return nil, nil //nolint:nilerr // without a cache folder there is no default file
		}
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read endpoints file: %w", err)
	}
	var e Endpoints
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read endpoints file %s: %w", file, err)
	}
	return &e, nil
}

// defaultEndpoint is where gRPC listens unless told otherwise.
const defaultEndpoint = "127.0.0.1:8082"

// connect opens a connection to the ledger.
func (a *app) connect() (*grpc.ClientConn, error) {
	target := a.env(a.endpoint, "ORDERLEDGER_ENDPOINT")
	if target == "" {
		e, err := a.endpoints()
		if err != nil {
			return nil, err
		}
		if target = defaultEndpoint; e != nil && e.GRPC != "" {
			target = e.GRPC
		}
	}
	creds := insecure.NewCredentials()
	if host, ok := strings.CutPrefix(target, "https://"); ok {
		c, err := a.clientTLS()
		if err != nil {
			return nil, err
		}
		target, creds = host, credentials.NewTLS(c)
	}
	target = strings.TrimPrefix(target, "http://")
	if _, _, err := net.SplitHostPort(target); err != nil {
		return nil, Usage("--endpoint %q: want host:port or https://host:port", target)
	}
	opts := []grpc.DialOption{grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(4 << 20))}
	secret, err := a.token()
	if err != nil {
		return nil, err
	}
	if secret != "" {
		opts = append(opts, bearer(secret)...)
	}
	conn, err := grpc.NewClient(target, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", target, err)
	}
	return conn, nil
}

// clientTLS is how the command line speaks TLS: trusting the system's
// authorities or those of a file, and with a certificate of its own where the
// ledger demands one.
func (a *app) clientTLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := a.env(a.caFile, "ORDERLEDGER_TLS_CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read --tls-ca-file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, Usage("--tls-ca-file %s: it holds no PEM certificate", file)
		}
	}
	cert, key := a.env(a.certFile, "ORDERLEDGER_TLS_CERT_FILE"), a.env(a.keyFile, "ORDERLEDGER_TLS_KEY_FILE")
	if (cert == "") != (key == "") {
		return nil, Usage("--tls-cert-file and --tls-key-file go together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("read --tls-cert-file and --tls-key-file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// token reads the credential, if one is configured.
func (a *app) token() (string, error) {
	if file := a.env(a.tokenFile, "ORDERLEDGER_TOKEN_FILE"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read token file: %w", err)
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
		return strings.TrimSpace(line), nil
	}
	return a.env("", "ORDERLEDGER_TOKEN"), nil
}

// bearer adds the credential to every call.
func bearer(secret string) []grpc.DialOption {
	add := func(ctx context.Context) context.Context {
		return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+secret)
	}
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, m string, req, resp any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return next(add(ctx), m, req, resp, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, m string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return next(add(ctx), d, cc, m, opts...)
		}),
	}
}
