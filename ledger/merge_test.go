package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/ledger"
	. "github.com/orderledger/orderledger/ledger/ledgertest"
)

// regrouping is a merge or a split that an operator asks for.
type regrouping struct {
	at   ledger.Instant
	a, b ledger.OrderKey
	live bool
}

func (g regrouping) record(number uint64) ledger.Record {
	m := ledger.Merge{Number: number, A: g.a, B: g.b, Actor: "op", Reason: "the same order"}
	if !g.live {
		s := ledger.Split(m)
		return ledger.Record{Split: &s}
	}
	return ledger.Record{Merge: &m}
}

// regroup invents merges and splits over a world; the last state of each pair is
// returned. With undo, every pair is split at the end.
func (w *parcelWorld) regroup(rnd *rand.Rand, undo bool) {
	type pair struct{ a, b ledger.OrderKey }
	var live []pair
	at := Clock(10, 2, 0)
	for range 1 + rnd.IntN(4) {
		at = at.Add(ledger.Micros(rnd.IntN(900)) * ledger.Second)
		if len(live) > 0 && rnd.IntN(3) == 0 {
			i := rnd.IntN(len(live))
			w.regrouped = append(w.regrouped, regrouping{at, live[i].b, live[i].a, false})
			live = slices.Delete(live, i, i+1)
			continue
		}
		p := pair{w.orders[rnd.IntN(len(w.orders))], w.orders[rnd.IntN(len(w.orders))]}
		if p.a != p.b && !slices.Contains(live, p) && !slices.Contains(live, pair{p.b, p.a}) {
			live = append(live, p)
			w.regrouped = append(w.regrouped, regrouping{at, p.a, p.b, true})
		}
	}
	for _, p := range live {
		if !undo {
			break
		}
		at = at.Add(ledger.Micros(rnd.IntN(900)) * ledger.Second)
		w.regrouped = append(w.regrouped, regrouping{at, p.a, p.b, false})
	}
	w.end = max(w.end, at.Add(2*ledger.Hour))
}

// TestMergeAndSplit: over random worlds, with crashes, repeated sends and any
// interleaving, an order that was merged and split is, to the byte, what its log
// makes of it without merges and splits, and a replay gives the same (S-38, P3).
func TestMergeAndSplit(t *testing.T) {
	for seed := range seeds(t, 12) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 38))
		w := newParcelWorld(rnd)
		w.regroup(rnd, true)
		n := w.live(t, rnd)
		for i, m := range n.Orders {
			if i%2 == 0 {
				again := m.Refold(rnd)
				if diff, err := ledger.FirstMismatch(m.Store, again); err != nil || diff != nil {
					t.Fatalf("seed %d: a replay differs: %s (%v)", seed, diff, err)
				}
			}
			without := m.Without(func(r *ledger.Record) bool {
				return r.Merge != nil || r.Split != nil || r.Moved != nil || r.Through != nil
			}, rnd)
			if diff, err := ledger.FirstMismatch(ledger.Standing(m.Store), ledger.Standing(without)); err != nil || diff != nil {
				t.Fatalf("seed %d: merged and split differs from never merged: %s (%v)", seed, diff, err)
			}
			if left := ledger.LeftBehind(m.Store); len(left) > 0 {
				t.Fatalf("seed %d: merged orders that are no more left %q", seed, left)
			}
			if again := m.Refold(rnd); !slices.Equal(ledger.OpenIDs(again), ledger.OpenIDs(m.Store)) {
				t.Fatalf("seed %d: the open list of a replay differs", seed)
			}
		}
		for _, m := range n.Aliases {
			without := m.Without(func(r *ledger.Record) bool { return r.Merge != nil || r.Split != nil }, rnd)
			if a, b := fmt.Sprint(ledger.Joined(m.Store)), fmt.Sprint(ledger.Joined(without)); a != b {
				t.Fatalf("seed %d: joined\n%s\nwithout merges\n%s", seed, a, b)
			}
		}
	}
}

