package bench_test

import (
	"slices"
	"testing"
)

// measureGrowth folds a tenth of a topic and all of it, each in a process of its
// own: what an event costs must not grow with those before it.
func measureGrowth(t *testing.T, s scale) []figure {
	c := newContest(t, newFlow(s.growOrders, s.flowOpen))
	ends := c.ends()
	tenth := ends
	for i := range tenth {
		tenth[i] = ends[i] / 10
	}
	var small, large, wallSmall, wallLarge, peakSmall, peakLarge []float64
	var first, last *folded
	for range min(s.rounds, 3) {
		first, last = c.ours(foldTask{Until: tenth}), c.ours(foldTask{})
		small, large = append(small, first.CPUSeconds), append(large, last.CPUSeconds)
		wallSmall, wallLarge = append(wallSmall, first.WallSeconds), append(wallLarge, last.WallSeconds)
		peakSmall, peakLarge = append(peakSmall, first.PeakMB), append(peakLarge, last.PeakMB)
	}
	if last.Records != c.records || last.Breached != c.flow.breached() {
		t.Fatalf("folded %d of %d records, %d of %d breached", last.Records, c.records, last.Breached, c.flow.breached())
	}
	more := float64(s.growOrders) * 0.9
	times := float64(last.Records) / float64(first.Records)
	return []figure{
		of("a tenth of the log", "CPU s", small...).noting("%s records", number(float64(first.Records))),
		of("the whole log", "CPU s", large...).noting("%s records, %s orders, %s open at a time", number(float64(last.Records)), number(float64(s.growOrders)), number(float64(s.flowOpen))),
		of("cost of the whole in tenths", "×", scaled(ratios(large, small), 10/times)...).atMost(10.5),
		of("time of the whole in tenths", "×", scaled(ratios(wallLarge, wallSmall), 10/times)...),
		of("resident at the end of the tenth", "MB", peakSmall...).noting("the greatest of the process"),
		of("resident at the end of the whole", "MB", peakLarge...),
		of("memory per further order", "B", slices.Max([]float64{0, (median(peakLarge) - median(peakSmall)) * (1 << 20) / more})).noting("decoded orders are a cache of 10 000 per partition; the rest is on disk"),
		of("disk per order", "B", float64(last.DiskBytes)/float64(s.growOrders)).noting("without rows for ClickHouse"),
	}
}

func scaled(list []float64, by float64) []float64 {
	out := slices.Clone(list)
	for i := range out {
		out[i] *= by
	}
	return out
}
