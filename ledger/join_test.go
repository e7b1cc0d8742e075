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

// joined is the shop's policy for systems that do not know its order ids.
func joined() *ledger.Policy {
	p := Policy()
	p.Aliases = []ledger.AliasSpec{
		{Type: "order-number", Recycle: 10 * ledger.Minute, OrphanAfter: 20 * ledger.Minute},
		{Type: "tracking", Recycle: 10 * ledger.Minute, OrphanAfter: 20 * ledger.Minute},
	}
	return p
}

func number(v string) ledger.Alias { return ledger.Alias{Scope: Shop, Type: "order-number", Value: v} }
func tracking(v string) ledger.Alias {
	return ledger.Alias{Scope: Payments, Type: "tracking", Value: v}
}

// happening is something that a source tells at some instant.
type happening struct {
	at  ledger.Instant
	rec ledger.Record
	by  ledger.Alias // of an unkeyed record
	erp bool
}

// parcelWorld is a story of orders that others know by numbers only: the ERP by
// the order's number, the carrier by the tracking number that the ERP gives.
type parcelWorld struct {
	orders []ledger.OrderKey
	tells  []happening
	end    ledger.Instant
	// partitions of orders there are.
	partitions int
	// made is when the ERP made its copy, absent if never.
	made   map[ledger.OrderKey]ledger.Instant
	placed map[ledger.OrderKey]ledger.Instant
	// misled are orders whose evidence the names gave to another at first.
	misled map[ledger.OrderKey]bool
	// told are the unkeyed events.
	told []ledger.EventID
	// regrouped are merges and splits, ascending by when they are proposed.
	regrouped []regrouping
}

func (w *parcelWorld) tell(rnd *rand.Rand, h happening) {
	for range 1 + rnd.IntN(2) {
		x := h
		x.at = h.at.Add(ledger.Micros(rnd.IntN(25)) * ledger.Second)
		w.tells = append(w.tells, x)
		w.end = max(w.end, x.at)
	}
}

func newParcelWorld(rnd *rand.Rand) *parcelWorld {
	w := &parcelWorld{made: map[ledger.OrderKey]ledger.Instant{}, placed: map[ledger.OrderKey]ledger.Instant{},
		misled: map[ledger.OrderKey]bool{}}
	w.partitions = 1 + rnd.IntN(3)
	at := Clock(10, 0, 0)
	for i := range 2 + rnd.IntN(4) {
		id, num := fmt.Sprint(i), fmt.Sprint(i)
		if i > 0 && rnd.IntN(4) == 0 {
			num = fmt.Sprint(i - 1) // a recycled number, or a collision if the one before has not ended
		}
		w.order(rnd, id, num, at)
		at = at.Add(ledger.Micros(30+rnd.IntN(1500)) * ledger.Second)
	}
	for i := range rnd.IntN(3) { // names nobody ever binds
		e := ERPEvent("stray", at, at.Add(ledger.Second), at.Add(-10*ledger.Second), Words{Order: "approved", Created: at})
		e.Object.ID = fmt.Sprint("stray-", i)
		w.unkeyed(rnd, e, number(fmt.Sprint("none-", i)), at)
	}
	slices.SortStableFunc(w.tells, func(a, b happening) int { return int(a.at - b.at) })
	w.end = w.end.Add(2 * ledger.Hour)
	return w
}