// TestMergesConverge: what merged orders come to does not depend on the order of
// arrival, nor on that of the merges (P3), and is never proven missing against
// what any member's sources had told in time (P1).
func TestMergesConverge(t *testing.T) {
	for seed := range seeds(t, 12) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 39))
		w := newParcelWorld(rnd)
		w.regroup(rnd, false)
		end, first := w.end, ""
		for round := range 3 {
			w.end = end
			if round == 2 {
				w.shuffleMerges(rnd)
			}
			n := w.live(t, rand.New(rand.NewPCG(uint64(seed), uint64(200+round))))
			w.neverProvenAgainstMembers(t, n, seed)
			got := w.mergedConclusion(t, n)
			if round == 0 {
				first = got
			} else if got != first {
				t.Fatalf("seed %d, round %d:\n%s\nwant as in round 0:\n%s", seed, round, got, first)
			}
		}
	}
}

// shuffleMerges proposes the merges that stand in the end in another order, and
// none of those that were taken back.
func (w *parcelWorld) shuffleMerges(rnd *rand.Rand) {
	var standing []regrouping
	for _, g := range w.regrouped {
		at := slices.IndexFunc(standing, func(x regrouping) bool { return min(x.a, x.b) == min(g.a, g.b) && max(x.a, x.b) == max(g.a, g.b) })
		switch {
		case g.live:
			standing = append(standing, g)
		case at >= 0:
			standing = slices.Delete(standing, at, at+1)
		}
	}
	rnd.Shuffle(len(standing), func(i, j int) {
		standing[i].a, standing[j].a = standing[j].a, standing[i].a
		standing[i].b, standing[j].b = standing[j].b, standing[i].b
	})
	w.regrouped = standing
}

func (w *parcelWorld) mergedConclusion(t *testing.T, n *Net) string {
	t.Helper()
	out := ""
	for _, key := range w.orders {
		m := n.OrderMember(key)
		r, err := ledger.NewReader(m.Store, ledger.Options{Partition: ledger.PartitionOf([]byte(key), int32(len(n.Orders))), Partitions: int32(len(n.Orders))})
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := r.Order(key)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s of %v\n%s", key, v.Members, State(v))
		var open []string
		err = r.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
			if x.Subject.OfOrder() && x.Subject.Order == key {
				open = append(open, x.Name)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(open)
		out += strings.Join(open, "\n") + "\n"
	}
	return out
}

// neverProvenAgainstMembers is P1 of merged orders: none is said to be proven
// missing in the ERP if the ERP had any member's in time.
func (w *parcelWorld) neverProvenAgainstMembers(t *testing.T, n *Net, seed int) {
	t.Helper()
	groups := map[string][]ledger.OrderKey{} // by root and number, as the partitions saw them
	var g ledger.Grouping
	for i, x := range w.regrouped {
		g.Take(x.a, x.b, x.live)
		for _, set := range g.Groups() {
			groups[fmt.Sprint(set.Root, "+", set.Number)] = set.Members
		}
		_ = i
	}
	for _, m := range n.Orders {
		for i := range m.Told {
			x := &m.Told[i].Exception
			if x.Subject.Kind != ledger.SubjectMerged || x.Rule != "ingestion" || x.Basis != ledger.BasisProven || m.Told[i].Change != ledger.FactExceptionOpened {
				continue
			}
			members := groups[string(x.Subject.Order)+"+"+x.Subject.Native]
			placed := ledger.Forever
			for _, k := range members {
				placed = min(placed, w.placed[k])
			}
			for _, k := range members {
				if made, ok := w.made[k]; ok && made < placed.Add(2*ledger.Minute) && !w.misled[k] {
					t.Fatalf("seed %d (P1): %v was said to be proven missing, and the ERP had %s at %s", seed, members, k, made)
				}
			}
		}
	}
}

// TestExceptionMoves: an exception moves to the merged order with what people
// did about it, cannot be acted upon where it was, and comes back by a split.
func TestExceptionMoves(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(3, 3)), 2, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	a, b := Key("1"), Key("2")
	for _, id := range []string{"1", "2"} {
		e := ShopEvent(id, Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 1000})
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	}
	tick := func(at ledger.Instant) {
		n.Everywhere(ledger.Record{Tick: Tick(at, Covered(ERP, ERPOrders, Clock(9, 0, 0), at.Add(-35*ledger.Second)), Covered(Shop, ShopOrders, Clock(9, 0, 0), at))})
		n.Drain()
	}
	tick(Clock(10, 5, 0))
	var mine ledger.Exception
	for _, row := range n.OrderMember(a).Told {
		if row.Exception.Subject.Order == a && row.Change == ledger.FactExceptionOpened {
			mine = row.Exception
		}
	}
	if mine.Rule != "ingestion" {
		t.Fatalf("nothing opened about %s: %+v", a, n.OrderMember(a).Told)
	}
	act := func(id ledger.ExceptionID, request string) string {
		n.OrderMember(a).Append(ledger.Record{Action: &ledger.OperatorAction{RequestID: request, Kind: ledger.ActionAcknowledge, Exception: id, Episode: 1, Actor: "op", ProposedAt: Clock(10, 6, 0)}})
		n.Drain()
		return n.Answer(t, a, request)
	}
	if got := act(mine.ID, "one"); got != "" {
		t.Fatalf("refused: %s", got)
	}
	n.Everywhere(regrouping{a: a, b: b, live: true}.record(1))
	n.Drain()
	if got := act(mine.ID, "two"); got != ledger.RefusedMoved {
		t.Fatalf("answered %q, want %s", got, ledger.RefusedMoved)
	}
	tick(Clock(10, 7, 0))
	tick(Clock(10, 7, 30))
	open := n.Open(t)
	if len(open) != 1 || open[0].Subject.Kind != ledger.SubjectMerged || open[0].Subject.Order != a || open[0].Ack.Actor != "op" || open[0].Basis != ledger.BasisProven {
		t.Fatalf("open %+v", open)
	}
	n.Everywhere(regrouping{a: a, b: b}.record(2))
	n.Drain()
	open = n.Open(t)
	if len(open) != 2 || open[0].Subject.Kind != ledger.SubjectOrder || open[1].Subject.Kind != ledger.SubjectOrder {
		t.Fatalf("open after the split %+v", open)
	}
	for _, x := range open {
		if x.Subject.Order == a && (x.ID != mine.ID || x.Ack.Actor != "op" || x.Episode != 1) {
			t.Fatalf("came back as %+v, was %+v", x, mine)
		}
	}
}

