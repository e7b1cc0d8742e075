package simulatetest

import (
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

// listen notes what the partitions told since the last time.
func (l *Ledger) listen() {
	for i, m := range append(slices.Clone(l.net.Orders), l.net.Aliases...) {
		for k := range m.Told[l.told[i]:] {
			l.claims = append(l.claims, truth.ClaimOf(&m.Told[l.told[i]+k].Exception))
		}
		l.told[i] = len(m.Told)
	}
}

// Claims returns every exception under every name it had, as it last stood.
func (l *Ledger) Claims() []truth.Claim {
	var out []truth.Claim
	at := map[[2]string]int{}
	for _, c := range l.claims {
		k := [2]string{c.ID, c.Exception}
		if i, known := at[k]; known {
			c.SaidAt = out[i].SaidAt
			out[i] = c
			continue
		}
		at[k] = len(out)
		out = append(out, c)
	}
	return out
}

// Changes returns every change of every exception, in the order it was told.
func (l *Ledger) Changes() []truth.Claim { return slices.Clone(l.claims) }

// Foreign is how many documents were none of the shop's orders.
func (l *Ledger) Foreign() int { return l.quiet }

// readers are readers of the partitions of orders.
func (l *Ledger) readers() ([]*ledger.Reader, error) {
	var out []*ledger.Reader
	for i, m := range l.net.Orders {
		r, err := ledger.NewReader(m.Store, ledger.Options{Partition: int32(i), Partitions: partitions})
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Order returns an order as readers see it.
func (l *Ledger) Order(key string) (ledger.OrderView, []ledger.Told, error) {
	list, err := l.readers()
	if err != nil {
		return ledger.OrderView{}, nil, err
	}
	r := list[ledger.PartitionOf([]byte(key), partitions)]
	v, _, err := r.Order(ledger.OrderKey(key))
	if err != nil {
		return v, nil, err
	}
	told, err := r.Timeline(ledger.OrderKey(key))
	return v, told, err
}

// Orders lists the keys of all orders.
func (l *Ledger) Orders() ([]ledger.OrderKey, error) {
	list, err := l.readers()
	var out []ledger.OrderKey
	for _, r := range list {
		if err := r.Orders("", func(k ledger.OrderKey) bool {
			out = append(out, k)
			return true
		}); err != nil {
			return nil, err
		}
	}
	return out, err
}

// Record is one record that a system told, once, however often it was heard.
type Record struct {
	ID     ledger.EventID
	Source ledger.Source
	// Order is whose it is in truth.
	Order ledger.OrderKey
	// By is the name under which it waited; none if it named its order itself.
	By ledger.Alias
}

// Records lists every record that was heard.
func (l *Ledger) Records() []Record {
	out := make([]Record, 0, len(l.heard))
	for _, r := range l.heard {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Record) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Found tells in which orders' timelines every record stands.
func (l *Ledger) Found() (map[ledger.EventID][]ledger.OrderKey, error) {
	keys, err := l.Orders()
	if err != nil {
		return nil, err
	}
	list, err := l.readers()
	if err != nil {
		return nil, err
	}
	out := map[ledger.EventID][]ledger.OrderKey{}
	for _, k := range keys {
		told, err := list[ledger.PartitionOf([]byte(k), partitions)].Timeline(k)
		if err != nil {
			return nil, err
		}
		for i := range told {
			if e := told[i].Event; e != nil {
				out[e.ID] = append(out[e.ID], k)
			}
		}
	}
	return out, nil
}
