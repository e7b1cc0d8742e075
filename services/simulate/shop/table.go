package shop

import (
	"strings"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Markdown writes the table of faults as the README shows it. Spans come from a
// timing; to each, the patience of that timing is added.
func Markdown(t truth.Timing) string {
	var b strings.Builder
	b.WriteString("| fault | what happens | must be claimed | about | knowable | mark in the timeline |\n|---|---|---|---|---|---|\n")
	for _, s := range Table() {
		claims, spans := "nothing", "·"
		if len(s.Claims) > 0 {
			claims = "`" + strings.Join(s.Claims, "` → `") + "`"
			var after []string
			for _, c := range s.Claims {
				after = append(after, t.After[c].String())
			}
			spans = s.Anchor + " + " + strings.Join(after, " → ")
		}
		subject, mark := s.Subject, s.Mark
		if subject == "" {
			subject = "·"
		}
		if mark == "" {
			mark = "·"
		}
		b.WriteString("| `" + strings.Join([]string{string(s.Fault) + "`", s.Does, claims, subject, spans, mark}, " | ") + " |\n")
	}
	return b.String()
}
