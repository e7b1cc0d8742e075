package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/test/ordeal"
)

// options name the round's log.
func (s *stage) options() ordeal.LogOptions {
	return ordeal.LogOptions{Kafka: s.kafka.Addr(), Partitions: partitions}
}

func orderOf(subject ledger.Subject) (id int64) {
	_, native, _ := strings.Cut(string(subject.Order), "~")
	_, _ = fmt.Sscan(native, &id)
	return id
}

// judged waits until exactly the orders that the back office never took stand
// in the open list: none is missing, none is blamed.
func (s *stage) judged(ctx context.Context) error {
	x := ordeal.OpenLog(s.t, s.options())
	return await(ctx, func() error {
		s.shop.mu.Lock()
		defer s.shop.mu.Unlock()
		lacking := map[int64]bool{}
		for id, sale := range s.shop.sales {
			if sale.taken.IsZero() {
				lacking[id] = true
			}
		}
		for _, e := range x.Claims() {
			switch {
			case !e.Open:
			case e.Subject.Kind == ledger.SubjectOrder && lacking[orderOf(e.Subject)]:
				delete(lacking, orderOf(e.Subject))
			default:
				return fmt.Errorf("%w: %s of %s is open", errYet, e.Name, e.Subject)
			}
		}
		if len(lacking) > 0 {
			return fmt.Errorf("%w: %d orders that the back office never took are not in the list", errYet, len(lacking))
		}
		return nil
	})
}

// joined waits until every payment that was acknowledged without saying whose it
// is was forwarded to the order that names it.
func (s *stage) joined(ctx context.Context) error {
	x := ordeal.OpenLog(s.t, s.options())
	return await(ctx, func() error {
		forwarded, lacking := x.Forwarded(), 0
		for id, order := range s.shop.unkeyed {
			if forwarded[id] != order {
				lacking++
			}
		}
		if lacking > 0 {
			return fmt.Errorf("%w: %d of %d payments are not joined", errYet, lacking, len(s.shop.unkeyed))
		}
		return nil
	})
}

// spoken reads what every role says of itself.
func (s *stage) spoken() {
	s.t.Helper()
	for _, a := range s.roles {
		ends, err := a.Endpoints()
		if err != nil {
			s.t.Fatal(err)
		}
		res, err := http.Get(ends.Admin + "/metrics")
		if err != nil {
			s.t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || planted(raw) {
			s.t.Errorf("the metrics of %s tell what is personal (%v)", a.name, err)
		}
	}
}

// examine holds everything that the round left behind to what the shop knows.
func (s *stage) examine(sum *tally) {
	s.t.Helper()
	s.conserved()
	s.history.Stop()
	x := ordeal.Open(s.t, s.options(), filepath.Join(s.dir, "history"))
	x.Exceptions(ordeal.OrMore)
	var last string
	for _, a := range s.roles {
		if a.kind == "ledger" {
			last = a.Data()
		}
	}
	for p := range int32(partitions) {
		x.Partition(last, p, s.shop.acked)
		first := x.CaughtUp(last, p)
		sum.records += x.Effects(first, p)
		for _, a := range s.roles {
			if a.Data() == last || a.kind == "connector" {
				continue
			}
			second := x.CaughtUp(a.Data(), p)
			if ordeal.Digest(s.t, first) != ordeal.Digest(s.t, second) {
				s.t.Errorf("partition %d: %s differs: %s", p, a.name, ordeal.Difference(first, second))
			}
			s.silent(second, a.name)
		}
		s.silent(first, "the last ledger")
	}
	stores := []string{last}
	for _, a := range s.roles {
		if a.kind != "connector" && a.Data() != last {
			stores = append(stores, a.Data())
		}
	}
	x.Joins(stores)
	x.Conserved(s.shop.acked)
	x.SameHistory()
	s.heard(x)
	s.fair(x, sum)
	s.private(x)
	sum.rounds++
	sum.acked += s.shop.answered
	sum.orders += len(s.shop.sales)
	for what, n := range s.shop.answers {
		sum.answers[what] += n
	}
	for _, a := range s.roles {
		for _, err := range a.own {
			sum.own = append(sum.own, a.name+": "+err)
		}
	}
}

// conserved asks the product itself whether outcomes add up to records (S-40).
func (s *stage) conserved() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, "prove", "conservation", "--kafka", s.kafka.Addr(), "--partitions", fmt.Sprint(partitions), "--ephemeral")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("prove conservation: %v: %s", err, out)
	}
}

// heard checks that the log holds what the back office shows, as it stands, and
// what was acknowledged and meant nothing.
func (s *stage) heard(x *ordeal.Examination) {
	s.t.Helper()
	lost := 0
	for ref, d := range s.shop.docs {
		raw, err := json.Marshal(d)
		if err != nil {
			s.t.Fatal(err)
		}
		if r := s.shop.mapper[backOffice](raw); r.Event == nil || !x.Logged(r.Event.ID) {
			if lost++; lost < 5 {
				s.t.Errorf("the back office shows order %s, and the log does not hold it", ref)
			}
		}
	}
	aside := x.Quarantined()
	for id := range s.shop.poisoned {
		if aside[id] == 0 {
			s.t.Errorf("what was set aside as %s was acknowledged, and is not kept", id)
		}
	}
}

