//go:build !linux || !amd64

package clickhouse

import (
	"fmt"
	"os"
)

// RunChild reports that the embedded ClickHouse exists for Linux on x86-64
// only.
func RunChild([]string) int {
	fmt.Fprintln(os.Stderr, "the embedded ClickHouse exists for Linux on x86-64 only")
	return 1
}
