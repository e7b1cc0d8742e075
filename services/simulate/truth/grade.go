package truth

import (
	"slices"
	"strings"
	"time"
)

// NoFault is the class of what nothing happened to, and of what nothing was said
// about.
const NoFault = "none"

// Class is what became of one class of faults over many runs.
type Class struct {
	Fault string `json:"fault"`
	// Injected counts orders or feeds, Expected the exceptions that must be claimed,
	// Found and Missed what became of those that were knowable.
	Injected int `json:"injected"`
	Expected int `json:"expected"`
	Found    int `json:"found"`
	Missed   int `json:"missed"`
	// Open were not knowable when the run ended or before they healed, and not
	// claimed.
	Open int `json:"open"`
	// Claims are the exceptions raised about the class's subjects, False those of
	// them that nothing supports, Again those that say once more what another one
	// said; each Again is False.
	Claims int `json:"claims"`
	False  int `json:"false"`
	Again  int `json:"again"`
	// Delays are how long after the earliest instant each step was said, ascending.
	Delays []time.Duration `json:"-"`
	// Claimed counts, by name, what was claimed about the class's subjects; NoFault
	// counts subjects about which nothing was.
	Claimed map[string]int `json:"claimed"`
}

// Recall is the share of what was knowable that was found; 1 if nothing was.
func (c *Class) Recall() float64 { return share(c.Found, c.Found+c.Missed) }

// Precision is the share of claims that are true; 1 if there are none.
func (c *Class) Precision() float64 { return share(c.Claims-c.False, c.Claims) }

// Delay is a quantile of the delays, false if there are none.
func (c *Class) Delay(q float64) (time.Duration, bool) {
	if len(c.Delays) == 0 {
		return 0, false
	}
	return c.Delays[min(len(c.Delays)-1, int(q*float64(len(c.Delays))))], true
}

