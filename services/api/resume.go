package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/orderledger/orderledger/ledger"
)

// resumePoint is how far a stream has told one partition: every change before
// Offset, and at Offset the changes up to (ID, N).
type resumePoint struct {
	Offset int64          `json:"o"`
	Clock  ledger.Instant `json:"c"`
	ID     string         `json:"i,omitempty"`
	N      int            `json:"n,omitempty"`
}

// resumeToken is the content of a resume token. It is no secret and carries no
// right, so it is not sealed and holds on every replica; a checksum tells a
// mangled one.
type resumeToken struct {
	// Stream identifies what is watched: the order, or the filter.
	Stream uint64 `json:"s"`
	// Sequence is the last timeline entry told of an order.
	Sequence int64         `json:"q,omitempty"`
	Points   []resumePoint `json:"p"`
}

const sumBytes = 6

func (t resumeToken) encode() string {
	plain, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(plain)
	return base64.RawURLEncoding.EncodeToString(append(sum[:sumBytes], plain...))
}

// decodeResume reads a token of the stream that has the given number of points.
func decodeResume(text string, stream uint64, points int) (*resumeToken, error) {
	var t resumeToken
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > sumBytes && json.Unmarshal(raw[sumBytes:], &t) == nil {
		sum := sha256.Sum256(raw[sumBytes:])
		if string(sum[:sumBytes]) == string(raw[:sumBytes]) && t.Stream == stream && len(t.Points) == points {
			return &t, nil
		}
	}
	return nil, fail(InvalidResumeToken, "resume_token is not one of this stream: begin again without it")
}
