package api

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/engine"
)

// orders implements OrderService.
type orders struct {
	orderledgerv1.UnimplementedOrderServiceServer
	s *Server
}

// orderKey checks the key of a request.
func orderKey(text string) (ledger.OrderKey, error) {
	k, err := ledger.ParseOrderKey(text)
	if err != nil {
		e := fail(InvalidOrderKey, "order: "+err.Error()+"; look it up by its number with /v1/orders:lookup?alias=", "order", text)
		e.Field = "order"
		return "", e
	}
	return k, nil
}

func orderNotFound(k ledger.OrderKey) error {
	return fail(OrderNotFound, "no order has the key "+string(k), "order", string(k))
}

// order reads one order and the freshness of its partition.
func (s *Server) order(k ledger.OrderKey) (*known, *orderledgerv1.Freshness, error) {
	var o *known
	var fresh *orderledgerv1.Freshness
	err := s.opt.Ledger.Read(s.opt.Ledger.PartitionOf(k), func(r *ledger.Reader, f engine.Freshness) (err error) {
		fresh = s.freshness(f)
		o, err = load(r, k, s.opt.Links)
		return err
	})
	if err == nil && o == nil {
		err = orderNotFound(k)
	}
	return o, fresh, err
}

// GetOrder implements OrderServiceServer.
func (a *orders) GetOrder(_ context.Context, req *orderledgerv1.GetOrderRequest) (*orderledgerv1.GetOrderResponse, error) {
	k, err := orderKey(req.GetOrder())
	if err != nil {
		return nil, err
	}
	o, fresh, err := a.s.order(k)
	if err != nil {
		return nil, err
	}
	return &orderledgerv1.GetOrderResponse{Order: o.message(req.GetView()), Freshness: []*orderledgerv1.Freshness{fresh}}, nil
}

// Page sizes of the contract.
const (
	ordersStandard, ordersMost           = 50, 500
	exceptionsStandard, exceptionsMost   = 50, 500
	quarantineStandard, quarantineMost   = 50, 500
	sourcesStandard, sourcesMost         = 100, 500
	timelineStandard, timelineMost       = 200, 1000
	candidatesMost                       = 50
	maxComment, maxActor, maxLookupBytes = 2000, 200, 500
)

// orderFields are the filterable fields of ListOrders.
func orderFields() fields {
	fs := fields{
		"order_key": {}, "origin_source": {}, "create_time": {kind: timeField}, "update_time": {kind: timeField},
		"exception": {}, "severity": {kind: rankField, words: []string{"INFO", "WARNING", "CRITICAL"}}, "alias": {},
	}
	for r := ledger.Role(1); int(r) <= ledger.Roles; r++ {
		for x := ledger.Axis(1); x <= ledger.Axes; x++ {
			f := field{}
			for _, st := range x.States() {
				f.words = append(f.words, x.StateName(st))
			}
			fs[r.String()+"."+x.String()] = f
		}
	}
	return fs
}

// ListOrders implements OrderServiceServer. Ordered by order_key it stops
// reading where the page ends; any other order looks at every order, keeps the
// keys of one page, and reads those in full.
func (a *orders) ListOrders(ctx context.Context, req *orderledgerv1.ListOrdersRequest) (*orderledgerv1.ListOrdersResponse, error) {
	size, err := pageSize(req.GetPageSize(), ordersStandard, ordersMost)
	if err != nil {
		return nil, err
	}
	f, err := orderFields().parse(req.GetFilter())
	if err != nil {
		return nil, err
	}
	by, err := sortOf(req.GetOrderBy(), "update_time desc", "create_time", "update_time", "order_key")
	if err != nil {
		return nil, err
	}
	bound := requestHash("orders", req.GetFilter(), req.GetOrderBy(), strconv.Itoa(int(req.GetView())))
	after, err := a.s.pages.open(req.GetPageToken(), bound)
	if err != nil {
		return nil, err
	}
	view := req.GetView()
	if view == orderledgerv1.OrderView_ORDER_VIEW_UNSPECIFIED {
		view = orderledgerv1.OrderView_ORDER_VIEW_BASIC
	}
	l := newOrderList(ctx, f, by, top[ledger.OrderKey]{s: by, after: after, size: size})
	fresh, err := a.s.each(ctx, l.read)
	if err != nil {
		return nil, err
	}
	found, token := l.page.page(a.s.pages, bound)
	out := &orderledgerv1.ListOrdersResponse{NextPageToken: token, Freshness: fresh}
	for _, k := range found {
		o, _, err := a.s.order(k)
		if err != nil {
			return nil, err
		}
		out.Orders = append(out.Orders, o.message(view))
	}
	return out, nil
}

func (o *known) sortKey(by *sorting) []string {
	var out []string
	for _, f := range by.fields {
		switch f.Path {
		case "create_time":
			out = append(out, sortable(int64(o.first())))
		case "update_time":
			out = append(out, sortable(int64(o.last())))
		default:
			out = append(out, string(o.key))
		}
	}
	return out
}

// item gives an order's filterable fields.
func (o *known) item(name string) any {
	switch name {
	case "order_key":
		return string(o.key)
	case "origin_source":
		return string(o.key.Origin())
	case "create_time":
		return o.first().Time()
	case "update_time":
		return o.last().Time()
	case "exception":
		out := []string{}
		for _, x := range o.exceptions {
			out = append(out, x.Name)
		}
		return out
	case "severity":
		worst := ledger.Severity(0)
		for _, x := range o.exceptions {
			worst = max(worst, x.Severity)
		}
		return strings.ToUpper(worst.String())
	case "alias":
		out := []string{}
		for _, al := range o.view.Aliases {
			out = append(out, al.Value, al.String())
		}
		return out
	default:
		role, axis, _ := strings.Cut(name, ".")
		for _, c := range o.view.Summary.Cells {
			if c.Axis.String() == axis && o.roleOf(c.Source) == role {
				return c.Axis.StateName(c.State)
			}
		}
		return "ABSENT"
	}
}

