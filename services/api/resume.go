package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/orderledger/orderledger/ledger"
)

// resumePoint is how far a stream has told one partition: every change before
// Offset, and at Offset those named by Told. One record may change many
// exceptions, in several commits; what was told of the newest is kept by name.
type resumePoint struct {
	Offset int64 `json:"o"`
	// Clock is the partition's clock before Offset.
	Clock ledger.Instant `json:"c"`
	Told  []string       `json:"t,omitempty"`
}

// maxTold bounds a token. What one record changes beyond it may be told twice
// after a resume, never not at all.
const maxTold = 256

// has reports whether the n-th change of an exception at an offset was told.
func (p *resumePoint) has(offset int64, name string) bool {
	return offset < p.Offset || offset == p.Offset && slices.Contains(p.Told, name)
}

// tell moves the point to a change.
func (p *resumePoint) tell(offset int64, name string) {
	if offset > p.Offset {
		p.Offset, p.Told = offset, nil
	}
	if offset == p.Offset && len(p.Told) < maxTold {
		p.Told = append(p.Told, name)
	}
}

// reach moves the point to an offset whose changes may not all be known yet.
func (p *resumePoint) reach(offset int64, before ledger.Instant) {
	if offset > p.Offset {
		p.Offset, p.Clock, p.Told = offset, before, nil
	}
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