func (w *parcelWorld) order(rnd *rand.Rand, id, num string, at ledger.Instant) {
	key := Key(id)
	w.orders = append(w.orders, key)
	w.placed[key] = at
	numbered := func(e *ledger.Event) *ledger.Event {
		e.Aliases = []ledger.Alias{number("#" + num)}
		e.ID = e.ComputeID()
		return e
	}
	first := ShopEvent(id, at, at.Add(ledger.Second), Words{Order: "open", Created: at, Minor: 1000})
	if rnd.IntN(3) == 0 { // the number is given later
		first.Aliases = nil
		if num != id {
			w.misled[key] = true // until then the number names another order alone
		}
		first.ID = first.ComputeID()
		t := at.Add(ledger.Micros(10+rnd.IntN(1200)) * ledger.Second)
		w.tell(rnd, happening{at: t, rec: ledger.Record{Event: numbered(ShopEvent(id, t, t.Add(ledger.Second), Words{Order: "open", Created: at, Minor: 1000}))}})
	} else {
		first = numbered(first)
	}
	w.tell(rnd, happening{at: at, rec: ledger.Record{Event: first}})
	if rnd.IntN(3) == 0 {
		t := at.Add(ledger.Micros(300+rnd.IntN(600)) * ledger.Second)
		w.tell(rnd, happening{at: t, rec: ledger.Record{Event: numbered(ShopEvent(id, t, t.Add(ledger.Second), Words{Order: "cancelled", Created: at, Cancelled: t, Minor: 1000}))}})
	}
	if rnd.IntN(4) == 0 {
		return // never exported
	}
	t := at.Add(ledger.Micros([]int{20, 60, 100, 400, 1200}[rnd.IntN(5)]) * ledger.Second)
	w.made[key] = t
	erp := ERPEvent(id, t, t.Add(10*ledger.Second), t.Add(-10*ledger.Second), Words{Order: "approved", Fulfilment: "pending", Created: t})
	erp.Aliases = []ledger.Alias{tracking("1Z" + id)}
	w.unkeyed(rnd, erp, number("#"+num), t)
	for n := range rnd.IntN(3) {
		t = t.Add(ledger.Micros(20+rnd.IntN(200)) * ledger.Second)
		w.unkeyed(rnd, PayEvent(id, t, t.Add(ledger.Second), []string{"pending", "captured"}[n%2]), tracking("1Z"+id), t)
	}
}

func (w *parcelWorld) unkeyed(rnd *rand.Rand, e *ledger.Event, by ledger.Alias, at ledger.Instant) {
	e.Order = ""
	e.ID = e.ComputeID()
	w.told = append(w.told, e.ID)
	w.tell(rnd, happening{at: at.Add(5 * ledger.Second), rec: ledger.Record{Unkeyed: &ledger.Unkeyed{By: by, Event: *e}}, by: by, erp: e.Source == ERP})
}

// live runs the story through a net: what the sources tell, polls that prove
// what they saw, ticks, and chance in between.
func (w *parcelWorld) live(t testing.TB, rnd *rand.Rand) *Net {
	t.Helper()
	n := NewNet(rnd, w.partitions, 1+w.partitions%2)
	pol := PolicyRecord(joined())
	n.Everywhere(ledger.Record{Policy: pol})
	next, offsets, grouped := 0, map[int32]int64{}, 0
	until := Clock(9, 0, 0)
	lag := rnd.IntN(60)
	for now := Clock(9, 59, 0); now < w.end; now = now.Add(10 * ledger.Second) {
		for ; next < len(w.tells) && w.tells[next].at <= now; next++ {
			h := w.tells[next]
			if h.rec.Event != nil {
				n.OrderMember(h.rec.Event.Order).Append(h.rec)
				continue
			}
			off := n.AliasMember(h.by).Append(h.rec)
			if h.erp {
				offsets[ledger.PartitionOf(h.by.Key(), int32(len(n.Aliases)))] = off
			}
		}
		for ; grouped < len(w.regrouped) && w.regrouped[grouped].at <= now; grouped++ {
			n.Everywhere(w.regrouped[grouped].record(uint64(grouped) + 1))
		}
		// whatever began more than 35 s ago has been told, and the poll proves it
		until = now.Add(-35 * ledger.Second)
		if rnd.IntN(3) == 0 || now.Add(20*ledger.Second) >= w.end {
			n.Everywhere(ledger.Record{Tick: Tick(now, heardERP(until, offsets), Covered(Shop, ShopOrders, Clock(9, 0, 0), until))})
		}
		for range rnd.IntN(1 + lag) {
			n.Step()
		}
	}
	for range 3 { // what is on its way arrives, and the clock tells what it means
		n.Drain()
		w.end = w.end.Add(ledger.Minute)
		n.Everywhere(ledger.Record{Tick: Tick(w.end, heardERP(until, offsets))})
	}
	n.Drain()
	return n
}

// heardERP is what the ERP's poll proves, and how far it appended unkeyed records.
func heardERP(until ledger.Instant, offsets map[int32]int64) ledger.FeedCoverage {
	c := Covered(ERP, ERPOrders, Clock(9, 0, 0), until)
	for p, off := range offsets {
		c.Unkeyed = append(c.Unkeyed, ledger.UnkeyedOffset{Partition: p, Offset: off})
	}
	slices.SortFunc(c.Unkeyed, func(a, b ledger.UnkeyedOffset) int { return int(a.Partition - b.Partition) })
	return c
}

