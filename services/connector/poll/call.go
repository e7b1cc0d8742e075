package poll

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Caller asks one source: it authorises a request, sends it, takes the whole
// answer and tells faults apart.
type Caller struct {
	Source *connector.Source
	Auth   catalog.Auth
	Tokens map[string]string
	Nonce  func() string
	Client Doer
	Clock  connector.Clock
	// Timeout bounds one request; MaxAnswer its answer, in bytes.
	Timeout   time.Duration
	MaxAnswer int64
	// Expected are statuses that are answers, besides 200 and 204.
	Expected []int
}

// Answer is what came back, with the instants on our clock and the source's.
type Answer struct {
	Status   int
	Body     []byte
	Header   http.Header
	Asked    ledger.Instant
	Received ledger.Instant
	Date     ledger.Instant // 0 if the answer has none
}

// Call sends a request. Its error is a *Fault.
func (c *Caller) Call(ctx context.Context, req *http.Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	now := c.Clock.Now()
	c.authorise(req, now)
	res, err := c.Client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, &Fault{Outcome: connector.OutcomeUnavailable, Err: err}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, c.MaxAnswer+1))
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, &Fault{Outcome: connector.OutcomeUnavailable, Status: res.StatusCode, Err: err}
	}
	received := c.Clock.Now()
	if !slices.Contains(c.Expected, res.StatusCode) {
		if f := classify(res.StatusCode, res.Header, body, received); f != nil {
			return nil, f
		}
	}
	if int64(len(body)) > c.MaxAnswer {
		return nil, &Fault{Outcome: connector.OutcomeBroken, Status: res.StatusCode, Err: fmt.Errorf("answer is larger than %d bytes", c.MaxAnswer)}
	}
	a := &Answer{Status: res.StatusCode, Body: body, Header: res.Header, Asked: ledger.At(now), Received: ledger.At(received)}
	if d, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.Date = ledger.At(d)
	}
	return a, nil
}

// Off reports whether the source's clock is further off than declared: what it
// says then proves nothing (S-17). The true instant lies in [Date, Date + 1 s),
// ours in [Asked, Received].
func (a *Answer) Off(skew ledger.Micros) bool {
	return a.Date != 0 && (a.Date.Sub(a.Received) > skew || a.Asked.Sub(a.Date.Add(ledger.Second)) > skew)
}

func (c *Caller) authorise(req *http.Request, now time.Time) {
	switch c.Auth.Scheme {
	case "header":
		req.Header.Set(c.Auth.Header, c.Tokens[c.Auth.Token])
	case "bearer":
		req.Header.Set("Authorization", "Bearer "+c.Tokens[c.Auth.Token])
	case "basic":
		user, password, _ := strings.Cut(c.Tokens[c.Auth.Token], ":")
		req.SetBasicAuth(user, password)
	case "oauth1":
		req.Header.Set("Authorization", oauth1{
			realm: c.Source.Account, consumerKey: c.Tokens["consumer_key"], consumerSecret: c.Tokens["consumer_secret"],
			token: c.Tokens["token_id"], tokenSecret: c.Tokens["token_secret"],
		}.header(req, c.Nonce(), now.Unix()))
	}
}