// fair checks every claim that was ever made against what the shop did.
func (s *stage) fair(x *ordeal.Examination, sum *tally) {
	s.t.Helper()
	for _, e := range x.Claims() {
		switch e.Subject.Kind {
		case ledger.SubjectFeed:
			if e.Open {
				s.t.Errorf("%s of %s is open after the end", e.Name, e.Subject)
			}
		case ledger.SubjectOrder:
			sale := s.shop.sales[orderOf(e.Subject)]
			if sale == nil || e.Name != "CheckoutDisconnect" {
				s.t.Errorf("%s of %s: nothing is wrong with it", e.Name, e.Subject)
				continue
			}
			if e.Open != sale.taken.IsZero() {
				s.t.Errorf("%s of %s: open %t, taken %s", e.Name, e.Subject, e.Open, sale.taken)
			}
			if !sale.taken.IsZero() && sale.taken.Sub(sale.born) < within {
				s.t.Errorf("%s of %s is a false claim: it was taken %s after it was born", e.Name, e.Subject, sale.taken.Sub(sale.born))
			}
			if e.Open {
				sum.missing++
			}
		default:
			s.t.Errorf("%s of %s: nothing is wrong with it", e.Name, e.Subject)
		}
	}
}

// planted reports whether bytes hold, as they are or behind zstd, what is
// personal.
func planted(raw []byte) bool {
	return bytes.Contains(raw, []byte(plantedWord)) || bytes.Contains(raw, []byte(plantedPhone))
}

// unpacked calls for bytes and for every zstd frame inside.
func unpacked(raw []byte, fn func([]byte)) {
	fn(raw)
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	for at := bytes.Index(raw, magic); at >= 0; {
		if d, err := zstd.NewReader(bytes.NewReader(raw[at:]), zstd.WithDecoderConcurrency(1)); err == nil {
			out, _ := io.ReadAll(d) // whatever stands behind the frame is no frame
			d.Close()
			fn(out)
		}
		next := bytes.Index(raw[at+4:], magic)
		if next < 0 {
			return
		}
		at += 4 + next
	}
}

// silent checks that a store tells nothing personal, and closes it.
func (s *stage) silent(store *engine.Store, name string) {
	s.t.Helper()
	err := store.Scan([]byte{0}, nil, func(k, v []byte) (bool, error) {
		found := planted(k)
		unpacked(v, func(b []byte) { found = found || planted(b) })
		if found {
			s.t.Errorf("the store of %s tells what is personal under %q", name, k)
		}
		return !found, nil
	})
	if err != nil {
		s.t.Error(err)
	}
	if err := store.Close(); err != nil {
		s.t.Error(err)
	}
}

// private looks for what is personal in every topic and every file.
func (s *stage) private(x *ordeal.Examination) {
	s.t.Helper()
	bodies := 0
	for _, topic := range []string{kafkalog.TopicEvents, kafkalog.TopicUnkeyed, kafkalog.TopicQuarantine, kafkalog.TopicExceptions, kafkalog.TopicSources, kafkalog.TopicControl, kafkalog.TopicAliases} {
		x.Each(topic, func(r *kafkalog.Record) {
			unpacked(append(r.Key, r.Value...), func(b []byte) {
				if planted(b) {
					s.t.Errorf("%s/%d@%d tells what is personal", topic, r.Partition, r.Offset)
				}
				if bytes.Contains(b, []byte(`"financial_status"`)) {
					bodies++
				}
			})
		})
	}
	if bodies == 0 {
		s.t.Error("no body was found in the log: the search looks in the wrong place")
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "index") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && planted(raw) {
			s.t.Errorf("%s tells what is personal", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}

// tables looks for what is personal in every column of ClickHouse.
func (s *stage) tables() {
	s.t.Helper()
	query := func(sql string) string {
		res, err := http.Post("http://"+s.present().HTTPAddr()+"/", "text/plain", strings.NewReader(sql))
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %s %s %v", sql, res.Status, raw, err)
		}
		return strings.TrimSpace(string(raw))
	}
	tables := strings.Fields(query("SELECT name FROM system.tables WHERE database = 'orderledger' AND engine LIKE '%MergeTree' FORMAT TSV"))
	if len(tables) < 4 {
		s.t.Errorf("ClickHouse has the tables %v: the search looks in the wrong place", tables)
	}
	for _, table := range tables {
		sql := fmt.Sprintf("SELECT countIf(position(row, '%s') > 0 OR position(row, '%s') > 0) FROM (SELECT formatRow('TSV', *) AS row FROM orderledger.`%s`)", plantedWord, plantedPhone, table)
		if n := query(sql); n != "0" {
			s.t.Errorf("%s rows of %s tell what is personal", n, table)
		}
	}
}
