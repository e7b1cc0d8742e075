package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
)

// Scope is a right that a credential carries.
type Scope string

// The scopes.
const (
	// ScopeRead sees orders, exceptions, sources, policies and quarantine entries.
	ScopeRead Scope = "read"
	// ScopeAct acknowledges exceptions and releases quarantine entries.
	ScopeAct Scope = "act"
	// ScopePolicy proposes policies.
	ScopePolicy Scope = "policy"
	// ScopePersonal sees the original bytes of quarantined deliveries.
	ScopePersonal Scope = "personal"
)

var scopes = []Scope{ScopeRead, ScopeAct, ScopePolicy, ScopePersonal}

// Token is a static bearer token, kept as its hash.
type Token struct {
	// Name is how its holder appears in actions.
	Name   string
	Hash   [32]byte
	Scopes []Scope
}

// minTokenBytes keeps guessable tokens out.
const minTokenBytes = 16

// NewToken hashes a token. Without scopes it carries all but ScopePersonal.
func NewToken(name, secret string, granted ...Scope) (Token, error) {
	if len(secret) < minTokenBytes {
		return Token{}, fmt.Errorf("token %s: %d bytes: use at least %d, such as the output of `openssl rand -hex 32`", name, len(secret), minTokenBytes)
	}
	for _, s := range granted {
		if !slices.Contains(scopes, s) {
			return Token{}, fmt.Errorf("token %s: unknown scope %q: want read, act, policy or personal", name, s)
		}
	}
	if len(granted) == 0 {
		granted = []Scope{ScopeRead, ScopeAct, ScopePolicy}
	}
	return Token{Name: name, Hash: sha256.Sum256([]byte(secret)), Scopes: granted}, nil
}

// ReadTokens reads one token per file: the secret in the first line, and
// optionally a second line of scopes ("read act"). The file's name is the
// token's.
func ReadTokens(files []string) ([]Token, error) {
	var out []Token
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read token file: %w", err)
		}
		secret, rest, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
		var granted []Scope
		for _, s := range strings.Fields(string(rest)) {
			granted = append(granted, Scope(s))
		}
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		t, err := NewToken(name, string(bytes.TrimSpace(secret)), granted...)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// Principal is who calls.
type Principal struct {
	Name   string
	Scopes []Scope
}

// Has reports whether the principal carries a scope.
func (p *Principal) Has(s Scope) bool { return slices.Contains(p.Scopes, s) }

// local is who calls where no authentication is configured.
var local = Principal{Name: "local", Scopes: scopes}

type principalKey struct{}

// caller returns who calls; nobody, without any right, if that is not known.
func caller(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return p
	}
	return &Principal{}
}

// authenticator knows the tokens.
type authenticator struct{ tokens []Token }

// authenticate finds out who calls. It takes the same time for every wrong
// token.
func (a *authenticator) authenticate(ctx context.Context) (*Principal, error) {
	if len(a.tokens) == 0 {
		return &local, nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	given := md.Get("authorization")
	if len(given) != 1 {
		return nil, fail(Unauthenticated, "no credential: send the header Authorization: Bearer <token>")
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range a.tokens {
		if subtle.ConstantTimeCompare(hash[:], a.tokens[i].Hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 || !strings.EqualFold(scheme, "bearer") {
		return nil, fail(Unauthenticated, "the credential is not valid: send the header Authorization: Bearer <token>")
	}
	return &Principal{Name: a.tokens[found].Name, Scopes: a.tokens[found].Scopes}, nil
}

// open refuses to listen beyond this machine without authentication.
func (a *authenticator) open(addr net.Addr) error {
	if len(a.tokens) > 0 {
		return nil
	}
	if t, ok := addr.(*net.TCPAddr); ok && !t.IP.IsLoopback() {
		return fmt.Errorf("listen on %s: no authentication is configured: set auth.token_files, or listen on 127.0.0.1", addr)
	}
	return nil
}
