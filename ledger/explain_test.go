package ledger_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

var erpFeed = ledger.FeedKey{Source: ERP, Feed: ERPOrders}

// explain explains order 1001, and holds the explanation to what is said of it.
func explain(t *testing.T, l *Log) ledger.Explanation {
	t.Helper()
	r, err := ledger.NewReader(l.Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	return explained(t, r, Key("1001"))
}

func explained(t *testing.T, r *ledger.Reader, k ledger.OrderKey) ledger.Explanation {
	t.Helper()
	x, ok, err := r.Explain(k)
	if err != nil || !ok {
		t.Fatalf("explain %s: %v %v", k, ok, err)
	}
	v, _, err := r.Order(k)
	if err != nil {
		t.Fatal(err)
	}
	agrees(t, &x, &v)
	return x
}

// agrees checks that the explanation says of every cell and verdict what the
// order itself says, and proves no more and no less.
func agrees(t *testing.T, x *ledger.Explanation, v *ledger.OrderView) {
	t.Helper()
	var cells []ledger.CellView
	for _, c := range x.Cells {
		if c.Registers != nil {
			cells = append(cells, c.CellView)
		}
		for i := range c.Registers {
			ordered(t, x, &c.Registers[i])
		}
	}
	if !slices.Equal(cells, v.Summary.Cells) {
		t.Fatalf("%s: cells\n%+v\nwant\n%+v", x.Order, cells, v.Summary.Cells)
	}
	var verdicts []ledger.VerdictView
	for _, r := range x.Rules {
		for _, e := range r.Episodes {
			for i := range e.Steps {
				verdicts = append(verdicts, e.Steps[i].VerdictView)
				consistent(t, x, &e.Steps[i])
			}
		}
		if len(r.Episodes) > 0 && !r.Open.Ever {
			t.Fatalf("%s: rule %s opened, and its opening is said to have never been true", x.Order, r.Rule.Name)
		}
	}
	if len(verdicts) < len(v.Verdicts) && longStory(x) {
		return // of long stories the newest part is told
	}
	if !slices.Equal(verdicts, v.Verdicts) {
		t.Fatalf("%s: verdicts\n%+v\nwant\n%+v", x.Order, verdicts, v.Verdicts)
	}
}

func longStory(x *ledger.Explanation) bool {
	return slices.ContainsFunc(x.Rules, func(r ledger.RuleWhy) bool { return r.Earlier > 0 })
}

// ordered checks that what decides a register has its state, and that no claim
// lost to a lesser one.
func ordered(t *testing.T, x *ledger.Explanation, r *ledger.RegisterWhy) {
	t.Helper()
	d := r.Decides
	if d == nil || r.State != ledger.Conflict && (r.State != d.Row.State || d.Mapped == (r.State == ledger.Unmapped)) {
		t.Fatalf("%s: register %+v is decided by %+v", x.Order, r, d)
	}
	for _, o := range r.Others {
		newer := o.Version.Compare(d.Version)
		switch {
		case o.Lost == ledger.LostNot,
			o.Lost == ledger.LostOlder && newer >= 0 && d.Mode == ledger.Current,
			o.Lost == ledger.LostDated && o.Mode == ledger.Current,
			o.Lost == ledger.LostRank && (newer != 0 || o.Row.State > d.Row.State),
			o.Lost == ledger.LostReread && newer != 0,
			o.Lost == ledger.LostRepeats && (newer != 0 || o.Native != d.Native),
			o.Lost == ledger.LostConflict && (newer != 0 || r.State != ledger.Conflict):
			t.Fatalf("%s: %+v is said to have lost as %s against %+v", x.Order, o, o.Lost, d)
		}
	}
}

// consistent checks a proof against its verdict.
func consistent(t *testing.T, x *ledger.Explanation, s *ledger.StepWhy) {
	t.Helper()
	absence := s.State == ledger.VerdictPending || s.State == ledger.VerdictBreached || s.State == ledger.VerdictUndetermined
	if (s.Proof != nil) != absence {
		t.Fatalf("%s: %s has a proof: %v", x.Order, s.State, s.Proof != nil)
	}
	if s.Proof == nil {
		return
	}
	clean, heard := s.Proof.HeldUntil == 0 && s.Proof.Hidden == 0, true
	for _, f := range s.Proof.Feeds {
		heard = heard && f.By != ledger.HeardNot
		for _, a := range f.Against {
			clean = clean && a.Kind == ledger.ObjectionSkew
		}
		for _, m := range f.Members {
			clean = clean && m.Against == ""
		}
		if f.By == ledger.HeardCoverage && !ledger.CoversInterval([]ledger.Interval{f.Interval}, s.Proof.Over) {
			t.Fatalf("%s: %s is said to be heard over %+v by %+v", x.Order, f.Feed, s.Proof.Over, f.Interval)
		}
	}
	switch {
	case s.State == ledger.VerdictBreached && !heard:
		t.Fatalf("%s: %s is BREACHED with a feed that was not heard: %+v", x.Order, s.Rule, s.Proof)
	case s.State == ledger.VerdictBreached && (s.Basis == ledger.BasisIncomplete) == clean:
		t.Fatalf("%s: %s is %s, and against it stands %+v", x.Order, s.Rule, s.Basis, s.Proof)
	case s.State == ledger.VerdictUndetermined && s.Because == ledger.BecauseSilent && heard:
		t.Fatalf("%s: %s waits, and every feed was heard", x.Order, s.Rule)
	}
}

func ruleOf(t *testing.T, x ledger.Explanation, name string) *ledger.RuleWhy {
	t.Helper()
	for i := range x.Rules {
		if x.Rules[i].Rule.Name == name {
			return &x.Rules[i]
		}
	}
	t.Fatalf("rule %s is not explained", name)
	return nil
}

func cellOf(t *testing.T, x ledger.Explanation, s ledger.Source, a ledger.Axis) *ledger.CellWhy {
	t.Helper()
	for i := range x.Cells {
		if x.Cells[i].Source == s && x.Cells[i].Axis == a {
			return &x.Cells[i]
		}
	}
	t.Fatalf("cell %s %s is not explained", s, a)
	return nil
}

func TestExplainMet(t *testing.T) {
	l := placed(NewLog()).Append(erpDoc(Clock(10, 1, 20), Clock(10, 1, 10)))
	x := explain(t, l)
	r := ruleOf(t, x, "ingestion")
	e := r.Episodes[0]
	erp := cellOf(t, x, ERP, ledger.AxisOrder)
	if s := e.Steps[0]; s.State != ledger.VerdictMet || s.Deadline != Clock(10, 1, 59) || s.Late != Clock(10, 2, 1) || s.Proof != nil {
		t.Fatalf("step %+v, want MET with D 10:01:59 and σ 2 s", s)
	}
	if !e.Ended || e.UntilBy != erp.By || e.By != cellOf(t, x, Shop, ledger.AxisOrder).By {
		t.Fatalf("episode %+v, want the opening and the ending document", e)
	}
	// the ERP's cell rests on one register: its creation fills the history, and its
	// present word decides, by a row of the matrix
	if len(erp.Registers) != 1 {
		t.Fatalf("registers %+v", erp.Registers)
	}
	g := erp.Registers[0]
	if d := g.Decides; d.Native != "approved" || !d.Mapped || d.Row.State != ledger.OrderConfirmed || d.Event != erp.By || d.Asked != Clock(10, 1, 20) {
		t.Fatalf("decides %+v", d)
	}
	if len(g.Others) != 1 || g.Others[0].Lost != ledger.LostDated || g.Others[0].Native != "createddate" {
		t.Fatalf("others %+v", g.Others)
	}
	// the drift rule never opened, since nothing was shipped
	drift := ruleOf(t, x, "shipment-lag")
	if len(drift.Episodes) != 0 || drift.Open.Ever || drift.Open.Truth != ledger.False || len(drift.Open.Leaves) != 2 {
		t.Fatalf("drift %+v", drift.Open)
	}
	if a, b := drift.Open.Leaves[0], drift.Open.Leaves[1]; a.Ever || !b.Ever || b.Truth != ledger.True {
		t.Fatalf("leaves %+v, want: never shipped, and pending in the ERP", drift.Open.Leaves)
	}
}

func TestExplainBreached(t *testing.T) {
	l := placed(NewLog()).Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	before, err := ledger.Digest(l.Store)
	if err != nil {
		t.Fatal(err)
	}
	x := explain(t, l)
	e := ruleOf(t, x, "ingestion").Episodes[0]
	s := e.Steps[0]
	if s.State != ledger.VerdictBreached || s.Basis != ledger.BasisProven {
		t.Fatalf("step %+v", s)
	}
	want := ledger.Interval{From: Clock(9, 59, 57), Until: Clock(10, 2, 1)}
	if s.Proof.Over != want || len(s.Proof.Feeds) != 1 {
		t.Fatalf("proof %+v, want over [created − σ, D + σ)", s.Proof)
	}
	f := s.Proof.Feeds[0]
	if f.Feed != erpFeed || f.By != ledger.HeardCoverage || f.Epoch != (ledger.Epoch{Number: 1, OpenedBy: "t"}) ||
		f.Interval != (ledger.Interval{From: Clock(9, 0, 0), Until: Clock(10, 2, 1)}) {
		t.Fatalf("feed %+v", f)
	}
	if later := e.Steps[1]; later.State != ledger.VerdictPending || later.Due != Clock(10, 15, 1) || later.Proof.Feeds[0].By != ledger.HeardNot {
		t.Fatalf("later step %+v", later)
	}
	absent := cellOf(t, x, ERP, ledger.AxisOrder)
	if absent.State != ledger.Absent || len(absent.Feeds) != 1 || absent.Feeds[0].Until != Clock(10, 2, 1) {
		t.Fatalf("absent cell %+v, want how far its feed was heard", absent)
	}
	if after, err := ledger.Digest(l.Store); err != nil || after != before {
		t.Fatalf("explaining changed the state: %v", err)
	}
}

func TestExplainUndetermined(t *testing.T) {
	l := placed(NewLog()).Append(Tick(Clock(10, 2, 1), heardUntil(9, 55, 0)))
	s := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[0]
	f := s.Proof.Feeds[0]
	if s.State != ledger.VerdictUndetermined || s.Because != ledger.BecauseSilent || f.By != ledger.HeardNot || !f.Silent || f.Until != Clock(9, 55, 0) {
		t.Fatalf("step %+v, feed %+v", s, f)
	}
	// back without the order
	l.Append(Tick(Clock(11, 0, 30), heardUntil(10, 59, 30)))
	if f := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[1].Proof.Feeds[0]; f.By != ledger.HeardCoverage {
		t.Fatalf("feed %+v", f)
	}
}

func TestExplainLookedUp(t *testing.T) {
	l := placed(NewLog()).Append(Tick(Clock(10, 2, 1), heardUntil(10, 1, 30)))
	l.Append(&ledger.Looked{Source: ERP, Feed: ERPOrders, Order: Key("1001"), AskedAt: Clock(10, 2, 2)})
	if s := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[0]; s.State != ledger.VerdictBreached || s.Proof.Feeds[0].By != ledger.HeardLookup {
		t.Fatalf("step %+v by %+v", s, s.Proof)
	}
}

func TestExplainNeverOpened(t *testing.T) {
	l := NewLog().Append(Policy()).Append(ShopEvent("1001", Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "cancelled"}))
	r := ruleOf(t, explain(t, l), "ingestion")
	if len(r.Episodes) != 0 || r.Open.Ever || r.Open.Leaves[0].Ever || r.Open.Cells[0].State != ledger.OrderCancelled || r.Open.Cells[0].Source != Shop {
		t.Fatalf("rule %+v", r.Open)
	}
	if r.Unless == nil || r.Rule.Unless != nil || r.Unless.Truth != ledger.True {
		t.Fatalf("unless %+v, want the default, true", r.Unless)
	}
}

