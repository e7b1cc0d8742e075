package strictyaml

import (
	"fmt"
	"slices"
	"strings"
)

// Hint returns "; did you mean \"x\"?" for the closest of the known names, or
// the list of them when nothing is close, or nothing when there are none.
func Hint(word string, known []string) string {
	best, bestCost := "", 1+len(word)/2
	for _, k := range known {
		if c := distance(strings.ToLower(word), strings.ToLower(k)); c < bestCost {
			best, bestCost = k, c
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) == 0:
		return ""
	default:
		sorted := slices.Sorted(slices.Values(known))
		return "; known here: " + strings.Join(sorted, ", ")
	}
}

// distance is the number of single-character edits between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
