package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/projections/timeline"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// format checks --output.
func (a *app) format() (string, error) {
	switch a.output {
	case "table", "wide", "json", "yaml", "ndjson":
		return a.output, nil
	default:
		return "", Usage("--output %q: want table, wide, json, yaml or ndjson", a.output)
	}
}

// drawn reports whether the answer is a table.
func (a *app) drawn() bool { return a.output == "table" || a.output == "wide" }

// message writes a message of the API in the chosen format. Its JSON is the
// API's own; ndjson writes one line.
func (a *app) message(m proto.Message) error {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return a.document(raw)
}

// answer is what the API says, with how fresh it is.
type answer interface {
	proto.Message
	GetFreshness() []*orderledgerv1.Freshness
}

// present writes an answer in the chosen format, or draws it for people.
func (a *app) present(r answer, draw func() error) error {
	if !a.drawn() {
		return a.message(r)
	}
	if err := draw(); err != nil {
		return err
	}
	a.asOf(r.GetFreshness())
	return nil
}

// document writes a JSON document in the chosen format.
func (a *app) document(raw []byte) error {
	var out bytes.Buffer
	var err error
	switch a.output {
	case "yaml":
		var node yaml.Node
		if err = yaml.Unmarshal(raw, &node); err == nil {
			plain(&node)
			enc := yaml.NewEncoder(&out)
			enc.SetIndent(2)
			err = enc.Encode(&node)
		}
	case "ndjson":
		err = json.Compact(&out, raw)
		out.WriteByte('\n')
	default:
		err = json.Indent(&out, raw, "", "  ")
		out.WriteByte('\n')
	}
	if err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	_, err = a.Out.Write(out.Bytes())
	return err
}

// plain lets the YAML writer choose its own style instead of JSON's. Quoted
// scalars stay quoted where they would read as something else.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

// list writes the messages of a list: one document for json and yaml, a line
// each for ndjson.
func (a *app) list(whole proto.Message, each []proto.Message) error {
	if a.output != "ndjson" {
		return a.message(whole)
	}
	for _, m := range each {
		if err := a.message(m); err != nil {
			return err
		}
	}
	return nil
}

// table draws columns, without borders, two spaces apart. Cells may be coloured:
// the width of a cell is what a person sees of it.
type table struct {
	a      *app
	header []string
	rows   [][]string
}

func (a *app) table(header ...string) *table { return &table{a: a, header: header} }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	rows := t.rows
	if !t.a.noHeaders && len(t.header) > 0 {
		rows = append([][]string{t.header}, rows...)
	}
	var width []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], seen(c))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, c := range r {
			line.WriteString(c)
			if i < len(r)-1 {
				line.WriteString(strings.Repeat(" ", width[i]-seen(c)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seen is how wide a cell looks: its runes without colour sequences.
func seen(s string) int {
	n, escape := 0, false
	for _, r := range s {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}

// The colours of tables.
const (
	red, yellow, green, dim = "31", "33", "32", "2"
)

// paint colours text on a terminal.
func (a *app) paint(colour, text string) string {
	if !a.Terminal || text == "" {
		return text
	}
	if a.LookupEnv != nil {
		if v, ok := a.LookupEnv("NO_COLOR"); ok && v != "" {
			return text
		}
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (a *app) severity(s orderledgerv1.Severity) string {
	name := strings.ToLower(strings.TrimPrefix(s.String(), "SEVERITY_"))
	switch s {
	case orderledgerv1.Severity_SEVERITY_CRITICAL:
		return a.paint(red, name)
	case orderledgerv1.Severity_SEVERITY_WARNING:
		return a.paint(yellow, name)
	default:
		return name
	}
}

// word is the last part of an enum's name, in lower case.
func word(full, prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(full, prefix), "_", "-"))
}

// when writes an instant, in UTC, to the second.
func when(t *timestamppb.Timestamp) string {
	if t == nil {
		return "-"
	}
	return t.AsTime().UTC().Format("2006-01-02 15:04:05")
}

func money(list []*orderledgerv1.Money) string {
	var out []string
	for _, m := range list {
		out = append(out, timeline.Money(ledger.Money{Minor: m.GetMinorUnits(), Currency: m.GetCurrency()}))
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, " + ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// asOf says on Err how fresh an answer is, and whether more is waiting.
func (a *app) asOf(list []*orderledgerv1.Freshness) {
	if !a.drawn() || a.noHeaders || len(list) == 0 {
		return
	}
	oldest, behind := list[0].GetClock(), int64(0)
	for _, f := range list {
		behind += f.GetLogEndOffset() - f.GetAppliedOffset() - 1
		if f.GetTopic() != list[0].GetTopic() { // only the first topic carries ticks
			continue
		}
		if c := f.GetClock(); c == nil || oldest != nil && c.AsTime().Before(oldest.AsTime()) {
			oldest = c
		}
	}
	text := "as of " + when(oldest) + " UTC"
	if oldest == nil {
		text = "no clock yet: nothing was judged"
	}
	if behind > 0 {
		text += fmt.Sprintf("; %d records are not folded yet", behind)
	}
	_, _ = fmt.Fprintln(a.Err, a.paint(dim, text))
}

// ago writes how long something has lasted, coarsely.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
