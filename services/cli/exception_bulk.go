package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// bulkMost is how many exceptions one command may act on.
const bulkMost = 1000

// outcome is what became of an action on one of many exceptions.
type outcome struct {
	ID string `json:"id"`
	// About is the order's key, or the subject in words.
	About string `json:"about"`
	// Result is the API's; Error why there is none.
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`

	short  string // in one word
	failed bool
}

// actOnAll acts on every exception that the filter selects, one after another,
// each in the episode that was listed. Without --yes it shows them and stops.
func (a *app) actOnAll(cmd *cobra.Command, c *clients, x *acting) error {
	switch {
	case x.limit < 1 || x.limit > bulkMost:
		return Usage("--limit %d: want 1 to %d", x.limit, bulkMost)
	case x.request != "" || x.episode != 0:
		return Usage("--request-id and --episode are for one exception: leave them out with --filter")
	}
	list, err := a.selected(cmd, c, x)
	if err != nil {
		return err
	}
	if !x.yes {
		t := a.exceptionTable()
		for _, one := range list {
			a.exceptionRow(t, one)
		}
		if err := t.write(a.Err); err != nil {
			return err
		}
		return Usage("%d exceptions fit and nothing was done: add --yes to act on them", len(list))
	}
	var all []outcome
	failed := 0
	for _, one := range list {
		o, err := a.actOnListed(cmd, c, x, one)
		if err != nil {
			return err
		}
		if all = append(all, o); o.failed {
			failed++
		}
	}
	if err := a.outcomes(all); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d actions did not take effect", failed, len(all))
	}
	return nil
}

// selected lists what the filter selects, and refuses more than the limit.
func (a *app) selected(cmd *cobra.Command, c *clients, x *acting) ([]*orderledgerv1.Exception, error) {
	ctx, cancel := a.within(cmd)
	defer cancel()
	list, err := pages(x.limit+1, func(size int32, token string) ([]*orderledgerv1.Exception, string, error) {
		r, err := c.exceptions.ListExceptions(ctx, &orderledgerv1.ListExceptionsRequest{Filter: x.filter, PageSize: size, PageToken: token})
		return r.GetExceptions(), r.GetNextPageToken(), err
	})
	if err != nil {
		return nil, err
	}
	if len(list) > x.limit {
		return nil, Usage("more than %d exceptions fit and nothing was done: narrow the filter, or raise --limit", x.limit)
	}
	return list, nil
}

// actOnListed acts on one of many; only the person's interruption ends the rest.
func (a *app) actOnListed(cmd *cobra.Command, c *clients, x *acting, one *orderledgerv1.Exception) (outcome, error) {
	ctx, cancel := a.within(cmd)
	defer cancel()
	out := outcome{ID: one.GetId(), About: strings.TrimPrefix(subject(one.GetSubject()), "order ")}
	t := target{one.GetId(), one.GetEpisode(), uuid.NewString()}
	r, err := patient(ctx, func() (acted, error) {
		return x.send(ctx, c, t)
	})
	if cmd.Context().Err() != nil {
		return out, errors.Join(errors.New("interrupted: list the exceptions to see what was done"), cmd.Context().Err())
	}
	if err != nil {
		out.Error, out.short, out.failed = explain(err), "failed", true
		return out, nil
	}
	if out.Result, err = protojson.Marshal(r.GetResult()); err != nil {
		return out, fmt.Errorf("write answer: %w", err)
	}
	out.failed = r.GetResult().GetOutcome() != orderledgerv1.Outcome_OUTCOME_ACCEPTED
	out.short = word(r.GetResult().GetOutcome().String(), "OUTCOME_")
	if out.failed {
		out.Error = r.GetResult().GetDetail() + " [" + r.GetResult().GetRefusalReason().String() + "]"
	}
	return out, nil
}

// patient repeats what was refused because too much was asked in a second.
func patient(ctx context.Context, ask func() (acted, error)) (acted, error) {
	for {
		r, err := ask()
		if status.Code(err) != codes.ResourceExhausted {
			return r, err
		}
		wait := time.Second
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				wait = max(info.GetRetryDelay().AsDuration(), time.Millisecond)
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, err
		case <-t.C:
		}
	}
}

// outcomes writes what became of each.
func (a *app) outcomes(all []outcome) error {
	if a.drawn() {
		t := a.table("ID", "ABOUT", "OUTCOME", "DETAIL")
		for _, o := range all {
			t.row(o.ID[:min(12, len(o.ID))], o.About, o.short, dash(o.Error))
		}
		return t.write(a.Out)
	}
	if a.output != "ndjson" {
		raw, err := json.Marshal(map[string]any{"outcomes": all})
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	for i := range all {
		raw, err := json.Marshal(&all[i])
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		if err := a.document(bytes.TrimSpace(raw)); err != nil {
			return err
		}
	}
	return nil
}