func TestExplainUnmapped(t *testing.T) {
	l := placed(NewLog()).Append(ERPEvent("1001", Clock(10, 1, 0), Clock(10, 1, 20), Clock(10, 1, 10), Words{Payment: "mystery"}))
	c := cellOf(t, explain(t, l), ERP, ledger.AxisPayment)
	if d := c.Registers[0].Decides; c.State != ledger.Unmapped || d.Mapped || d.Native != "mystery" || d.Row.State != ledger.Unmapped {
		t.Fatalf("cell %+v decided by %+v", c, d)
	}
	// a word on the axis that the rule waits for is no absence; on the one its
	// opening reads it holds nothing
	odd := placed(NewLog()).Append(ShopEvent("1001", Clock(10, 0, 10), Clock(10, 0, 11), Words{Order: "odd"}))
	r := ruleOf(t, explain(t, odd), "ingestion")
	if r.Open.Truth != ledger.Unknown || !r.Open.Ever || len(r.Episodes) != 1 {
		t.Fatalf("opening %+v", r.Open)
	}
}

// A word that may be the one waited for holds the verdict, and is named.
func TestExplainHeld(t *testing.T) {
	p := Policy()
	p.Rules[0].Until = &ledger.Predicate{Op: ledger.OpIn, Cell: ledger.CellRef{Role: ledger.RoleERP, Axis: ledger.AxisOrder}, States: ledger.StateSet(ledger.OrderConfirmed)}
	odd := ERPEvent("1001", Clock(10, 1, 0), Clock(10, 1, 20), Clock(10, 1, 10), Words{Order: "mystery"})
	l := NewLog().Append(p).Append(ShopEvent("1001", Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Created: Clock(9, 59, 59)})).Append(odd)
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	s := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[0]
	if s.State != ledger.VerdictUndetermined || s.Because != ledger.BecauseHeld || s.Proof.HeldUntil != Clock(11, 1, 20) || !slices.Equal(s.Proof.Held, []ledger.EventID{odd.ID}) {
		t.Fatalf("step %+v, proof %+v", s, s.Proof)
	}
	l.Append(Tick(Clock(11, 1, 30), heardUntil(11, 1, 0)))
	if s := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[0]; s.State != ledger.VerdictBreached || s.Basis != ledger.BasisIncomplete {
		t.Fatalf("step %+v, want BREACHED incomplete", s)
	}
}

