package lab

import (
	"math/rand/v2"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// Noise is what happens to everybody and is no fault: what the ledger has to
// bear without a word. Chances are per mille.
type Noise struct {
	// Duplicate webhooks arrive twice, late ones up to LateBy after they were
	// sent, lost ones never: of those that a poll repeats.
	Duplicate, Late, Lost int
	LateBy                time.Duration
	// Refused polls are answered 429; nothing is read, and the feed is asked again
	// at its next turn.
	Refused int
	// Poison is how many webhooks are followed by bytes that are no document.
	Poison int
	// Paused is how often, in a minute, all partitions stop for up to PauseFor.
	Paused   int
	PauseFor time.Duration
	// Crash is how often, in a second, a partition loses what it had not committed.
	Crash int
	// Skew is the greatest error of any system's clock, and Declared what the
	// configuration says it may be; 0: the catalog's.
	Skew, Declared time.Duration
}

// Usual is the noise of every run.
func Usual() Noise {
	return Noise{
		Duplicate: 30, Late: 30, Lost: 10, LateBy: 2 * time.Minute, Refused: 40, Poison: 2, Paused: 20, PauseFor: 40 * time.Second, Crash: 5,
		Skew: 900 * time.Millisecond,
	}
}

// Loud is the noise of null runs: clocks are up to five minutes wrong, as declared.
func Loud() Noise {
	n := Usual()
	n.Skew, n.Declared = 5*time.Minute, 5*time.Minute
	return n
}

// skews draws the errors of the systems' clocks.
func (n *Noise) skews(rnd *rand.Rand) shop.Skew {
	draw := func() time.Duration {
		if n.Skew == 0 {
			return 0
		}
		return (time.Duration(rnd.Int64N(2*int64(n.Skew)+1)) - n.Skew).Truncate(time.Millisecond)
	}
	return shop.Skew{Storefront: draw(), Payment: draw(), ERP: draw(), Warehouse: draw(), Courier: draw()}
}

// chance draws true in so many of a thousand cases.
func chance(rnd *rand.Rand, permille int) bool { return permille > 0 && rnd.IntN(1000) < permille }
