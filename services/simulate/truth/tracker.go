package truth

import "time"

// Change is one thing that a Tracker noticed.
type Change struct {
	// Kind is opened, moved-up or resolved.
	Kind  string
	Claim Claim
}

// The kinds of changes.
const (
	Opened   = "opened"
	MovedUp  = "moved-up"
	Resolved = "resolved"
)

// Tracker remembers every claim a ledger made, from lists of those that are
// open, taken again and again.
type Tracker struct {
	all  []Claim
	open map[string]Claim
}

// NewTracker returns a Tracker that has seen nothing.
func NewTracker() *Tracker { return &Tracker{open: map[string]Claim{}} }

// Observe takes the list as it stands now and returns what changed, in the
// order of the list; what is gone from it or no longer open comes last, in the
// order in which it was first seen.
func (t *Tracker) Observe(now time.Time, list []Claim) []Change {
	var out []Change
	seen := map[string]bool{}
	for _, c := range list {
		before, known := t.open[c.ID]
		if !c.Open {
			if !known && !t.claimed(c.ID) {
				t.all = append(t.all, c)
			}
			continue
		}
		seen[c.ID] = true
		switch {
		case !known:
			out = append(out, Change{Opened, c})
		case before.Exception != c.Exception:
			if c.SaidAt.IsZero() {
				c.SaidAt = now
			}
			out = append(out, Change{MovedUp, c})
		default:
			continue
		}
		t.open[c.ID] = c
		t.all = append(t.all, c)
	}
	for _, c := range t.all {
		if now, open := t.open[c.ID]; open && !seen[c.ID] {
			delete(t.open, c.ID)
			now.Open = false
			out = append(out, Change{Resolved, now})
		}
	}
	return out
}

func (t *Tracker) claimed(id string) bool {
	for i := range t.all {
		if t.all[i].ID == id {
			return true
		}
	}
	return false
}

// Claims returns everything ever seen, each exception under every name it had.
func (t *Tracker) Claims() []Claim { return append([]Claim(nil), t.all...) }
