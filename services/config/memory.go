package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unlimited is what memory.limit says where there is to be none.
const unlimited = "none"

// Bytes is the limit that is configured, and whether one is: no limit is one of
// math.MaxInt64 bytes.
func (m Memory) Bytes() (limit int64, said bool, err error) {
	switch m.Limit {
	case "":
		return 0, false, nil
	case unlimited:
		return math.MaxInt64, true, nil
	}
	digits, unit := m.Limit, int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(m.Limit, u.suffix); ok {
			digits, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, false, fmt.Errorf("%q: want bytes, such as 536870912, 512MiB or 4GiB; none; or nothing, for four fifths of what the container may use", m.Limit)
	}
	return n * unit, true, nil
}
