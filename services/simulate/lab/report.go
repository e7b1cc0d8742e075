package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Report is what was measured.
type Report struct {
	Config    Config
	Campaigns []*Campaign
	began     time.Time
	took      time.Duration
}

// add adds one shop.
func (r *Report) add(one *Campaign) {
	for _, c := range r.Campaigns {
		if c.Name != one.Name {
			continue
		}
		c.Shops++
		c.Grade.Merge(one.Grade)
		c.Heard.add(one.Heard)
		for name, g := range one.Baselines {
			c.Baselines[name].Merge(g)
		}
		return
	}
	r.Campaigns = append(r.Campaigns, one)
}

// Verdict is one target and what was measured against it.
type Verdict struct {
	Target   string `json:"target"`
	Measured string `json:"measured"`
	Met      bool   `json:"met"`
}

// Verdicts compares what was measured with the targets. The classes that no rule
// was written against have none.
func (r *Report) Verdicts() []Verdict {
	var out []Verdict
	say := func(target, measured string, met bool) { out = append(out, Verdict{target, measured, met}) }
	for _, c := range r.Campaigns {
		t := c.Grade.Total()
		switch c.Name {
		case NullRun:
			say(fmt.Sprintf("null: at most %d false exception", TargetNull), fmt.Sprintf("%d of %d orders", t.Claims, c.Grade.Orders), t.Claims <= TargetNull)
		case Faulty:
			say(fmt.Sprintf("precision at least %.2f", TargetPrecision), fmt.Sprintf("%.4f", t.Precision()), t.Precision() >= TargetPrecision)
			say(fmt.Sprintf("recall at least %.2f", TargetRecall), fmt.Sprintf("%.4f", t.Recall()), t.Recall() >= TargetRecall)
			for _, x := range c.Grade.Classes {
				if x.Found+x.Missed > 0 && x.Recall() < TargetClassRecall {
					say(fmt.Sprintf("recall of %s at least %.2f", x.Fault, TargetClassRecall), fmt.Sprintf("%.4f", x.Recall()), false)
				}
				if d, ok := x.Delay(0.5); ok && d > TargetDelay {
					say(fmt.Sprintf("median delay of %s at most %s", x.Fault, TargetDelay), d.String(), false)
				}
			}
			say("every class: recall and median delay", "no class else misses its target", true)
		}
	}
	return out
}

// Met reports whether no target was missed.
func (r *Report) Met() bool {
	return !slices.ContainsFunc(r.Verdicts(), func(v Verdict) bool { return !v.Met })
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "seeds %s · %d orders each · faults in %d of 1000 orders · took %s\n", seeds(r.Config.Seeds), r.Config.Orders, r.Config.Rate, r.took.Round(time.Second))
	for _, c := range r.Campaigns {
		fmt.Fprintf(&b, "\n%s: %d orders in %d shops, %d records, %d pauses, %d crashes, %d refused polls, %d of %d poisoned records set aside\n", c.Name, c.Grade.Orders, c.Shops, c.Heard.Records, c.Heard.Pauses, c.Heard.Crashes, c.Heard.Refused, c.Heard.Quarantined, c.Heard.Poisoned)
		writeGrade(&b, c.Grade)
		for _, name := range slices.Sorted(maps.Keys(c.Baselines)) {
			t := c.Baselines[name].Total()
			fmt.Fprintf(&b, "\nbaseline %s: precision %.4f, recall %.4f, %d claims, %d false\n", name, t.Precision(), t.Recall(), t.Claims, t.False)
			writeGrade(&b, c.Baselines[name])
		}
	}
	b.WriteString("\n")
	for _, v := range r.Verdicts() {
		mark := "met   "
		if !v.Met {
			mark = "MISSED"
		}
		fmt.Fprintf(&b, "%s  %s: %s\n", mark, v.Target, v.Measured)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func seeds(list []uint64) string {
	if n := len(list); n > 4 {
		return fmt.Sprintf("%d…%d", list[0], list[n-1])
	}
	return strings.Trim(fmt.Sprint(list), "[]")
}

// writeGrade writes one line per class, and the confusion behind it.
func writeGrade(b *strings.Builder, g *truth.Grade) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "injected\tsubjects\tto claim\tfound\tmissed\tover\tclaims\tfalse\tagain\tprecision\trecall\tp50\tp95\tp99\tclaimed")
	t := g.Total()
	for _, c := range append(slices.Clone(g.Classes), &t) {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.4f\t%.4f\t%s\t%s\t%s\t%s\n", c.Fault, c.Injected, c.Expected, c.Found, c.Missed, c.Open,
			c.Claims, c.False, c.Again, c.Precision(), c.Recall(), delay(c, 0.5), delay(c, 0.95), delay(c, 0.99), confusion(c))
	}
	_ = tw.Flush() // into memory
	for _, x := range g.Examples {
		fmt.Fprintln(b, "  "+x)
	}
}

func delay(c *truth.Class, q float64) string {
	if d, ok := c.Delay(q); ok {
		return d.Round(100 * time.Millisecond).String()
	}
	return "·"
}

// confusion writes what was claimed about a class's subjects.
func confusion(c *truth.Class) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(c.Claimed)) {
		out = append(out, fmt.Sprintf("%s %d", k, c.Claimed[k]))
	}
	return strings.Join(out, ", ")
}

// figures are a class's numbers with what follows from them.
type figures struct {
	*truth.Class
	Precision float64           `json:"precision"`
	Recall    float64           `json:"recall"`
	Delay     map[string]string `json:"delay,omitempty"`
}

func figuresOf(g *truth.Grade) []figures {
	var out []figures
	t := g.Total()
	for _, c := range append(slices.Clone(g.Classes), &t) {
		f := figures{Class: c, Precision: c.Precision(), Recall: c.Recall()}
		if len(c.Delays) > 0 {
			f.Delay = map[string]string{"p50": delay(c, 0.5), "p95": delay(c, 0.95), "p99": delay(c, 0.99)}
		}
		out = append(out, f)
	}
	return out
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	type campaign struct {
		Name      string               `json:"name"`
		Orders    int                  `json:"orders"`
		Shops     int                  `json:"shops"`
		Heard     Heard                `json:"heard"`
		Classes   []figures            `json:"classes"`
		Examples  []string             `json:"examples,omitempty"`
		Baselines map[string][]figures `json:"baselines,omitempty"`
	}
	out := struct {
		Seeds     []uint64   `json:"seeds"`
		Orders    int        `json:"orders_per_seed"`
		Rate      int        `json:"faults_per_mille"`
		Seconds   float64    `json:"seconds"`
		Campaigns []campaign `json:"campaigns"`
		Verdicts  []Verdict  `json:"verdicts"`
	}{Seeds: r.Config.Seeds, Orders: r.Config.Orders, Rate: r.Config.Rate, Seconds: r.took.Seconds(), Verdicts: r.Verdicts()}
	for _, c := range r.Campaigns {
		x := campaign{Name: c.Name, Orders: c.Grade.Orders, Shops: c.Shops, Heard: c.Heard, Classes: figuresOf(c.Grade), Examples: c.Grade.Examples}
		for name, g := range c.Baselines {
			if x.Baselines == nil {
				x.Baselines = map[string][]figures{}
			}
			x.Baselines[name] = figuresOf(g)
		}
		out.Campaigns = append(out.Campaigns, x)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
