package api

import (
	"strings"

	"github.com/orderledger/orderledger/services/connector/document"
)

// personal recognises an e-mail address or telephone number among the names
// that an order is asked for by: with its type before it, or by its looks.
func personal(name string) (kind, value string) {
	for _, kind := range []string{"email", "phone"} {
		if v, ok := strings.CutPrefix(name, kind+":"); ok {
			return kind, v
		}
	}
	switch {
	case strings.Contains(name, "@") && !strings.Contains(name, "~"):
		return "email", name
	case strings.HasPrefix(name, "+") && len(name) > 7 && strings.Trim(name[1:], "0123456789 ()-./") == "":
		return "phone", name
	default:
		return "", ""
	}
}

// spelled gives the ways to read a name and how answers and logs call it. Of a
// personal one they say the kind alone, and it is read as its hash (S-39).
func (s *Server) spelled(name string) (shown string, ways []string, err error) {
	kind, value := personal(name)
	nouns := map[string]string{"email": "this e-mail address", "phone": "this telephone number"}
	switch {
	case kind == "":
		return name, spellings(name), nil
	case strings.HasPrefix(value, "hmac:"): // a hash, as answers show it
		return name, []string{kind + ":" + value}, nil
	case len(s.opt.HashKey) == 0:
		return "", nil, fail(HashKeyMissing, "orders are kept under keyed hashes of e-mail addresses and telephone numbers, and this server has no key of them: set hash_key_file to the file that the connectors use")
	default:
		return nouns[kind], []string{kind + ":" + document.HashPersonal(value, s.opt.HashKey)}, nil
	}
}
