package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layout is one way to write an instant.
type layout struct {
	pattern string
	unix    time.Duration // the unit of numbers since 1970; 0 for texts
}

// tokens of a layout and what Go's time package calls them, longest first.
var tokens = [...][2]string{
	{"YYYY", "2006"}, {"MMMM", "January"}, {"dddd", "Monday"}, {"MMM", "Jan"}, {"ddd", "Mon"}, {"YY", "06"}, {"MM", "01"}, {"DD", "02"},
	{"HH", "15"}, {"hh", "03"}, {"mm", "04"}, {"ss", "05"}, {"ZZ", "-0700"}, {"M", "1"}, {"D", "2"}, {"H", "15"}, {"h", "3"}, {"m", "4"},
	{"s", "5"}, {"A", "PM"}, {"a", "pm"}, {"Z", "Z07:00"}, {"T", "T"},
}

// parseLayout reads a form such as "DD.MM.YYYY HH:mm". Where the months have
// names of their own, those become numbers before a text is read.
func parseLayout(form string, months bool) (layout, error) {
	switch form {
	case "iso":
		return layout{pattern: time.RFC3339Nano}, nil
	case "unix":
		return layout{unix: time.Second}, nil
	case "unix_ms":
		return layout{unix: time.Millisecond}, nil
	case "":
		return layout{}, errors.New("the form is empty; write one such as \"DD.MM.YYYY HH:mm\", or iso, unix, unix_ms")
	}
	var b strings.Builder
	for rest := form; rest != ""; {
		if text, tail, ok := literal(rest); ok {
			b.WriteString(text)
			rest = tail
			continue
		}
		name, is := token(rest)
		switch {
		case name == "" && isLetter(rest[0]):
			return layout{}, fmt.Errorf("%q: %q is no part of an instant; such are YYYY MM DD HH mm ss, Z for an offset, and [text] for what stands as it is", form, rest[:1])
		case name == "":
			name, is = rest[:1], rest[:1]
		case months && (name == "MMMM" || name == "MMM"):
			is = "01"
		}
		b.WriteString(is)
		rest = rest[len(name):]
	}
	p := b.String()
	if !strings.Contains(p, "06") || !strings.Contains(p, "2") {
		return layout{}, fmt.Errorf("%q names no year or no day", form)
	}
	return layout{pattern: p}, nil
}

// literal reads [text], which stands as it is, and fractions of a second, which
// are understood wherever seconds are.
func literal(s string) (text, rest string, ok bool) {
	if s[0] == '[' {
		if i := strings.IndexByte(s, ']'); i > 0 {
			return s[1:i], s[i+1:], true
		}
	}
	if (s[0] == '.' || s[0] == ',') && strings.HasPrefix(s[1:], "S") {
		return "", strings.TrimLeft(s[1:], "S"), true
	}
	return "", "", false
}

func token(s string) (name, is string) {
	for _, t := range tokens {
		if strings.HasPrefix(s, t[0]) {
			return t[0], t[1]
		}
	}
	return "", ""
}

// Problems with the text of a column. They never quote it.
var (
	errForm    = errors.New("is not written in the declared form of an instant")
	errDecimal = errors.New("is not a number of the declared form")
)

// Read converts the text of a column: instants become RFC 3339 with the offset of
// their zone, decimal numbers get a point. Zone is where an instant is local if
// the column names none. Errors never quote the text.
func (c *Column) Read(text string, zone *time.Location) (string, error) {
	switch {
	case len(c.layouts) > 0:
		if c.zone != nil {
			zone = c.zone
		}
		return c.instant(text, zone)
	case c.Decimal.Text != "":
		return decimalPoint(text, c.Decimal.Text[0])
	default:
		return text, nil
	}
}

func (c *Column) instant(text string, zone *time.Location) (string, error) {
	if len(c.Months) > 0 {
		text = numberMonth(text, c.Months)
	}
	for i := range c.layouts {
		l := &c.layouts[i]
		if l.unix != 0 {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < int64(1<<62)/int64(l.unix) {
				return time.Unix(0, n*int64(l.unix)).In(zone).Format(time.RFC3339Nano), nil
			}
			continue
		}
		if t, err := time.ParseInLocation(l.pattern, text, zone); err == nil {
			return string(t.AppendFormat(make([]byte, 0, len(time.RFC3339Nano)), time.RFC3339Nano)), nil
		}
	}
	return "", errForm
}

// numberMonth replaces the longest month's name in a text by its number.
func numberMonth(text string, months []string) string {
	lower := strings.ToLower(text)
	best, at := -1, 0
	for i, m := range months {
		if p := strings.Index(lower, strings.ToLower(m)); p >= 0 && (best < 0 || len(m) > len(months[best])) {
			best, at = i, p
		}
	}
	if best < 0 || len(lower) != len(text) {
		return text
	}
	return text[:at] + fmt.Sprintf("%02d", best+1) + text[at+len(months[best]):]
}

// decimalPoint rewrites a number with the given decimal character. What groups
// digits must stand before every third of them: "1.5" with a decimal comma is
// refused, not read as 15.
func decimalPoint(text string, decimal byte) (string, error) {
	whole, fraction, has := strings.Cut(text, string(decimal))
	sign := ""
	if whole != "" && (whole[0] == '-' || whole[0] == '+') {
		sign, whole = strings.TrimPrefix(whole[:1], "+"), whole[1:]
	}
	groups := strings.FieldsFunc(whole, func(r rune) bool {
		return r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\'' || r == '’' || (r == '.' || r == ',') && byte(r) != decimal
	})
	for i, g := range groups {
		if strings.Trim(g, "0123456789") != "" || len(groups) > 1 && (i > 0 && len(g) != 3 || len(g) > 3) {
			return "", errDecimal
		}
	}
	digits := strings.Join(groups, "")
	if digits == "" || strings.Trim(fraction, "0123456789") != "" || has && fraction == "" {
		return "", errDecimal
	}
	if !has {
		return sign + digits, nil
	}
	return sign + digits + "." + fraction, nil
}