// TestJoining holds the alias store to its five properties over random worlds:
// names that come late, collide, are recycled, chain and lead nowhere; crashes,
// repeated sends and any interleaving (S-35 … S-37).
func TestJoining(t *testing.T) {
	for seed := range seeds(t, 12) {
		rnd := rand.New(rand.NewPCG(uint64(seed), 35))
		w := newParcelWorld(rnd)
		end, first := w.end, ""
		for round := range 3 {
			w.end = end
			n := w.live(t, rand.New(rand.NewPCG(uint64(seed), uint64(100+round))))
			w.neverProvenAgainstEvidence(t, n, seed)
			got := w.conclusion(t, n, seed)
			if round == 0 {
				first = got
			} else if got != first {
				t.Fatalf("seed %d, round %d (P3):\n%s\nwant as in round 0:\n%s", seed, round, got, first)
			}
			for _, m := range append(slices.Clone(n.Orders), n.Aliases...) {
				again := m.Refold(rnd)
				a, err := ledger.Digest(m.Store)
				if err != nil {
					t.Fatal(err)
				}
				if b, err := ledger.Digest(again); err != nil || a != b {
					diff, _ := ledger.FirstMismatch(m.Store, again)
					t.Fatalf("seed %d: a replay differs: %s (%v)", seed, diff, err)
				}
			}
		}
	}
}

// neverProvenAgainstEvidence is P1: what is said to be proven missing was never
// told in time by anyone.
func (w *parcelWorld) neverProvenAgainstEvidence(t *testing.T, n *Net, seed int) {
	t.Helper()
	for _, m := range n.Orders {
		for i := range m.Told {
			x := &m.Told[i].Exception
			made, ok := w.made[x.Subject.Order]
			if x.Rule != "ingestion" || x.Basis != ledger.BasisProven || m.Told[i].Change != ledger.FactExceptionOpened || !ok || w.misled[x.Subject.Order] {
				continue
			}
			if made < w.placed[x.Subject.Order].Add(2*ledger.Minute) {
				t.Fatalf("seed %d (P1): %s was said to be proven missing, and the ERP had it at %s", seed, x.Subject.Order, made)
			}
		}
	}
}

// conclusion is what the net came to, and P2 on the way: every unkeyed record
// counts in one order, or visibly in none.
func (w *parcelWorld) conclusion(t *testing.T, n *Net, seed int) string {
	t.Helper()
	out := ""
	counts := map[ledger.EventID][]ledger.OrderKey{}
	for _, key := range w.orders {
		m := n.OrderMember(key)
		for _, id := range ledger.Living(m.Store, key) {
			counts[id] = append(counts[id], key)
		}
		r, err := ledger.NewReader(m.Store, ledger.Options{Partition: ledger.PartitionOf([]byte(key), int32(len(n.Orders))), Partitions: int32(len(n.Orders))})
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := r.Order(key)
		if err != nil {
			t.Fatal(err)
		}
		out += string(key) + "\n" + State(v)
	}
	joined := map[ledger.EventID]ledger.OrderKey{}
	var claims []string
	for _, m := range n.Aliases {
		for id, to := range ledger.Joined(m.Store) {
			joined[id] = to
		}
		claims = append(claims, ledger.Claimants(m.Store))
	}
	for _, id := range w.told {
		to, known := joined[id]
		if !known {
			t.Fatalf("seed %d (P2): event %s is nowhere", seed, id)
		}
		if to == "" && len(counts[id]) != 0 || to != "" && !slices.Equal(counts[id], []ledger.OrderKey{to}) {
			t.Fatalf("seed %d (P2): event %s is joined to %q and counts in %v", seed, id, to, counts[id])
		}
	}
	slices.Sort(claims)
	out += strings.Join(claims, "")
	ids := make([]ledger.EventID, 0, len(joined))
	for id := range joined {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b ledger.EventID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		out += fmt.Sprintf("%s → %s\n", id, joined[id])
	}
	return out
}

