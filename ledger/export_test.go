package ledger

import (
	"bytes"
	"fmt"
)

// Rewalk walks every order in memory anew and says which one's run differs
// from the one it was walked on to.
func Rewalk(p *Partition) error {
	for key, o := range p.orders { //lint:sorted only the first difference is told
		if !o.walked {
			return fmt.Errorf("order %s: not walked", key)
		}
		got := walked(o)
		p.walk(o)
		if want := walked(o); got != want {
			return fmt.Errorf("order %s: walked on to\n%s\nwalked anew\n%s", key, got, want)
		}
	}
	return nil
}

func walked(o *order) string {
	s := fmt.Sprintf("%+v", o.run)
	for i := range o.regs {
		r := &o.regs[i]
		s += fmt.Sprintf("\n%d %s %v: %s at %d, floor %d", r.src, r.axis, r.object, r.axis.StateName(r.value), r.at, r.floor)
		if r.top != nil {
			s += fmt.Sprintf(", top %v %d", r.top.Version, r.top.Earliest)
		}
	}
	return s
}

// Judged is what the fold itself holds of an order, base and all: its cells and
// the verdicts of its newest episodes.
func Judged(p *Partition, k OrderKey) string {
	o, err := p.order(k)
	if err != nil {
		panic(err)
	}
	s := p.summary(o)
	out := fmt.Sprintf("%+v\n", s.Cells)
	p.judgeAll(o)
	newest := map[string]uint32{}
	for i := range p.verdicts {
		v := &p.verdicts[i]
		newest[v.j.Name] = max(newest[v.j.Name], v.e.n)
	}
	for i := range p.verdicts {
		if v := &p.verdicts[i]; v.e.n+episodesKept > newest[v.j.Name] {
			out += fmt.Sprintf("%s/%d#%d %s %s %v\n", v.j.Name, v.step, v.e.n, v.state, v.basis, v.e.until)
		}
	}
	return out
}

// Living lists the events that count in an order, in key order.
func Living(s Store, k OrderKey) []EventID {
	var out []EventID
	prefix := orderPrefix(keyClaims, k)
	_ = s.Scan(prefix, PrefixEnd(prefix), func(_, v []byte) (bool, error) {
		d, err := decodeDoc(v)
		if err != nil {
			panic(err)
		}
		if d.alive() {
			out = append(out, d.ev.ID)
		}
		return true, nil
	})
	return out
}

// Joined says of every record of an alias store whose it is.
func Joined(s Store) map[EventID]OrderKey {
	out := map[EventID]OrderKey{}
	_ = s.Scan([]byte{keyWaiting}, []byte{keyWaiting + 1}, func(_, v []byte) (bool, error) {
		w, err := decodeWaiting(v)
		if err != nil {
			panic(err)
		}
		out[w.ev.ID] = w.to
		return true, nil
	})
	return out
}

// Claimants tells who claims what in an alias store, and by which evidence.
func Claimants(s Store) string {
	out := ""
	_ = s.Scan([]byte{keyClaimant}, []byte{keyClaimant + 1}, func(_, v []byte) (bool, error) {
		d := &decoder{b: v}
		b := d.aliasBinding()
		if b.Live { // a claim that was given up is history
			out += fmt.Sprintf("%s %s [%d, %d) depth %d, by %s, contested %v\n", b.Alias, b.Order, b.From, b.Until, b.Depth, b.Evidence, d.bool())
		}
		return true, nil
	})
	return out
}

// Standing is a copy of a store with the state of its single orders alone:
// without merged orders and what is kept about them.
func Standing(s *MemStore) *MemStore {
	out := NewMemStore()
	_ = s.Scan(nil, nil, func(k, v []byte) (bool, error) {
		switch k[0] {
		case keyMeta, keyMerge, keyAction:
			return true, nil
		case keyException:
			x, err := DecodeException(v)
			if err != nil {
				panic(err)
			}
			if x.Subject.Kind == SubjectMerged {
				return true, nil
			}
		default:
			if isWhole(orderIn(k)) {
				return true, nil
			}
		}
		out.Put(k, v)
		return true, nil
	})
	return out
}

