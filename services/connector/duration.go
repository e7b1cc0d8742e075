package connector

import (
	"errors"
	"fmt"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Span is a length of time in configuration, written as "90s", "15m" or "60d".
// It is never negative.
type Span time.Duration

// ErrSpan is the identity of a refused span.
var ErrSpan = errors.New("want a span such as 30s, 15m, 2h or 60d")

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(text []byte) error {
	t := string(text)
	var days int
	if n, err := fmt.Sscanf(t, "%dd", &days); err == nil && n == 1 && t == fmt.Sprintf("%dd", days) && days >= 0 && days <= 36500 {
		*s = Span(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(t)
	if err != nil || d < 0 {
		return fmt.Errorf("%q: %w", t, ErrSpan)
	}
	*s = Span(d)
	return nil
}

// MarshalText writes a span as UnmarshalText reads it.
func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// Duration converts to time.Duration.
func (s Span) Duration() time.Duration { return time.Duration(s) }

// Micros converts to the ledger's unit.
func (s Span) Micros() ledger.Micros { return ledger.Span(time.Duration(s)) }

// Moment is an instant in configuration, written in RFC 3339 or as a date.
type Moment ledger.Instant

// ErrMoment is the identity of a refused moment.
var ErrMoment = errors.New("want an instant such as 2026-01-31T00:00:00Z or a date such as 2026-01-31")

// UnmarshalText reads a moment; a bare date is its first instant in UTC.
func (m *Moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*m = Moment(ledger.At(t))
			return nil
		}
	}
	return fmt.Errorf("%q: %w", text, ErrMoment)
}

// MarshalText writes a moment in RFC 3339.
func (m Moment) MarshalText() ([]byte, error) { return []byte(ledger.Instant(m).String()), nil }

// Instant converts to the ledger's unit.
func (m Moment) Instant() ledger.Instant { return ledger.Instant(m) }