// TestMergedOrdersShareAName: two orders that claim one name contest it until
// they are one.
func TestMergedOrdersShareAName(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(4, 4)), 2, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	for _, id := range []string{"1", "2"} {
		e := ShopEvent(id, Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 1000})
		e.Aliases = []ledger.Alias{number("#7")}
		e.ID = e.ComputeID()
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	}
	e := ERPEvent("x", Clock(10, 1, 0), Clock(10, 1, 10), Clock(10, 0, 0), Words{Order: "approved", Created: Clock(10, 1, 0)})
	e.Order = ""
	e.ID = e.ComputeID()
	m := n.AliasMember(number("#7"))
	m.Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: number("#7"), Event: *e}})
	n.Drain()
	whose := func() ledger.OrderKey { return ledger.Joined(m.Store)[e.ID] }
	if got := whose(); got != "" {
		t.Fatalf("joined to %s while two orders claim the name", got)
	}
	n.Everywhere(regrouping{a: Key("2"), b: Key("1"), live: true}.record(1))
	n.Drain()
	if got := whose(); got != Key("1") {
		t.Fatalf("joined to %q, want the smallest that claims the name", got)
	}
	r, err := ledger.NewReader(n.OrderMember(Key("1")).Store, ledger.Options{Partition: ledger.PartitionOf([]byte(Key("1")), 2), Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	if v, ok, err := r.Order(Key("1")); err != nil || !ok || len(v.Members) != 2 || v.Summary.Events != 3 {
		t.Fatalf("the merged order is %+v, %v, %v: want all three events", v.Summary, ok, err)
	}
	n.Everywhere(regrouping{a: Key("1"), b: Key("2")}.record(2))
	n.Drain()
	if got := whose(); got != "" {
		t.Fatalf("joined to %s after the split", got)
	}
}

// TestMergedOrdersAreLookedUpByTheirMembers: others know the members alone, and
// what is found of them is said of the whole (S-17, S-38).
func TestMergedOrdersAreLookedUpByTheirMembers(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 2)), 2, 1)
	settle := func() {
		for range 200 {
			n.Step()
		}
	}
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	for _, id := range []string{"1001", "1002"} {
		ev := ShopEvent(id, Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0)})
		n.OrderMember(ev.Order).Append(ledger.Record{Event: ev})
	}
	n.Everywhere(regrouping{a: Key("1001"), b: Key("1002"), live: true}.record(1))
	settle()
	feed := ledger.FeedKey{Source: ERP, Feed: ERPOrders}
	tick := func(at ledger.Instant) {
		n.Everywhere(ledger.Record{Tick: Tick(at, Covered(ERP, ERPOrders, Clock(9, 0, 0), Clock(10, 1, 30)), Covered(Shop, ShopOrders, Clock(9, 0, 0), at))})
		settle()
	}
	tick(Clock(10, 2, 30))
	tick(Clock(10, 2, 31))
	awaiting := func() (out []ledger.Awaited) {
		t.Helper()
		for i, m := range n.Orders {
			r, err := ledger.NewReader(m.Store, ledger.Options{Partition: int32(i), Partitions: 2, OrderPartitions: 2})
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.Awaiting(feed, 10, func(ledger.OrderKey, ledger.Instant) bool { return false })
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, list...)
		}
		return out
	}
	list := awaiting()
	for _, id := range []string{"1001", "1002"} {
		by := 0
		for _, w := range list {
			if w.Order == Key(id) {
				by += len(w.Aliases) // its own name, and both as a member
			}
		}
		if by < 3 {
			t.Fatalf("%+v wait, want both members and all names", list)
		}
	}
	for _, w := range list {
		n.OrderMember(w.Order).Append(ledger.Record{Looked: &ledger.Looked{Source: ERP, Feed: ERPOrders, Order: w.Order, AskedAt: Clock(10, 3, 0)}})
	}
	settle()
	for minute := range 4 { // what members heard travels to the root
		tick(Clock(10, 4+minute, 0))
	}
	if list := awaiting(); len(list) != 0 {
		t.Errorf("%+v wait for what was answered", list)
	}
}

