package bench_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/orderledger/orderledger/projections/clickhouse"
	embedded "github.com/orderledger/orderledger/services/embedded/clickhouse"
)

// question is what an analyst asks of a view, and how large a history it is
// promised for, in rows.
type question struct {
	view string
	sql  string
	upTo int
	runs int
}

func questions(s scale) []question {
	const huge = 1 << 40
	week := "SELECT rule, toStartOfWeek(day, 1) AS week, sum(obligations), sum(in_time), sum(late), sum(breached), sum(undetermined) FROM %s GROUP BY rule, week ORDER BY rule, week"
	return []question{
		{"v_drift_daily", "SELECT day, rule, hop, exceptions, still_open, round(seconds_to_heal) FROM v_drift_daily ORDER BY day, rule, name", huge, s.questions},
		{"v_failure_map", "SELECT hop, rule, sum(opened) AS n, sum(healed), sum(open_now) FROM v_failure_map WHERE NOT historic AND day > (SELECT max(day) FROM v_failure_map) - 30 GROUP BY hop, rule ORDER BY n DESC LIMIT 20", huge, s.questions},
		{"v_sla_attainment", fmt.Sprintf(week, "v_sla_attainment"), 10_000_000, max(s.questions/4, 2)},
		{"v_sla_attainment_asof", fmt.Sprintf(week, "v_sla_attainment_asof"), huge, s.questions},
	}
}

// chronicle is a ClickHouse with generated rows.
type chronicle struct {
	t *testing.T
	s *clickhouse.Sink
}

// newChronicle starts an empty one that computes no roll-up by itself and gives
// an insert all the time it takes.
func newChronicle(t *testing.T) *chronicle {
	t.Helper()
	srv, err := embedded.Start(t.Context(), embedded.Options{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	opt, err := clickhouse.ParseDSN(srv.DSN())
	if err != nil {
		t.Fatal(err)
	}
	opt.ReadTimeout = time.Hour
	c := &chronicle{t: t}
	if c.s, err = clickhouse.Open(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.s.Close() })
	c.exec("SYSTEM STOP VIEW r_sla_attainment_refresh")
	return c
}

func (c *chronicle) exec(sql string) {
	c.t.Helper()
	if err := c.s.Conn().Exec(c.t.Context(), sql); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
}

func (c *chronicle) number(sql string) (n uint64) {
	c.t.Helper()
	if err := c.s.Conn().QueryRow(c.t.Context(), "SELECT toUInt64(("+sql+"))").Scan(&n); err != nil {
		c.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// refresh computes the roll-up and returns how long that took, in s.
func (c *chronicle) refresh() float64 {
	c.t.Helper()
	start := time.Now()
	for _, verb := range []string{"START", "REFRESH", "WAIT", "STOP"} {
		c.exec("SYSTEM " + verb + " VIEW r_sla_attainment_refresh")
	}
	return time.Since(start).Seconds()
}

// ask asks a question as often as it says; the answers are the times, in s.
func (c *chronicle) ask(q question) (took []float64) {
	c.t.Helper()
	for range q.runs {
		start := time.Now()
		rows, err := c.s.Conn().Query(c.t.Context(), q.sql)
		if err != nil {
			c.t.Fatalf("%s: %v", q.view, err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil || n == 0 {
			c.t.Fatalf("%s: %d rows: %v", q.view, n, err)
		}
		took = append(took, time.Since(start).Seconds())
	}
	return took
}

// agree checks that the views count what was generated.
func (c *chronicle) agree() {
	c.t.Helper()
	told := c.number("SELECT count() FROM events WHERE entry = 'verdict'")
	for _, view := range []string{"v_sla_attainment", "v_sla_attainment_asof"} {
		if n := c.number("SELECT sum(obligations) FROM " + view); n != told || n == 0 {
			c.t.Fatalf("%s counts %d obligations, %d were told", view, n, told)
		}
	}
	opened := c.number("SELECT count() FROM exceptions WHERE change = 'exception-opened'")
	for sum, view := range map[string]string{"exceptions": "v_drift_daily", "opened": "v_failure_map"} {
		if n := c.number("SELECT sum(" + sum + ") FROM " + view); n != opened || n == 0 {
			c.t.Fatalf("%s counts %d exceptions, %d were opened", view, n, opened)
		}
	}
}

// measureDrift asks the views of drift and attainment over histories of several
// sizes.
func measureDrift(t *testing.T, s scale) []figure {
	c := newChronicle(t)
	var out []figure
	have := 0
	for _, rows := range s.history {
		g := generated{orders: rows / rowsPerOrder, open: s.flowOpen, days: 90 * float64(rows) / 1e8}
		start := time.Now()
		g.into(t, c.s, have)
		made := float64(g.orders*rowsPerOrder-have) / time.Since(start).Seconds()
		have = g.orders * rowsPerOrder
		at := fmt.Sprintf(" at %s rows", number(float64(rows)))
		refresh := c.refresh()
		c.agree()
		for _, q := range questions(s) {
			took := slices.Sorted(slices.Values(c.ask(q)))
			f := of(q.view+" p95"+at, "s", took[(len(took)*95-1)/100]).noting("median %s s of %d", number(median(took)), len(took))
			if rows <= q.upTo {
				f = f.atMost(1)
			}
			out = append(out, f)
		}
		size := c.number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()")
		out = append(out, of("roll-up computed"+at, "s", refresh).noting("the whole of r_sla_attainment; %s orders over %s days, %s MB on disk without bodies, in %d parts, generated at %s rows/s",
			number(float64(g.orders)), number(g.days), number(float64(size)/1e6), c.number("SELECT count() FROM system.parts WHERE active AND table = 'events'"), number(made)))
	}
	return out
}
