package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/orderledger/orderledger/ledger"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

func (a *app) orders() *cobra.Command {
	naming := "\n\nAn order is named by its key (shop~1001), by any alias (order-number:#1001), or by the bare value of one\n(1001): an order number, a payment id, an ERP number, a tracking number, an e-mail address, a telephone number (+49…)."
	cmd := group("order", "Ask about orders", a.orderGet(), a.orderList(), a.orderTimeline(), a.orderWatch(), a.orderExplain(), a.orderMerge(), a.orderSplit())
	for _, c := range cmd.Commands() {
		if strings.Contains(c.Use, "ORDER") {
			c.Long = c.Short + "." + naming
		}
	}
	return cmd
}

// asking is a command that asks a running ledger.
func (a *app) asking(use, short string, args cobra.PositionalArgs, run func(*cobra.Command, *clients, []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, given []string) error {
		if _, err := a.format(); err != nil {
			return err
		}
		conn, err := a.connect()
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		return run(cmd, &clients{
			orderledgerv1.NewOrderServiceClient(conn), orderledgerv1.NewExceptionServiceClient(conn),
			orderledgerv1.NewSourceServiceClient(conn), orderledgerv1.NewQuarantineServiceClient(conn),
		}, given)
	}}
}

type clients struct {
	orders     orderledgerv1.OrderServiceClient
	exceptions orderledgerv1.ExceptionServiceClient
	sources    orderledgerv1.SourceServiceClient
	quarantine orderledgerv1.QuarantineServiceClient
}

// find returns the order that a name means.
func (a *app) find(ctx context.Context, c *clients, name string) (*orderledgerv1.GetOrderResponse, error) {
	if _, err := ledger.ParseOrderKey(name); err == nil {
		return c.orders.GetOrder(ctx, &orderledgerv1.GetOrderRequest{Order: name})
	}
	r, err := c.orders.LookupOrder(ctx, &orderledgerv1.LookupOrderRequest{Alias: name})
	if err != nil {
		return nil, err
	}
	if r.GetOrder() != nil {
		key := r.GetOrder().GetOrderKey()
		return c.orders.GetOrder(ctx, &orderledgerv1.GetOrderRequest{Order: key})
	}
	t := a.table("ORDER", "ALIAS", "SOURCE", "CREATED")
	for _, x := range r.GetCandidates() {
		t.row(x.GetOrderKey(), x.GetAlias().GetType()+":"+x.GetAlias().GetValue(), x.GetAlias().GetSource(), when(x.GetCreated().GetLatest()))
	}
	var b strings.Builder
	if err := t.write(&b); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%q fits %d orders; name one by its key:\n%s", name, len(r.GetCandidates()), strings.TrimRight(b.String(), "\n"))
}

func (a *app) orderGet() *cobra.Command {
	return a.asking("get ORDER", "Show where an order stands in every system", exactly(1, "one order"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		defer cancel()
		r, err := a.find(ctx, c, args[0])
		if err != nil {
			return err
		}
		return a.present(r, func() error { return a.drawOrder(r.GetOrder()) })
	})
}

func (a *app) drawOrder(o *orderledgerv1.Order) error {
	head := a.table()
	head.row("order", o.GetOrderKey())
	head.row("created", when(o.GetCreated().GetLatest()))
	var names []string
	for _, al := range o.GetAliases() {
		if strings.HasPrefix(al.GetValue(), "hmac:") { // a person's, which nobody can read
			names = append(names, al.GetType()+" (kept as a hash)")
			continue
		}
		names = append(names, al.GetType()+":"+al.GetValue())
	}
	head.row("known as", dash(strings.Join(names, ", ")))
	if o.GetMergedInto() != "" {
		head.row("merged into", o.GetMergedInto()+", which speaks for it")
	} else if len(o.GetMembers()) > 0 {
		head.row("one order with", strings.Join(o.GetMembers()[1:], ", "))
	}
	head.row("at risk", money(o.GetMoneyAtRisk()))
	if err := head.write(a.Out); err != nil {
		return err
	}
	if o.GetSentence() != "" {
		if _, err := fmt.Fprintln(a.Out, "\n"+o.GetSentence()); err != nil {
			return err
		}
	}
	cells := a.table("ROLE", "SOURCE", "AXIS", "STATE", "ITS WORD", "SINCE")
	for _, x := range o.GetCells() {
		state := x.GetState()
		if x.GetCertainty() != orderledgerv1.Certainty_CERTAINTY_CERTAIN {
			state = a.paint(yellow, state)
		}
		cells.row(dash(x.GetRole()), x.GetSource(), word(x.GetAxis().String(), "AXIS_"), state, dash(strings.Join(x.GetNativeWords(), ", ")), when(x.GetSince().GetLatest()))
	}
	return a.section(cells, a.drawOpen(o.GetOpenExceptions()), a.drawLinks(o.GetLinks()))
}

// drawLinks shows each page once: several documents may share one.
func (a *app) drawLinks(list []*orderledgerv1.Link) *table {
	t := a.table("LINKS", "SOURCE", "URL")
	seen := map[string]bool{}
	for _, l := range list {
		if !seen[l.GetUrl()] {
			seen[l.GetUrl()] = true
			t.row(l.GetTitle(), l.GetSource(), l.GetUrl())
		}
	}
	return t
}

