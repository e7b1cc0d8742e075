// Package mutants_test breaks the core on purpose, one rule at a time, and
// requires that a named test notices. Without this, green means nothing.
package mutants_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is one change of the core and the test that must fail of it.
type mutant struct {
	name   string
	file   string // below ledger/
	old    string
	new    string
	killer string // regular expression of -run
}

var mutants = []mutant{
	{"S-5: a second copy takes effect", "partition.go", "	if old != nil {\n		return p.applyCopy(o, old, ev)\n	}\n", "	_ = old\n", "TestOracle|TestConvergence"},
	{
		"S-6: the last arrival wins, not the greatest version", "order.go", "	if c := compareVersions(a.claim(), b.claim()); c != 0 {\n		return c\n	}\n	return strings.Compare(string(a.d.ev.ID[:]), string(b.d.ev.ID[:]))\n}\n\n// compareVersions",
		"	return cmpInstant(Instant(a.d.offset), Instant(b.d.offset))\n}\n\n// compareVersions", "TestConvergence",
	},
	{"S-12: the bound of the next poll is forgotten", "history.go", "max(r.floor, r.heardSince(lo, w.pl))", "r.floor", "TestOracle"},
	{"S-15: every tick is believed", "clock.go", "	case known == nil || g.Clock == 0:\n", "	case known == nil || g.Clock == 0:\n		g.Clock = max(g.Clock, t.Wall)\n", "TestGuard"},
	{"S-19: a breach needs no coverage", "verdict.go", "		if h.ok {\n", "		if h.ok || true {\n", "TestOracle|TestWorkedCaseBreached"},
	{"S-21: silence is the order's fault", "verdict.go", "	if f.Silent {\n			v.state = VerdictUndetermined\n		}", "	if f.Silent {\n			v.state = VerdictBreached\n		}", "TestOracle|TestWorkedCaseSilent"},
	{"S-23: the deadline counts from the earliest instant", "verdict.go", "limit := a.Latest.Add(s.After)", "limit := a.Earliest.Add(s.After)", "TestOracle"},
	{
		"S-25: turning false ends the obligation", "obligation.go", "				r.eps[i].runEnd = min(r.eps[i].runEnd, at)\n",
		"				r.eps[i].runEnd = min(r.eps[i].runEnd, at)\n				r.eps[i].voided = true\n", "TestOracle",
	},
	{"S-30: an exception never heals", "raise.go", "	case pos.open:\n		return p.closeException(o, pos, b.settled, why)\n", "	case pos.open && why == BecausePolicy:\n		return p.closeException(o, pos, b.settled, why)\n", "TestHealsAndReopens"},
	{"S-32: the first policy visits nobody", "settle.go", "		p.mark(keyActive, o, true) // the first policy must visit it\n", "", "TestFirstPolicyVisitsWhatCameBefore"},
	{"S-42: a document that came late is walked on to", "obligation.go", "w.refs[0].at > o.run.last", "w.refs[0].at > 0", "TestWalkingOnIsWalkingAnew"},
	{"S-42: a long order forgets what its base closed", "checkpoint.go", "	next.run.copyFrom(&o.run)\n", "	next.run.reset(len(p.originPlan(o).rules))\n", "TestConvergence"},
	{"S-36: an older route overrules a newer one", "support.go", "	if next.route <= s.route {\n", "	if next.route < 0 {\n", "TestOlderRoute"},
	{"S-36: of several claimants the first is taken", "aliasstate.go", "			several = true\n", "			several = false\n", "TestCollisionWaits"},
	{"S-37: coverage overtakes what is not forwarded", "naming.go", "p.forwards[at].Through <= u.Offset", "p.forwards[at].Through < 0", "TestJoining"},
	{"S-37: a young parked record holds nothing", "naming.go", "h.Feed == (FeedKey{c.Source, c.Feed}) && h.Offset <= u.Offset", "h.Feed == (FeedKey{c.Source, c.Feed}) && h.Offset < 0", "TestJoining"},
	{"S-37: what is parked concerns nobody", "naming.go", "			if x.Feed == k && x.From", "			if false && x.Feed == k && x.From", "TestJoining"},
	{"S-37: a contested name proves", "naming.go", "		if contested != nil {\n", "		if contested != nil && o == nil {\n", "TestJoining"},
	{"S-35: a recyclable name never ends", "naming.go", "			want.Until = ended.Add(spec.Recycle)\n", "			want.Until = Forever\n", "TestRecycledNumber"},
	{"S-35: however far a name is from a keyed record, it competes", "aliasstate.go", "best == nil || c.Depth < best.Depth", "best == nil", "TestNearerNameWins"},
	{"S-35: a name that nothing says any more stays bound", "naming.go", "!ok && b.Live {", "!ok && b.Live && o == nil {", "TestNameGoesWithItsDocument"},
	{"S-36: a bound that a copy changes stays behind", "join.go", "	case changed && w.to != \"\":", "	case changed && w.to != \"\" && p == nil:", "TestCopiesTravelOn"},
	{"S-36: what is another order's now is not taken back", "join.go", "		if w.to != \"\" && to != w.to {", "		if w.to != \"\" && to != w.to && p == nil {", "TestJoining"},
	{"S-36: nobody is told of an orphan", "join.go", "	w.orphan = true\n", "	w.orphan = false\n", "TestOrphanHeals"},
	{"S-20: a quarantined record holds nothing", "coverage.go", "		whole = CutInterval(whole, h.Interval)\n", "", "TestQuarantinedRecordHoldsItsFeed"},
	{"S-22: parked records are silence", "coverage.go", "			until = max(until, list[len(list)-1].Until)\n", "			until = max(until, Beginning)\n", "TestParkedRecordsAreNoSilence"},
	{"S-38: a member speaks beside the merged order", "merged.go", "return !o.whole && p.merges.find(o.key) != nil", "return false", "TestExceptionMoves"},
	{"S-38: what members hear later stays with them", "merged.go", "		if g := p.merges.find(x.order); g != nil {\n", "		if g := p.merges.find(x.order); g != nil && p.offset < 0 {\n", "TestMergesConverge"},
	{"S-38: proven before the members' events are here", "through.go", "!ok || p.throughs[at].Number < g.since", "!ok", "TestMergesConverge"},
	{"S-38: the root's own coverage is enough", "through.go", "	if !h.ok {\n		return h\n	}\n	if word", "	if h = p.hears(p.orders[k], f, spec, over); !h.ok {\n		return h\n	}\n	if word", "TestMergesConverge"},
	{"S-38: merged orders contest each other", "merge.go", "return a == b || m.of[a] != nil && m.of[a] == m.of[b]", "return a == b", "TestMergedOrdersShareAName"},
	{"S-38: a split leaves what the others brought", "merged.go", "			p.del(key)\n			return true, nil\n", "			return true, nil\n", "TestMergeAndSplit"},
	{"S-38: an acknowledgement stays behind", "through.go", "	x.Ack, x.Assignee = c.Ack, c.Assignee\n", "", "TestExceptionMoves"},
	{"a mute that was taken back holds on", "mute.go", "		p.put(snoozeKey(x.SnoozedUntil, x.ID), nil)\n		p.keep(x)\n", "		p.keep(x)\n", "TestMute"},
	{"a silence that was replaced ends all the same", "operator.go", "x == nil || x.SnoozedUntil != due", "x == nil", "TestTakingBackActions|TestLongestSilenceHolds|TestMuteIsReplaced"},
	{"I-1: what is stored depends on the cache", "statecodec.go", "	b = appendUint(b, o.touched)\n", "	b = appendUint(b, uint64(cap(o.docs)))\n", "TestReplay"},
}

