package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is a class of faults.
type kind string

const (
	kill           kind = "kill"            // kill -9 of a role
	freeze         kind = "freeze"          // SIGSTOP for longer than a session, then SIGCONT
	roll           kind = "roll"            // every role in turn: SIGTERM, and its successor
	brokerStop     kind = "broker-stop"     // SIGTERM, and Kafka again
	brokerKill     kind = "broker-kill"     // kill -9, and Kafka again
	clickhouseKill kind = "clickhouse-kill" // kill -9, and ClickHouse again
	cut            kind = "cut"             // every connection of a role is reset
	mute           kind = "mute"            // nothing leaves a role's namespace
	deafen         kind = "deafen"          // nothing reaches a role's namespace
	diskFull       kind = "disk-full"       // the disk of a ledger fills up, and is freed
	duplicate      kind = "duplicate"       // acknowledged deliveries come again
	reorder        kind = "reorder"         // what happened to orders is told before that they exist
	late           kind = "late"            // deliveries come when everything else is over
	poison         kind = "poison"          // authentic bytes that mean nothing
	oversize       kind = "oversize"        // a body larger than any
	forge          kind = "forge"           // a body whose seal is wrong
)

// weights say how often a kind is drawn. Those at the edge are cheap, and come
// as several at once.
var weights = []struct {
	kind   kind
	weight int
}{
	{kill, 22}, {freeze, 7}, {roll, 2}, {brokerStop, 3}, {brokerKill, 6}, {clickhouseKill, 7}, {cut, 12}, {mute, 5}, {deafen, 5}, {diskFull, 4},
	{duplicate, 6}, {reorder, 6}, {late, 4}, {poison, 5}, {oversize, 3}, {forge, 3},
}

// aimed are the kinds that hit one role.
var aimed = []kind{kill, freeze, cut, mute, deafen}

// rule is one fault of a schedule.
type rule struct {
	// after is how many further answers of the edge precede it.
	after  int
	kind   kind
	target string // a role; empty where the kind says it all
}

func (r rule) String() string {
	return strings.TrimSpace(fmt.Sprintf("after %d %s %s", r.after, r.kind, r.target))
}

// schedule draws the faults of a round. The same seed draws the same.
func schedule(seed uint64, faults int, cast []string, possible map[kind]string) []rule {
	rng := rand.New(rand.NewPCG(seed, 0xfa017))
	var out []rule
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	for len(out) < faults {
		n := rng.IntN(total)
		k := weights[0].kind
		for _, w := range weights {
			if n -= w.weight; n < 0 {
				k = w.kind
				break
			}
		}
		r := rule{after: 1 + rng.IntN(60), kind: k}
		if slices.Contains(aimed, k) {
			r.target = cast[rng.IntN(len(cast))]
		}
		if _, not := possible[k]; not {
			continue
		}
		out = append(out, r)
	}
	return out
}

// parse reads what String wrote, a rule a line; lines that begin with # say
// nothing.
func parse(text string) ([]rule, error) {
	var out []rule
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var r rule
		if got, err := fmt.Sscanf(line, "after %d %s %s", &r.after, &r.kind, &r.target); got < 2 {
			return nil, fmt.Errorf("line %d: %q: want `after N KIND [ROLE]`: %w", n+1, line, err)
		}
		if !slices.ContainsFunc(weights, func(w struct {
			kind   kind
			weight int
		}) bool {
			return w.kind == r.kind
		}) {
			return nil, fmt.Errorf("line %d: no fault is called %q", n+1, r.kind)
		}
		if slices.Contains(aimed, r.kind) != (r.target != "") {
			return nil, fmt.Errorf("line %d: %q: a role is named where one is hit, and nowhere else", n+1, line)
		}
		out = append(out, r)
	}
	return out, nil
}
