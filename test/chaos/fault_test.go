package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// frozen is longer than the session of a member of the group, one-way
	// partitions are shorter or longer by turns.
	frozen = 7 * time.Second
	// burst is how many deliveries an edge fault is made of.
	burst = 10
)

// strike makes one fault happen, and returns when it is over.
func (s *stage) strike(ctx context.Context, r rule) error {
	if r.target != "" {
		a := s.actor(r.target)
		if a == nil {
			return fmt.Errorf("no role is called %q", r.target)
		}
		a.busy.Lock()
		defer a.busy.Unlock()
		return s.hit(ctx, r, a)
	}
	switch r.kind {
	case roll:
		return s.roll(ctx)
	case brokerStop, brokerKill:
		s.broker.Lock()
		defer s.broker.Unlock()
		if r.kind == brokerStop {
			s.kafka.Stop()
		} else {
			s.kafka.Kill9()
		}
		return s.kafka.Restart(ctx)
	case clickhouseKill:
		return s.killHistory(ctx)
	case diskFull:
		return s.fill(ctx)
	default:
		s.mislead(r.kind)
		return nil
	}
}

func (s *stage) actor(name string) *actor {
	for _, a := range s.roles {
		if a.name == name {
			return a
		}
	}
	return nil
}

// hit makes a fault of one role happen.
func (s *stage) hit(ctx context.Context, r rule, a *actor) error {
	switch r.kind {
	case kill:
		return a.killed(ctx)
	case freeze:
		if err := a.struck(ctx, syscall.SIGSTOP); err != nil {
			return err
		}
		pause(ctx, frozen)
		return a.endedMeanwhile(a.Signal(syscall.SIGCONT))
	case cut:
		before := a.log.count() + a.tables.count()
		if a.log.cut()+a.tables.cut() == 0 {
			return nil // it has none: it is about to begin
		}
		return await(ctx, func() error {
			if a.log.count()+a.tables.count() == before {
				return fmt.Errorf("%w: %s connects no more", errYet, a.name)
			}
			return nil
		})
	case mute, deafen:
		way := inside
		if r.kind == deafen {
			way = outside
		}
		if err := s.net.block(a.space, way); err != nil {
			return err
		}
		pause(ctx, time.Duration(1+r.after%8)*time.Second)
		return s.net.free(a.space, way)
	default:
		return fmt.Errorf("%s hits no role", r.kind)
	}
}

// endedMeanwhile forgives that a role ended by itself just before.
func (a *actor) endedMeanwhile(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// struck sends a signal to a role, if need be to the process that follows one
// which ended by itself.
func (a *actor) struck(ctx context.Context, sig syscall.Signal) error {
	return await(ctx, func() error { return a.Signal(sig) })
}

// killed kills a role with -9 and waits for its successor.
func (a *actor) killed(ctx context.Context) error {
	starts := a.Starts()
	a.ends()
	if err := a.struck(ctx, syscall.SIGKILL); err != nil {
		return err
	}
	return a.again(ctx, starts)
}

// again waits until a role was started once more.
func (a *actor) again(ctx context.Context, starts int) error {
	return await(ctx, func() error {
		if a.Starts() == starts {
			return fmt.Errorf("%w: %s is not started again", errYet, a.name)
		}
		return nil
	})
}

// roll ends every role in turn as a rollout does, each when the one before is
// ready again.
func (s *stage) roll(ctx context.Context) error {
	for _, a := range s.roles {
		a.busy.Lock()
		err := a.rolled(ctx)
		a.busy.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *actor) rolled(ctx context.Context) error {
	starts := a.Starts()
	a.ends()
	if err := a.struck(ctx, syscall.SIGTERM); err != nil {
		return err
	}
	if err := a.again(ctx, starts); err != nil {
		return fmt.Errorf("%s after SIGTERM: %w", a.name, err)
	}
	return a.ready(ctx)
}

// killHistory kills ClickHouse and waits until it runs again.
func (s *stage) killHistory(ctx context.Context) error {
	before := s.present()
	before.Kill()
	return await(ctx, func() error {
		if s.present() == before {
			return fmt.Errorf("%w: ClickHouse is not started again", errYet)
		}
		return nil
	})
}

// fill takes the last byte of a ledger's disk, and frees it when the ledger has
// noticed: it is unready, or gone.
func (s *stage) fill(ctx context.Context) error {
	var a *actor
	for _, a = range s.roles {
		if a.Data() == s.disk {
			break
		}
	}
	a.busy.Lock()
	defer a.busy.Unlock()
	if err := a.ready(ctx); err != nil {
		return err
	}
	name := filepath.Join(s.disk, "ballast")
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(name) }()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(s.disk, &fs); err != nil {
		return err
	}
	_ = syscall.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize) // what it leaves is written below
	_, err = f.Seek(0, io.SeekEnd)
	block := bytes.Repeat([]byte{'b'}, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
	_ = f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill a disk: %w", err)
	}
	return await(ctx, func() error {
		if code, err := a.readiness(ctx); err == nil && code == http.StatusOK {
			return fmt.Errorf("%w: %s does not mind that its disk is full", errYet, a.name)
		}
		return nil
	})
}

// mislead makes a fault of what is delivered happen.
func (s *stage) mislead(k kind) {
	p := s.shop
	p.mu.Lock()
	defer p.mu.Unlock()
	switch k {
	case reorder:
		p.keep += burst
		return
	case late:
		p.delay += burst
		return
	}
	for range burst {
		p.next++
		d := &delivery{order: p.next, topic: "orders/create", id: fmt.Sprintf("%s-%d", k, p.next)}
		switch k {
		case duplicate:
			if len(p.sent) == 0 {
				return
			}
			*d = *p.sent[p.rng.IntN(len(p.sent))]
		case poison:
			d.body = fmt.Appendf([]byte{0xff, 0xfe, '{', '"'}, "%d", p.rng.Uint64())
		case oversize:
			d.body, d.want = bytes.Repeat([]byte{' '}, 6<<20), http.StatusRequestEntityTooLarge
			p.post(d)
			return
		case forge:
			now := time.Now().UTC()
			d.body, d.seal, d.want = order(p.next, now, now, "forged"), seal([]byte("another")), http.StatusUnauthorized
		}
		p.post(d)
	}
}