// OpenIDs lists the open exceptions of a store.
func OpenIDs(s Store) []ExceptionID {
	var out []ExceptionID
	_ = s.Scan([]byte{keyOpen}, []byte{keyOpen + 1}, func(k, _ []byte) (bool, error) {
		out = append(out, ExceptionID(k[1:]))
		return true, nil
	})
	return out
}

// Grouping is what merges and splits make of orders.
type Grouping struct{ m merges }

// Set is one merged order.
type Set struct {
	Root    OrderKey
	Number  uint64
	Members []OrderKey
}

// Take folds the next merge or split.
func (g *Grouping) Take(a, b OrderKey, live bool) { g.m.take(a, b, live) }

// Groups lists the merged orders.
func (g *Grouping) Groups() []Set {
	var out []Set
	for _, x := range g.m.groups {
		out = append(out, Set{x.root(), x.since, x.members})
	}
	return out
}

// LeftBehind lists what a store keeps of merged orders beside what they said.
func LeftBehind(s Store) []string {
	var out []string
	_ = s.Scan(nil, nil, func(k, _ []byte) (bool, error) {
		if k[0] != keyFact && isWhole(orderIn(k)) {
			out = append(out, string(k))
		}
		return true, nil
	})
	return out
}

// orderIn is the order a key belongs to, "" if to none.
func orderIn(k []byte) OrderKey {
	switch k[0] {
	case keyOrder, keyActive, keyBreached:
		return OrderKey(k[1:])
	case keyClaims, keyFact, keySaid, keyShared:
		return OrderKey(k[1:bytes.IndexByte(k, 0)])
	case keyTimer:
		_, o := timerKeyParts(k)
		return o
	case keyWait:
		return waitKeyOrder(k)
	case keyAlias:
		_, o, _ := parseAliasKey(k[1:])
		return o
	default:
		return ""
	}
}

// Recode reads a value of the state as a store holds it under a key, and writes
// what it read. False: the key is of no space that has values.
func Recode(k, v []byte) (again []byte, known bool, err error) {
	switch k[0] {
	case keyOrder:
		o, err := decodeOrderRecord(OrderKey(k[1:]), v)
		if err != nil {
			return nil, true, err
		}
		return appendOrderRecord(nil, o), true, nil
	case keyClaims:
		d, err := decodeDoc(v)
		if err != nil {
			return nil, true, err
		}
		return appendDoc(nil, d), true, nil
	case keyFact:
		f, err := decodeFact(v)
		if err != nil {
			return nil, true, err
		}
		return appendFact(nil, &f), true, nil
	case keyException:
		x, err := DecodeException(v)
		if err != nil {
			return nil, true, err
		}
		return EncodeException(nil, x), true, nil
	case keyEntry:
		q, err := decodeQuarantined(v)
		if err != nil {
			return nil, true, err
		}
		return appendQuarantined(nil, &q), true, nil
	case keyPolicy:
		p, err := DecodePolicy(v)
		if err != nil {
			return nil, true, err
		}
		return EncodePolicy(p), true, nil
	case keyWaiting:
		w, err := decodeWaiting(v)
		if err != nil {
			return nil, true, err
		}
		return appendWaiting(nil, w), true, nil
	default:
		return nil, false, nil
	}
}

// Age makes a store one of the fold version before.
func Age(s *MemStore) {
	v, _, err := s.Get(metaKey(metaState))
	if err != nil {
		panic(err)
	}
	d := &decoder{b: bytes.Clone(v)}
	rest := d.b[len(appendUint(nil, FoldVersion)):]
	s.Put(metaKey(metaState), append(appendUint(nil, FoldVersion-1), rest...))
}