func TestEveryMutantIsKilled(t *testing.T) {
	core, err := filepath.Abs("../../ledger")
	if err != nil {
		t.Fatal(err)
	}
	// Each takes a build of the core: without ORDERLEDGER_MUTANTS=all every third is
	// tried, beginning with the first, and the run says how many are left.
	step := 3
	if os.Getenv("ORDERLEDGER_MUTANTS") == "all" {
		step = 1
	}
	t.Logf("%d of %d mutants; ORDERLEDGER_MUTANTS=all tries every one", (len(mutants)+step-1)/step, len(mutants))
	for i := 0; i < len(mutants); i += step {
		m := mutants[i]
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(core, m.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), m.old); n != 1 {
				t.Fatalf("%s holds the text to change %d times: the mutant must be written anew", m.file, n)
			}
			out, failed := run(t, core, path, strings.Replace(string(text), m.old, m.new, 1), m.killer)
			switch {
			case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
				t.Fatalf("the mutant does not compile:\n%s", out)
			case !failed:
				t.Fatalf("%s survived: %s passes with\n%s", m.name, m.killer, m.new)
			case strings.Contains(out, "no tests to run"):
				t.Fatalf("no test is called %s", m.killer)
			}
		})
	}
}

// run tests the core with one file replaced, without touching the tree.
func run(t *testing.T, core, path, text, killer string) (out string, failed bool) {
	t.Helper()
	dir := t.TempDir()
	changed := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-overlay", file, "-run", killer, ".")
	cmd.Dir = core
	raw, err := cmd.CombinedOutput()
	return string(raw), err != nil
}
