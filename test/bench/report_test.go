package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// figure is one measured number: the median of its rounds.
type figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Value  float64   `json:"value"`
	Target string    `json:"target,omitempty"`
	Met    *bool     `json:"met,omitempty"`
	Rounds []float64 `json:"rounds,omitempty"`
	Note   string    `json:"note,omitempty"`
	// Remark is a computed paragraph; such a figure has no value.
	Remark string `json:"remark,omitempty"`
}

// of is a figure of rounds.
func of(name, unit string, rounds ...float64) figure {
	f := figure{Name: name, Unit: unit, Value: median(rounds)}
	if len(rounds) > 1 {
		f.Rounds = rounds
	}
	return f
}

func (f figure) atLeast(target float64) figure {
	met := f.Value >= target
	f.Target, f.Met = "≥ "+number(target), &met
	return f
}

func (f figure) atMost(target float64) figure {
	met := f.Value <= target
	f.Target, f.Met = "≤ "+number(target), &met
	return f
}

func (f figure) noting(format string, args ...any) figure {
	f.Note = fmt.Sprintf(format, args...)
	return f
}

func (f figure) line() string {
	if f.Remark != "" {
		return f.Name + ": " + f.Remark
	}
	s := fmt.Sprintf("%s: %s %s", f.Name, number(f.Value), f.Unit)
	if f.Target != "" {
		s += " (target " + f.Target + ")"
	}
	return s
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratios divides round by round: both sides of a round met the same machine.
func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func number(v float64) string {
	switch {
	case v >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for at := len(s) - 3; at > 0; at -= 3 {
			s = s[:at] + " " + s[at:]
		}
		return s
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3g", v)
	}
}

// machine is what the figures were measured on.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryMB   int    `json:"memory_mb"`
	Go         string `json:"go"`
	Java       string `json:"java,omitempty"`
	OS         string `json:"os"`
	Date       string `json:"date"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

func describe(t *testing.T) machine {
	t.Helper()
	m := machine{
		Cores: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Date: time.Now().UTC().Format("2006-01-02"), LoadBefore: load(t),
	}
	m.CPU = field(t, "/proc/cpuinfo", "model name")
	var kb int
	if _, err := fmt.Sscanf(field(t, "/proc/meminfo", "MemTotal"), "%d", &kb); err != nil {
		t.Fatal(err)
	}
	m.MemoryMB = kb / 1024
	return m
}

// field reads the first "name: value" line of a file of the kernel.
func field(t *testing.T, file, name string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("%s has no %q", file, name)
	return ""
}

func load(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}

// allocations is what fn allocates.
type allocations struct{ count, bytes float64 }

// timed runs fn on a collected heap.
func timed(fn func()) (time.Duration, allocations) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	fn()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return took, allocations{float64(after.Mallocs - before.Mallocs), float64(after.TotalAlloc - before.TotalAlloc)}
}