func TestExplainLosers(t *testing.T) {
	at := func(h, m, s int, word string) *ledger.Event {
		return ShopEvent("1001", Clock(h, m, s), Clock(h, m, s).Add(ledger.Second), Words{Payment: word})
	}
	read := func(word string, asked ledger.Instant) *ledger.Event {
		e := at(10, 0, 20, word)
		e.AskedAt, e.ReceivedAt = asked, asked
		return e
	}
	old := at(10, 0, 10, "pending")
	for name, c := range map[string]struct {
		docs []*ledger.Event
		want []ledger.Lost // of the others, newest version first
		word string        // that decides
	}{
		"an older version": {[]*ledger.Event{at(10, 0, 20, "paid"), old}, []ledger.Lost{ledger.LostOlder}, "paid"},
		"a tie":            {[]*ledger.Event{at(10, 0, 20, "pending"), at(10, 0, 20, "paid"), old}, []ledger.Lost{ledger.LostRank, ledger.LostOlder}, "paid"},
		"a copy": {[]*ledger.Event{at(10, 0, 20, "paid"), ShopEvent("1001", Clock(10, 0, 20), Clock(10, 0, 21), Words{Payment: "paid", Order: "open"})},
			[]ledger.Lost{ledger.LostRepeats}, "paid"},
		"a conflict":                      {[]*ledger.Event{at(10, 0, 20, "odd"), at(10, 0, 20, "paid")}, []ledger.Lost{ledger.LostConflict}, ""},
		"a settled reading of another":    {[]*ledger.Event{at(10, 0, 20, "paid"), read("pending", Clock(10, 1, 0))}, []ledger.Lost{ledger.LostReread}, "pending"},
		"a reading that is not settled":   {[]*ledger.Event{at(10, 0, 20, "paid"), read("pending", Clock(10, 0, 30))}, []ledger.Lost{ledger.LostRank}, "paid"},
		"an older reading of one version": {[]*ledger.Event{read("paid", Clock(10, 0, 25)), read("pending", Clock(10, 0, 30))}, []ledger.Lost{ledger.LostReread}, "pending"},
	} {
		l := NewLog().Append(Policy())
		for _, d := range c.docs {
			l.Append(d)
		}
		g := cellOf(t, explain(t, l), Shop, ledger.AxisPayment).Registers[0]
		var lost []ledger.Lost
		for _, o := range g.Others {
			lost = append(lost, o.Lost)
		}
		if !slices.Equal(lost, c.want) || c.word != "" && g.Decides.Native != c.word {
			t.Errorf("%s: %q decides, others lost by %v, want %q, %v", name, g.Decides.Native, lost, c.word, c.want)
		}
	}
}

