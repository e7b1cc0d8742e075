package document

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Redaction removes personal fields from documents (S-39). A path is keys
// joined by dots; "*" stands for any one key, "**" for any number of them.
// Arrays are transparent: "line_items.properties" reaches into every element.
type Redaction struct {
	remove [][]string
	hash   [][]string
	// removeAny and hashAny are the paths "**.key", which one walk serves.
	removeAny map[string]bool
	hashAny   map[string]bool
	key       []byte
}

// ErrPath is the identity of a refused path.
var ErrPath = errors.New("path must be keys joined by dots, with * for one key and ** for any")

// NewRedaction compiles paths. What remove names disappears, what hash names is
// replaced by a keyed hash so that equal values can still be found. Without a
// key, hashed fields are removed as well.
func NewRedaction(remove, hash []string, key []byte) (*Redaction, error) {
	r := &Redaction{key: key, removeAny: map[string]bool{}, hashAny: map[string]bool{}}
	var errs []error
	compile := func(paths []string, anywhere map[string]bool) (out [][]string) {
		for _, p := range paths {
			parts := strings.Split(p, ".")
			for _, part := range parts {
				if part == "" || (strings.Contains(part, "*") && part != "*" && part != "**") {
					errs = append(errs, fmt.Errorf("%q: %w", p, ErrPath))
					break
				}
			}
			if len(parts) == 2 && parts[0] == "**" && !strings.Contains(parts[1], "*") {
				anywhere[parts[1]] = true
				continue
			}
			out = append(out, parts)
		}
		return out
	}
	r.remove, r.hash = compile(remove, r.removeAny), compile(hash, r.hashAny)
	return r, errors.Join(errs...)
}

// Apply redacts v in place.
func (r *Redaction) Apply(v any) {
	for _, p := range r.hash {
		walk(v, p, r.hashField)
	}
	for _, p := range r.remove {
		walk(v, p, func(m map[string]any, k string) { delete(m, k) })
	}
	r.anywhere(v)
}

// anywhere serves all "**.key" paths.
func (r *Redaction) anywhere(v any) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			r.anywhere(e)
		}
	case map[string]any:
		for k, e := range t {
			switch {
			case r.removeAny[k]:
				delete(t, k)
			case r.hashAny[k]:
				r.hashField(t, k)
			default:
				r.anywhere(e)
			}
		}
	}
}

// hashField replaces a text by its hash and removes anything else but null.
func (r *Redaction) hashField(m map[string]any, k string) {
	if h := r.hashed(m[k]); h != "" {
		m[k] = h
	} else if m[k] != nil {
		delete(m, k)
	}
}

func walk(v any, path []string, hit func(map[string]any, string)) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			walk(e, path, hit)
		}
	case map[string]any:
		rest := path[1:]
		if path[0] == "**" {
			if len(rest) > 0 {
				walk(t, rest, hit)
			}
			for _, e := range t {
				walk(e, path, hit)
			}
			return
		}
		if path[0] != "*" {
			if _, there := t[path[0]]; there {
				step(t, path[0], rest, hit)
			}
			return
		}
		for k := range t {
			step(t, k, rest, hit)
		}
	}
}

// step takes one key of a path: it is hit, or the rest is walked below it.
func step(m map[string]any, k string, rest []string, hit func(map[string]any, string)) {
	if len(rest) == 0 {
		hit(m, k)
		return
	}
	walk(m[k], rest, hit)
}

// hashPrefix marks a value that stands for a personal one.
const hashPrefix = "hmac:"

// hashed returns the keyed hash of an e-mail address or telephone number after
// normalising it, or "" for what is neither a text nor hashable.
func (r *Redaction) hashed(v any) string {
	s, ok := v.(string)
	if !ok || s == "" || len(r.key) == 0 {
		return ""
	}
	if rest, ok := strings.CutPrefix(s, hashPrefix); ok && len(rest) == 32 {
		if _, err := hex.DecodeString(rest); err == nil {
			return s // named by two paths: hash once
		}
	}
	return HashPersonal(s, r.key)
}

// HashPersonal returns the form under which an e-mail address or telephone
// number is kept: HMAC-SHA-256 of its normalised text, the first 16 bytes in hex.
func HashPersonal(s string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(normalise(s)))
	return hashPrefix + hex.EncodeToString(mac.Sum(nil)[:16])
}

func normalise(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.Contains(s, "@") {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, s)
}
