package role

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/services/config"
)

// Surroundings are where a process runs.
type Surroundings struct {
	LookupEnv func(string) (string, bool)
	// Root is the machine's file system, from its root.
	Root fs.FS
}

// LimitMemory sets the soft limit of this process' memory: the configured one,
// else four fifths of what its container may use, else none. It returns the
// limit in bytes, math.MaxInt64 for none. A GOMEMLIMIT in the environment has
// been taken by the runtime, and stays unless the configuration says another.
func LimitMemory(cfg *config.Config, at Surroundings, logger *slog.Logger) (int64, error) {
	limit, said, err := cfg.Memory.Bytes()
	if err != nil {
		return 0, fmt.Errorf("memory.limit: %w", err)
	}
	from := "memory.limit"
	if _, taken := at.LookupEnv("GOMEMLIMIT"); taken && !said {
		return debug.SetMemoryLimit(-1), nil
	}
	if !said {
		limit, from = math.MaxInt64, "nothing"
		if c := containerMemory(at.Root); c > 0 {
			limit, from = c/5*4, "the container's limit"
		}
	}
	debug.SetMemoryLimit(limit)
	if limit != math.MaxInt64 {
		logger.Info("memory is limited", "bytes", limit, "by", from)
	}
	return limit, nil
}

// containerMemory is the smallest limit of the control groups that the process
// stands in, in bytes; 0 if there is none.
func containerMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var at, file string
		switch {
		case parts[0] == "0" && parts[1] == "":
			at, file = "sys/fs/cgroup", "memory.max"
		case parts[1] == "memory":
			at, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if n := bytesIn(root, path.Join(at, dir, file)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// boundless is what the first version of control groups says for no limit, to
// within a page.
const boundless = math.MaxInt64 - 1<<20

func bytesIn(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= boundless {
		return 0 // "max"
	}
	return n
}
