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
	root *node
	key  []byte
}

// node is a place in the tree of all paths, so that one walk serves them all.
type node struct {
	kids map[string]*node
	any  *node // after "*"
	deep *node // after "**"
	// loops: any number of keys may follow before its own do.
	loops bool
	act   action
}

// action is what becomes of a field; the greatest of several wins.
type action uint8

const (
	keepField action = iota
	hashField
	removeField
)

// ErrPath is the identity of a refused path.
var ErrPath = errors.New("path must be keys joined by dots, with * for one key and ** for any")

// NewRedaction compiles paths. What remove names disappears, what hash names is
// replaced by a keyed hash so that equal values can still be found. Without a
// key, hashed fields are removed as well.
func NewRedaction(remove, hash []string, key []byte) (*Redaction, error) {
	r := &Redaction{key: key, root: &node{}}
	var errs []error
	for _, p := range hash {
		errs = append(errs, r.root.add(p, hashField))
	}
	for _, p := range remove {
		errs = append(errs, r.root.add(p, removeField))
	}
	return r, errors.Join(errs...)
}

// add puts a path into the tree.
func (n *node) add(path string, act action) error {
	for part := range strings.SplitSeq(path, ".") {
		next := &n.any
		switch {
		case part == "*":
		case part == "**":
			next = &n.deep
		case part == "" || strings.Contains(part, "*"):
			return fmt.Errorf("%q: %w", path, ErrPath)
		default:
			if n.kids == nil {
				n.kids = map[string]*node{}
			}
			kid := n.kids[part]
			if kid == nil {
				kid = &node{}
				n.kids[part] = kid
			}
			n = kid
			continue
		}
		if *next == nil {
			*next = &node{loops: part == "**"}
		}
		n = *next
	}
	n.act = max(n.act, act)
	return nil
}

// Apply redacts v in place.
func (r *Redaction) Apply(v any) {
	var room [4]*node
	r.walk(v, reached(room[:0], r.root))
}

// reached adds a place, and what lies behind "**" there, which may stand for no
// key at all.
func reached(at []*node, n *node) []*node {
	for ; n != nil; n = n.deep {
		at = append(at, n)
	}
	return at
}

// walk redacts a value at which the given places were reached.
func (r *Redaction) walk(v any, at []*node) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			r.walk(e, at)
		}
	case map[string]any:
		var room [8]*node
		for k, e := range t {
			next, act := room[:0], keepField
			for _, n := range at {
				if n.loops {
					next, act = append(next, n), max(act, n.act)
				}
				for _, kid := range [...]*node{n.kids[k], n.any} {
					if kid != nil {
						next, act = reached(next, kid), max(act, kid.act)
					}
				}
			}
			switch {
			case act == removeField:
				delete(t, k)
			case act == hashField:
				r.hashField(t, k)
			case len(next) > 0:
				r.walk(e, next)
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
