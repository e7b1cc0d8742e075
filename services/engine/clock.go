package engine

import (
	"crypto/sha256"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/orderledger/orderledger/ledger"
)

// Clock is the time a proposer of ticks sees.
type Clock interface {
	// Now is the wall clock.
	Now() ledger.Instant
	// Boot is the identity of the machine's boot and the time since it, which
	// no change of the wall clock moves.
	Boot() (id [16]byte, since ledger.Micros)
}

// SystemClock is the machine's clock.
type SystemClock struct{ id [16]byte }

// NewSystemClock reads the machine's boot id. Where there is none, the process
// counts as its own boot.
func NewSystemClock() SystemClock {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	name := strings.TrimSpace(string(raw))
	if err != nil || name == "" {
		name = time.Now().String()
	}
	sum := sha256.Sum256([]byte(name))
	var c SystemClock
	copy(c.id[:], sum[:])
	return c
}

// Now implements Clock.
func (c SystemClock) Now() ledger.Instant { return ledger.At(time.Now()) }

// Boot implements Clock.
func (c SystemClock) Boot() ([16]byte, ledger.Micros) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return c.id, ledger.Micros(time.Now().UnixMicro())
	}
	return c.id, ledger.Micros(ts.Nano() / 1000)
}
