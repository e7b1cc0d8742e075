package dryrun

import (
	"fmt"
	"slices"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// Report is what a body comes to. Its JSON is what `connector test -o json`
// prints.
type Report struct {
	Source string `json:"source"`
	System string `json:"system"`
	Feed   string `json:"feed"`
	// StandIn: no source of that name is configured, one was made up.
	StandIn bool `json:"stand_in"`
	// Documents are those shown; Total is how many the body holds.
	Documents []Document `json:"documents"`
	Total     int        `json:"total"`
	Findings  int        `json:"findings"`
}

// The outcomes of a document.
const (
	OutcomeKeyed       = "keyed"       // an event of an order
	OutcomeUnkeyed     = "unkeyed"     // waits under an alias for the order it belongs to
	OutcomeQuarantined = "quarantined" // set aside with its bytes
	OutcomeForeign     = "foreign"     // counted, not kept
	OutcomePointer     = "pointer"     // only says where to read
)

// Document is what one document comes to.
type Document struct {
	// Document is the name of the catalog's document that it has the shape of.
	Document string `json:"document,omitempty"`
	Outcome  string `json:"outcome"`
	// Reason and Detail say why it is quarantined, or where it points.
	Reason   string             `json:"reason,omitempty"`
	Detail   string             `json:"detail,omitempty"`
	Order    string             `json:"order,omitempty"`
	By       *Alias             `json:"by,omitempty"`
	EventID  string             `json:"event_id,omitempty"`
	Kind     string             `json:"kind,omitempty"`
	Object   string             `json:"object,omitempty"`
	Version  string             `json:"version,omitempty"`
	Claims   []Claim            `json:"claims,omitempty"`
	Aliases  []Alias            `json:"aliases,omitempty"`
	Lines    []Line             `json:"lines,omitempty"`
	Amounts  []Amount           `json:"amounts,omitempty"`
	Redacted []catalog.Redacted `json:"redacted,omitempty"`
	// Unmapped are the words that no row of the matrix knows, as "axis word".
	Unmapped []string `json:"unmapped,omitempty"`
}

// Claim is one thing that the document says. Earliest and Latest are the
// source's own stamp and the end of its precision; the fold narrows both.
type Claim struct {
	Axis   string `json:"axis"`
	Object string `json:"object"`
	Mode   string `json:"mode"`
	Native string `json:"native"`
	// State is the canonical word; empty where the matrix has none.
	State    string `json:"state,omitempty"`
	Earliest string `json:"earliest"`
	Latest   string `json:"latest"`
	Version  string `json:"version"`
}

// Alias is another name of the order.
type Alias struct {
	Scope string `json:"scope"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Line is a quantity of a SKU.
type Line struct {
	Kind     string `json:"kind"`
	Object   string `json:"object"`
	ID       string `json:"id"`
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
	Complete bool   `json:"complete"`
}

// Amount is money in minor units.
type Amount struct {
	Kind     string `json:"kind"`
	Object   string `json:"object"`
	ID       string `json:"id"`
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
	Complete bool   `json:"complete"`
}

// finding reports whether a person should look: nothing was understood, or a
// word has no row.
func (d *Document) finding() bool {
	return d.Outcome == OutcomeQuarantined || len(d.Unmapped) > 0 || d.Kind == ledger.KindUnknown.String()
}

// Matrix gives the canonical state of a system's word.
type Matrix map[Word]ledger.State

// Word is one word of a system on an axis.
type Word struct {
	Axis   ledger.Axis
	Native string
}

// MatrixOf takes the rows of a system out of a policy.
func MatrixOf(rows []ledger.MatrixRow, system string) Matrix {
	m := Matrix{}
	for _, r := range rows {
		if r.System == system {
			m[Word{r.Axis, r.Native}] = r.State
		}
	}
	return m
}

func (m Matrix) describe(res *catalog.Result) Document {
	d := Document{Document: res.Document}
	switch {
	case res.Event != nil:
		d.Outcome, d.Order = OutcomeKeyed, string(res.Event.Order)
		m.event(&d, res.Event)
	case res.Unkeyed != nil:
		by := aliasOf(res.Unkeyed.By)
		d.Outcome, d.By = OutcomeUnkeyed, &by
		m.event(&d, &res.Unkeyed.Event)
	case res.Quarantined != nil:
		d.Outcome, d.Reason, d.Detail = OutcomeQuarantined, res.Quarantined.Reason, res.Quarantined.Detail
	case res.Trigger != nil:
		d.Outcome, d.Detail = OutcomePointer, res.Trigger.URL
	default:
		d.Outcome = OutcomeForeign
	}
	return d
}

func (m Matrix) event(d *Document, e *ledger.Event) {
	d.EventID, d.Kind, d.Object, d.Version = e.ID.String(), e.Kind.String(), objectText(e.Object), versionText(e.Version)
	if e.Kind == ledger.KindUnknown {
		d.Reason, d.Detail = catalog.ReasonUnrecognised, "no document of the catalog has this shape; it is kept under its order and claims nothing"
	}
	for _, c := range e.Claims {
		state, known := m[Word{c.Axis, c.Native}]
		out := Claim{
			Axis: c.Axis.String(), Object: objectText(c.Object), Mode: modeText(c.Mode), Native: c.Native,
			Earliest: c.Earliest.String(), Latest: c.Latest.String(), Version: versionText(c.Version),
		}
		if known {
			out.State = c.Axis.StateName(state)
		} else if word := c.Axis.String() + " " + c.Native; !slices.Contains(d.Unmapped, word) {
			d.Unmapped = append(d.Unmapped, word)
		}
		d.Claims = append(d.Claims, out)
	}
	for _, a := range e.Aliases {
		d.Aliases = append(d.Aliases, aliasOf(a))
	}
	for _, set := range e.Lines {
		for _, l := range set.Lines {
			d.Lines = append(d.Lines, Line{set.Kind.String(), objectText(set.Object), l.ID, l.SKU, l.Quantity, set.Complete})
		}
	}
	for _, set := range e.Amounts {
		for _, a := range set.Amounts {
			d.Amounts = append(d.Amounts, Amount{set.Kind.String(), objectText(set.Object), a.ID, a.Minor, a.Currency, set.Complete})
		}
	}
}

func aliasOf(a ledger.Alias) Alias { return Alias{string(a.Scope), a.Type, a.Value} }

func objectText(o ledger.Object) string { return o.Type + "/" + o.ID }

func modeText(m ledger.Mode) string {
	switch m {
	case ledger.Dated:
		return "dated"
	case ledger.Created:
		return "created"
	default:
		return "current"
	}
}

// versionText writes a version: instants for timestamps, numbers otherwise.
func versionText(v ledger.Version) string {
	text := ""
	for i, p := range v.Parts {
		if i > 0 && p == 0 {
			continue
		}
		one := fmt.Sprint(p)
		if v.Scheme == ledger.SchemeTimestamp {
			one = ledger.Instant(p / 1000).String()
		}
		if text != "" {
			text += " "
		}
		text += one
	}
	if v.Scheme == ledger.SchemeNone {
		return "none"
	}
	return text
}
