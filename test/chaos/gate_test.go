package chaos_test

import (
	"fmt"
	"io"
	"net"
	"sync"
)

// gate stands between a role and an engine: every connection goes through it,
// and can be reset.
type gate struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	open   map[net.Conn]bool
	opened int // how many were
}

// newGate listens on an address of a host and passes on to another.
func newGate(host, to string) (*gate, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	g := &gate{listener: l, to: to, open: map[net.Conn]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(c)
		}
	}()
	return g, nil
}

func (g *gate) addr() string { return g.listener.Addr().String() }

func (g *gate) pass(in net.Conn) {
	out, err := net.Dial("tcp", g.to)
	if err != nil {
		reset(in)
		return
	}
	g.mu.Lock()
	g.open[in], g.open[out] = true, true
	g.opened++
	g.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { flow(in, out) })
	both.Go(func() { flow(out, in) })
	both.Wait()
	g.mu.Lock()
	delete(g.open, in)
	delete(g.open, out)
	g.mu.Unlock()
	_, _ = in.Close(), out.Close()
}

// flow passes bytes on until either end is over, and tells the other.
func flow(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err != nil {
		reset(to)
		reset(from)
		return
	}
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// count is how many connections were ever opened.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// cut resets every connection and returns how many there were.
func (g *gate) cut() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.open {
		reset(c)
	}
	return len(g.open) / 2
}

func (g *gate) close() {
	_ = g.listener.Close()
	g.cut()
}
