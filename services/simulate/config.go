package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/services/connector"
)

// writeSource writes one entry of `sources:` as people would.
func writeSource(b *strings.Builder, s *connector.Source) {
	line := func(indent int, format string, args ...any) {
		b.WriteString(strings.Repeat("  ", indent) + fmt.Sprintf(format, args...) + "\n")
	}
	line(0, "- name: %s", s.Name)
	line(1, "system: %s", s.System)
	if s.Origin {
		line(1, "origin: true")
	} else {
		line(1, "origin_source: %s", s.OriginSource)
	}
	line(1, "live_from: %s", s.LiveFrom.Instant())
	for i, name := range slices.Sorted(maps.Keys(s.Options)) {
		if i == 0 {
			line(1, "options:")
		}
		line(2, "%s: %q", name, s.Options[name])
	}
	if s.Account != "" {
		line(1, "account: %q", s.Account)
	}
	if len(s.SecretFiles) > 0 {
		line(1, "secret_files: [%q]", s.SecretFiles[0])
	}
	if s.BaseURL == "" {
		return
	}
	line(1, "base_url: %s", s.BaseURL)
	line(1, "poll: {interval: %s, per_second: %g, burst: %d}", s.Poll.Interval.Duration(), s.Poll.PerSecond, s.Poll.Burst)
	line(1, "tokens:")
	for _, name := range slices.Sorted(maps.Keys(s.Tokens)) {
		line(2, "%s: {file: %q}", name, s.Tokens[name].File)
	}
}
