package connector

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
)

// MaxSecrets is how many webhook secrets of a source may be active at once:
// the old and the new one of a rotation.
const MaxSecrets = 2

// Source configures one instance of an outside system: an entry of the
// `sources:` list.
type Source struct {
	// Name is the source's identity for ever (S-1).
	Name string `yaml:"name"`
	// System names the catalog entry.
	System string `yaml:"system"`
	// Role overrides the catalog's role.
	Role string `yaml:"role"`
	// Origin: this source's own ids are order keys. Otherwise OriginSource
	// names the source whose ids its documents carry.
	Origin       bool   `yaml:"origin"`
	OriginSource string `yaml:"origin_source"`
	// Issuers says, by role, which source issued the names that its documents
	// carry (payment ids, order numbers), where several could have.
	Issuers map[string]string `yaml:"issuers"`
	// IssuedBy is Issuers completed from the other sources, by catalog.Bind. It
	// stands in no file.
	IssuedBy map[ledger.Role][]ledger.Source `yaml:"-"`
	// BaseURL is where the system's API answers, such as https://shop.example.
	BaseURL string `yaml:"base_url"`
	// AdminURL is where people find the system's own pages, https://host/path; what
	// the catalog makes of base_url or account if empty.
	AdminURL string `yaml:"admin_url"`
	// Account and Version fill {account} and {version} in the catalog's paths.
	Account string `yaml:"account"`
	Version string `yaml:"api_version"`
	// Zone is the IANA zone of stamps that name none; empty means UTC.
	Zone string `yaml:"zone"`
	// Options set what the catalog leaves to the person who configures a source
	// of the system, by the names it declares.
	Options map[string]string `yaml:"options"`
	// SecretFiles and SecretEnv name the webhook secrets, together at most two.
	SecretFiles []string `yaml:"secret_files"`
	SecretEnv   []string `yaml:"secret_env"`
	// Tokens are the credentials for asking, by the names the catalog uses.
	Tokens map[string]SecretRef `yaml:"tokens"`
	Verify *Verify              `yaml:"verify"`
	Poll   PollSettings         `yaml:"poll"`
	Lookup LookupSettings       `yaml:"lookup"`
	// Files are read, and watched for more.
	Files FileSettings `yaml:"files"`
	// Kafka are topics that somebody else writes to.
	Kafka *KafkaSettings `yaml:"kafka"`
	// LiveFrom: what should have happened before it is history (S-28). Since:
	// how far back the first poll reads; LiveFrom if absent.
	LiveFrom Moment `yaml:"live_from"`
	Since    Moment `yaml:"since"`
	// Skew and Precision override the catalog's bounds of the system's clock.
	Skew      *Span `yaml:"skew"`
	Precision *Span `yaml:"precision"`
	// Feeds overrides single feeds, by name.
	Feeds map[string]FeedSettings `yaml:"feeds"`
}

// PollSettings are how often and how hard a source is asked.
type PollSettings struct {
	Disabled bool `yaml:"disabled"`
	// Interval between the ends and beginnings of polls; the catalog's if zero.
	Interval Span `yaml:"interval"`
	// PerSecond and Burst bound the requests to the source, all feeds together.
	PerSecond float64 `yaml:"per_second"`
	Burst     int64   `yaml:"burst"`
}

// LookupSettings are how a source is asked about single orders that are missed.
type LookupSettings struct {
	Disabled bool `yaml:"disabled"`
	// Wait is how long a verdict waits for the feed to be heard before a question
	// is spent on it; the catalog's if absent.
	Wait *Span `yaml:"wait"`
	// PerSecond and Burst bound the questions where they are asked by another
	// process than the polls, which then cannot share a budget; 0.5 and 2 if zero.
	PerSecond float64 `yaml:"per_second"`
	Burst     int64   `yaml:"burst"`
}

// FeedSettings override what the catalog says of one feed.
type FeedSettings struct {
	Disabled      bool  `yaml:"disabled"`
	Settle        *Span `yaml:"settle"`
	ExpectedEvery *Span `yaml:"expected_every"`
	// LookupLag is that of look-ups by order.
	LookupLag *Span `yaml:"lookup_lag"`
	// Coverage is "proven" or "assumed".
	Coverage string `yaml:"coverage"`
}

// Verify says how deliveries prove where they come from. The schemes are code.
type Verify struct {
	// Scheme is shopify, stripe, standard-webhooks, hmac-sha256, bearer or, for
	// senders that can neither sign nor set a header, query-token.
	Scheme string `yaml:"scheme"`
	// Parameter is the query parameter of query-token; token if empty.
	Parameter string `yaml:"parameter"`
	// Header carries the signature of hmac-sha256; Encoding is hex or base64;
	// Prefix stands before the signature.
	Header   string `yaml:"header"`
	Encoding string `yaml:"encoding"`
	Prefix   string `yaml:"prefix"`
	// Tolerance bounds the age of signed timestamps, both ways; 5m if zero.
	Tolerance Span `yaml:"tolerance"`
}

