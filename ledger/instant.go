package ledger

import "time"

// Instant is a point in time in microseconds since the Unix epoch, UTC. The
// zero Instant means "none": no source of this domain speaks about 1970.
type Instant int64

// Micros is a span of time in microseconds.
type Micros int64

// Spans in Micros.
const (
	Millisecond Micros = 1_000
	Second      Micros = 1_000_000
	Minute             = 60 * Second
	Hour               = 60 * Minute
	Day                = 24 * Hour
)

const (
	// Beginning is before every instant a source can name.
	Beginning Instant = -1 << 62
	// Forever is after every instant a source can name.
	Forever Instant = 1<<62 - 1
)

// At converts a time.Time.
func At(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Span converts a time.Duration, truncating below a microsecond.
func Span(d time.Duration) Micros { return Micros(d.Microseconds()) }

// Add returns i moved by m, staying within Beginning and Forever.
func (i Instant) Add(m Micros) Instant {
	switch {
	case i <= Beginning || i >= Forever:
		return i
	default:
		return i + Instant(m)
	}
}

// Sub returns the span from j to i.
func (i Instant) Sub(j Instant) Micros { return Micros(i - j) }

// Time converts to time.Time in UTC. It is meant for the edges; the fold
// compares instants as numbers.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// String formats the instant as RFC 3339 in UTC with as many digits as needed.
func (i Instant) String() string {
	switch {
	case i == 0:
		return "none"
	case i <= Beginning:
		return "-inf"
	case i >= Forever:
		return "+inf"
	default:
		return i.Time().Format(time.RFC3339Nano)
	}
}

// Duration converts to time.Duration.
func (m Micros) Duration() time.Duration { return time.Duration(m) * time.Microsecond }

// String formats the span like time.Duration.
func (m Micros) String() string { return m.Duration().String() }

// Within is an interval (Earliest, Latest] in which something began (S-12).
type Within struct {
	Earliest Instant
	Latest   Instant
}

// latestOf joins two beginnings into the beginning of "both hold".
func latestOf(a, b Within) Within {
	return Within{Earliest: max(a.Earliest, b.Earliest), Latest: max(a.Latest, b.Latest)}
}
