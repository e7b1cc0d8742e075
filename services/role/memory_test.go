package role_test

import (
	"log/slog"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"

	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/role"
)

// TestMemoryIsLimited: by the configuration, else by the container, and the
// runtime is told.
func TestMemoryIsLimited(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	second := fstest.MapFS{
		"proc/self/cgroup":                     file("0::/pod/main\n"),
		"sys/fs/cgroup/pod/memory.max":         file("1000000000\n"),
		"sys/fs/cgroup/pod/main/memory.max":    file("max\n"),
		"sys/fs/cgroup/memory.stat":            file("anon 1\n"),
		"sys/fs/cgroup/memory/memory.max":      file("5\n"),
		"sys/fs/cgroup/elsewhere/memory.max":   file("5\n"),
		"sys/fs/cgroup/pod/another/memory.max": file("5\n"),
	}
	first := fstest.MapFS{
		"proc/self/cgroup":                                  file("11:cpu:/docker/x\n7:memory:/docker/x\n0::/\n"),
		"sys/fs/cgroup/memory/memory.limit_in_bytes":        file("500000000\n"),
		"sys/fs/cgroup/memory/docker/memory.limit_in_bytes": file("9223372036854771712\n"),
	}
	for name, c := range map[string]struct {
		says string
		root fstest.MapFS
		env  string
		want int64
	}{
		"container":            {root: second, want: 800_000_000},
		"container, version 1": {root: first, want: 400_000_000},
		"no container":         {root: fstest.MapFS{}, want: math.MaxInt64},
		"said":                 {says: "300MiB", root: second, want: 300 << 20},
		"said in bytes":        {says: "300000000", root: second, want: 300_000_000},
		"none":                 {says: "none", root: second, want: math.MaxInt64},
		"GOMEMLIMIT":           {env: "1", root: second, want: 123 << 20},
		"said over GOMEMLIMIT": {says: "2GiB", env: "1", root: second, want: 2 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(123 << 20)
			cfg := config.Default()
			cfg.Memory.Limit = c.says
			got, err := role.LimitMemory(cfg, role.Surroundings{Root: c.root, LookupEnv: func(string) (string, bool) { return c.env, c.env != "" }}, slog.New(slog.DiscardHandler))
			if err != nil || got != c.want || debug.SetMemoryLimit(-1) != c.want {
				t.Errorf("limit %d, of the runtime %d, %v: want %d", got, debug.SetMemoryLimit(-1), err, c.want)
			}
		})
	}
}