// TestCollisionWaits: a record under a name that two orders claim at once is
// nobody's, visibly; it is joined when one of them gives the name up (S-35).
func TestCollisionWaits(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	claim := func(order string, version uint64, live bool) {
		n.AliasMember(number("#7")).Append(ledger.Record{Binding: &ledger.AliasBinding{Alias: number("#7"), Order: Key(order), From: Clock(9, 0, 0),
			Until: ledger.Forever, Version: version, Live: live}})
		n.Drain()
	}
	claim("1", 1, true)
	claim("2", 1, true)
	e := ERPEvent("x", Clock(10, 0, 0), Clock(10, 0, 10), Clock(10, 0, 0), Words{Order: "approved", Created: Clock(10, 0, 0)})
	e.Order = ""
	e.ID = e.ComputeID()
	m := n.AliasMember(number("#7"))
	m.Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: number("#7"), Event: *e}})
	n.Drain()
	if to := ledger.Joined(m.Store)[e.ID]; to != "" {
		t.Fatalf("joined to %s while two orders claim the name", to)
	}
	last := func() ledger.ExceptionRow { return m.Told[len(m.Told)-1] }
	if x := last(); x.Exception.Name != "AliasCollision" || !x.Exception.Open || len(x.Exception.Evidence) != 2 {
		t.Fatalf("told %+v", x)
	}
	claim("2", 2, false)
	if to := ledger.Joined(m.Store)[e.ID]; to != Key("1") {
		t.Fatalf("joined to %q, want the order that still claims the name", to)
	}
	if x := last(); x.Exception.Name != "AliasCollision" || x.Exception.Open {
		t.Fatalf("told %+v", x)
	}
	if got := ledger.Living(n.OrderMember(Key("1")).Store, Key("1")); !slices.Equal(got, []ledger.EventID{e.ID}) {
		t.Fatalf("living %v", got)
	}
}

// TestOlderRouteIsIgnored: of several words of one alias about one event the
// greatest route counts, in whatever order they come (S-36).
func TestOlderRouteIsIgnored(t *testing.T) {
	words := []struct {
		route int64
		live  bool
	}{{4, true}, {9, false}, {7, true}}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {0, 2, 1}, {2, 0, 1}} {
		l := NewLog().Append(joined())
		e := PayEvent("1001", Clock(10, 0, 5), Clock(10, 0, 6), "captured")
		for _, i := range order {
			l.Append(&ledger.Reemit{Order: Key("1001"), Alias: tracking("1Z9"), Route: words[i].route, Live: words[i].live, Copies: 1, Event: *e})
		}
		if got := ledger.Living(l.Store, Key("1001")); len(got) != 0 {
			t.Errorf("in the order %v: %v counts, and route 9 took it back", order, got)
		}
	}
}

// bound appends a binding as an order's partition would send it.
func bound(n *Net, a ledger.Alias, order string, version uint64, depth uint8, live bool) {
	n.AliasMember(a).Append(ledger.Record{Binding: &ledger.AliasBinding{Alias: a, Order: Key(order), From: Clock(9, 0, 0),
		Until: ledger.Forever, Depth: depth, Version: version, Live: live}})
	n.Drain()
}

// parked appends an ERP's record that names no order.
func parked(n *Net, a ledger.Alias, received ledger.Instant) *ledger.Event {
	e := ERPEvent("x", Clock(10, 0, 0), received, Clock(9, 59, 50), Words{Order: "approved", Created: Clock(10, 0, 0)})
	e.Order = ""
	e.ID = e.ComputeID()
	n.AliasMember(a).Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: a, Event: *e}})
	n.Drain()
	return e
}

// TestNearerNameWins: of two orders that claim a name, the one whose claim is
// fewer joins away from a keyed record has it (S-35).
func TestNearerNameWins(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	bound(n, number("#7"), "1", 1, 2, true)
	bound(n, number("#7"), "2", 1, 0, true)
	e := parked(n, number("#7"), Clock(10, 0, 10))
	m := n.AliasMember(number("#7"))
	if to := ledger.Joined(m.Store)[e.ID]; to != Key("2") {
		t.Fatalf("joined to %q, want the nearer claim's order", to)
	}
	if len(m.Told) != 0 {
		t.Fatalf("told %+v of claims that do not compete", m.Told)
	}
}