// TestLongestSilenceHolds: a merged order's exception that opens in planned
// maintenance keeps a member's longer snooze, and is not woken by the shorter.
func TestLongestSilenceHolds(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(5, 5)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	for _, id := range []string{"1", "2"} {
		e := ShopEvent(id, Clock(10, 0, 0), Clock(10, 0, 1), Words{Order: "open", Created: Clock(10, 0, 0), Minor: 1000})
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
	}
	tick := func(at ledger.Instant) {
		n.Everywhere(ledger.Record{Tick: Tick(at, Covered(ERP, ERPOrders, Clock(9, 0, 0), at.Add(-35*ledger.Second)), Covered(Shop, ShopOrders, Clock(9, 0, 0), at))})
		n.Drain()
	}
	tick(Clock(10, 5, 0))
	for _, x := range n.Open(t) {
		n.OrderMember(x.Subject.Order).Append(ledger.Record{Action: &ledger.OperatorAction{Kind: ledger.ActionSnooze, Exception: x.ID, Episode: 1, Actor: "op", SnoozeUntil: Clock(12, 0, 0)}})
	}
	n.Everywhere(regrouping{a: Key("1"), b: Key("2"), live: true}.record(1))
	n.Everywhere(ledger.Record{Mute: &ledger.Mute{Number: 2, Source: ERP, From: Clock(10, 0, 0), Until: Clock(11, 0, 0), Actor: "ops", Reason: "x"}})
	n.Drain()
	for _, at := range []ledger.Instant{Clock(10, 7, 0), Clock(10, 7, 30), Clock(11, 0, 0), Clock(11, 1, 0)} {
		tick(at)
	}
	if open := n.Open(t); len(open) != 1 || open[0].Subject.Kind != ledger.SubjectMerged || open[0].SnoozedUntil != Clock(12, 0, 0) {
		t.Fatalf("open %+v, want the merged order's, silent until 12:00", open)
	}
}
