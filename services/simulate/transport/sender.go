package transport

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/simulate/shop"
)

// SenderConfig configures a Sender.
type SenderConfig struct {
	// Webhooks is where the instance receives them, such as http://127.0.0.1:8088.
	Webhooks string
	// API is where the simulated APIs answer (Listener.URL), for webhooks that
	// name a place there.
	API         string
	Names       shop.Sources
	Credentials Credentials
	Client      *http.Client
	Clock       connector.Clock
	Logger      *slog.Logger
	// Workers is how many webhooks are under way at once; 8 if zero. Those of
	// one order leave one after the other.
	Workers int
}

// Stats counts what a Sender did.
type Stats struct {
	Sent    atomic.Int64 // acknowledged
	Retries atomic.Int64
	Failed  atomic.Int64 // given up
}

// Sender sends webhooks as the systems do: signed, with their headers, again
// with the original body until they are acknowledged.
type Sender struct {
	cfg   SenderConfig
	Stats Stats
}

// maxAttempts is one delivery and eight retries.
const maxAttempts = 9

// shopDomain is what the storefront calls itself in headers.
const shopDomain = "demo-shop.myshopify.example"

// NewSender checks a configuration.
func NewSender(cfg SenderConfig) (*Sender, error) {
	u, err := url.Parse(cfg.Webhooks)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("webhooks address %q: want http://host:port", cfg.Webhooks)
	}
	if cfg.Client == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("sender: Client, Clock and Logger are needed")
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 8
	}
	cfg.Webhooks = strings.TrimSuffix(cfg.Webhooks, "/")
	return &Sender{cfg: cfg}, nil
}

// Request builds the request of a delivery.
func (s *Sender) Request(ctx context.Context, d *shop.Delivery) (*http.Request, error) {
	body, err := d.Body(s.cfg.API)
	if err != nil {
		return nil, err
	}
	place := s.cfg.Webhooks + "/webhooks/" + d.Source
	if d.Source == s.cfg.Names.Warehouse {
		place += "?token=" + url.QueryEscape(s.cfg.Credentials.WarehouseToken)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, place, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "orderledger-simulate")
	switch d.Source {
	case s.cfg.Names.Storefront:
		for name, value := range map[string]string{
			"X-Shopify-Topic": d.Topic, "X-Shopify-Shop-Domain": shopDomain, "X-Shopify-Api-Version": "2026-07",
			"X-Shopify-Webhook-Id": d.ID, "X-Shopify-Event-Id": d.Action, "X-Shopify-Triggered-At": d.Triggered.UTC().Format(time.RFC3339Nano),
			"X-Shopify-Hmac-Sha256": base64.StdEncoding.EncodeToString(sign(s.cfg.Credentials.StorefrontSecret, body)),
		} {
			req.Header.Set(name, value)
		}
	case s.cfg.Names.Payment:
		at := strconv.FormatInt(s.cfg.Clock.Now().Unix(), 10) // every attempt is signed anew
		signed := sign(s.cfg.Credentials.PaymentSecret, []byte(at+"."+string(body)))
		req.Header.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(signed))
	case s.cfg.Names.Courier:
		req.Header.Set("X-Demoparcel-Signature", "sha256="+hex.EncodeToString(sign(s.cfg.Credentials.CourierSecret, body)))
	}
	return req, nil
}

func sign(secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// ErrRefused says that a webhook was refused for good: trying again is pointless.
var ErrRefused = errors.New("the instance refuses the webhook for good; check that its sources have the simulation's names and secrets")

// Send delivers one webhook. It returns nil once it is acknowledged.
func (s *Sender) Send(ctx context.Context, d *shop.Delivery) error {
	var err error
	for attempt := range maxAttempts {
		var wait time.Duration
		if wait, err = s.attempt(ctx, d, attempt); err == nil {
			s.Stats.Sent.Add(1)
			return nil
		}
		if errors.Is(err, ErrRefused) || ctx.Err() != nil || attempt == maxAttempts-1 {
			break
		}
		s.Stats.Retries.Add(1)
		if s.cfg.Clock.Wait(ctx, wait) != nil {
			break
		}
	}
	s.Stats.Failed.Add(1)
	return fmt.Errorf("webhook %s %s: %w", d.Source, d.Topic, err)
}

// attempt sends once. It returns how long to wait before the next attempt.
func (s *Sender) attempt(ctx context.Context, d *shop.Delivery, n int) (time.Duration, error) {
	wait := min(time.Second<<n, time.Minute)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := s.Request(ctx, d)
	if err != nil {
		return wait, err
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return wait, fmt.Errorf("send: %w", err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return wait, fmt.Errorf("read the answer: %w", err)
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return 0, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout || res.StatusCode >= 500:
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			wait = time.Duration(seconds) * time.Second
		}
		return wait, fmt.Errorf("answer %d", res.StatusCode)
	default:
		return wait, fmt.Errorf("answer %d: %w", res.StatusCode, ErrRefused)
	}
}

// Run sends every webhook of a shop when it is due, those that are overdue at
// once, until ctx ends or nothing will ever be due again. It returns when all
// that were begun have ended.
func (s *Sender) Run(ctx context.Context, from *Shared) error {
	lanes := make([]chan *shop.Delivery, s.cfg.Workers)
	var wg sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan *shop.Delivery, 64)
		wg.Go(func() {
			for d := range lanes[i] {
				if err := s.Send(ctx, d); err != nil && ctx.Err() == nil {
					s.cfg.Logger.Warn("webhook given up", "error", err)
				}
			}
		})
	}
	err := s.feed(ctx, from, lanes)
	for _, l := range lanes {
		close(l)
	}
	wg.Wait()
	return err
}

// feed puts due webhooks into the lanes of their orders.
func (s *Sender) feed(ctx context.Context, from *Shared, lanes []chan *shop.Delivery) error {
	for {
		for _, d := range from.Due(s.cfg.Clock.Now()) {
			h := fnv.New32a()
			_, _ = h.Write([]byte(d.Order))
			select {
			case lanes[h.Sum32()%uint32(len(lanes))] <- d:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		next, ok := from.Next()
		if !ok {
			return nil
		}
		if err := s.cfg.Clock.Wait(ctx, max(next.Sub(s.cfg.Clock.Now()), time.Millisecond)); err != nil {
			return err
		}
	}
}
