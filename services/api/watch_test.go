package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/apitest"
)

type exceptionStream interface {
	Recv() (*orderledgerv1.WatchExceptionsResponse, error)
}

// next returns the next change, or nil at a heartbeat.
func next(t *testing.T, st exceptionStream) (*orderledgerv1.ExceptionChange, *orderledgerv1.WatchExceptionsResponse) {
	t.Helper()
	m, err := st.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return m.GetChange(), m
}

// nextChange skips heartbeats.
func nextChange(t *testing.T, st exceptionStream) (*orderledgerv1.ExceptionChange, string) {
	t.Helper()
	for {
		if c, m := next(t, st); c != nil {
			return c, m.ResumeToken
		}
	}
}

func acknowledge(t *testing.T, s *apitest.Shop, id string) {
	t.Helper()
	r, err := orderledgerv1.NewExceptionServiceClient(s.Conn).AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 1})
	if err != nil || r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED {
		t.Fatalf("%v %v", r, err)
	}
}

func TestWatchExceptionsTellsEachChangeOnce(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1", "2", "3")
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	ctx, cancel := context.WithCancel(soon(t))
	st, err := c.WatchExceptions(ctx, &orderledgerv1.WatchExceptionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	opening := map[string]bool{}
	for {
		ch, m := next(t, st)
		if ch == nil {
			if m.ResumeToken == "" {
				t.Fatal("the heartbeat after the opening has no token")
			}
			break
		}
		opening[ch.Exception.Id] = true
		if ch.Transition != nil || m.ResumeToken != "" {
			t.Fatalf("opening message %v", m)
		}
	}
	if len(opening) != 3 {
		t.Fatalf("opening %v", opening)
	}
	acknowledge(t, s, ids[0].String())
	ch, token := nextChange(t, st)
	if ch.Exception.Id != ids[0].String() || ch.Transition.Kind != orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED || ch.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED {
		t.Fatalf("change %v", ch)
	}
	cancel()
	acknowledge(t, s, ids[1].String())
	s.Event(ledgertest.ERPEvent("3", ledgertest.Clock(10, 2, 30), ledgertest.Clock(10, 2, 31), 0, ledgertest.Words{Order: "approved", Created: ledgertest.Clock(10, 2, 30)}))
	s.Await("the exception of order 3 to heal", func() bool { return s.Open(ledgertest.Key("3")) == nil })

	st, err = c.WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]orderledgerv1.TransitionKind{}
	for range 2 {
		ch, token = nextChange(t, st)
		got[ch.Exception.Id] = ch.Transition.Kind
	}
	if got[ids[1].String()] != orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED || got[ids[2].String()] != orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED {
		t.Fatalf("after resuming %v", got)
	}
	st, err = c.WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	if ch, m := next(t, st); ch != nil {
		t.Fatalf("repeated %v", m)
	}
	st, err = c.WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{ResumeToken: token, Filter: "rule = x"})
	if err == nil {
		_, err = st.Recv()
	}
	wantReason(t, err, codes.InvalidArgument, "INVALID_RESUME_TOKEN")
}

func TestWatchExceptionsLeavesTheFilter(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1")
	st, err := orderledgerv1.NewExceptionServiceClient(s.Conn).WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{Filter: "state = OPEN"})
	if err != nil {
		t.Fatal(err)
	}
	if ch, _ := nextChange(t, st); ch.Transition != nil {
		t.Fatalf("opening %v", ch)
	}
	acknowledge(t, s, ids[0].String())
	if ch, _ := nextChange(t, st); !ch.LeftFilter {
		t.Fatalf("change %v", ch)
	}
}

// A stream that cannot keep up is told everything from the store.
func TestWatchExceptionsSurvivesLag(t *testing.T) {
	s := apitest.Start(t)
	st, err := orderledgerv1.NewExceptionServiceClient(s.Conn).WatchExceptions(t.Context(), &orderledgerv1.WatchExceptionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if ch, _ := next(t, st); ch != nil {
		t.Fatalf("opening %v", ch)
	}
	var names []string
	for i := range 600 { // far more commits than a subscription holds
		names = append(names, "n"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	ids := s.Broken(names...)
	// Nothing was read: the server waits for this client, and the commits that
	// follow are more than it may lag.
	for i := range 300 {
		s.Place("later" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	acknowledge(t, s, ids[0].String())
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id.String()] = true
	}
	acknowledged := false
	for len(missing) > 0 || !acknowledged {
		ch, _ := nextChange(t, st)
		id := ch.Exception.Id
		switch kind := ch.Transition.Kind; {
		case kind == orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED && missing[id]:
			delete(missing, id)
		case kind == orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED && id == ids[0].String() && !acknowledged:
			acknowledged = true
		case kind == orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED && strings.HasPrefix(ch.Exception.OrderKey, "shop~later"):
		default:
			t.Fatalf("unexpected or repeated %v", ch)
		}
	}
}

func TestWatchOrder(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1")
	c := orderledgerv1.NewOrderServiceClient(s.Conn)
	ctx, cancel := context.WithCancel(soon(t))
	st, err := c.WatchOrder(ctx, &orderledgerv1.WatchOrderRequest{Order: "shop~1"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := st.Recv()
	if err != nil || m.GetSnapshot().GetOrderKey() != "shop~1" {
		t.Fatalf("%v %v", m, err)
	}
	token := m.ResumeToken
	cancel()
	acknowledge(t, s, ids[0].String())
	st, err = c.WatchOrder(soon(t), &orderledgerv1.WatchOrderRequest{Order: "shop~1", ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	m, err = st.Recv()
	if err != nil || len(m.GetChange().GetEntries()) != 1 || m.GetChange().Entries[0].Kind != orderledgerv1.EntryKind_ENTRY_KIND_OPERATOR_ACTION || m.GetChange().Entries[0].Sequence != 6 {
		t.Fatalf("%v %v", m, err)
	}
	s.Event(ledgertest.PayEvent("1", ledgertest.Clock(10, 2, 0), ledgertest.Clock(10, 2, 1), "captured"))
	for m.GetChange() == nil || m.GetChange().Entries[0].Source != "payments" {
		if m, err = st.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = func() (any, error) {
		st, err := c.WatchOrder(soon(t), &orderledgerv1.WatchOrderRequest{Order: "shop~2", ResumeToken: token})
		if err != nil {
			return nil, err
		}
		return st.Recv()
	}()
	wantReason(t, err, codes.InvalidArgument, "INVALID_RESUME_TOKEN")
}

func TestWatchOverREST(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1")
	req, err := http.NewRequestWithContext(soon(t), http.MethodGet, "http://"+s.Surface.REST+"/v1/exceptions:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if ct := resp.Header.Get("Content-Type"); ct != "application/x-ndjson" {
		t.Fatalf("content type %q", ct)
	}
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{"change", "heartbeat"} {
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		var m struct {
			Result map[string]json.RawMessage `json:"result"`
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil || m.Result[want] == nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
	}
}
