package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orderledger/orderledger/services/connector/dryrun"
)

// TryRequest says what `connector test` is to read, and as whose.
type TryRequest struct {
	System, Origin, BaseURL string
	Options                 map[string]string
	Feed, Topic             string
	Headers                 map[string]string
	ReceivedAt              time.Time
	// Path is empty for standard input.
	Path  string
	Body  []byte
	Limit int
}

// Trying carries out `connector test`.
type Trying struct {
	// Flags adds the flags that say with which configuration.
	Flags func(*pflag.FlagSet)
	Run   func(context.Context, TryRequest) (*dryrun.Report, error)
}

// maxBody bounds what is read as one body; files of rows are read in place.
const maxBody = 64 << 20

func (a *app) connectorTest() *cobra.Command {
	var req TryRequest
	var headers []string
	var received, shape string
	cmd := &cobra.Command{
		Use: "test SYSTEM BODY", Short: "Show what a body would come to, and send nothing",
		Long: "Show what a body would come to, and send nothing: the event and its claims, with the canonical words, or why there would be none.\n\n" +
			"SYSTEM is a configured source, a system of the catalog, or a YAML file of yours; BODY is a file, or - for standard input: one delivery, a page of a list, or rows of a file.\n" +
			"The catalog recognises a document by its shape. Signatures are not looked at. Stamps are the source's own: the fold narrows them further.\n" +
			"Ends with 3 if a document would be quarantined, was not recognised, or holds words that no matrix row knows.",
		Args: exactly(2, "a system and a body"),
		RunE: func(cmd *cobra.Command, given []string) error {
			if a.ConnectorTest.Run == nil {
				return fmt.Errorf("%s is not part of this binary: use the full build of orderledger", cmd.CommandPath())
			}
			if _, err := a.format(); err != nil {
				return err
			}
			req.System = given[0]
			if err := req.fill(headers, received); err != nil {
				return err
			}
			if err := req.read(given[1], a.In); err != nil {
				return err
			}
			r, err := a.ConnectorTest.Run(cmd.Context(), req)
			if err != nil {
				return err
			}
			return a.tried(r, shape)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Feed, "feed", "", "feed it comes by; by default deliveries, else the first that understands it")
	f.StringVar(&req.Topic, "topic", "", "topic of the delivery")
	f.StringArrayVar(&headers, "header", nil, `header of the delivery, "Name: value"; repeatable`)
	f.StringVar(&shape, "shape", "", "document of the catalog that it must be recognised as; another is a finding")
	f.StringVar(&req.Origin, "origin", "", "without a configured source: the source whose order ids it carries")
	f.StringVar(&req.BaseURL, "base-url", "", "without a configured source: where its system answers")
	f.StringToStringVar(&req.Options, "option", nil, "without a configured source: an option of the system, name=value")
	f.StringVar(&received, "received-at", "", "instant at which it is said to come, RFC 3339; now by default")
	f.IntVar(&req.Limit, "limit", dryrun.DefaultLimit, "documents to show at most")
	if a.ConnectorTest.Flags != nil {
		a.ConnectorTest.Flags(f)
	}
	return cmd
}

// fill reads the flags that need it.
func (r *TryRequest) fill(headers []string, received string) error {
	r.ReceivedAt = time.Now()
	if received != "" {
		t, err := time.Parse(time.RFC3339, received)
		if err != nil {
			return Usage("--received-at %q: want an instant such as 2026-01-31T10:00:00Z", received)
		}
		r.ReceivedAt = t
	}
	r.Headers = map[string]string{}
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || name == "" {
			return Usage(`--header %q: want "Name: value"`, h)
		}
		r.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	if r.Limit < 1 {
		return Usage("--limit %d: want at least 1", r.Limit)
	}
	return nil
}

// read takes the body.
func (r *TryRequest) read(name string, stdin io.Reader) error {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		defer func() { _ = f.Close() }()
		r.Path, from = name, f
	}
	var err error
	if r.Body, err = io.ReadAll(io.LimitReader(from, maxBody)); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

// tried shows a report.
func (a *app) tried(r *dryrun.Report, shape string) error {
	var findings []error
	if r.Findings > 0 {
		findings = append(findings, fmt.Errorf("%d of %d documents would need a person", r.Findings, r.Total))
	}
	for i := range r.Documents {
		if d := &r.Documents[i]; shape != "" && d.Document != shape {
			findings = append(findings, fmt.Errorf("document %d is recognised as %q, not as %q", i+1, d.Document, shape))
		}
	}
	if err := a.showReport(r); err != nil {
		return err
	}
	if err := errors.Join(findings...); err != nil {
		return Findings(err)
	}
	return nil
}

func (a *app) showReport(r *dryrun.Report) error {
	if !a.drawn() {
		raw, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("write answer: %w", err)
		}
		return a.document(raw)
	}
	as := "source " + r.Source
	if r.StandIn {
		as += " (made up: none of that name is configured)"
	}
	if _, err := fmt.Fprintf(a.Out, "%s, system %s, feed %s\n", as, r.System, r.Feed); err != nil {
		return err
	}
	for i := range r.Documents {
		if err := a.drawTried(&r.Documents[i]); err != nil {
			return err
		}
	}
	if left := r.Total - len(r.Documents); left > 0 {
		_, err := fmt.Fprintf(a.Out, "\n%d more documents: --limit shows them\n", left)
		return err
	}
	return nil
}

