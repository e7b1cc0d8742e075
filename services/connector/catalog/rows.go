package catalog

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/orderledger/orderledger/ledger"
)

// Reasons of quarantine that files alone give.
const (
	ReasonBrokenRow      = "broken-row"      // quotes, number of fields or a column's form
	ReasonBrokenEncoding = "broken-encoding" // bytes that the file's encoding does not have
)

// Rows maps one row of a file. Unlike a delivery, a row may hold several
// documents: each of the feed's documents whose shape fits gives a result of its
// own. If one of them cannot be mapped the whole row is set aside, so that a
// row is never taken by halves. Like Map it is total. The row is redacted in
// place; Input.Raw is not read.
func (m *Mapper) Rows(in Input, row any) []Result {
	m.redaction.Apply(row)
	body, err := encodeRow(row)
	if err != nil {
		return []Result{m.SetAside(in, in.Raw, ReasonBroken, err.Error())}
	}
	x := &extraction{mapper: m, doc: row, in: &in}
	var out []Result
	var packed ledger.Body
	foreign := false
	for _, d := range in.Feed.documents {
		if fits, err := x.truth(d.shape, row); err != nil || !fits {
			continue
		}
		if d.ours != nil {
			ours, err := x.truth(d.ours, row)
			if err != nil {
				return []Result{m.SetAside(in, body, ReasonUnmappable, err.Error())}
			}
			if !ours {
				foreign = true
				continue
			}
		}
		if packed.Codec == "" {
			packed = m.rowBody(body)
		}
		res, err := m.eventOf(x, d, packed)
		if err != nil {
			return []Result{m.SetAside(in, body, ReasonUnmappable, err.Error())}
		}
		out = append(out, res)
	}
	switch {
	case len(out) > 0:
		return out
	case foreign:
		return []Result{{Foreign: true}}
	}
	res := m.unknown(x, body)
	if res.Quarantined != nil {
		res = m.SetAside(in, body, ReasonUnrecognised, res.Quarantined.Detail)
	}
	return []Result{res}
}

// SetAside quarantines a row of a file, or a record of a topic. Its id depends on source, feed, place
// and bytes alone, so that reading it again gives the same entry.
func (m *Mapper) SetAside(in Input, raw []byte, reason, detail string) Result {
	res := m.quarantine(&in, raw, reason, in.Place+": "+detail)
	sum := sha256.Sum256([]byte(res.Quarantined.ID + " " + in.Place))
	res.Quarantined.ID = "q-" + hex.EncodeToString(sum[:16])
	return res
}

// Fork returns a mapper of the same source that another goroutine can use
// without waiting for this one.
func (m *Mapper) Fork() (*Mapper, error) {
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	c := *m
	c.zstd = enc
	return &c, nil
}

// SetAsideRow quarantines a row that could be read in part, redacted.
func (m *Mapper) SetAsideRow(in Input, row any, reason, detail string) Result {
	m.redaction.Apply(row)
	body, err := encodeRow(row)
	if err != nil {
		body = nil
	}
	return m.SetAside(in, body, reason, detail)
}