// LookupOrder implements OrderServiceServer.
func (a *orders) LookupOrder(ctx context.Context, req *orderledgerv1.LookupOrderRequest) (*orderledgerv1.LookupOrderResponse, error) {
	name := strings.TrimSpace(req.GetAlias())
	if name == "" || len(name) > maxLookupBytes {
		return nil, invalid("alias", "give one as type:value or as a bare value, at most %d bytes", maxLookupBytes)
	}
	l := &lookup{scope: ledger.Source(req.GetSource()), found: map[ledger.OrderKey]*orderledgerv1.LookupCandidate{}}
	var fresh []*orderledgerv1.Freshness
	shown, ways, err := a.s.spelled(name)
	if err != nil {
		return nil, err
	}
	for _, l.value = range ways {
		if fresh, err = a.s.each(ctx, l.read); err != nil {
			return nil, err
		}
		if len(l.found) > 0 {
			break
		}
	}
	l.rootsOnly(a.s)
	out := &orderledgerv1.LookupOrderResponse{Freshness: fresh}
	switch n := len(l.found); {
	case n == 0:
		return nil, fail(OrderNotFound, "no order is known as "+shown, "alias", shown)
	case n > candidatesMost:
		return nil, fail(AliasAmbiguous, "more than "+strconv.Itoa(candidatesMost)+" orders are known as "+shown+": name its type (type:value) or its source",
			"alias", shown, "count", strconv.Itoa(n))
	case n > 1:
		for _, c := range l.found {
			out.Candidates = append(out.Candidates, c)
		}
		slices.SortFunc(out.Candidates, func(x, y *orderledgerv1.LookupCandidate) int { return strings.Compare(x.OrderKey, y.OrderKey) })
		return out, nil
	}
	for k := range l.found {
		o, f, err := a.s.order(k)
		if err != nil {
			return nil, err
		}
		out.Order, out.Freshness[f.Partition] = o.message(orderledgerv1.OrderView_ORDER_VIEW_FULL), f
	}
	return out, nil
}

// spellings are the ways to read a name: as given, and with or without the
// number sign that people write before order numbers.
func spellings(name string) []string {
	if bare, ok := strings.CutPrefix(name, "#"); ok {
		return []string{name, bare}
	}
	if strings.Contains(name, ":") || strings.Contains(name, "~") {
		return []string{name}
	}
	return []string{name, "#" + name}
}

// lookup collects the orders that a name fits.
type lookup struct {
	scope ledger.Source
	value string
	found map[ledger.OrderKey]*orderledgerv1.LookupCandidate
}

// rootsOnly has the root stand for the orders that are merged with it.
func (l *lookup) rootsOnly(s *Server) {
	for k, c := range l.found {
		root := s.root(k)
		if root == k {
			continue
		}
		delete(l.found, k)
		if l.found[root] == nil {
			l.found[root] = &orderledgerv1.LookupCandidate{OrderKey: string(root), Name: "orders/" + string(root), Alias: c.GetAlias(), Created: c.GetCreated()}
		}
	}
}

func (l *lookup) read(r *ledger.Reader, _ engine.Freshness) error {
	ways := []ledger.Alias{{Scope: l.scope, Value: l.value}}
	if kind, value, ok := strings.Cut(l.value, ":"); ok && kind != "" {
		ways = append(ways, ledger.Alias{Scope: l.scope, Type: kind, Value: value})
	}
	for _, way := range ways {
		keys, err := r.FindAlias(way, candidatesMost+1)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := l.add(r, k, way); err != nil {
				return err
			}
		}
	}
	return l.native(r)
}

// native tries the value as a key, and as the origins' own identifier.
func (l *lookup) native(r *ledger.Reader) error {
	if k, err := ledger.ParseOrderKey(l.value); err == nil {
		return l.add(r, k, ledger.Alias{})
	}
	if r.Policy() == nil {
		return nil
	}
	for i := range r.Policy().Sources {
		s := &r.Policy().Sources[i]
		if !s.Origin || l.scope != "" && l.scope != s.Name {
			continue
		}
		if k, err := ledger.NewOrderKey(s.Name, l.value); err == nil {
			if err := l.add(r, k, ledger.Alias{Scope: s.Name, Type: "id", Value: l.value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// add keeps an order of this partition with the alias that fitted.
func (l *lookup) add(r *ledger.Reader, k ledger.OrderKey, way ledger.Alias) error {
	if l.found[k] != nil {
		return nil
	}
	v, ok, err := r.Order(k)
	if err != nil || !ok {
		return err
	}
	for _, al := range v.Aliases {
		if al.Value == way.Value && (way.Type == "" || way.Type == al.Type) && (l.scope == "" || l.scope == al.Scope) {
			way = al
			break
		}
	}
	l.found[k] = &orderledgerv1.LookupCandidate{
		OrderKey: string(k), Name: "orders/" + string(k), Alias: aliasOf(way),
		Created: interval(ledger.Within{Earliest: v.Summary.Created, Latest: v.Summary.Created}),
	}
	return nil
}
