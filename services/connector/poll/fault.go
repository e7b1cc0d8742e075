package poll

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/services/connector"
)

// Fault is why a page was not read. None of them loses anything: the page is
// asked for again.
type Fault struct {
	Outcome connector.Outcome
	Status  int // of the answer, 0 if there was none
	// After is how long the source asked us to stay away, 0 if it did not say.
	After time.Duration
	Err   error
}

// Error describes the fault.
func (f *Fault) Error() string {
	if f.Status != 0 {
		return fmt.Sprintf("poll %s (HTTP %d): %s", f.Outcome, f.Status, f.Err)
	}
	return fmt.Sprintf("poll %s: %s", f.Outcome, f.Err)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Causes of faults.
var (
	errThrottled = errors.New("the source asks for fewer requests")
	errDenied    = errors.New("the source no longer lets us read; renew the token or its permissions")
	errRefused   = errors.New("the source calls the request wrong; check base_url, api_version and account")
	errDown      = errors.New("the source is out of order")
)

// throttleMarks are error codes that mean "too many requests" although the
// status does not say so.
var throttleMarks = [...]string{"SSS_REQUEST_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT_EXCEEDED", "WS_REQUEST_BLOCKED"}

// classify returns nil for an answer that can be read as a page.
func classify(status int, h http.Header, body []byte, now time.Time) *Fault {
	f := &Fault{Status: status, After: retryAfter(h.Get("Retry-After"), now)}
	if f.After == 0 && status == http.StatusTooManyRequests {
		f.After = retryAfter(h.Get("X-Rate-Limit-Reset"), now) // seconds, as some write it
	}
	switch {
	case status == http.StatusOK || status == http.StatusNoContent:
		return nil
	case status == http.StatusTooManyRequests:
		f.Outcome, f.Err = connector.OutcomeThrottled, errThrottled
	case status == http.StatusBadRequest && marked(body):
		f.Outcome, f.Err = connector.OutcomeThrottled, errThrottled
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.Outcome, f.Err = connector.OutcomeDenied, errDenied
	case status >= 500:
		f.Outcome, f.Err = connector.OutcomeUnavailable, errDown
	default:
		f.Outcome, f.Err = connector.OutcomeRefused, errRefused
	}
	return f
}

func marked(body []byte) bool {
	for _, m := range throttleMarks {
		if bytes.Contains(body, []byte(m)) {
			return true
		}
	}
	return false
}

// maxRetryAfter bounds what a source may ask for: beyond it, silence would be
// of our own making.
const maxRetryAfter = 15 * time.Minute

// retryAfter reads seconds, fractions included, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		d = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
