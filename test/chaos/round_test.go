package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orderledger/orderledger/test/ordeal"
)

// backlog is how many deliveries may wait before nothing more is sold.
const backlog = 400

// atOnce is how many faults may be under way together.
const atOnce = 3

// roundOptions make a round.
type roundOptions struct {
	program string
	seed    uint64
	cast    []string
	rules   []rule
	// impossible are the kinds that this machine cannot have, and why.
	impossible map[kind]string
}

// tally is what rounds add up to.
type tally struct {
	rounds, acked, orders, records, missing int
	faults                                  map[kind]int
	own                                     []string // ends of roles that were nobody's doing
	answers                                 map[string]int
	asked                                   int
}

// round plays one schedule, heals, drains, and examines what is left.
func round(t *testing.T, opt roundOptions, sum *tally) {
	dir, err := os.MkdirTemp("", "orderledger-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, r := range opt.rules {
		fmt.Fprintln(&text, r)
	}
	if err := os.WriteFile(filepath.Join(dir, "faults.txt"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, opt, dir)
	t.Cleanup(func() { s.clear(opt) })
	s.play()
	for _, a := range s.roles {
		if err := a.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.shop.run(s.stopping)
	go s.sell()
	asked := s.asking()
	s.perform(opt.rules, sum)
	s.drain()
	sum.asked += asked()
	s.examine(sum)
}

// clear ends everything and, unless something was found, removes it.
func (s *stage) clear(opt roundOptions) {
	s.stop()
	for _, a := range s.roles {
		if a.Process != nil && a.Starts() > 0 && a.Running() {
			_ = a.Signal(syscall.SIGCONT)
			a.Kill()
		}
	}
	s.watchers.Wait()
	if s.t.Failed() {
		s.t.Logf("kept: %s\nagain: make chaos SEED=%d RULES=%s", s.dir, opt.seed, filepath.Join(s.dir, "faults.txt"))
		return
	}
	if s.disk != "" {
		if err := syscall.Unmount(s.disk, syscall.MNT_DETACH); err != nil {
			s.t.Error(err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Error(err)
	}
}

// sell lets orders be born until nothing new is sold.
func (s *stage) sell() {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping.Done():
			return
		case <-tick.C:
		}
		s.shop.mu.Lock()
		ended, full := s.shop.ended, s.shop.pending > backlog
		s.shop.mu.Unlock()
		if ended {
			return
		}
		if !full {
			s.shop.sell(s.stopping)
		}
	}
}

// perform lets the faults happen, several at once, each after some progress.
func (s *stage) perform(rules []rule, sum *tally) {
	s.t.Helper()
	slots, over := make(chan struct{}, atOnce), make(chan struct{}, len(rules))
	var all sync.WaitGroup
	for n, r := range rules {
		s.progress(r.after, over)
		slots <- struct{}{}
		sum.faults[r.kind]++
		all.Go(func() {
			began := time.Now()
			if err := s.strike(s.t.Context(), r); err != nil {
				s.shop.finds("fault %d, %s: %v", n+1, r, err)
			}
			if took := time.Since(began); testing.Verbose() {
				s.t.Logf("%2d %-28s %6.1f s", n+1, r, took.Seconds())
			}
			<-slots
			over <- struct{}{}
		})
	}
	all.Wait()
}

// progress waits for further answers of the edge, or until a fault that is under
// way, and may stand in their way, is over.
func (s *stage) progress(more int, over <-chan struct{}) {
	s.t.Helper()
	begun, _ := s.shop.count()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		n, changed := s.shop.count()
		if n >= begun+more {
			return
		}
		select {
		case <-changed:
		case <-over:
			return
		case <-limit.C:
			s.shop.finds("for %s the edge did not answer and no fault ended", patience)
			return
		}
	}
}

// drain waits until everything that was begun is finished: delivered, folded,
// shipped, judged. Then every role ends properly.
func (s *stage) drain() {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.report()
			s.t.Fatal(err)
		}
	}
	ctx := s.t.Context()
	s.shop.release()
	for _, a := range s.roles {
		must(a.ready(ctx))
	}
	must(await(ctx, func() error {
		if n := s.shop.left(); n > 0 {
			return fmt.Errorf("%w: %d deliveries are left", errYet, n)
		}
		return nil
	}))
	must(s.joined(ctx))
	must(s.judged(ctx))
	s.spoken()
	s.rest() // no role is started again
	var ledgers, others []*actor
	for _, a := range s.roles {
		if a.kind == "ledger" {
			ledgers = append(ledgers, a)
		} else {
			others = append(others, a)
		}
	}
	for _, a := range append(others, ledgers[:len(ledgers)-1]...) {
		if err := a.Stop(30 * time.Second); err != nil {
			s.shop.finds("%s after SIGTERM: %v", a.name, err)
		}
	}
	last := ledgers[len(ledgers)-1]
	must(await(ctx, func() error { return last.idle(ctx) }))
	if err := last.Stop(30 * time.Second); err != nil {
		s.shop.finds("%s after SIGTERM: %v", last.name, err)
	}
	s.tables()
	s.stop()
	s.watchers.Wait()
	s.report()
}

// report makes findings failures.
func (s *stage) report() {
	s.shop.mu.Lock()
	defer s.shop.mu.Unlock()
	for i, w := range s.shop.wrong {
		if i < 20 {
			s.t.Error(w)
		}
	}
	s.shop.wrong = nil
}

// idle says what a ledger that should own everything still has to do.
func (a *actor) idle(ctx context.Context) error {
	ends, err := a.Endpoints()
	if err != nil {
		return err
	}
	for name, want := range map[string]float64{"partition_owned": 2 * partitions, "fold_lag_records": 0, "outbox_bytes": 0} {
		got, err := ordeal.Metric(ctx, ends.Admin, name)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%w: %s: %s is %v, wanted %v", errYet, a.name, name, got, want)
		}
	}
	return nil
}

// asking asks the API for orders all the time; what it says of its own age may
// never decrease. The function it returns ends it and counts the answers.
func (s *stage) asking() func() int {
	api := s.actor("api")
	if api == nil {
		return func() int { return 0 }
	}
	ctx, stop := context.WithCancel(s.stopping)
	done, n, applied := make(chan struct{}), 0, map[int32]int64{}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if s.ask(ctx, api, applied) {
				n++
			}
			pause(ctx, 50*time.Millisecond)
		}
	}()
	return func() int {
		stop()
		<-done
		return n
	}
}

// ask asks once, and reports whether there was an answer.
func (s *stage) ask(ctx context.Context, api *actor, applied map[int32]int64) bool {
	if !api.Running() {
		return false
	}
	ends, err := api.Endpoints()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ends.API+"/v1/orders?pageSize=1", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	var out struct {
		Freshness []struct {
			Partition     int32
			AppliedOffset string
		}
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&out) != nil {
		return false
	}
	for _, f := range out.Freshness {
		at, err := strconv.ParseInt(f.AppliedOffset, 10, 64)
		if before, asked := applied[f.Partition]; err != nil || asked && at < before {
			s.shop.finds("the API had applied partition %d to %d, and now to %q", f.Partition, before, f.AppliedOffset)
		}
		applied[f.Partition] = at
	}
	return len(out.Freshness) == partitions
}
