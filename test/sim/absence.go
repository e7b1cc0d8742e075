package sim

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/orderledger/orderledger/ledger"
)

// Cause is what truly kept an order from being seen in the ERP.
type Cause int

// The causes.
const (
	CauseUs    Cause = iota // our own consumers were paused
	CauseFeed               // the ERP was not heard
	CauseOrder              // the order never came there
)

var causeNames = [...]string{"our consumer paused", "the ERP's feed paused", "the order missing"}

// String names the cause.
func (c Cause) String() string { return causeNames[c] }

// Absence is one run of the campaign: three orders, and one cause.
type Absence struct {
	Cause  Cause
	Config Config
	// Until is when the pause ends; the verdict during it counts for the feed's.
	Until ledger.Instant
}

// DrawAbsence draws a run: an order whose export the cause hides, beside two that
// are as they should be.
func DrawAbsence(seed uint64) Absence {
	rnd := rand.New(rand.NewPCG(seed, 77))
	a := Absence{Cause: Cause(rnd.IntN(3))}
	w := &World{}
	at := Start.Add(between(rnd, 70*ledger.Second, 100*ledger.Second))
	for i := range 3 {
		l := Life{ID: 1001 + i, Placed: at, Captured: at.Add(between(rnd, ledger.Second, 40*ledger.Second)),
			Exported: at.Add(between(rnd, ledger.Second, 100*ledger.Second))}
		w.Lives = append(w.Lives, l)
		at = at.Add(between(rnd, ledger.Second, 20*ledger.Second))
	}
	from := w.Lives[0].Placed.Add(-between(rnd, ledger.Second, 20*ledger.Second)) / ledger.Instant(ledger.Second) * ledger.Instant(ledger.Second)
	span := between(rnd, 4*ledger.Minute, 7*ledger.Minute) / ledger.Second * ledger.Second
	a.Until = from.Add(span)
	w.Heal = a.Until.Add(5 * ledger.Second)
	w.End = w.Heal.Add(3 * ledger.Minute)
	a.Config = Config{Seed: seed, World: w, Nodes: 1 + rnd.IntN(2)}
	rule := Rule{At: from, For: span}
	switch a.Cause {
	case CauseUs:
		for n := range a.Config.Nodes {
			r := rule
			r.Verb, r.Args = [...]string{"pause", "freeze"}[rnd.IntN(2)], []string{"node", fmt.Sprint(n)}
			a.Config.Rules = append(a.Config.Rules, r)
		}
	case CauseFeed:
		rule.Verb, rule.Args = "answers", []string{names[erp], [...]string{"1", "500", "429"}[rnd.IntN(3)]}
		if rnd.IntN(3) == 0 {
			rule.Verb, rule.Args = "unpolled", []string{names[erp]}
		}
		a.Config.Rules = []Rule{rule}
		if rnd.IntN(3) == 0 { // and it is missing, too, which nobody can know yet
			w.Lives[0].Exported = 0
		}
	case CauseOrder:
		w.Lives[0].Exported = 0
	}
	return a
}

// Outcome is what was said of the run's first order in the worst moment.
type Outcome struct {
	Cause Cause
	// Right: the verdict is the one that the cause asks for.
	Right bool
	// FalseMissing: an order that was there was called missing, proven.
	FalseMissing bool
	Why          string
}

// PlayAbsence plays a run, looks at what the ledger says while the cause lasts,
// and in the end, and checks every property of a run besides.
func (s *Shop) PlayAbsence(a Absence) Outcome {
	r := newRun(s, a.Config)
	var during ledger.VerdictView
	var silent bool
	r.at(a.Until.Add(-2*ledger.Second), func() { during, silent = r.seen(&a.Config.World.Lives[0]) })
	r.play()
	out := r.examine()
	o := Outcome{Cause: a.Cause, FalseMissing: out.FalseBreaches > 0}
	if len(out.Failures) > 0 {
		o.Why = out.Failures[0]
		return o
	}
	l := &a.Config.World.Lives[0]
	end := out.verdicts[fmt.Sprintf("%s ingestion/0", l.Key())]
	switch a.Cause {
	case CauseUs: // nothing while nobody looks, and then what is true
		o.Right = during.State != ledger.VerdictBreached && during.State != ledger.VerdictUndetermined && (end == ledger.VerdictMet || end == ledger.VerdictMetImprecise)
	case CauseFeed: // undetermined, and it says who is silent
		want := l.Exported == 0 && end == ledger.VerdictBreached || l.Exported != 0 && (end == ledger.VerdictMet || end == ledger.VerdictMetImprecise)
		o.Right = during.State == ledger.VerdictUndetermined && during.Feed.Source == ledger.Source(names[erp]) && silent && want
	case CauseOrder:
		o.Right = during.State == ledger.VerdictBreached && during.Basis == ledger.BasisProven && end == ledger.VerdictBreached
	}
	if !o.Right {
		o.Why = fmt.Sprintf("%s: during it %s %s of %s (source silent: %t), in the end %s", a.Cause, during.State, during.Because, during.Feed, silent, end)
	}
	return o
}

// seen is what the node that is asked first says of an order's export now, and
// whether the silence of the ERP is an exception.
func (r *run) seen(l *Life) (v ledger.VerdictView, silent bool) {
	p := int(ledger.PartitionOf([]byte(l.Key()), partitions))
	n := r.nodes[r.owners[p]]
	for log := range partitions {
		reader, err := ledger.NewReader(n.disks[log], ledger.Options{Partition: int32(log), Partitions: partitions, OrderPartitions: partitions})
		if err != nil {
			panic(err)
		}
		err = reader.OpenExceptions(ledger.ExceptionID{}, func(x *ledger.Exception) bool {
			silent = silent || x.Name == ledger.NameSilent && x.Subject.Feed.Source == ledger.Source(names[erp])
			return true
		})
		if err != nil {
			panic(err)
		}
		if log != p {
			continue
		}
		o, _, err := reader.Order(l.Key())
		if err != nil {
			panic(err)
		}
		for _, x := range o.Verdicts {
			if x.Rule == "ingestion" && x.Step == 0 {
				v = x
			}
		}
	}
	return v, silent
}

// Accuracy is what the campaign showed.
type Accuracy struct {
	Runs, Right, FalseMissing int
	ByCause                   [len(causeNames)][2]int // runs, right
	Wrong                     []string
}

// RunAbsence plays runs side by side.
func (s *Shop) RunAbsence(first uint64, runs int) Accuracy {
	var acc Accuracy
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(runs); i = next.Add(1) - 1 {
				o := s.PlayAbsence(DrawAbsence(first + uint64(i)))
				mu.Lock()
				acc.add(first+uint64(i), &o)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return acc
}

func (a *Accuracy) add(seed uint64, o *Outcome) {
	a.Runs++
	a.ByCause[o.Cause][0]++
	if o.FalseMissing {
		a.FalseMissing++
	}
	if o.Right {
		a.Right++
		a.ByCause[o.Cause][1]++
	} else if len(a.Wrong) < 20 {
		a.Wrong = append(a.Wrong, fmt.Sprintf("seed %d: %s", seed, o.Why))
	}
}

// String tells it in one line.
func (a Accuracy) String() string {
	text := fmt.Sprintf("%d of %d verdicts right (%.4f), %d orders falsely called missing", a.Right, a.Runs, float64(a.Right)/float64(max(a.Runs, 1)), a.FalseMissing)
	for c, n := range a.ByCause {
		text += fmt.Sprintf("; %s: %d of %d", Cause(c), n[1], n[0])
	}
	return text
}
