package prove

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// String tells a finding in one line.
func (f *Finding) String() string {
	s := partName(f.Topic, f.Partition) + ": " + f.What
	if f.Order != "" && !strings.Contains(f.What, f.Order) {
		s += " of order " + f.Order
	}
	if f.Offset >= 0 && !strings.HasSuffix(f.What, fmt.Sprintf("at offset %d", f.Offset)) {
		s += fmt.Sprintf(", offset %d", f.Offset)
	}
	if f.Field != "" {
		s += ", field " + f.Field
	}
	if f.Want != "" || f.Got != "" {
		s += ": " + f.Want + " against " + f.Got
	}
	return s
}

func partName(topic string, partition int32) string {
	p := part{topic: topic, index: partition}
	return p.String()
}

func printAll(out io.Writer, notes []string, findings []Finding) {
	for _, n := range notes {
		_, _ = fmt.Fprintln(out, n)
	}
	for i := range findings {
		_, _ = fmt.Fprintln(out, findings[i].String())
	}
}

// Print tells a report to people.
func (r *ReplayReport) Print(out io.Writer) {
	for _, p := range r.Partitions {
		_, _ = fmt.Fprintf(out, "%s, %d records: %s\n", partName(p.Topic, p.Partition), p.Records, p.Digest)
		for _, c := range p.Compared {
			_, _ = fmt.Fprintf(out, "%s: %s\n", partName(p.Topic, p.Partition), c)
		}
	}
	printAll(out, r.Notes, r.Findings)
	if len(r.Findings) == 0 {
		_, _ = fmt.Fprintf(out, "%d schedules, seed %d: every partition has one digest\n", r.Schedules, r.Seed)
	}
}

// Print tells a report to people.
func (r *ConservationReport) Print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprint(w, "PARTITION\tSOURCE\tRECORDS\t")
	for o := ledger.OutcomeQuarantined; o < ledger.Outcomes; o++ {
		_, _ = fmt.Fprint(w, strings.ToUpper(o.String())+"\t")
	}
	_, _ = fmt.Fprintln(w, "RESIDUAL\t")
	for i := range r.Accounts {
		a := &r.Accounts[i]
		name := fmt.Sprint(a.Partition)
		if a.Topic == kafkalog.TopicUnkeyed {
			name = "unkeyed-" + name
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t", name, nameOf(a.Source), a.Records)
		for o := ledger.OutcomeQuarantined; o < ledger.Outcomes; o++ {
			_, _ = fmt.Fprintf(w, "%d\t", a.Outcomes[o.String()])
		}
		_, _ = fmt.Fprintf(w, "%d\t\n", a.Residual)
	}
	_ = w.Flush()
	if len(r.Tables) > 0 {
		w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		_, _ = fmt.Fprintln(w, "\nTABLE\tPARTITION\tTOLD\tHELD\tDENSE\tHASH\tEQUAL\t")
		for i := range r.Tables {
			t := &r.Tables[i]
			if t.Told > 0 || t.Held > 0 {
				_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%v\t%s\t%v\t\n", t.Table, t.Partition, t.Told, t.Held, t.Dense, t.Hash, t.Equal)
			}
		}
		_ = w.Flush()
	}
	printAll(out, r.Notes, r.Findings)
	if len(r.Findings) == 0 {
		_, _ = fmt.Fprintln(out, "every record has one outcome")
	}
}

// Print tells a report to people.
func (r *DeadlinesReport) Print(out io.Writer) {
	_, _ = fmt.Fprintf(out, "%d orders, %d verdicts and exceptions judged\n", r.Orders, r.Judged)
	counts(out, "judged", r.States)
	counts(out, "not judged", r.Unjudged)
	printAll(out, r.Notes, r.Findings)
	if len(r.Findings) == 0 {
		_, _ = fmt.Fprintln(out, "the judge agrees with everything that was judged")
	}
}

func counts(out io.Writer, what string, of map[string]int) {
	var names []string
	for n := range of { //lint:sorted below
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		_, _ = fmt.Fprintf(out, "%8d %s: %s\n", of[n], what, n)
	}
}
