package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/projections/clickhouse"
	"github.com/orderledger/orderledger/services/audit"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/kafkalog/memlog"
)

// watched keeps what an auditor shows.
type watched struct {
	mu sync.Mutex
	at map[string]int64
}

func (w *watched) set(name string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		w.at = map[string]int64{}
	}
	w.at[name] = n
}

func (w *watched) get(name string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at[name]
}

func (w *watched) Residual(s ledger.Source, p int32, n int64) {
	w.set(fmt.Sprintf("residual %s %d", s, p), n)
}
func (w *watched) Skipped(p int32, n int) { w.set(fmt.Sprintf("skipped %d", p), int64(n)) }
func (w *watched) Mismatch(t string, p int32, n int) {
	w.set(fmt.Sprintf("mismatch %s %d", t, p), int64(n))
}
func (w *watched) Finished(time.Time)      {}
func (w *watched) Behind(p int32, n int64) { w.set(fmt.Sprintf("behind %d", p), n) }

// blind is a journal whose readers never see one record of partition 0.
type blind struct {
	kafkalog.Journal
	offset int64
}

func (b blind) NewReader(o kafkalog.ReaderOptions) (kafkalog.Reader, error) {
	r, err := b.Journal.NewReader(o)
	return blindReader{r, b.offset}, err
}

type blindReader struct {
	kafkalog.Reader
	offset int64
}

func (b blindReader) Poll(ctx context.Context) ([]kafkalog.Batch, error) {
	list, err := b.Reader.Poll(ctx)
	for i := range list {
		x := &list[i]
		if x.Topic == kafkalog.TopicEvents {
			x.After = x.Next()
			x.Records = slices.DeleteFunc(slices.Clone(x.Records), func(r kafkalog.Record) bool { return r.Offset == b.offset })
		}
	}
	return list, err
}

type rig struct {
	log   *memlog.Log
	codec *avroevent.Codec
}

