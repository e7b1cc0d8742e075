package connector

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
)

// SecretRef says where a secret stands. Secrets themselves never stand in the
// configuration.
type SecretRef struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"`
}

// Validate requires exactly one place.
func (r SecretRef) Validate() error {
	if (r.File == "") == (r.Env == "") {
		return errors.New("name a file or an env variable, exactly one of them")
	}
	return nil
}

// Secrets reads secrets from where they stand. Both functions come from main.
type Secrets struct {
	ReadFile  func(path string) ([]byte, error)
	LookupEnv func(name string) (string, bool)
}

// ErrNoSecret is the identity of a secret that is missing or empty.
var ErrNoSecret = errors.New("secret is missing or empty")

// Read returns the secret without surrounding white space. Errors name the
// place, never the value.
func (s Secrets) Read(r SecretRef) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Env != "" {
		v, ok := s.LookupEnv(r.Env)
		if !ok || v == "" {
			return nil, fmt.Errorf("env variable %s: %w", r.Env, ErrNoSecret)
		}
		return []byte(v), nil
	}
	b, err := s.ReadFile(r.File)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return nil, fmt.Errorf("file %s: %w", r.File, ErrNoSecret)
	}
	return b, nil
}

// Webhook returns the active webhook secrets of a source, files first.
func (s Secrets) Webhook(src *Source) ([][]byte, error) {
	var out [][]byte
	for _, f := range src.SecretFiles {
		b, err := s.Read(SecretRef{File: f})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", src.Name, err)
		}
		out = append(out, b)
	}
	for _, e := range src.SecretEnv {
		b, err := s.Read(SecretRef{Env: e})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", src.Name, err)
		}
		out = append(out, b)
	}
	return out, nil
}

// TokensOf returns the credentials for asking a source, by name.
func (s Secrets) TokensOf(src *Source) (map[string]string, error) {
	out := map[string]string{}
	for name, ref := range src.Tokens {
		b, err := s.Read(ref)
		if err != nil {
			return nil, fmt.Errorf("source %s: token %s: %w", src.Name, name, err)
		}
		out[name] = string(b)
	}
	return out, nil
}

func mapKeys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }
