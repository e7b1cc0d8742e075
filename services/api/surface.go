package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Surface is a server that listens: gRPC on one address, REST on another.
type Surface struct {
	// GRPC and REST are the addresses, host:port.
	GRPC string
	REST string

	server *Server
	http   *http.Server
	conn   *grpc.ClientConn
	wg     sync.WaitGroup
}

// Listen starts to answer. Port 0 chooses a free one. An address that other
// machines reach is refused without authentication.
func (s *Server) Listen(grpcAddr, restAddr string) (*Surface, error) {
	listen := net.ListenConfig{}
	g, err := listen.Listen(s.ctx, "tcp", grpcAddr)
	if err != nil {
		return nil, fmt.Errorf("listen.grpc: %w", err)
	}
	h, err := listen.Listen(s.ctx, "tcp", restAddr)
	if err != nil {
		_ = g.Close()
		return nil, fmt.Errorf("listen.rest: %w", err)
	}
	close := func(err error) (*Surface, error) {
		return nil, errors.Join(err, g.Close(), h.Close())
	}
	for _, l := range []net.Listener{g, h} {
		if err := s.auth.open(l.Addr()); err != nil {
			return close(err)
		}
	}
	in := newPipe()
	conn, err := grpc.NewClient("passthrough:///rest", grpc.WithContextDialer(in.dial), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return close(fmt.Errorf("connect REST to gRPC: %w", err))
	}
	handler, err := NewREST(s.ctx, conn, s.opt.Hosts)
	if err != nil {
		return close(err)
	}
	f := &Surface{
		GRPC: g.Addr().String(), REST: h.Addr().String(), server: s, conn: conn,
		http: &http.Server{
			Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(s.opt.Logger.Handler(), slog.LevelDebug),
		},
	}
	f.spawn(s.measure, "measuring flows")
	f.spawn(func() error { return s.Serve(in) }, "rest to grpc")
	f.spawn(func() error { return s.Serve(overTLS(g, s.opt.GRPCTLS)) }, "grpc")
	f.spawn(func() error { return f.serveREST(h) }, "rest")
	return f, nil
}

// overTLS lets a listener speak TLS, if it is configured to, and HTTP/2 inside.
func overTLS(l net.Listener, c *tls.Config) net.Listener {
	if c == nil {
		return l
	}
	c = c.Clone()
	c.NextProtos = []string{"h2"}
	return tls.NewListener(l, c)
}

func (f *Surface) serveREST(l net.Listener) error {
	if c := f.server.opt.RESTTLS; c != nil {
		f.http.TLSConfig = c.Clone()
		return f.http.ServeTLS(l, "", "")
	}
	return f.http.Serve(l)
}

func (f *Surface) spawn(fn func() error, what string) {
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		if err := fn(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
			f.server.opt.Logger.Error("a server ended", "server", what, "error", err)
		}
	}()
}

// Unready says to whoever asks for its health that calls are to go elsewhere.
// They are answered all the same.
func (f *Surface) Unready() { f.server.health.Shutdown() }

// Close ends the streams, answers what has been asked, and stops listening. What
// has not ended when ctx does is cut off.
func (f *Surface) Close(ctx context.Context) error {
	f.server.stop() // streams end first, so that REST's do
	err := f.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, f.http.Close())
	}
	f.server.Stop(ctx)
	err = errors.Join(err, f.conn.Close())
	f.wg.Wait()
	return err
}
