package role_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/embedded/clickhouse"
	"github.com/orderledger/orderledger/services/role"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.RunChild(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestDemoFindsExactlyWhatWasInjected(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	cfg.Listen = config.Listen{REST: "127.0.0.1:0", Admin: "127.0.0.1:0", GRPC: "127.0.0.1:0", Webhooks: "127.0.0.1:0"}
	cfg.ClickHouse.NativePort, cfg.ClickHouse.HTTPPort = 0, 0
	cfg.Finish()
	cfg.EndpointsFile = filepath.Join(t.TempDir(), "endpoints.json")
	var out bytes.Buffer
	asked := make(chan error, 1)
	go func() { asked <- askByEveryName(t.Context(), cfg.EndpointsFile) }()
	err := role.Demo(t.Context(), cfg, role.DemoOptions{Seed: 1, For: 45 * time.Second, Out: &out}, role.Watchers{}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}

// askByEveryName looks an order of the demonstration up by each name that its
// five systems have for it, and by its buyer's e-mail address, until all reach
// the same one.
func askByEveryName(ctx context.Context, endpoints string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	last := errors.New("it never answered")
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no order was found by every name: %w", last)
		case <-time.After(200 * time.Millisecond): // it is another process, as it were
		}
		raw, err := os.ReadFile(endpoints)
		var ends role.Endpoints
		if err == nil {
			err = json.Unmarshal(raw, &ends)
		}
		if err == nil {
			err = sameOrder(ctx, ends.API)
		}
		if last = err; err == nil {
			return nil
		}
	}
}

type aliased struct {
	OrderKey string `json:"orderKey"`
	Aliases  []struct{ Type, Value string }
}

func sameOrder(ctx context.Context, api string) error {
	var list struct{ Orders []aliased }
	if err := fetch(ctx, api+"/v1/orders?page_size=200", &list); err != nil {
		return err
	}
	err := errors.New("no order has a name of every kind yet")
	for _, o := range list.Orders {
		names := map[string]string{}
		for _, a := range o.Aliases {
			names[a.Type] = a.Type + ":" + a.Value
			if a.Type == "order-number" {
				names["email"] = "buyer-" + a.Value + "@example.org"
			}
		}
		if len(names) < 7 || names["tracking-number"] == "" || names["payment-id"] == "" || names["erp-number"] == "" || names["wms-order"] == "" {
			continue
		}
		err = nil
		for _, name := range names {
			var found struct{ Order aliased }
			if err = fetch(ctx, api+"/v1/orders:lookup?alias="+url.QueryEscape(name), &found); err == nil && found.Order.OrderKey != o.OrderKey {
				err = fmt.Errorf("%s is %q, want %s", name, found.Order.OrderKey, o.OrderKey)
			}
			if err != nil {
				break
			}
		}
		if err == nil {
			return nil
		}
	}
	return err
}

func fetch(ctx context.Context, url string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("%s: %d %s", url, resp.StatusCode, raw))
	}
	return json.Unmarshal(raw, to)
}