func newRig(t *testing.T) *rig {
	t.Helper()
	codec, err := avroevent.New()
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New(memlog.Options{})
	t.Cleanup(log.Close)
	if _, err := log.EnsureTopics(t.Context(), kafkalog.Topics(kafkalog.TopicOptions{Partitions: 1, KeepEverything: true}), kafkalog.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	return &rig{log, codec}
}

// order appends a document of an order.
func (r *rig) order(t *testing.T, n int) int64 {
	t.Helper()
	at := ledgertest.Clock(10, 0, n%60)
	ev := ledgertest.ShopEvent(fmt.Sprint(n), at, at, ledgertest.Words{Order: "open", Created: at})
	value, err := r.codec.Encode(nil, ev)
	if err != nil {
		t.Fatal(err)
	}
	pos, err := r.log.Append(t.Context(), kafkalog.Record{Topic: kafkalog.TopicEvents, Key: []byte(ev.Order), Value: value})
	if err != nil {
		t.Fatal(err)
	}
	return pos.Offset
}

func (r *rig) node(t *testing.T, dir string, journal kafkalog.Journal, sinks ...projections.Sink) *engine.Node {
	t.Helper()
	n, err := engine.Start(t.Context(), engine.Config{Dir: dir, Partitions: 1}, engine.Deps{Journal: journal, Codec: r.codec,
		Clock: engine.NewSystemClock(), Logger: slog.New(slog.DiscardHandler), Sinks: sinks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

func (r *rig) auditor(t *testing.T, n *engine.Node, w *watched, out *bytes.Buffer, h audit.History) *audit.Auditor {
	t.Helper()
	a, err := audit.New(audit.Options{Ledger: n, Log: r.log, Decoder: r.codec.NewDecoder(), Observer: w, History: h, Sink: "memory",
		Logger: slog.New(slog.NewTextHandler(out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func caughtUp(t *testing.T, n *engine.Node, offset int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.WaitFor(ctx, 0, offset); err != nil {
		t.Fatal(err)
	}
}

// TestSkippedOffset: a store that was folded without one record is found by the
// next look at it, and the record is named; a restart does not forget it, and
// what comes after it is audited as before.
func TestSkippedOffset(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	var skip int64
	for n := range 30 {
		if at := r.order(t, n); n == 17 {
			skip = at
		}
	}
	last := r.order(t, 30)
	n := r.node(t, dir, blind{r.log, skip})
	caughtUp(t, n, last+1)
	var out bytes.Buffer
	w := &watched{}
	a := r.auditor(t, n, w, &out, nil)
	if err := a.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.get("residual shop 0") != 1 || w.get("skipped 0") != 1 {
		t.Fatalf("shown: %v", w.at)
	}
	named := func(list []audit.Finding) bool {
		return slices.ContainsFunc(list, func(f audit.Finding) bool {
			return f.Kind == audit.Skipped && f.Offset == skip && f.LastOffset == skip && f.Order == ledgertest.Key("17") && f.Source == ledgertest.Shop && f.Standing
		})
	}
	if !named(a.Findings()) || !strings.Contains(out.String(), fmt.Sprintf("the record at offset %d of %s/0 was skipped", skip, kafkalog.TopicEvents)) {
		t.Fatalf("told: %+v\n%s", a.Findings(), out.String())
	}
	last = r.order(t, 31)
	caughtUp(t, n, last+1)
	if err := a.Pass(t.Context()); err != nil || w.get("residual shop 0") != 1 || w.get("skipped 0") != 1 || w.get("behind 0") != 0 {
		t.Fatalf("a sound record later: %v, %v", err, w.at)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n, w = r.node(t, dir, r.log), &watched{}
	again := r.auditor(t, n, w, &bytes.Buffer{}, nil)
	if err := again.Pass(t.Context()); err != nil || w.get("residual shop 0") != 1 || !named(again.Findings()) {
		t.Fatalf("after a restart: %v, %v, %+v", err, w.at, again.Findings())
	}
}

// TestSoundLedger: of a sound ledger nothing is found, whatever it holds.
func TestSoundLedger(t *testing.T) {
	r := newRig(t)
	last := int64(0)
	for n := range 40 {
		last = r.order(t, n%25)
	}
	n := r.node(t, t.TempDir(), r.log)
	caughtUp(t, n, last+1)
	w := &watched{}
	a := r.auditor(t, n, w, &bytes.Buffer{}, nil)
	for range 3 {
		if err := a.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.Findings()) > 0 || w.get("residual shop 0") != 0 || w.get("skipped 0") != 0 {
		t.Errorf("found %+v, shown %v", a.Findings(), w.at)
	}
	if x := a.Audited(); len(x) != 2 || x[0].Offset < last+1 || x[0].Residual != 0 {
		t.Errorf("audited %+v", x)
	}
}

// shelfOf is a ClickHouse that holds what it is given.
type shelfOf struct{ rows []clickhouse.Fingerprint }

func (s *shelfOf) Ranges(_ context.Context, span clickhouse.Span, size uint64) ([]clickhouse.Range, error) {
	var out []clickhouse.Range
	seen := map[uint64]bool{}
	for _, f := range s.rows {
		if span.Table != projections.History || f.Seq < span.From || f.Seq > span.To {
			continue
		}
		from := (f.Seq-1)/size*size + 1
		i := slices.IndexFunc(out, func(r clickhouse.Range) bool { return r.From == from })
		if i < 0 {
			out, i = append(out, clickhouse.Range{From: from}), len(out)
		}
		out[i].Rows++
		if !seen[f.Seq] {
			out[i].Distinct++
		}
		seen[f.Seq] = true
		out[i].Hash ^= f.Hash
	}
	return out, nil
}

func (s *shelfOf) Rows(_ context.Context, span clickhouse.Span) ([]clickhouse.Fingerprint, error) {
	var out []clickhouse.Fingerprint
	for _, f := range s.rows {
		if span.Table == projections.History && f.Seq >= span.From && f.Seq <= span.To {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b clickhouse.Fingerprint) int { return int(a.Seq) - int(b.Seq) })
	return out, nil
}

// shipped is a ledger whose sink took some rows of one table.
type shipped struct {
	audit.Ledger
	rows uint64
}

func (s shipped) Shipped(log int32, _ string) (projections.Held, bool) {
	return projections.Held{projections.History: s.rows}, log == 0
}

// TestRows: a row that is missing, doubled or changed is found at the next look
// and named, wherever among many it stands; put right again, it no longer stands.
func TestRows(t *testing.T) {
	r := newRig(t)
	n := r.node(t, t.TempDir(), r.log)
	const many = 20_000
	h := &shelfOf{}
	for seq := uint64(1); seq <= many; seq++ {
		h.rows = append(h.rows, clickhouse.Fingerprint{Seq: seq, Hash: seq * 0x9e3779b97f4a7c15, Offset: int64(seq) * 2, Order: "shop~1"})
	}
	w := &watched{}
	a, err := audit.New(audit.Options{Ledger: shipped{n, many}, Log: r.log, Decoder: r.codec.NewDecoder(), Observer: w, History: h, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	look := func() (standing []audit.Finding) {
		t.Helper()
		if err := a.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Findings() {
			if f.Standing {
				standing = append(standing, f)
			}
		}
		return standing
	}
	if got := look(); len(got) > 0 || w.get("mismatch events 0") != 0 {
		t.Fatalf("of a sound table: %+v", got)
	}
	whole := slices.Clone(h.rows)
	for name, c := range map[string]struct {
		change func()
		kind   audit.Kind
		first  uint64
		last   uint64
		rows   int64
	}{
		"one is missing":     {func() { h.rows = slices.Delete(h.rows, 16, 17) }, audit.Missing, 17, 17, 1},
		"a block is missing": {func() { h.rows = slices.Delete(h.rows, 9_000, 9_500) }, audit.Missing, 9_001, 9_500, 500},
		"the last is gone":   {func() { h.rows = h.rows[:many-1] }, audit.Missing, many, many, 1},
		"one is doubled":     {func() { h.rows = append(h.rows, h.rows[12_344]) }, audit.Doubled, 12_345, 12_345, 1},
		"one is changed":     {func() { h.rows[99].Hash++ }, audit.Changed, 1, 8_192, 1},
	} {
		c.change()
		got := look()
		if len(got) != 1 || got[0].Kind != c.kind || got[0].FirstRow != c.first || got[0].LastRow != c.last || got[0].Table != "events" || w.get("mismatch events 0") != c.rows {
			t.Errorf("%s: %+v, shown %d", name, got, w.get("mismatch events 0"))
		}
		if c.kind == audit.Missing && c.last < many && got[0].LastOffset != int64(c.last+1)*2 {
			t.Errorf("%s: it is placed at %d to %d", name, got[0].Offset, got[0].LastOffset)
		}
		h.rows = slices.Clone(whole)
		if got := look(); len(got) > 0 || w.get("mismatch events 0") != 0 {
			t.Errorf("%s, put right: %+v", name, got)
		}
	}
}
