package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
)

// pages seals page tokens: opaque, and useless once changed. The key is the
// process' own unless replicas share a configured one.
type pages struct{ seal cipher.AEAD }

// newPages derives the sealing key from a secret of any length.
func newPages(secret []byte) (*pages, error) {
	key := sha256.Sum256(append([]byte("orderledger page tokens\x00"), secret...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &pages{seal: aead}, nil
}

// cursor is where a page ended: the sort key of its last item and the item.
type cursor struct {
	Request uint64   `json:"r"`
	Key     []string `json:"k,omitempty"`
	ID      string   `json:"i"`
}

// requestHash identifies the fields of a request that a token is bound to.
func requestHash(fields ...string) uint64 {
	h := fnv.New64a()
	for _, f := range fields {
		_, _ = io.WriteString(h, fmt.Sprintf("%d:%s", len(f), f))
	}
	return h.Sum64()
}

func (p *pages) token(c cursor) string {
	plain, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nil, nil, plain, nil))
}

// open reads a token of this service that belongs to the request; nil for none.
func (p *pages) open(token string, request uint64) (*cursor, error) {
	if token == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		raw, err = p.seal.Open(nil, nil, raw, nil)
	}
	var c cursor
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		return nil, fail(InvalidPageToken, "page_token is not one of this service: begin again without it")
	}
	if c.Request != request {
		return nil, fail(PageTokenMismatch, "page_token belongs to a request with other fields: repeat them, or begin again without it")
	}
	return &c, nil
}

// pageSize applies a list's default and maximum.
func pageSize(given int32, standard, most int) (int, error) {
	switch {
	case given < 0:
		return 0, invalid("page_size", "%d: must not be negative", given)
	case given == 0:
		return standard, nil
	default:
		return min(int(given), most), nil
	}
}
