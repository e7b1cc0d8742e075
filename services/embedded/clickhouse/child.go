//go:build linux && amd64

package clickhouse

import (
	"fmt"
	"os"
	"runtime"

	"github.com/ebitengine/purego"
)

// RunChild runs ClickHouse in this process and returns its exit code. The
// arguments are those after [ChildCommand]: the library, then ClickHouse's own
// command line.
func RunChild(args []string) int {
	if len(args) < 1 {
		fmt.Fprintln(os.Stderr, ChildCommand+" is internal: it is started by the program itself")
		return 2
	}
	// ClickHouse keeps state in the thread that enters it.
	runtime.LockOSThread()
	library, err := purego.Dlopen(args[0], purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		fmt.Fprintf(os.Stderr, "load %s: %v\n", args[0], err)
		return 1
	}
	symbol, err := purego.Dlsym(library, "chdb_query_cmdline")
	if err != nil {
		fmt.Fprintf(os.Stderr, "find the entry of %s: %v\n", args[0], err)
		return 1
	}
	argv, pin := cStrings(append([]string{"clickhouse"}, args[1:]...))
	defer pin.Unpin()
	purego.SyscallN(symbol, uintptr(len(args)), argv)
	return 0
}