// A name that two orders claim leaves what is proven of either incomplete, and is
// named.
func TestExplainContested(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	for _, id := range []string{"1001", "1002"} {
		e := ShopEvent(id, Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Created: Clock(9, 59, 59)})
		e.Aliases = append(e.Aliases, number("#7"))
		e.ID = e.ComputeID()
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	}
	stray := ERPEvent("x", Clock(9, 0, 0), Clock(9, 0, 10), Clock(9, 0, 0), Words{Order: "approved"})
	stray.Order = ""
	stray.ID = stray.ComputeID()
	off := n.AliasMember(number("#99")).Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: number("#99"), Event: *stray}})
	n.Drain()
	for minute := range 3 {
		at := Clock(10, 3+minute, 0)
		n.Everywhere(ledger.Record{Tick: Tick(at, heardERP(at.Add(-35*ledger.Second), map[int32]int64{0: off}))})
		n.Drain()
	}
	s := ruleOf(t, explained(t, n.OrderMember(Key("1001")).Reader(t), Key("1001")), "ingestion").Episodes[0].Steps[0]
	if s.State != ledger.VerdictBreached || s.Basis != ledger.BasisIncomplete || !slices.Contains(s.Proof.Feeds[0].Against, ledger.Objection{Kind: ledger.ObjectionContested, Name: "order-number:#7"}) {
		t.Fatalf("step %+v, feeds %+v", s, s.Proof.Feeds)
	}
}

