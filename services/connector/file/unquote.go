package file

import "strings"

func indexByte(s string, b byte) int { return strings.IndexByte(s, b) }

// unquote reads a field in quotation marks, in which a doubled mark stands for
// one.
func unquote(s string) (text, rest string, ok bool) {
	from := 1
	var b strings.Builder
	for {
		i := strings.IndexByte(s[from:], '"')
		if i < 0 {
			return "", "", false
		}
		i += from
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteString(s[from : i+1])
			from = i + 2
			continue
		}
		if b.Len() == 0 {
			return s[from:i], s[i+1:], true
		}
		b.WriteString(s[from:i])
		return b.String(), s[i+1:], true
	}
}
