package dryrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/connector/file"
)

// DefaultLimit is how many documents of a body are shown.
const DefaultLimit = 20

// Options say what is read, and how it is said to have come.
type Options struct {
	Source *connector.Source
	System *catalog.System
	// StandIn: the source was made up.
	StandIn bool
	Matrix  Matrix
	HashKey []byte
	// Feed is the one it comes by; empty: deliveries, else the first that
	// understands it.
	Feed string
	// Topic and Headers are those of a delivery.
	Topic   string
	Headers map[string]string
	// ReceivedAt is when it is said to have come.
	ReceivedAt ledger.Instant
	// Path is the file it was read from, empty for a stream.
	Path string
	Body []byte
	// Limit is how many documents are shown; 0 means DefaultLimit.
	Limit int
}

// Validate joins every problem.
func (o *Options) Validate() error {
	if o.Source == nil || o.System == nil {
		return errors.New("dry run: Source and System are needed")
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Feed == "" || o.System.Feed(o.Feed) != nil {
		return nil
	}
	var names []string
	for i := range o.System.Feeds {
		names = append(names, o.System.Feeds[i].Name)
	}
	return fmt.Errorf("system %s has no feed %q: it has %s", o.System.Name, o.Feed, strings.Join(names, ", "))
}

// Run maps a body as a source's connector would.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	feeds := o.feeds()
	if len(feeds) == 0 {
		return nil, fmt.Errorf("system %s has no feed", o.System.Name)
	}
	mapper, err := o.System.NewMapper(catalog.MapperOptions{Source: o.Source, HashKey: o.HashKey})
	if err != nil {
		return nil, err
	}
	var first *Report
	for _, f := range feeds {
		r := &Report{Source: o.Source.Name, System: o.System.Name, Feed: f.Name, StandIn: o.StandIn}
		if f.Files != nil {
			err = o.rows(ctx, r)
		} else {
			o.documents(r, mapper, f)
		}
		if err != nil {
			return nil, err
		}
		if r.Findings == 0 {
			return r, nil
		}
		if first == nil {
			first = r
		}
	}
	return first, nil
}

// feeds are those to try, in order.
func (o *Options) feeds() []*catalog.Feed {
	if o.Feed != "" {
		return []*catalog.Feed{o.System.Feed(o.Feed)}
	}
	if f := o.System.WebhookFeed(); f != nil {
		return []*catalog.Feed{f}
	}
	if read := append(o.System.PollFeeds(), o.System.KafkaFeeds()...); len(read) > 0 {
		return read
	}
	if f := o.System.FilesFeed(); f != nil {
		return []*catalog.Feed{f}
	}
	return nil
}

// documents maps a delivery, one document of a list, or a page of one.
func (o *Options) documents(r *Report, m *catalog.Mapper, f *catalog.Feed) {
	bodies := []json.RawMessage{o.Body}
	in := catalog.Input{Feed: f, ReceivedAt: o.ReceivedAt, Delivery: o.delivery(f)}
	if f.Poll != nil {
		in.AskedAt = o.ReceivedAt
		if list, ok := listOf(o.Body, f.Poll.Items); ok {
			bodies = list
		}
	}
	for _, b := range bodies {
		in.Raw = b
		res := m.Map(in)
		d := o.Matrix.describe(&res)
		d.Redacted = m.Redacted(b)
		o.add(r, d)
	}
}

func (o *Options) add(r *Report, d Document) {
	r.Total++
	if d.finding() {
		r.Findings++
	}
	if len(r.Documents) < o.Limit {
		r.Documents = append(r.Documents, d)
	}
}

// delivery is what the headers say about a delivery.
func (o *Options) delivery(f *catalog.Feed) ledger.Delivery {
	d := ledger.Delivery{Topic: o.Topic}
	if f.Webhook == nil {
		return d
	}
	get := func(name string) string {
		for k, v := range o.Headers {
			if strings.EqualFold(k, name) {
				return v
			}
		}
		return ""
	}
	for _, h := range f.Webhook.TopicHeaders {
		if d.Topic == "" {
			d.Topic = get(h)
		}
	}
	for _, h := range f.Webhook.IDHeaders {
		if d.ID == "" {
			d.ID = get(h)
		}
	}
	return d
}

// listOf finds the list of a page.
func listOf(body []byte, path string) ([]json.RawMessage, bool) {
	cur := json.RawMessage(body)
	for name := range strings.SplitSeq(path, ".") {
		if name == "" {
			continue
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(cur, &m) != nil || m[name] == nil {
			return nil, false
		}
		cur = m[name]
	}
	var list []json.RawMessage
	return list, json.Unmarshal(cur, &list) == nil
}

// rows reads a body as a file of rows.
func (o *Options) rows(ctx context.Context, r *Report) error {
	path := o.Path
	if path == "" {
		dir, err := os.MkdirTemp("", "orderledger-rows-")
		if err != nil {
			return fmt.Errorf("keep the body for reading: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		path = filepath.Join(dir, "stdin")
		if err := os.WriteFile(path, o.Body, 0o600); err != nil {
			return fmt.Errorf("keep the body for reading: %w", err)
		}
	}
	s := &shown{o: o, r: r}
	im, err := file.New(file.Options{
		Source: o.Source, System: o.System, Paths: []string{path}, HashKey: o.HashKey, Sink: s, Store: s,
		Clock: at(o.ReceivedAt), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Workers: 1, InFlight: 1,
	})
	if err != nil {
		return err
	}
	sum, err := im.Pass(ctx)
	for range sum.Foreign {
		o.add(r, Document{Outcome: OutcomeForeign})
	}
	return errors.Join(err, errors.Join(sum.Faults...))
}