// A merged order is explained as its root stands for all, by each member's partition.
func TestExplainMerged(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(3, 3)), 2, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	for _, id := range []string{"1001", "1002"} {
		e := ShopEvent(id, Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Created: Clock(9, 59, 59)})
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	}
	n.Everywhere(regrouping{a: Key("1001"), b: Key("1002"), live: true}.record(1))
	n.Drain()
	for minute := range 3 {
		at := Clock(10, 3+minute, 0)
		n.Everywhere(ledger.Record{Tick: Tick(at, heardERP(at.Add(-35*ledger.Second), nil))})
		n.Drain()
	}
	x := explained(t, n.OrderMember(Key("1001")).Reader(t), Key("1001"))
	s := ruleOf(t, x, "ingestion").Episodes[0].Steps[0]
	f := s.Proof.Feeds[0]
	if s.State != ledger.VerdictBreached || f.By != ledger.HeardMembers || len(f.Members) != 2 || !f.Members[1].Heard || len(x.Members) != 2 {
		t.Fatalf("step %+v, feed %+v", s, f)
	}
	if g := cellOf(t, x, Shop, ledger.AxisOrder).Registers; len(g) != 2 {
		t.Fatalf("%d registers, want one per member's document", len(g))
	}
}

// TestExplainAgrees explains every order of random worlds, with names that
// collide, late evidence, merges and crashes.
func TestExplainAgrees(t *testing.T) {
	for seed := range seeds(t, 8) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 77))
		w := newParcelWorld(rnd)
		if seed%2 == 1 {
			w.regroup(rnd, true)
		}
		n := w.live(t, rnd)
		for _, k := range w.orders {
			m := n.OrderMember(k)
			r := m.Reader(t)
			if _, ok, err := r.Order(k); err != nil {
				t.Fatal(err)
			} else if ok {
				explained(t, r, k)
			}
		}
	}
}

