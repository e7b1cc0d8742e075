package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

// wait is how long an error asks to wait.
func wait(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			return r.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// One call per second refills so slowly that what follows the burst is refused.
func TestEachCredentialHasALimitOfItsOwn(t *testing.T) {
	var tokens []api.Token
	for _, name := range []string{"alpha", "beta"} {
		tok, err := api.NewToken(name, name+"-a-secret-of-some-length")
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, tok)
	}
	s := apitest.Start(t, func(o *api.Options) { o.Tokens, o.Limit = tokens, api.Limit{PerSecond: 1, Burst: 5} })
	c := orderledgerv1.NewSourceServiceClient(s.Conn)
	ask := func(secret string) error {
		t.Helper()
		_, err := c.ListSources(metadata.AppendToOutgoingContext(soon(t), "authorization", "Bearer "+secret), &orderledgerv1.ListSourcesRequest{})
		return err
	}
	spend := func(secret string, refusal codes.Code) error {
		t.Helper()
		for i := range 20 {
			err := ask(secret)
			if status.Code(err) == codes.ResourceExhausted {
				if i < 5 {
					t.Fatalf("refused after %d of 5 calls", i)
				}
				return err
			}
			if status.Code(err) != refusal {
				t.Fatal(err)
			}
		}
		t.Fatal("20 calls in a burst of 5")
		return nil
	}
	err := spend("alpha-a-secret-of-some-length", codes.OK)
	wantReason(t, err, codes.ResourceExhausted, "RATE_LIMITED")
	if w := wait(err); w <= 0 || w > time.Second {
		t.Fatalf("wait %s", w)
	}
	if err := ask("beta-a-secret-of-some-length"); err != nil {
		t.Fatalf("another credential pays for the first: %v", err)
	}
	// Guessing has the limit of its address, and takes nothing from anybody else.
	wantReason(t, spend("a-guess-of-some-length", codes.Unauthenticated), codes.ResourceExhausted, "RATE_LIMITED")
	if err := ask("beta-a-secret-of-some-length"); err != nil {
		t.Fatalf("a credential pays for who guesses: %v", err)
	}
}

func TestLimitOverREST(t *testing.T) {
	s := apitest.Start(t, func(o *api.Options) { o.Limit = api.Limit{PerSecond: 1, Burst: 3} })
	for range 20 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Surface.REST+"/v1/sources", nil)
		if err != nil {
			t.Fatal(err)
		}
		// Neither header makes a caller somebody else.
		req.Header.Set("X-Forwarded-For", "10.0.0."+strconv.Itoa(time.Now().Nanosecond()%250))
		req.Header.Set("Grpc-Metadata-Orderledger-Remote-Address", "10.0.0."+strconv.Itoa(time.Now().Nanosecond()%250))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests {
			if resp.Header.Get("Retry-After") != "1" {
				t.Fatalf("headers %v", resp.Header)
			}
			code, body := get(t, s, "/v1/sources")
			if code != http.StatusTooManyRequests || !strings.Contains(string(body), "RATE_LIMITED") {
				t.Fatalf("%d %s", code, body)
			}
			return
		}
	}
	t.Fatal("20 calls in a burst of 3")
}