// Schemes lists the signature schemes.
func Schemes() []string {
	return []string{"shopify", "stripe", "standard-webhooks", "hmac-sha256", "bearer", "query-token"}
}

// Validate joins every problem of the scheme's parameters.
func (v *Verify) Validate() error { return errors.Join(v.problems()...) }

func (v *Verify) problems() (errs []error) {
	if !slices.Contains(Schemes(), v.Scheme) {
		errs = append(errs, fmt.Errorf("scheme: %q is none of %s", v.Scheme, strings.Join(Schemes(), ", ")))
	}
	if v.Scheme == "hmac-sha256" && v.Header == "" {
		errs = append(errs, errors.New("header: name the header that carries the signature"))
	}
	if v.Encoding != "" && v.Encoding != "hex" && v.Encoding != "base64" {
		errs = append(errs, fmt.Errorf("encoding: %q is neither hex nor base64", v.Encoding))
	}
	return errs
}

// Validate joins every problem of the configuration, each with its path.
func (s *Source) Validate() error {
	var errs []error
	bad := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("sources[%s].%s: %w", s.Name, path, fmt.Errorf(format, args...)))
	}
	if _, err := ledger.ParseSource(s.Name); err != nil {
		bad("name", "%w", err)
	}
	if s.System == "" {
		bad("system", "name a system of the catalog, such as shopify")
	}
	if _, ok := ledger.ParseRole(s.Role); s.Role != "" && !ok {
		bad("role", "%q is no role", s.Role)
	}
	s.validateOrigin(bad)
	s.validateAccess(bad)
	s.validateFiles(bad)
	if s.Poll.PerSecond < 0 || s.Poll.Burst < 0 {
		bad("poll", "per_second and burst must not be negative")
	}
	if s.Lookup.PerSecond < 0 || s.Lookup.Burst < 0 {
		bad("lookup", "per_second and burst must not be negative")
	}
	for _, name := range slices.Sorted(mapKeys(s.Feeds)) {
		if c := s.Feeds[name].Coverage; c != "" && c != "proven" && c != "assumed" {
			bad("feeds."+name+".coverage", "%q is neither proven nor assumed", c)
		}
	}
	return errors.Join(errs...)
}

func (s *Source) validateOrigin(bad func(path, format string, args ...any)) {
	switch {
	case s.Origin && s.OriginSource != "" && s.OriginSource != s.Name:
		bad("origin_source", "an origin carries its own ids; remove origin or origin_source")
	case s.OriginSource != "":
		if _, err := ledger.ParseSource(s.OriginSource); err != nil {
			bad("origin_source", "%w", err)
		}
	}
	if s.Zone != "" {
		if _, err := time.LoadLocation(s.Zone); err != nil {
			bad("zone", "%q is no IANA time zone, such as Europe/Berlin", s.Zone)
		}
	}
	if s.BaseURL != "" {
		u, err := url.Parse(s.BaseURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.User != nil {
			bad("base_url", "want https://host without credentials or query")
		}
	}
	if s.AdminURL != "" {
		u, err := url.Parse(s.AdminURL)
		if err != nil || u.Host == "" || u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			bad("admin_url", "want https://host/path without credentials, query or fragment")
		}
	}
}

func (s *Source) validateAccess(bad func(path, format string, args ...any)) {
	if n := len(s.SecretFiles) + len(s.SecretEnv); n > MaxSecrets {
		bad("secret_files", "%d secrets; at most %d may be active, the old and the new one", n, MaxSecrets)
	}
	if s.Verify != nil {
		for _, err := range s.Verify.problems() {
			bad("verify", "%w", err)
		}
	}
	for _, name := range slices.Sorted(mapKeys(s.Tokens)) {
		if err := s.Tokens[name].Validate(); err != nil {
			bad("tokens."+name, "%w", err)
		}
	}
}

// OriginName returns the source whose native ids are this source's order keys.
func (s *Source) OriginName() ledger.Source {
	if s.OriginSource != "" {
		return ledger.Source(s.OriginSource)
	}
	if s.Origin {
		return ledger.Source(s.Name)
	}
	return ""
}

// ValidateSources joins the problems of all sources and of the list.
func ValidateSources(list []Source) error {
	var errs []error
	for i := range list {
		errs = append(errs, list[i].Validate())
	}
	return errors.Join(append(errs, ValidateNames(list))...)
}

// ValidateNames joins the problems of the list alone: names stand once, and
// origins that are carried exist.
func ValidateNames(list []Source) error {
	var errs []error
	names := map[string]*Source{}
	for i := range list {
		s := &list[i]
		if names[s.Name] != nil {
			errs = append(errs, fmt.Errorf("sources[%s].name: stands twice", s.Name))
		}
		names[s.Name] = s
	}
	for i := range list {
		o := list[i].OriginSource
		if o != "" && (names[o] == nil || !names[o].Origin) {
			errs = append(errs, fmt.Errorf("sources[%s].origin_source: %q is no source with origin: true", list[i].Name, o))
		}
	}
	return errors.Join(errs...)
}