// TestCopiesTravelOn: a copy that comes after its record was joined narrows the
// bounds at the order, too (S-5, S-36).
func TestCopiesTravelOn(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	bound(n, number("#7"), "1", 1, 0, true)
	parked(n, number("#7"), Clock(10, 0, 30))
	parked(n, number("#7"), Clock(10, 0, 20))
	r, err := ledger.NewReader(n.OrderMember(Key("1")).Store, ledger.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	told, err := r.Timeline(Key("1"))
	if err != nil || len(told) != 1 || told[0].Received != Clock(10, 0, 20) || told[0].Copies != 2 {
		t.Fatalf("%+v, %v: want one document, received 10:00:20, of two copies", told, err)
	}
}

// TestOrphanHeals: a record that finds no order in time is told to a person, and
// a binding after that releases it; the exception heals by itself (S-36).
func TestOrphanHeals(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	e := parked(n, number("#7"), Clock(10, 0, 10))
	for minute := range 25 {
		n.Everywhere(ledger.Record{Tick: Tick(Clock(10, minute, 0))})
		n.Drain()
	}
	m := n.AliasMember(number("#7"))
	if len(m.Told) != 1 || m.Told[0].Exception.Name != ledger.NameOrphan || m.Told[0].Exception.Deadline != Clock(10, 20, 10) {
		t.Fatalf("told %+v, want one orphan since 10:20:10", m.Told)
	}
	bound(n, number("#7"), "1", 1, 0, true)
	if to := ledger.Joined(m.Store)[e.ID]; to != Key("1") {
		t.Fatalf("joined to %q", to)
	}
	if row := m.Told[len(m.Told)-1]; row.Exception.Open {
		t.Fatalf("told %+v, want it healed", row)
	}
	if got := ledger.Living(n.OrderMember(Key("1")).Store, Key("1")); !slices.Equal(got, []ledger.EventID{e.ID}) {
		t.Fatalf("living %v", got)
	}
}

// TestRecycledNumber: a number that was given again belongs to the order that
// had it at the instant a record speaks of (S-35).
func TestRecycledNumber(t *testing.T) {
	for _, name := range []ledger.Alias{number("#7"), tracking("1Z7")} {
		t.Run(name.Type, func(t *testing.T) { recycled(t, name) })
	}
}

func recycled(t *testing.T, name ledger.Alias) {
	t.Helper()
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	order := func(id string, at ledger.Instant, w Words) {
		e := ShopEvent(id, at, at.Add(ledger.Second), w)
		e.Aliases = []ledger.Alias{name}
		e.ID = e.ComputeID()
		n.OrderMember(e.Order).Append(ledger.Record{Event: e})
		n.Drain()
	}
	order("1", Clock(10, 5, 0), Words{Order: "cancelled", Created: Clock(10, 0, 0), Cancelled: Clock(10, 5, 0)})
	order("2", Clock(10, 30, 0), Words{Order: "open", Created: Clock(10, 30, 0)})
	m := n.AliasMember(name)
	for id, at := range map[string]ledger.Instant{"1": Clock(10, 2, 0), "2": Clock(10, 31, 0)} {
		e := ERPEvent("x"+id, at, at.Add(ledger.Hour), 0, Words{Order: "approved", Created: at})
		e.Order = ""
		e.ID = e.ComputeID()
		m.Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: name, Event: *e}})
		n.Drain()
		if to := ledger.Joined(m.Store)[e.ID]; to != Key(id) {
			t.Errorf("the record of %s is joined to %q, want %s", at, to, Key(id))
		}
	}
	if len(m.Told) != 0 {
		t.Errorf("told %+v: the number's two orders do not overlap", m.Told)
	}
}

// TestNameGoesWithItsDocument: a document that was joined elsewhere takes the
// names along that it alone gave (S-35).
func TestNameGoesWithItsDocument(t *testing.T) {
	n := NewNet(rand.New(rand.NewPCG(1, 1)), 1, 1)
	n.Everywhere(ledger.Record{Policy: PolicyRecord(joined())})
	bound(n, number("#7"), "1", 1, 0, true)
	e := ERPEvent("x", Clock(10, 0, 0), Clock(10, 0, 10), 0, Words{Order: "approved", Created: Clock(10, 0, 0)})
	e.Order, e.Aliases = "", []ledger.Alias{tracking("1Z7")}
	e.ID = e.ComputeID()
	n.AliasMember(number("#7")).Append(ledger.Record{Unkeyed: &ledger.Unkeyed{By: number("#7"), Event: *e}})
	n.Drain()
	whose := func() string { return ledger.Claimants(n.AliasMember(tracking("1Z7")).Store) }
	if got := whose(); !strings.Contains(got, "1Z7 "+string(Key("1"))+" ") {
		t.Fatalf("the parcel is of nobody:\n%s", got)
	}
	bound(n, number("#7"), "2", 1, 0, true)
	bound(n, number("#7"), "1", 2, 0, false)
	if got := whose(); !strings.Contains(got, "1Z7 "+string(Key("2"))+" ") || strings.Contains(got, "1Z7 "+string(Key("1"))+" ") {
		t.Fatalf("the parcel went along with its document, or not:\n%s", got)
	}
}