func (a *app) drawTried(d *dryrun.Document) error {
	t := a.table()
	t.row("", "")
	t.row("outcome", a.outcome(d))
	for _, row := range [][2]string{{"document", d.Document}, {"order", d.Order}, {"event id", d.EventID}, {"kind", d.Kind}, {"object", d.Object}, {"version", d.Version}} {
		if row[1] != "" {
			t.row(row[0], row[1])
		}
	}
	if err := t.write(a.Out); err != nil {
		return err
	}
	parts := []*table{a.triedClaims(d), a.table("  ALIAS", "VALUE", "ISSUED BY"), a.table("  LINES", "OBJECT", "ID", "SKU", "QUANTITY"), a.table("  AMOUNT", "OBJECT", "ID", "MINOR UNITS", "CURRENCY"), a.table("  REDACTED", "HOW", "COUNT")}
	for _, x := range d.Aliases {
		parts[1].row("  "+x.Type, x.Value, x.Scope)
	}
	for _, x := range d.Lines {
		parts[2].row("  "+x.Kind, x.Object, x.ID, dash(x.SKU), fmt.Sprint(x.Quantity))
	}
	for _, x := range d.Amounts {
		parts[3].row("  "+x.Kind, x.Object, x.ID, fmt.Sprint(x.Minor), x.Currency)
	}
	for _, x := range d.Redacted {
		how := "removed"
		if x.Hashed {
			how = "hashed"
		}
		parts[4].row("  "+x.Path, how, fmt.Sprint(x.Count))
	}
	for _, p := range parts {
		if len(p.rows) == 0 {
			continue
		}
		if err := p.write(a.Out); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) triedClaims(d *dryrun.Document) *table {
	t := a.table("  AXIS", "OBJECT", "CLAIM", "WORD", "MEANS", "FROM", "UNTIL", "VERSION")
	for _, c := range d.Claims {
		state := c.State
		if state == "" {
			state = a.paint(red, "no row")
		}
		t.row("  "+c.Axis, c.Object, c.Mode, c.Native, state, c.Earliest, c.Latest, c.Version)
	}
	return t
}

// outcome says in a sentence what becomes of a document.
func (a *app) outcome(d *dryrun.Document) string {
	switch d.Outcome {
	case dryrun.OutcomeKeyed:
		if d.Reason != "" {
			return a.paint(yellow, "event, "+d.Detail)
		}
		return a.paint(green, "event of its order")
	case dryrun.OutcomeUnkeyed:
		return a.paint(green, fmt.Sprintf("event, waits for its order under %s:%s, issued by %s", d.By.Type, d.By.Value, d.By.Scope))
	case dryrun.OutcomeQuarantined:
		return a.paint(red, fmt.Sprintf("quarantined: %s (%s)", d.Reason, d.Detail))
	case dryrun.OutcomePointer:
		return "only says where to read: " + d.Detail
	default:
		return "foreign: counted, not kept"
	}
}