func (a *app) section(tables ...*table) error {
	for _, t := range tables {
		if t == nil || len(t.rows) == 0 {
			continue
		}
		if _, err := io.WriteString(a.Out, "\n"); err != nil {
			return err
		}
		if err := t.write(a.Out); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) drawOpen(list []*orderledgerv1.Exception) *table {
	t := a.table("EXCEPTION", "SEVERITY", "OPEN SINCE", "OWNER", "WHAT TO DO")
	for _, x := range list {
		t.row(x.GetType(), a.severity(x.GetSeverity()), when(x.GetOpenTime()), dash(x.GetOwner()), dash(x.GetRemedy()))
	}
	return t
}

// pages asks for pages until a limit, and keeps the freshness of the first.
func pages[T any](limit int, ask func(size int32, token string) (items []T, next string, err error)) ([]T, error) {
	var out []T
	token := ""
	for {
		size := int32(min(limit-len(out), 500))
		items, next, err := ask(size, token)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
		if token = next; token == "" || len(out) >= limit {
			return out, nil
		}
	}
}

// listFlags are the flags of a list.
type listFlags struct {
	filter, orderBy string
	limit           int
}

func (f *listFlags) bind(cmd *cobra.Command, example string) {
	cmd.Flags().StringVar(&f.filter, "filter", "", "AIP-160 filter, such as '"+example+"'")
	cmd.Flags().StringVar(&f.orderBy, "order-by", "", "fields, each optionally followed by desc")
	cmd.Flags().IntVar(&f.limit, "limit", 50, "most items to show")
}

func (f *listFlags) check() error {
	if f.limit < 1 {
		return Usage("--limit %d: must be at least 1", f.limit)
	}
	return nil
}

func (a *app) orderList() *cobra.Command {
	var f listFlags
	cmd := a.asking("list", "List orders", exactly(0, "no arguments"), func(cmd *cobra.Command, c *clients, _ []string) error {
		if err := f.check(); err != nil {
			return err
		}
		ctx, cancel := a.within(cmd)
		defer cancel()
		whole := &orderledgerv1.ListOrdersResponse{}
		list, err := pages(f.limit, func(size int32, token string) ([]*orderledgerv1.Order, string, error) {
			r, err := c.orders.ListOrders(ctx, &orderledgerv1.ListOrdersRequest{Filter: f.filter, OrderBy: f.orderBy, PageSize: size, PageToken: token})
			whole.Freshness, whole.NextPageToken = r.GetFreshness(), r.GetNextPageToken()
			return r.GetOrders(), r.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		if whole.Orders = list; !a.drawn() {
			return a.list(whole, messages(list))
		}
		t := a.table("ORDER", "CREATED", "STATES", "TROUBLE", "AT RISK")
		for _, o := range list {
			t.row(o.GetOrderKey(), when(o.GetCreated().GetLatest()), states(o), a.trouble(o), money(o.GetMoneyAtRisk()))
		}
		if err := t.write(a.Out); err != nil {
			return err
		}
		a.asOf(whole.GetFreshness())
		return nil
	})
	f.bind(cmd, `erp.order = "ABSENT" AND severity = CRITICAL`)
	return cmd
}

func messages[T proto.Message](list []T) []proto.Message {
	out := make([]proto.Message, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// states is an order's cells in one line.
func states(o *orderledgerv1.Order) string {
	var out []string
	for _, x := range o.GetCells() {
		if x.GetState() != "ABSENT" {
			out = append(out, fmt.Sprintf("%s.%s=%s", dash(x.GetRole()), word(x.GetAxis().String(), "AXIS_"), x.GetState()))
		}
	}
	return dash(strings.Join(out, " "))
}

func (a *app) trouble(o *orderledgerv1.Order) string {
	var out []string
	for _, x := range o.GetOpenExceptions() {
		colour := yellow
		if x.GetSeverity() == orderledgerv1.Severity_SEVERITY_CRITICAL {
			colour = red
		}
		out = append(out, a.paint(colour, x.GetType()))
	}
	return dash(strings.Join(out, ","))
}

func (a *app) orderWatch() *cobra.Command {
	return a.asking("watch ORDER", "Follow an order as it changes", exactly(1, "one order"), func(cmd *cobra.Command, c *clients, args []string) error {
		ctx, cancel := a.within(cmd)
		o, err := a.find(ctx, c, args[0])
		cancel()
		if err != nil {
			return err
		}
		token := ""
		return again(cmd.Context(), func(ctx context.Context) error {
			st, err := c.orders.WatchOrder(ctx, &orderledgerv1.WatchOrderRequest{Order: o.GetOrder().GetOrderKey(), ResumeToken: token})
			if err != nil {
				return err
			}
			for {
				m, err := st.Recv()
				if err != nil {
					return err
				}
				token = m.GetResumeToken()
				if err := a.drawOrderEvent(m); err != nil {
					return err
				}
			}
		})
	})
}

func (a *app) drawOrderEvent(m *orderledgerv1.WatchOrderResponse) error {
	switch {
	case !a.drawn():
		if m.GetHeartbeat() != nil {
			return nil
		}
		raw := a.output
		a.output = "ndjson"
		defer func() { a.output = raw }()
		return a.message(m)
	case m.GetSnapshot() != nil:
		return a.drawOrder(m.GetSnapshot())
	}
	for _, e := range m.GetChange().GetEntries() {
		if _, err := fmt.Fprintln(a.Out, when(entryTime(e))+"  "+lane(e)+"  "+a.what(e)); err != nil {
			return err
		}
	}
	return nil
}

// again repeats a stream that the server ended, until the context does.
func again(ctx context.Context, stream func(context.Context) error) error {
	wait := time.Second
	for {
		began := time.Now()
		err := stream(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a person ended it
		}
		if code := status.Code(err); !errors.Is(err, io.EOF) && code != codes.Unavailable || time.Since(began) < time.Second && wait > 8*time.Second {
			return err
		}
		if wait *= 2; time.Since(began) > time.Minute {
			wait = time.Second
		}
		t := time.NewTimer(min(wait, 10*time.Second))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}
