package sim

import (
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/engine"
)

// replay is one log folded once, record by record, from an empty store: what
// every store must hold, and every row that must have been told.
type replay struct {
	r       *run
	log     int
	disk    *disk
	fold    *engine.Fold
	reader  *ledger.Reader
	records []engine.Decoded
	rows    ledger.Rows
	fresh   *ledger.Rows // since the last record
	// covered is what the ticks so far said of each feed.
	covered map[ledger.FeedKey]*coverage
	events  map[ledger.Source]uint64
	judged  []breach
	wrong   bool // its clock was ahead, and that was said
}

// coverage is a feed as an onlooker adds it up.
type coverage struct {
	epoch     uint64
	intervals []ledger.Interval
}

// breach is a BREACHED that was said, with where it was said.
type breach struct {
	order  ledger.OrderKey
	fact   *ledger.Fact
	proven bool
}

func (r *run) replay(log int, dec *avroevent.Decoder) *replay {
	p := &replay{r: r, log: log, disk: newDisk(), covered: map[ledger.FeedKey]*coverage{}, events: map[ledger.Source]uint64{}}
	opt := r.nodes[0].foldOptions(log)
	opt.NoOutbox, opt.CacheOrders = true, 0
	opt.OnCommit = func(c engine.Committed) { p.told(c.Rows) }
	var err error
	if p.fold, err = engine.NewFold(p.disk, opt); err != nil {
		panic(err)
	}
	j := r.broker.log(log)
	p.moments(0)
	for i := range j.records {
		d := engine.Decode(dec, &j.records[i])
		p.records = append(p.records, d)
		p.note(&d.Record)
		p.fresh = &ledger.Rows{}
		if err := p.fold.Take(&d); err != nil {
			panic(fmt.Errorf("replay log %d at %d: %w", log, i, err))
		}
		if err := p.fold.Commit(); err != nil {
			panic(err)
		}
		p.disk.undo = p.disk.undo[:0]
		p.look(&p.records[i].Record)
		p.guarded(j.landed[i])
		p.moments(int64(i + 1))
	}
	return p
}

// told takes the rows of a commit.
func (p *replay) told(rows *ledger.Rows) {
	for _, to := range []*ledger.Rows{&p.rows, p.fresh} {
		for t := range projections.Table(projections.Tables) {
			if to != nil {
				projections.Append(to, rows, t, 0, ^uint64(0))
			}
		}
	}
}

// note adds up what an onlooker of the log sees.
func (p *replay) note(rec *ledger.Record) {
	switch {
	case rec.Event != nil:
		p.events[rec.Event.Source]++
	case rec.Unkeyed != nil:
		p.events[rec.Unkeyed.Event.Source]++
	case rec.Tick != nil:
		for i := range rec.Tick.Feeds {
			f := &rec.Tick.Feeds[i]
			k := ledger.FeedKey{Source: f.Source, Feed: f.Feed}
			c := p.covered[k]
			if c == nil {
				c = &coverage{}
				p.covered[k] = c
			}
			if f.Epoch.Number < c.epoch {
				continue
			}
			if f.Epoch.Number > c.epoch {
				for _, iv := range f.Withdrawn {
					c.intervals = ledger.CutInterval(c.intervals, iv)
				}
			}
			c.epoch = f.Epoch.Number
			for _, iv := range f.Intervals {
				c.intervals = ledger.AddInterval(c.intervals, iv)
			}
		}
	}
}

// guarded: the partition's clock runs ahead of the time by no more than the
// guard allows, while some clock is right to say so (S-15).
func (p *replay) guarded(now ledger.Instant) {
	ahead, most := 0, 40*ledger.Second // see the known limits in README.md
	for _, x := range p.r.cfg.Rules {
		switch {
		case x.Verb == "clock" && args(x.Args).span(2) > 0:
			ahead++
		case x.Verb == "skew":
			most += max(args(x.Args).span(1), 0)
		}
	}
	if p.wrong || p.r.cfg.Nodes < 2 || ahead > 1 {
		return
	}
	if clock := p.fold.Part().Clock(); clock > now.Add(most) {
		p.wrong = true
		p.r.fail("log %d: the clock says %s when it is %s", p.log, clock, now)
	}
}

