package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/poll"
)

// maxPages bounds the pages of one place: a batch is a few of them.
const maxPages = 200

// errAnswer says that an answer is no list as the catalog describes it.
var errAnswer = errors.New("the answer holds no list where the catalog says it is")

// Step reads the next place. It reports whether nothing waits. After an error
// the place waits behind the others.
func (f *Fetcher) Step(ctx context.Context) (done bool, err error) {
	t, err := f.begin(ctx)
	if err != nil || t == nil {
		return t == nil && err == nil, err
	}
	began := f.opts.Clock.Now()
	err = f.read(ctx, t)
	f.count(err, ledger.At(f.opts.Clock.Now()).Sub(ledger.At(began)))
	return false, f.end(ctx, t, err)
}

// begin marks the first task as being read.
func (f *Fetcher) begin(ctx context.Context) (*task, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(ctx); err != nil || len(f.list.Tasks) == 0 {
		return nil, err
	}
	f.list.Tasks[0].begun = true
	t := f.list.Tasks[0]
	return &t, nil
}

// end takes a task off the list, or puts it behind the others. What the source
// refuses again and again is set aside, so that a person sees it.
func (f *Fetcher) end(ctx context.Context, t *task, err error) error {
	var fault *poll.Fault
	refused := errors.As(err, &fault) && (fault.Outcome == connector.OutcomeRefused || fault.Outcome == connector.OutcomeBroken)
	tries := 0
	if refused {
		tries = 1
	}
	behind := func() todo { return f.list.behind(tries) }
	if errors.Is(err, catalog.ErrElsewhere) || refused && t.Tries+1 >= f.opts.Tries {
		if aside := f.setAside(ctx, t, err); aside != nil {
			return errors.Join(err, f.keep(ctx, behind), aside)
		}
		err = nil
	}
	if err != nil {
		return errors.Join(err, f.keep(ctx, behind))
	}
	return f.keep(ctx, func() todo { return f.list.without() })
}

// keep makes a change of the list durable. Where that fails the task stays as it
// was: it is read again, which takes no effect (S-5).
func (f *Fetcher) keep(ctx context.Context, change func() todo) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.save(ctx, change(), f.status.LastHeard); err != nil {
		for i := range f.list.Tasks {
			f.list.Tasks[i].begun = false
		}
		return err
	}
	return nil
}

func (f *Fetcher) setAside(ctx context.Context, t *task, cause error) error {
	raw, err := json.Marshal(map[string]string{"url": t.URL})
	if err != nil {
		return fmt.Errorf("describe what was not read: %w", err)
	}
	res := f.mapper.Decline(catalog.Input{Feed: f.feed, Raw: raw, ReceivedAt: t.ReceivedAt, TraceID: t.TraceID}, ReasonUnreadable, cause.Error())
	if err := f.opts.Sink.Append(ctx, res.Outgoing()); err != nil {
		return fmt.Errorf("set aside what %s did not let us read: %w", f.opts.Source.Name, err)
	}
	f.opts.Observer.Observe(connector.Observation{Source: ledger.Source(f.opts.Source.Name), Feed: f.feed.Name, Outcome: connector.OutcomeQuarantined, Count: 1})
	return nil
}

// read asks for every page of a place and appends what each shows.
func (f *Fetcher) read(ctx context.Context, t *task) error {
	u, list, err := f.feed.Within(f.opts.Source.BaseURL, t.URL)
	if err != nil {
		return err
	}
	if err := f.opts.Sink.Healthy(); err != nil {
		return fmt.Errorf("reading for %s waits for the log: %w", f.opts.Source.Name, err)
	}
	for page := int64(1); ; page++ {
		if err := f.opts.Budget.Take(ctx); err != nil {
			return err
		}
		req, err := f.question(ctx, *u, list, page)
		if err != nil {
			return err
		}
		ans, err := f.caller.Call(ctx, req)
		if err != nil {
			return err
		}
		items, pages, err := f.answer(ans.Body, list)
		if err != nil {
			return &poll.Fault{Outcome: connector.OutcomeBroken, Status: http.StatusOK, Err: err}
		}
		if err := f.emit(ctx, t, items, ans); err != nil {
			return err
		}
		if page >= pages {
			return nil
		}
	}
}

func (f *Fetcher) question(ctx context.Context, u url.URL, list catalog.FetchList, page int64) (*http.Request, error) {
	way := f.feed.Webhook.Fetch
	q := u.Query()
	for name, value := range list.Query {
		q.Set(name, value)
	}
	q.Set(way.Page, strconv.FormatInt(page, 10))
	q.Set(way.PageSize, strconv.FormatInt(way.Limit, 10))
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// answer finds the items of a page and how many pages there are.
func (f *Fetcher) answer(body []byte, list catalog.FetchList) (items []json.RawMessage, pages int64, err error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil || top[list.Items] == nil {
		return nil, 0, errAnswer
	}
	if err := json.Unmarshal(top[list.Items], &items); err != nil {
		return nil, 0, errAnswer
	}
	pages, err = strconv.ParseInt(strings.Trim(string(bytes.TrimSpace(top[f.feed.Webhook.Fetch.Pages])), `"`), 10, 64)
	if err != nil || pages < 0 || pages > maxPages {
		return nil, 0, errAnswer
	}
	return items, pages, nil
}

func (f *Fetcher) emit(ctx context.Context, t *task, items []json.RawMessage, ans *poll.Answer) error {
	var out connector.Outgoing
	counts := map[connector.Outcome]int{}
	for _, item := range items {
		res := f.mapper.Map(catalog.Input{Feed: f.feed, Raw: item, ReceivedAt: ans.Received, AskedAt: ans.Asked, TraceID: t.TraceID})
		out.Join(res.Outgoing())
		counts[res.Outcome()]++
	}
	if !out.Empty() {
		if err := f.opts.Sink.Append(ctx, out); err != nil {
			return fmt.Errorf("append what %s showed: %w", f.opts.Source.Name, err)
		}
	}
	for _, o := range []connector.Outcome{connector.OutcomeAccepted, connector.OutcomeForeign, connector.OutcomeQuarantined} {
		if counts[o] > 0 {
			f.opts.Observer.Observe(connector.Observation{Source: ledger.Source(f.opts.Source.Name), Feed: f.feed.Name, Outcome: o, Count: counts[o]})
		}
	}
	return nil
}

func (f *Fetcher) count(err error, took ledger.Micros) {
	outcome := connector.OutcomeAccepted
	var fault *poll.Fault
	switch {
	case errors.As(err, &fault):
		outcome = fault.Outcome
	case err != nil:
		outcome = connector.OutcomeUnavailable
	}
	f.opts.Observer.Observe(connector.Observation{
		Source: ledger.Source(f.opts.Source.Name), Feed: f.feed.Name, Outcome: outcome, Count: 1, Took: took.Duration(), Err: err,
	})
}
