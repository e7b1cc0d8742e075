package webhook_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderledger/orderledger/services/connector"
)

// pipeListener accepts connections made in memory, whose deadlines run on the
// bubble's clock.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestSlowBody: a sender that trickles its body is cut off after the read
// timeout and holds nothing afterwards.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, connector.SystemClock{})
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		srv := &http.Server{Handler: g.server}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		client, server := net.Pipe()
		l.conns <- server
		began := time.Now()
		if _, err := client.Write([]byte("POST /webhooks/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")); err != nil {
			t.Fatal(err)
		}
		status, err := bufio.NewReader(client).ReadString('\n')
		took := time.Since(began)
		if err == nil && !strings.Contains(status, "408") {
			t.Errorf("answered %q", status)
		}
		if took < 10*time.Second || took > 11*time.Second {
			t.Errorf("cut off after %s, want 10s", took)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(g.saw) != 1 || g.saw[0].Outcome != connector.OutcomeTooSlow {
			t.Errorf("counted %+v", g.saw)
		}
	})
}
