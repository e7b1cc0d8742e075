package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// FeedSpecs declares the system's feeds as the policy needs them, ascending by
// name.
func (s *System) FeedSpecs() []ledger.FeedSpec {
	var out []ledger.FeedSpec
	for i := range s.Feeds {
		f := &s.Feeds[i]
		spec := ledger.FeedSpec{
			Name: f.Name, Settle: f.Settle.Micros(), ExpectedEvery: f.ExpectedEvery.Micros(),
			Coverage: f.Coverage, Proves: slices.Clone(f.Proves),
		}
		if f.Lookup != nil {
			spec.Lookup, spec.LookupLag = true, f.Lookup.Lag.Micros()
		}
		out = append(out, spec)
	}
	return out
}

// SourceSpec declares a configured instance of the system.
func (s *System) SourceSpec(src *connector.Source) ledger.SourceSpec {
	spec := ledger.SourceSpec{
		Name: ledger.Source(src.Name), System: s.Name, Role: s.role(src), Origin: src.Origin,
		Skew: s.skew(src).Micros(), Precision: s.precision(src).Micros(), LiveFrom: src.LiveFrom.Instant(),
	}
	for _, f := range s.FeedSpecs() {
		set := src.Feeds[f.Name]
		if set.Disabled || (src.Poll.Disabled && s.Feed(f.Name).Poll != nil) {
			continue
		}
		if set.Settle != nil {
			f.Settle = set.Settle.Micros()
		}
		if src.Lookup.Disabled || src.BaseURL == "" { // nobody could be asked
			f.Lookup, f.LookupLag = false, 0
		}
		if set.LookupLag != nil && f.Lookup {
			f.LookupLag = set.LookupLag.Micros()
		}
		if set.ExpectedEvery != nil {
			f.ExpectedEvery = set.ExpectedEvery.Micros()
		}
		switch set.Coverage {
		case "proven":
			f.Coverage = ledger.CoverageProven
		case "assumed":
			f.Coverage = ledger.CoverageAssumed
		}
		spec.Feeds = append(spec.Feeds, f)
	}
	return spec
}

// role is what a source does: what its configuration says, or the catalog.
func (s *System) role(src *connector.Source) ledger.Role {
	if r, ok := ledger.ParseRole(src.Role); ok {
		return r
	}
	return s.Role
}

func (s *System) skew(src *connector.Source) connector.Span {
	if src.Skew != nil {
		return *src.Skew
	}
	return s.Skew
}

func (s *System) precision(src *connector.Source) connector.Span {
	if src.Precision != nil {
		return *src.Precision
	}
	return s.Precision
}

// Check joins every way in which a source does not fit the system.
func (s *System) Check(src *connector.Source) error {
	var errs []error
	bad := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("sources[%s].%s: %w", src.Name, path, fmt.Errorf(format, args...)))
	}
	var names []string
	for i := range s.Feeds {
		names = append(names, s.Feeds[i].Name)
	}
	for name, set := range src.Feeds {
		f := s.Feed(name)
		switch {
		case f == nil:
			bad("feeds", "system %s has no feed %q%s", s.Name, name, strictyaml.Hint(name, names))
		case set.Coverage == "proven" && f.Poll == nil && f.Files == nil && (f.Kafka == nil || !f.Kafka.Complete):
			bad("feeds."+name+".coverage", "deliveries alone prove nothing; leave it assumed")
		}
	}
	if src.OriginName() == "" {
		for _, d := range s.documents {
			if d.order != nil {
				bad("origin", "documents of %s carry order ids; set origin: true or origin_source", s.Name)
				break
			}
		}
	}
	s.checkScopes(src, bad)
	s.checkOptions(src, bad)
	s.checkFetch(src, bad)
	s.checkPolls(src, bad)
	s.checkKafka(src, bad)
	if len(src.Files.Paths) > 0 && s.FilesFeed() == nil {
		bad("files", "system %s has no feed that is read from files: its catalog entry needs one with files:", s.Name)
	}
	return errors.Join(errs...)
}

func (s *System) checkPolls(src *connector.Source, bad func(path, format string, args ...any)) {
	for _, f := range s.PollFeeds() {
		if src.Poll.Disabled || src.Feeds[f.Name].Disabled {
			continue
		}
		if src.BaseURL == "" {
			bad("base_url", "feed %s is asked for; say where, or set poll.disabled: true", f.Name)
		}
		if src.Since == 0 && src.LiveFrom == 0 {
			bad("since", "feed %s is asked for, and its first poll must know where to begin; set since: or live_from: to an instant or a date, or poll.disabled: true", f.Name)
		}
		need := []string{f.Poll.Auth.Token}
		if f.Poll.Auth.Scheme == "oauth1" {
			need = []string{"consumer_key", "consumer_secret", "token_id", "token_secret"}
		}
		for _, t := range need {
			if _, ok := src.Tokens[t]; t != "" && !ok {
				bad("tokens."+t, "feed %s needs it", f.Name)
			}
		}
		return // all polled feeds of a system share where and how they are asked
	}
}
