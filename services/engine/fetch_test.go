package engine_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// commits is an observer that notes how many records each commit took.
type commits struct {
	mu   sync.Mutex
	most int
	all  int
}

func (c *commits) Committed(what engine.Committed, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most, c.all = max(c.most, what.Records), c.all+what.Records
}
func (*commits) TickProposed(int32)              {}
func (*commits) Pumped(string, int32, int)       {}
func (*commits) SinkFailed(string, int32, error) {}
func (*commits) Refilling(string, int32, int64)  {}
func (*commits) Stopped(int32, error)            {}

// TestLargeRecordsMakeSmallCommits: what is decoded at once, and committed at
// once, is bounded in bytes, however many records one poll returns.
func TestLargeRecordsMakeSmallCommits(t *testing.T) {
	r := newRig(t)
	const orders, body = 100, 100 << 10
	at := ledgertest.Clock(10, 0, 0)
	for i := range orders {
		ev := ledgertest.ShopEvent(fmt.Sprint(i), at, at, ledgertest.Words{Order: "open", Payment: "paid", Created: at, Minor: 100})
		ev.Body = ledger.Body{Bytes: bytes.Repeat([]byte{byte(i)}, body)}
		r.append(kafkalog.TopicEvents, 0, string(ev.Order), ev)
	}
	seen := &commits{}
	n, err := engine.Start(t.Context(), engine.Config{Dir: t.TempDir(), Partitions: partitions, Standby: true},
		engine.Deps{Journal: r.log, Codec: r.codec, Clock: r.clock, Logger: quiet(), Observer: seen})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Barrier(t.Context(), 0)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || seen.all < orders || seen.most*body > 1<<20+body {
		t.Errorf("%d records were folded, up to %d of %d bytes at once, %v", seen.all, seen.most, body, err)
	}
}
