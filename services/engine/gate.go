package engine

import (
	"errors"
	"sync"
)

// ErrClosed is returned by a node that was closed, or is being closed.
var ErrClosed = errors.New("the ledger of this process is closed")

// gate counts who is in the stores, so that none is closed under a reader. A
// reader may enter again while it is in. The zero value is open.
type gate struct {
	mu     sync.Mutex
	shut   bool
	inside sync.WaitGroup
}

// enter admits a caller, who leaves by the function returned.
func (g *gate) enter() (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil, ErrClosed
	}
	g.inside.Add(1)
	return g.inside.Done, nil
}

// close admits nobody more, and returns once everybody left.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
	g.inside.Wait()
}
