package webhook

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// EndpointOptions configure the endpoint of one source.
type EndpointOptions struct {
	Source  *connector.Source
	System  *catalog.System
	HashKey []byte
	// Secrets are the active secrets, at most connector.MaxSecrets.
	Secrets [][]byte
}

// Endpoint receives the deliveries of one source.
type Endpoint struct {
	source ledger.Source
	feed   *catalog.Feed
	verify connector.Verify
	mapper *catalog.Mapper
	keys   atomic.Pointer[[connector.MaxSecrets][]byte]
	taker  atomic.Pointer[Taker]

	inFlight atomic.Int64
	heard    atomic.Int64 // newest authentic delivery, ledger.Instant
	reported atomic.Int64
}

// ErrNoWebhook says that the system pushes nothing.
var ErrNoWebhook = errors.New("system has no webhook feed")

// NewEndpoint checks and binds a source.
func NewEndpoint(o EndpointOptions) (*Endpoint, error) {
	feed := o.System.WebhookFeed()
	if feed == nil {
		return nil, fmt.Errorf("source %s: %w", o.Source.Name, ErrNoWebhook)
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	e := &Endpoint{source: ledger.Source(o.Source.Name), feed: feed, verify: feed.Webhook.Verify, mapper: mapper}
	if o.Source.Verify != nil {
		e.verify = *o.Source.Verify
	}
	return e, e.SetSecrets(o.Secrets)
}

// ErrSecrets is the identity of a refused set of secrets.
var ErrSecrets = errors.New("want one or two webhook secrets, none of them empty")

// SetSecrets replaces the active secrets, for a rotation without a restart.
func (e *Endpoint) SetSecrets(secrets [][]byte) error {
	if len(secrets) == 0 || len(secrets) > connector.MaxSecrets {
		return fmt.Errorf("source %s: %d given: %w", e.source, len(secrets), ErrSecrets)
	}
	keys := decoys
	for i, s := range secrets {
		k := secretBytes(e.verify.Scheme, s)
		if len(k) == 0 {
			return fmt.Errorf("source %s: %w", e.source, ErrSecrets)
		}
		keys[i] = k
	}
	if len(secrets) == 1 {
		keys[1] = keys[0] // the same work for one secret as for two, and no decoy to guess
	}
	e.keys.Store(&keys)
	return nil
}

// decoys stand where no key is, so that the work is the same. They never let
// anything in: an unknown source is refused after the comparison.
var decoys = [connector.MaxSecrets][]byte{make([]byte, 32), make([]byte, 32)}

// describe returns the delivery's own headers as attributes.
func (e *Endpoint) describe(get func(string) string) ledger.Delivery {
	var d ledger.Delivery
	for _, h := range e.feed.Webhook.TopicHeaders {
		if d.Topic == "" {
			d.Topic = clean(get(h))
		}
	}
	for _, h := range e.feed.Webhook.IDHeaders {
		if d.ID == "" {
			d.ID = clean(get(h))
		}
	}
	return d
}

// clean bounds an unsigned header before it becomes an attribute.
func clean(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), 200)], "")
}

// Path is where the endpoint of a source is reached.
func Path(source ledger.Source) string { return path.Join("/webhooks", string(source)) }