func share(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

// Grade adds up many comparisons, class by class.
type Grade struct {
	Classes []*Class `json:"classes"` // ascending by name
	Orders  int      `json:"orders"`
	// Examples are the first few misses and false claims, for people.
	Examples []string `json:"examples,omitempty"`
}

// examples bounds Examples.
const examples = 20

// Class returns a class, adding it if new.
func (g *Grade) Class(fault string) *Class {
	at, ok := slices.BinarySearchFunc(g.Classes, fault, func(c *Class, f string) int { return strings.Compare(c.Fault, f) })
	if !ok {
		g.Classes = slices.Insert(g.Classes, at, &Class{Fault: fault, Claimed: map[string]int{}})
	}
	return g.Classes[at]
}

// Total sums the classes up. Delays are not: they mean nothing across classes.
func (g *Grade) Total() Class {
	t := Class{Fault: "all", Claimed: map[string]int{}}
	for _, c := range g.Classes {
		t.addCounts(c)
	}
	return t
}

func (c *Class) addCounts(o *Class) {
	c.Injected, c.Expected, c.Found, c.Missed, c.Open = c.Injected+o.Injected, c.Expected+o.Expected, c.Found+o.Found, c.Missed+o.Missed, c.Open+o.Open
	c.Claims, c.False, c.Again = c.Claims+o.Claims, c.False+o.False, c.Again+o.Again
}

// Merge adds another grade.
func (g *Grade) Merge(o *Grade) {
	g.Orders += o.Orders
	for _, x := range o.Classes {
		c := g.Class(x.Fault)
		c.addCounts(x)
		c.Delays = append(c.Delays, x.Delays...)
		slices.Sort(c.Delays)
		for k, n := range x.Claimed {
			c.Claimed[k] += n
		}
	}
	for _, x := range o.Examples {
		g.example(x)
	}
}

func (g *Grade) example(text string) {
	if len(g.Examples) < examples {
		g.Examples = append(g.Examples, text)
	}
}

// claimed is one exception under every name it had.
type claimed struct {
	id    string
	names []Claim
}

// Mark compares a truth with everything that was claimed up to an instant, like
// Score, but counts by class, wants each fault claimed once, and measures delays.
func Mark(t *Truth, claims []Claim, at time.Time) *Grade {
	g := &Grade{}
	fault := g.classesOf(t, at)
	expected := map[string][]*Expectation{}
	all := t.Expectations()
	for i := range all {
		expected[all[i].Subject] = append(expected[all[i].Subject], &all[i])
	}
	bySubject := map[string][]claimed{}
	for _, c := range claims {
		bySubject[c.Subject] = said(bySubject[c.Subject], c)
	}
	for i := range all {
		g.expect(t, &all[i], bySubject[all[i].Subject], at)
	}
	for subject, list := range bySubject {
		g.judge(g.Class(classOf(fault, subject)), expected[subject], list)
	}
	for subject, f := range fault {
		if len(bySubject[subject]) == 0 {
			g.Class(f).Claimed[NoFault]++
		}
	}
	for _, c := range g.Classes {
		slices.Sort(c.Delays)
	}
	slices.Sort(g.Examples)
	return g
}

// classesOf counts what was injected and returns the class of every subject that a
// fault is about.
func (g *Grade) classesOf(t *Truth, at time.Time) map[string]string {
	fault := map[string]string{}
	for i := range t.Orders {
		o := &t.Orders[i]
		if o.Born.After(at) {
			continue
		}
		g.Orders++
		f := o.Fault
		if f == "" {
			f = NoFault
		}
		g.Class(f).Injected++
		fault[OrderSubject(o.Key)] = f
		for k := range o.Expect {
			fault[o.Expect[k].Subject] = f
		}
	}
	for i := range t.Feeds {
		fault[t.Feeds[i].Subject] = t.Feeds[i].Fault
		g.Class(t.Feeds[i].Fault).Injected++
	}
	return fault
}

func classOf(fault map[string]string, subject string) string {
	if f, ok := fault[subject]; ok {
		return f
	}
	return NoFault
}

// said adds a claim to those of its subject. Words are one subject, whatever the
// partition: readers see them merged.
func said(list []claimed, c Claim) []claimed {
	for i := range list {
		if list[i].id != c.ID && !strings.HasPrefix(c.Subject, "word:") {
			continue
		}
		if !slices.ContainsFunc(list[i].names, func(x Claim) bool { return x.Exception == c.Exception }) {
			list[i].names = append(list[i].names, c)
		}
		return list
	}
	return append(list, claimed{c.ID, []Claim{c}})
}

// expect counts one expectation and its delays.
func (g *Grade) expect(t *Truth, e *Expectation, list []claimed, at time.Time) {
	var flat []Claim
	for _, x := range list {
		flat = append(flat, x.names...)
	}
	card := Card{At: at}
	card.judge(t, e, flat)
	n, c := card.Counts[0], g.Class(e.Fault)
	c.Expected, c.Found, c.Missed, c.Open = c.Expected+n.Expected, c.Found+n.Found, c.Missed+n.Missed, c.Open+n.NotYet+n.Over
	for _, m := range card.Missing {
		g.example("missed " + m.Step.Exception + " of " + e.Subject + " (" + e.Fault + "), knowable since " + m.Step.Knowable.UTC().Format(time.RFC3339))
	}
	for i := range e.Steps {
		if e.Steps[i].Earliest.IsZero() {
			continue
		}
		for k := range flat {
			if supports(e, i, &flat[k]) {
				c.Delays = append(c.Delays, flat[k].SaidAt.Sub(e.Steps[i].Earliest))
				break
			}
		}
	}
}

// judge counts the claims about one subject. An exception is false as soon as one
// of its names is, and if what it says was said by another one already.
func (g *Grade) judge(c *Class, expected []*Expectation, list []claimed) {
	met := map[*Expectation]bool{}
	for _, x := range list {
		c.Claims++
		why := ""
		for i := range x.names {
			c.Claimed[x.names[i].Exception]++
			if w := unsupportedBy(expected, &x.names[i]); w != "" {
				why = w
			}
		}
		if why == "" && !fresh(expected, met, &x.names[0]) {
			c.Again++
			why = "said already by another exception"
		}
		if why != "" {
			c.False++
			g.example("false " + x.names[0].Exception + " on " + x.names[0].Subject + " (" + c.Fault + ") said " + x.names[0].SaidAt.UTC().Format(time.RFC3339) + ": " + why)
		}
	}
}

// fresh finds an expectation that a claim meets and no other did, and takes it.
func fresh(expected []*Expectation, met map[*Expectation]bool, x *Claim) bool {
	for _, e := range expected {
		for i := range e.Steps {
			if !met[e] && supports(e, i, x) {
				met[e] = true
				return true
			}
		}
	}
	return false
}

func unsupportedBy(expected []*Expectation, x *Claim) string {
	list := make([]Expectation, 0, len(expected))
	for _, e := range expected {
		list = append(list, *e)
	}
	return unsupported(list, x)
}