// moments compares what disks held at an offset.
func (p *replay) moments(offset int64) {
	for _, k := range p.r.kept {
		if k.log != p.log || k.offset != offset || p.r.unclean {
			continue
		}
		if d, err := ledger.Digest(p.disk); err != nil || d != k.digest {
			p.r.fail("log %d: a store at offset %d was not the replay's (%v)", p.log, offset, err)
		}
	}
}

// look examines every breach that the last record brought.
func (p *replay) look(rec *ledger.Record) {
	for i := range p.fresh.History {
		row := &p.fresh.History[i]
		f := row.Fact
		if f == nil || f.To != ledger.VerdictBreached || f.Kind != ledger.FactVerdict && f.Kind != ledger.FactRevised {
			continue
		}
		p.judged = append(p.judged, breach{order: row.Order, fact: f, proven: f.Basis == ledger.BasisProven})
		if f.Basis == ledger.BasisProven && !p.r.unclean {
			p.certify(rec, row.Order, f)
		}
	}
}

// certify asks the ledger itself what a breach rests on, at the very offset at
// which it was said, and compares it with what an onlooker saw (S-19).
func (p *replay) certify(rec *ledger.Record, key ledger.OrderKey, f *ledger.Fact) {
	x, ok, err := p.read().Explain(key)
	if err != nil || !ok {
		p.r.fail("%s %s: it cannot be explained: %v", key, f.Rule, err)
		return
	}
	step := stepOf(&x, f)
	if step == nil || step.State != ledger.VerdictBreached {
		return // late, and over when it was said: it rests on what came, not on an absence
	}
	if step.Proof == nil || len(step.Proof.Feeds) == 0 {
		p.r.fail("%s %s/%d: BREACHED, and nothing proves it", key, f.Rule, f.Step)
		return
	}
	for i := range step.Proof.Feeds {
		h := &step.Proof.Feeds[i]
		over := step.Proof.Over
		if h.By != ledger.HeardCoverage || h.Interval.From > over.From || h.Interval.Until < over.Until {
			p.r.fail("%s %s/%d: BREACHED, proven by %s %s over %v, which has to be %v", key, f.Rule, f.Step, h.Feed, h.By, h.Interval, over)
			continue
		}
		if c := p.covered[h.Feed]; c == nil || !ledger.CoversInterval(c.intervals, over) {
			p.r.fail("%s %s/%d: BREACHED at offset %d, and the ticks so far do not cover %v of %s", key, f.Rule, f.Step, rec.Offset, over, h.Feed)
		}
		s := p.r.systems[systemOf(string(h.Feed.Source))]
		at := slices.IndexFunc(s.asked, func(a ledger.Instant) bool { return a.Add(-h.Settle) >= over.Until })
		if at < 0 || s.asked[at] > rec.RecordedAt.Add(5*ledger.Second) && p.r.clocksRight() {
			p.r.fail("%s %s/%d: BREACHED at offset %d, before %s was asked far enough", key, f.Rule, f.Step, rec.Offset, h.Feed)
		}
	}
	if x.Clock < step.Due {
		p.r.fail("%s %s/%d: BREACHED at the clock %s, due %s", key, f.Rule, f.Step, x.Clock, step.Due)
	}
}

// clocksRight reports whether no fault moved a node's clock: else the records'
// own timestamps say little.
func (r *run) clocksRight() bool {
	return !slices.ContainsFunc(r.cfg.Rules, func(x Rule) bool { return x.Verb == "clock" })
}

