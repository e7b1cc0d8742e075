package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// stages are what a record's processor time goes into. A sample belongs to the
// stage of its innermost frame that has one.
var stages = []struct {
	name   string
	frames []string
}{
	{"collecting garbage", []string{"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcStart", "runtime.wbBufFlush"}},
	{"checking event ids", []string{"ledger.(*Event).ComputeID"}},
	{"chaining records", []string{"engine.digestOf", "engine.chained"}},
	{"decoding", []string{"avroevent.(*Decoder).Decode", "engine.Decode", "engine.(*fetcher).decode"}},
	{"fetching", []string{"/kgo.", "/kmsg.", "kafkalog."}},
	{"reading the store", []string{"engine.get", "engine.scan"}},
	{"writing batches", []string{"engine.(*Store).Commit.", "pebble/v2.(*Batch)", "pebble/v2.(*commitPipeline)", "pebble/v2.(*DB).Apply"}},
	{"flushing and compacting", []string{"pebble/v2.(*DB).flush", "pebble/v2.(*DB).compact", "pebble/v2.(*DB).runCompaction", "record.(*LogWriter)", "compact.(*Runner)"}},
	{"encoding state", []string{"ledger.(*Partition).Flush"}},
	{"folding", []string{"ledger.(*Partition).", "engine.(*Fold)."}},
}

const elsewhere = "the rest"

// spent is the processor time of a profile by stage, in seconds.
func spent(t *testing.T, file string) map[string]float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	p, err := profile.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(p.SampleType, func(v *profile.ValueType) bool { return v.Type == "cpu" })
	out := map[string]float64{}
	for _, s := range p.Sample {
		out[stageOf(s)] += float64(s.Value[at]) / 1e9
	}
	return out
}

func stageOf(s *profile.Sample) string {
	for _, l := range s.Location { // the innermost first
		for _, line := range l.Line {
			for _, st := range stages {
				if slices.ContainsFunc(st.frames, func(f string) bool { return strings.Contains(line.Function.Name, f) }) {
					return st.name
				}
			}
		}
	}
	return elsewhere
}

// fourfold computes, from a profile of our side, what four times the other
// side's pace would take.
func (c *contest) fourfold(theirs float64) figure {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "cpu.pprof")
	ours := c.ours(foldTask{CPUProfile: file})
	took := spent(c.t, file)
	type share struct {
		name string
		us   float64
	}
	var list []share
	total := 0.0
	for name, s := range took {
		us := s * 1e6 / float64(ours.Records)
		list, total = append(list, share{name, us}), total+us
	}
	slices.SortFunc(list, func(a, b share) int { return -int(min(max((a.us-b.us)*1e9, -1), 1)) })
	var parts []string
	for _, s := range list {
		parts = append(parts, fmt.Sprintf("%s %.2f (%.0f %%)", s.name, s.us, 100*s.us/total))
	}
	budget := 1e6 / (4 * theirs)
	left, gone := total, []string{}
	for _, s := range list {
		if left <= budget {
			break
		}
		left, gone = left-s.us, append(gone, s.name)
	}
	verdict := fmt.Sprintf("Even if everything else stayed as it is, %s would have to cost nothing at all.", strings.Join(gone, ", "))
	if len(gone) == 0 {
		verdict = "It fits already."
	}
	return figure{Name: "what 4× would take", Remark: fmt.Sprintf(
		"Four times Kafka Streams at its best interval is a record in %.2f µs of processor time; one takes us %.2f µs, so a factor of %.1f is missing. In µs per record: %s. %s",
		budget, total, total/budget, strings.Join(parts, ", "), verdict)}
}