// TestExplainContradictions explains an order whose systems contradict each other,
// with words that the matrix does not know, holes, and a long tail folded away.
func TestExplainContradictions(t *testing.T) {
	p := Policy()
	p.Rows = slices.DeleteFunc(p.Rows, func(r ledger.MatrixRow) bool {
		return r.Native == "partial" || r.Native == "cancelled" && r.System == "erp"
	})
	for seed := range seeds(t, 60) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 78))
		w := NewWorld(rnd, 2+rnd.IntN(25))
		opt := ledger.Options{Partitions: 1, TailLimit: []int{4, 16}[seed%2]}
		l := NewLogWith(opt)
		l.Append(p)
		ticks := w.Ticks(rnd)
		for _, tick := range ticks {
			for i := range tick.Feeds {
				if f := &tick.Feeds[i]; rnd.IntN(3) == 0 && f.Source == ERP {
					hole := ledger.Interval{From: Clock(10, 5, 0), Until: Clock(10, 6, 0)}
					f.Intervals = ledger.CutInterval(f.Intervals, hole)
					f.Holes = []ledger.Hole{{Interval: hole, ReceivedAt: Clock(10, 6, 0), Quarantine: "q1"}}
				}
			}
		}
		for i, x := range interleave(rnd, w.Shuffled(rnd), ticks) {
			if l.Append(x); i%4 != 0 {
				continue
			}
			r, err := ledger.NewReader(l.Store, opt)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok, err := r.Order(Key("1")); err != nil {
				t.Fatal(err)
			} else if ok {
				explained(t, r, Key("1"))
			}
		}
	}
}

// A record in quarantine holds its feed, and is waited for; past that what is
// proven is incomplete, and the entry is named.
func TestExplainHole(t *testing.T) {
	l := placed(NewLog())
	c := heardUntil(10, 2, 30)
	hole := ledger.Interval{From: Clock(10, 1, 0), Until: Clock(10, 1, 10)}
	c.Intervals = ledger.CutInterval(c.Intervals, hole)
	c.Holes = []ledger.Hole{{Interval: hole, ReceivedAt: Clock(10, 1, 20), Quarantine: "q1"}}
	want := []ledger.Objection{{Kind: ledger.ObjectionHole, Name: "q1"}}
	s := ruleOf(t, explain(t, l.Append(Tick(Clock(10, 3, 0), c))), "ingestion").Episodes[0].Steps[0]
	if f := s.Proof.Feeds[0]; s.State == ledger.VerdictBreached || f.By != ledger.HeardNot || f.Until != hole.From || !slices.Equal(f.Against, want) {
		t.Fatalf("step %+v, feed %+v", s, f)
	}
	s = ruleOf(t, explain(t, l.Append(Tick(Clock(11, 3, 0), c))), "ingestion").Episodes[0].Steps[0]
	if f := s.Proof.Feeds[0]; s.State != ledger.VerdictBreached || s.Basis != ledger.BasisIncomplete || f.By != ledger.HeardHoles || !slices.Equal(f.Against, want) {
		t.Fatalf("step %+v, feed %+v", s, f)
	}
}

// What is waited for could have come and gone between two versions.
func TestExplainHidden(t *testing.T) {
	p := Policy()
	p.Rules[0].Until = &ledger.Predicate{Op: ledger.OpIn, Cell: ledger.CellRef{Role: ledger.RoleERP, Axis: ledger.AxisFulfilment}, States: ledger.StateSet(ledger.FulfilmentPicked)}
	l := NewLog().Append(p).Append(ShopEvent("1001", Clock(9, 59, 59), Clock(10, 0, 0), Words{Order: "open", Created: Clock(9, 59, 59)}))
	l.Append(ERPEvent("1001", Clock(10, 0, 30), Clock(10, 0, 40), Clock(10, 0, 30), Words{Fulfilment: "pending"}))
	l.Append(ERPEvent("1001", Clock(10, 1, 0), Clock(10, 1, 10), Clock(10, 1, 0), Words{Fulfilment: "shipped"}))
	l.Append(Tick(Clock(10, 2, 41), heardUntil(10, 2, 1)))
	s := ruleOf(t, explain(t, l), "ingestion").Episodes[0].Steps[0]
	if s.State != ledger.VerdictBreached || s.Basis != ledger.BasisIncomplete || s.Proof.Hidden != Clock(10, 0, 30) {
		t.Fatalf("step %+v, proof %+v", s, s.Proof)
	}
}