func stepOf(x *ledger.Explanation, f *ledger.Fact) *ledger.StepWhy {
	for i := range x.Rules {
		if x.Rules[i].Rule.Name != f.Rule {
			continue
		}
		for k := range x.Rules[i].Episodes {
			e := &x.Rules[i].Episodes[k]
			for n := range e.Steps {
				if e.N == f.Episode && e.Steps[n].Step == f.Step {
					return &e.Steps[n]
				}
			}
		}
	}
	return nil
}

// read is a reader of what the replay holds now.
func (p *replay) read() *ledger.Reader {
	var err error
	if p.reader == nil {
		opt := p.r.nodes[0].foldOptions(p.log)
		p.reader, err = ledger.NewReader(p.disk, ledger.Options{Partition: opt.Partition, Partitions: partitions, OrderPartitions: partitions})
	} else {
		p.reader, err = p.reader.Next(p.disk)
	}
	if err != nil {
		panic(err)
	}
	return p.reader
}

// stores compares every node's store, and where it stands, with the replay.
func (p *replay) stores() {
	for _, n := range p.r.nodes {
		s := n.seats[p.log]
		if !n.up || s == nil || s.stopped != nil {
			p.r.fail("node %d, log %d: it does not run at the end", n.id, p.log)
			continue
		}
		at, want := s.Place(), p.fold.Place()
		if at.Offset != want.Offset || at.Chain != want.Chain {
			p.r.fail("node %d, log %d: it stands at %d, the log ends at %d", n.id, p.log, at.Offset, want.Offset)
			continue
		}
		if m, err := ledger.FirstMismatch(n.disks[p.log], p.disk); err != nil || m != nil {
			p.r.fail("node %d, log %d at %d: %v (%v)", n.id, p.log, at.Offset, m, err)
		}
	}
}

// history compares ClickHouse with the rows that were told: each once, none
// missing, none other (S-41, I-20).
func (p *replay) history() {
	opt := p.r.nodes[0].foldOptions(p.log)
	for t := range projections.Table(projections.Quarantine + 1) {
		parts := slices.Clone(p.r.history.parts[place{t, opt.Partition}])
		slices.SortStableFunc(parts, func(a, b part) int { return int(a.from) - int(b.from) })
		end := uint64(0)
		for _, x := range parts {
			if x.from <= end && p.r.settled() {
				p.r.fail("ClickHouse, %s of log %d: rows %d to %d were sent again, and nobody had a reason to", t, p.log, x.from, min(x.to, end))
			}
			if x.from > end+1 {
				p.r.fail("ClickHouse, %s of log %d: rows %d to %d are missing", t, p.log, end+1, x.from-1)
			}
			var rows ledger.Rows
			projections.Append(&rows, &p.rows, t, x.from, x.to)
			if string(ledger.EncodeRows(nil, &rows)) != string(x.rows) {
				p.r.fail("ClickHouse, %s of log %d: rows %d to %d are not those that the log gives", t, p.log, x.from, x.to)
			}
			end = max(end, x.to)
		}
		if want := projections.Last(&p.rows, t); end != want {
			p.r.fail("ClickHouse, %s of log %d: it holds rows to %d, %d were told", t, p.log, end, want)
		}
	}
}

// settled reports whether no fault left the outcome of an insert unknown, or two
// nodes in the belief that they own a partition: then every row is sent once.
func (r *run) settled() bool {
	return !slices.ContainsFunc(r.cfg.Rules, func(x Rule) bool {
		return x.Verb == "clickhouse" || x.Verb == "two-owners" || x.Verb == "freeze"
	})
}

// conservation: per source, the outcomes add up to the records (S-40).
func (p *replay) conservation() {
	reader := p.read()
	for _, name := range names {
		sum := uint64(0)
		for _, n := range reader.Counts(ledger.Source(name)) {
			sum += n
		}
		if want := p.events[ledger.Source(name)]; sum != want {
			p.r.fail("log %d: %d records of %s, %d outcomes", p.log, want, name, sum)
		}
	}
}
