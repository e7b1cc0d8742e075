package role_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/config/certtest"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/role"
)

// guarded is a configuration of an instance whose listeners all speak TLS.
func guarded(t *testing.T, a *certtest.Authority) *config.Config {
	t.Helper()
	cert, key := a.Issue("server")
	pages := filepath.Join(t.TempDir(), "pages")
	if err := os.WriteFile(pages, []byte(strings.Repeat("k", 40)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.ClickHouse.Disabled = true
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.TLS = config.TLS{
		GRPC: config.ServerTLS{CertFile: cert, KeyFile: key, ClientCAFile: a.File}, REST: config.ServerTLS{CertFile: cert, KeyFile: key},
		Webhooks: config.ServerTLS{CertFile: cert, KeyFile: key},
	}
	cfg.API = config.API{PageKeyFile: pages, CallsPerSecond: 1, CallsBurst: 3}
	cfg.Finish()
	return cfg
}

func TestEveryListenerSpeaksTLS(t *testing.T) {
	a := certtest.New(t)
	i, err := role.Start(t.Context(), guarded(t, a), role.Parts{Edge: true, API: true}, role.Watchers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: a.Client("")}}
	defer c.CloseIdleConnections()
	ask := func(method, url string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, e := range []string{i.Endpoints.API, i.Endpoints.GRPC, i.Endpoints.Webhooks} {
		if !strings.HasPrefix(e, "https://") {
			t.Errorf("the endpoint %s does not say that it speaks TLS", e)
		}
	}
	if code := ask(http.MethodPost, i.Endpoints.Webhooks+"/webhooks/nobody"); code != http.StatusUnauthorized && code != http.StatusNotFound {
		t.Errorf("webhooks: %d", code)
	}
	limited := 0
	for range 10 {
		switch code := ask(http.MethodGet, i.Endpoints.API+"/v1/sources"); code {
		case http.StatusTooManyRequests:
			limited++
		case http.StatusOK:
		default:
			t.Fatalf("REST: %d", code)
		}
	}
	if limited == 0 {
		t.Error("10 calls in a burst of 3")
	}
}

// awaitPolicy waits until every partition has adopted a policy.
func awaitPolicy(t *testing.T, n *engine.Node) {
	t.Helper()
	sub := n.Subscribe(64)
	defer sub.Close()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	for p := int32(0); p < n.Partitions(); {
		have := false
		err := n.Read(p, func(r *ledger.Reader, _ engine.Freshness) error {
			have = r.Policy() != nil
			return nil
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case have:
			p++
			continue
		}
		select {
		case <-sub.C:
		case <-end.C:
			t.Fatalf("partition %d has no policy", p)
		}
	}
}

// A page token outlives the process where the key is configured.
func TestPageTokenOutlivesTheProcess(t *testing.T) {
	cfg := guarded(t, certtest.New(t))
	cfg.TLS, cfg.API.CallsPerSecond = config.TLS{}, 0
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shop-a", "shop-b"} {
		cfg.Sources = append(cfg.Sources, connector.Source{Name: name, System: "shopify", Origin: true, SecretFiles: []string{secret}, Poll: connector.PollSettings{Disabled: true}})
	}
	token := ""
	for _, want := range []string{"shop-a", "shop-b"} {
		i, err := role.Start(t.Context(), cfg, role.Parts{API: true}, role.Watchers{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		awaitPolicy(t, i.Node)
		resp, err := http.Get(i.Endpoints.API + "/v1/sources?page_size=1&page_token=" + token)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Sources       []struct{ Source string }
			NextPageToken string
		}
		err = errors.Join(json.NewDecoder(resp.Body).Decode(&page), resp.Body.Close(), i.Close())
		if err != nil || len(page.Sources) != 1 || page.Sources[0].Source != want {
			t.Fatalf("%s %+v: %v, want %s", resp.Status, page, err, want)
		}
		token = page.NextPageToken
	}
}

// A policy says where its record stands.
func TestPolicyIsPlaced(t *testing.T) {
	cfg := guarded(t, certtest.New(t))
	cfg.TLS, cfg.API.CallsPerSecond = config.TLS{}, 0
	i, err := role.Start(t.Context(), cfg, role.Parts{API: true}, role.Watchers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Close() }()
	awaitPolicy(t, i.Node)
	resp, err := http.Get(i.Endpoints.API + "/v1/policy")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Policy struct {
			Version  string
			Position struct{ Topic, Offset string }
		}
	}
	err = errors.Join(json.NewDecoder(resp.Body).Decode(&got), resp.Body.Close())
	if err != nil || got.Policy.Version != "1" || got.Policy.Position.Topic != kafkalog.TopicControl || got.Policy.Position.Offset != "0" {
		t.Fatalf("%s %+v: %v", resp.Status, got, err)
	}
}

// A file that is wrong stops the start before anything is made.
func TestWrongFilesStopTheStart(t *testing.T) {
	a := certtest.New(t)
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("guess me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Config){
		"tls.grpc.cert_file: stat /nowhere.pem":      func(c *config.Config) { c.TLS.GRPC.CertFile = "/nowhere.pem" },
		"tls.rest.key_file: stat /nowhere.key":       func(c *config.Config) { c.TLS.REST.KeyFile = "/nowhere.key" },
		"tls.webhooks.client_ca_file":                func(c *config.Config) { c.TLS.Webhooks.ClientCAFile = "/nowhere.ca" },
		"api.page_key_file: open /nowhere.key":       func(c *config.Config) { c.API.PageKeyFile = "/nowhere.key" },
		"short holds 8 bytes: use at least 32":       func(c *config.Config) { c.API.PageKeyFile = short },
		"api.calls_burst: 0: must be at least 1":     func(c *config.Config) { c.API.CallsBurst = 0 },
		"tls.rest.key_file: is missing":              func(c *config.Config) { c.TLS.REST.KeyFile = "" },
		"read token file: open /nowhere.token: no s": func(c *config.Config) { c.Auth.TokenFiles = []string{"/nowhere.token"} },
	} {
		cfg := guarded(t, a)
		change(cfg)
		i, err := role.Start(context.Background(), cfg, role.Parts{Edge: true, API: true}, role.Watchers{}, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = i.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := os.Stat(cfg.DataDir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the data directory was made", want)
		}
	}
}
