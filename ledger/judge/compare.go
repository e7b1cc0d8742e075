package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderledger/orderledger/ledger"
)

// Difference is one thing on which ledger and judge do not agree.
type Difference struct {
	// Where is such as "ingestion episode 1 step 2", or "open exception of
	// ingestion".
	Where  string `json:"where"`
	Field  string `json:"field"`
	Ledger string `json:"ledger"`
	Judge  string `json:"judge"`
}

// String tells it in one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s, %s: the ledger says %s, the judge %s", d.Where, d.Field, d.Ledger, d.Judge)
}

// Why something is not judged.
const (
	// UnjudgedNames: the ledger waits, and may have reason to: the alias store
	// has not vouched for every name of the order.
	UnjudgedNames = "waits for the answers to an order's names"
	// UnjudgedBasis: the state agrees; how well it is founded depends on records
	// that name no order.
	UnjudgedBasis = "basis: records that name no order may concern it"
	// UnjudgedMerged: the order is merged with others, and judged with them.
	UnjudgedMerged = "merged order"
	// UnjudgedOrigin: no policy in force names the order's origin.
	UnjudgedOrigin = "no rule is about the order's origin"
	// UnjudgedPerson: a person resolved it, until something is claimed anew.
	UnjudgedPerson = "exception: resolved by a person"
	// UnjudgedPolicy: a newer policy came into force, and nothing touched the
	// order since; its verdicts are judged, its exceptions follow at the next touch.
	UnjudgedPolicy = "exception: the order has not been touched under the newest policy"
)

// Compared is how a comparison went.
type Compared struct {
	// Judged counts verdicts and exceptions that were compared and agree or not.
	Judged      int
	Differences []Difference
	// Unjudged counts what could not be judged, by the reason.
	Unjudged map[string]int
	// States counts the verdicts judged, by state.
	States map[ledger.VerdictState]int
}

// Add adds another comparison up.
func (c *Compared) Add(o *Compared) {
	c.Judged += o.Judged
	c.Differences = append(c.Differences, o.Differences...)
	for why, n := range o.Unjudged { //lint:a sums do not depend on order
		c.unjudged(why, n)
	}
	for s, n := range o.States { //lint:a sums do not depend on order
		c.state(s, n)
	}
}

func (c *Compared) unjudged(why string, n int) {
	if c.Unjudged == nil {
		c.Unjudged = map[string]int{}
	}
	c.Unjudged[why] += n
}

func (c *Compared) state(s ledger.VerdictState, n int) {
	if c.States == nil {
		c.States = map[ledger.VerdictState]int{}
	}
	c.States[s] += n
}

func (c *Compared) differ(where, field string, says, want any) {
	if a, b := fmt.Sprint(says), fmt.Sprint(want); a != b {
		c.Differences = append(c.Differences, Difference{where, field, a, b})
	}
}

type verdictKey struct {
	rule    string
	episode uint32
	step    uint8
}

func (k verdictKey) String() string {
	return fmt.Sprintf("%s episode %d step %d", k.rule, k.episode+1, k.step+1)
}

// Compare holds an order's verdicts, as a reader of the ledger sees them, against
// the judge's.
func Compare(says []ledger.VerdictView, judged []Verdict) Compared {
	var c Compared
	left := map[verdictKey]ledger.VerdictView{}
	for _, v := range says {
		left[verdictKey{v.Rule, v.Episode, v.Step}] = v
	}
	for i := range judged {
		v := &judged[i]
		k := verdictKey{v.Rule, v.Episode, v.Step}
		got, ok := left[k]
		delete(left, k)
		if !ok {
			c.Judged++
			c.differ(k.String(), "verdict", "nothing", v.State)
			continue
		}
		c.verdict(k.String(), &got, v)
	}
	var more []string
	for k, v := range left { //lint:sorted below
		more = append(more, fmt.Sprint(k, "\x00", v.State))
	}
	slices.Sort(more)
	for _, m := range more {
		where, state, _ := strings.Cut(m, "\x00")
		c.Judged++
		c.differ(strings.TrimSpace(where), "verdict", strings.TrimSpace(state), "nothing")
	}
	return c
}

func (c *Compared) verdict(where string, got *ledger.VerdictView, want *Verdict) {
	c.differ(where, "anchor", fmt.Sprintf("(%s, %s]", got.Anchor.Earliest, got.Anchor.Latest), fmt.Sprintf("(%s, %s]", want.Anchor.Earliest, want.Anchor.Latest))
	c.differ(where, "deadline", got.Deadline, want.Deadline)
	c.differ(where, "historic", got.Historic, want.Historic)
	waits := got.State == ledger.VerdictPending || got.State == ledger.VerdictUndetermined
	if want.State == ledger.VerdictBreached && want.Names && waits {
		c.unjudged(UnjudgedNames, 1)
		return
	}
	c.Judged++
	c.state(want.State, 1)
	c.differ(where, "state", got.State, want.State)
	if got.State != ledger.VerdictBreached || want.State != ledger.VerdictBreached {
		return
	}
	if want.Names || want.Parked {
		c.unjudged(UnjudgedBasis, 1)
		return
	}
	c.differ(where, "basis", got.Basis, want.Basis)
}

// Standing is what a ledger says about the exceptions of one order.
type Standing struct {
	Open []ledger.Exception
	// ByPerson are the rules whose newest exception a person resolved.
	ByPerson []string
	// Untouched: nothing spoke of the order since the newest policy.
	Untouched bool
}

// CompareOpen holds the open exceptions of an order against the judge's.
func CompareOpen(says *Standing, want []Exception) Compared {
	var c Compared
	left := slices.Clone(says.Open)
	for i := range want {
		x := &want[i]
		at := slices.IndexFunc(left, func(y ledger.Exception) bool { return y.Rule == x.Rule })
		where := "open exception of " + x.Rule
		switch {
		case at < 0 && slices.Contains(says.ByPerson, x.Rule):
			c.unjudged(UnjudgedPerson, 1)
		case at < 0 && x.Names:
			c.unjudged(UnjudgedNames, 1)
		case at < 0 && says.Untouched:
			c.unjudged(UnjudgedPolicy, 1)
		case at < 0:
			c.Judged++
			c.differ(where, "name", "nothing", x.Name)
		default:
			y := &left[at]
			c.Judged++
			if !x.Names { // of which names vouch for the first step and not the second
				c.differ(where, "name", y.Name, x.Name)
				c.differ(where, "deadline", y.Deadline, x.Deadline)
				c.differ(where, "severity", y.Severity, x.Severity)
			}
			left = slices.Delete(left, at, at+1)
		}
	}
	for i := range left {
		c.Judged++
		c.differ("open exception of "+left[i].Rule, "name", left[i].Name, "nothing")
	}
	return c
}
