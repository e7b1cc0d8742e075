package truth

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// Truth is everything that a simulation did.
type Truth struct {
	Seed    uint64    `json:"seed"`
	Opening time.Time `json:"opening"`
	// ListeningFrom is when the ledger began to listen: what was over before it
	// need not have been claimed.
	ListeningFrom time.Time `json:"listening_from"`
	Orders        []Order   `json:"orders"`
	// Feeds are what went wrong with sources.
	Feeds []Expectation `json:"feeds,omitempty"`
}

// Order is one order and what went wrong with it.
type Order struct {
	Key    string    `json:"key"`
	Number string    `json:"number"`
	Born   time.Time `json:"born"`
	// Life names the course of the order: delivered, split, returned, …
	Life   string        `json:"life"`
	Fault  string        `json:"fault,omitempty"`
	Mark   string        `json:"mark,omitempty"`
	Expect []Expectation `json:"expect,omitempty"`
}

// Expectation is one exception that must be claimed, with its steps.
type Expectation struct {
	Fault string `json:"fault"`
	// Subject is written by Subject.
	Subject string `json:"subject"`
	Steps   []Step `json:"steps"`
	// Heals is when the state heals by itself; zero if it never does.
	Heals time.Time `json:"heals,omitzero"`
}

// Step is one name under which an exception must be claimed.
type Step struct {
	Exception string `json:"exception"`
	// NotBefore is the instant before which the claim would be false.
	NotBefore time.Time `json:"not_before"`
	// Knowable is the instant from which not to claim it is a miss.
	Knowable time.Time `json:"knowable"`
	// Earliest is the first instant at which anybody could have known; zero if it
	// was not worked out.
	Earliest time.Time `json:"earliest,omitzero"`
}

// Claim is one exception that a ledger raised.
type Claim struct {
	ID        string
	Exception string
	Subject   string
	Open      bool
	// Step is the exception's present step, from 0.
	Step uint32
	// SaidAt is when the ledger first claimed it under this name, zero if that is
	// not known; Since is since when it says the subject is in that state.
	SaidAt time.Time
	Since  time.Time
	// Historic claims wake nobody.
	Historic bool
	// What follows is for people.
	Severity string
	Hop      string
	Owner    string
	Impact   string
	Remedy   string
	Basis    string
	// Minor is the money at risk in minor units of Currency.
	Minor    int64
	Currency string
}

// AnyException as a step's name is met by whatever is claimed about its subject.
const AnyException = "*"

// OrderSubject names an order as the subject of a claim.
func OrderSubject(key string) string { return "order:" + key }

// FeedSubject names a feed.
func FeedSubject(source, feed string) string { return "feed:" + source + "/" + feed }

// WordSubject names a word of a source on an axis, whatever the partition.
func WordSubject(source, axis, word string) string { return "word:" + source + ":" + axis + ":" + word }

// AliasSubject names a name, by whoever issued it.
func AliasSubject(scope, typ, value string) string { return "alias:" + scope + "/" + typ + ":" + value }

// Subject names a ledger's subject.
func Subject(s ledger.Subject) string {
	switch s.Kind {
	case ledger.SubjectOrder, ledger.SubjectMerged:
		return OrderSubject(string(s.Order))
	case ledger.SubjectFeed:
		return FeedSubject(string(s.Feed.Source), s.Feed.Feed)
	case ledger.SubjectWord:
		return WordSubject(string(s.Source), s.Axis.String(), s.Native)
	default:
		return s.String()
	}
}

// ClaimOf converts a ledger's exception.
func ClaimOf(x *ledger.Exception) Claim {
	var said time.Time
	if at := max(x.OpenedAt, x.SteppedAt); at > 0 { // 0: said before the partition's first tick
		said = at.Time()
	}
	return Claim{
		ID: x.ID.String(), Exception: x.Name, Subject: Subject(x.Subject), Open: x.Open, Step: uint32(x.Step), SaidAt: said, Since: x.Since.Latest.Time(),
		Historic: x.Historic, Severity: x.Severity.String(), Hop: x.Hop, Owner: x.Owner, Impact: x.Impact, Remedy: x.Remedy,
		Basis: x.Basis.String(), Minor: x.AtRisk.Minor, Currency: x.AtRisk.Currency,
	}
}

// Expectations lists all of them.
func (t *Truth) Expectations() []Expectation {
	var out []Expectation
	for i := range t.Orders {
		out = append(out, t.Orders[i].Expect...)
	}
	return append(out, t.Feeds...)
}

// Join lets expectations of several orders about one subject, such as a word,
// share their beginning: whichever comes first raises the exception.
func (t *Truth) Join() {
	first := map[[2]string]time.Time{}
	each := func(fn func(e *Expectation, s *Step)) {
		for i := range t.Orders {
			for k := range t.Orders[i].Expect {
				e := &t.Orders[i].Expect[k]
				for n := range e.Steps {
					fn(e, &e.Steps[n])
				}
			}
		}
	}
	each(func(e *Expectation, s *Step) {
		k := [2]string{e.Subject, s.Exception}
		if at, ok := first[k]; !ok || s.NotBefore.Before(at) {
			first[k] = s.NotBefore
		}
	})
	each(func(e *Expectation, s *Step) { s.NotBefore = first[[2]string{e.Subject, s.Exception}] })
}

// Write writes a truth as JSON.
func (t *Truth) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(t); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

// Read reads what Write wrote.
func Read(r io.Reader) (*Truth, error) {
	var t Truth
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	return &t, nil
}
