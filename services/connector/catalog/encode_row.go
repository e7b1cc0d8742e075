package catalog

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/document"
)

// encodeRow writes a row as document.Encode does; rows of texts alone take a
// shorter way.
func encodeRow(row any) ([]byte, error) {
	m, ok := row.(map[string]any)
	if !ok {
		return document.Encode(row)
	}
	var room [32]string
	keys := room[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]byte, 0, 256)
	out = append(out, '{')
	for i, k := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		v, text := m[k].(string)
		if !plainText(k) || !text && m[k] != nil {
			return document.Encode(row)
		}
		out = append(append(append(out, '"'), k...), '"', ':')
		switch {
		case m[k] == nil:
			out = append(out, "null"...)
		case plainText(v):
			out = append(append(append(out, '"'), v...), '"')
		default:
			quoted, err := document.Encode(v)
			if err != nil {
				return nil, err
			}
			out = append(out, quoted...)
		}
	}
	return append(out, '}'), nil
}

// plainText reports whether a text stands in JSON as it is.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c == 0xe2 {
			return false // 0xe2 begins the two line ends that JSON escapes
		}
	}
	return true
}

// packFrom is the size below which packing a body on its own is not worth it: the
// log packs whole batches.
const packFrom = 1 << 10

// rowBody is the body of everything that a row gives.
func (m *Mapper) rowBody(b []byte) ledger.Body {
	if len(b) < packFrom {
		return ledger.Body{Codec: "none", Bytes: b}
	}
	return m.body(b)
}
