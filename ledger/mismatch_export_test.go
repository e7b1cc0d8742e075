package ledger

// Falsified is a stored value in which one field was changed by hand, and that
// field's name; nil if the value has none of those that are changed.
func Falsified(k, v []byte) ([]byte, string) {
	v = append([]byte(nil), v...)
	switch k[0] {
	case keyOrder:
		if o, err := decodeOrderRecord(OrderKey(k[1:]), v); err == nil && len(o.said) > 0 {
			o.said[0].basis++
			return appendOrderRecord(nil, o), "said[" + o.said[0].rule + " 0 0].basis"
		}
	case keyClaims:
		if d, err := decodeDoc(v); err == nil && len(d.ev.Claims) > 0 {
			d.ev.Claims[0].Native += "!"
			return appendDoc(nil, d), "claims[0].native"
		}
	case keyFact:
		if f, err := decodeFact(v); err == nil {
			f.Deadline++
			return appendFact(nil, &f), "deadline"
		}
	case keyException:
		if x, err := DecodeException(v); err == nil {
			x.AtRisk.Minor = 4991
			return EncodeException(nil, x), "at_risk.minor"
		}
	}
	return nil, ""
}
