package api_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api/apitest"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// odd sends orders with a word that nobody knows: n of them to each of the
// given partitions, none of them twice.
func odd(s *apitest.Shop, n int, partitions ...int32) {
	s.T.Helper()
	for _, p := range partitions {
		left := n
		for i := 0; left > 0; i++ {
			id := "odd-" + strconv.Itoa(i)
			if s.Node.PartitionOf(ledgertest.Key(id)) == p {
				s.Event(ledgertest.ShopEvent(id, ledgertest.Noon, ledgertest.Noon, ledgertest.Words{Order: "odd"}))
				left--
			}
		}
	}
}

// mapOdd puts a policy into force that maps the word.
func mapOdd(s *apitest.Shop) {
	s.T.Helper()
	p := ledgertest.Policy()
	p.Version, p.EffectiveAt = 2, ledgertest.Clock(10, 2, 45)
	for i := range p.Rows {
		if p.Rows[i].Native == "open" {
			row := p.Rows[i]
			row.Native = "odd"
			p.Rows = append(p.Rows, row)
			break
		}
	}
	slices.SortFunc(p.Rows, ledger.MatrixRow.Compare)
	s.Append(kafkalog.TopicControl, 0, "policy", p.Record([]byte("groups: []\n"), "tests"))
	for i := range int32(apitest.Partitions) { // as their owner does in its own time
		s.Append(kafkalog.TopicEvents, i, "", p.Record([]byte("groups: []\n"), "tests"))
	}
}

// unmapped lists the exceptions about words.
func unmapped(t *testing.T, c orderledgerv1.ExceptionServiceClient, filter string) []*orderledgerv1.Exception {
	t.Helper()
	r, err := c.ListExceptions(soon(t), &orderledgerv1.ListExceptionsRequest{Filter: `type = UnmappedStatus` + filter})
	if err != nil {
		t.Fatal(err)
	}
	return r.Exceptions
}

func TestAWordIsOneExceptionOverAllPartitions(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001") // from here on there is a clock
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	odd(s, 2, 1)
	before := unmapped(t, c, "")
	odd(s, 1, 0, 3)
	list := unmapped(t, c, "")
	if len(before) != 1 || len(list) != 1 || before[0].Id != list[0].Id {
		t.Fatalf("first %v\nthen %v", before, list)
	}
	x := list[0]
	var where, documents []int64
	for _, p := range x.Parts {
		where, documents = append(where, int64(p.Partition)), append(documents, p.Documents)
		if p.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN || p.Episode != 1 || p.Id == x.Id {
			t.Errorf("part %v", p)
		}
	}
	if !slices.Equal(where, []int64{0, 1, 3}) || !slices.Equal(documents, []int64{1, 2, 1}) || x.Episode != 3 {
		t.Fatalf("parts in %v with %v documents, episode %d", where, documents, x.Episode)
	}
	first := slices.MinFunc(x.Parts, func(a, b *orderledgerv1.ExceptionPart) int {
		return a.Since.Latest.AsTime().Compare(b.Since.Latest.AsTime())
	})
	if !x.Since.Latest.AsTime().Equal(first.Since.Latest.AsTime()) || !x.OpenTime.AsTime().Equal(first.OpenTime.AsTime()) {
		t.Errorf("since %v and open %v, the first part %v", x.Since, x.OpenTime, first)
	}
	for _, id := range []string{x.Id, x.Parts[0].Id, x.Parts[2].Id} {
		r, err := c.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: id})
		if err != nil || r.Exception.Id != x.Id || len(r.Exception.Parts) != 3 || len(r.Freshness) != apitest.Partitions {
			t.Fatalf("%s: %v %v", id, r, err)
		}
		var kinds []orderledgerv1.TransitionKind
		for _, h := range r.Exception.History {
			kinds = append(kinds, h.Kind)
		}
		if !slices.Equal(kinds, []orderledgerv1.TransitionKind{
			orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED,
			orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED, orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED,
		}) {
			t.Fatalf("history %v", kinds)
		}
	}
	if n := len(unmapped(t, c, ` AND state = RESOLVED`)); n != 0 {
		t.Errorf("%d are said to be over", n)
	}
}

func TestAcknowledgingAWordActsOnEveryPart(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001") // from here on there is a clock
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	odd(s, 1, 0, 2, 3)
	x := unmapped(t, c, "")[0]
	ask := func(id string, episode uint32, request string) *orderledgerv1.AcknowledgeExceptionResponse {
		t.Helper()
		r, err := c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: episode, Comment: "mapping it", RequestId: request})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := ask(x.Id, 1, ""); r.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_EPISODE_MISMATCH || r.Result.Position != nil {
		t.Fatalf("a part's episode: %v", r.Result)
	}
	request := uuid.NewString()
	for _, id := range []string{x.Id, x.Id, x.Parts[1].Id} { // a repetition is harmless
		r := ask(id, x.Episode, request)
		if r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || r.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED ||
			r.Exception.Acknowledgement.GetComment() != "mapping it" || len(r.Freshness) != apitest.Partitions {
			t.Fatalf("%v", r)
		}
		for _, p := range r.Exception.Parts {
			if p.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED || p.Acknowledgement.GetComment() != "mapping it" {
				t.Errorf("part %v", p)
			}
		}
	}
	if r := ask(x.Id, x.Episode, ""); r.Result.RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_ALREADY_ACKNOWLEDGED {
		t.Fatalf("a second time: %v", r.Result)
	}
	_, err := c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: x.Id, Episode: x.Episode, Comment: "other", RequestId: request})
	wantReason(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")

	// What nobody has seen yet is open again, and takes an acknowledgement of its own.
	odd(s, 1, 1)
	now := unmapped(t, c, "")[0]
	if now.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN || now.Episode != 4 {
		t.Fatalf("with a new part: %v", now)
	}
	if r := ask(x.Id, x.Episode, request); r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || r.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_OPEN {
		t.Fatalf("the repetition acted on what was not seen: %v", r)
	}
	if r := ask(x.Id, now.Episode, ""); r.Result.Outcome != orderledgerv1.Outcome_OUTCOME_ACCEPTED || r.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_ACKNOWLEDGED {
		t.Fatalf("the new part: %v", r)
	}
}

// A watch tells of the whole: opened with its first part, acknowledged and
// resolved with the last one.
func TestWatchTellsOfAWordAsAWhole(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001") // from here on there is a clock
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	st, err := c.WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{Filter: `type = UnmappedStatus`})
	if err != nil {
		t.Fatal(err)
	}
	if ch, m := next(t, st); ch != nil {
		t.Fatalf("opening %v", m)
	}
	const updated = orderledgerv1.TransitionKind_TRANSITION_KIND_UPDATED
	expect := func(what string, kinds ...orderledgerv1.TransitionKind) (id, token string) {
		t.Helper()
		for _, want := range kinds {
			ch, at := nextChange(t, st)
			if ch.Transition.GetKind() != want || len(ch.Exception.Parts) == 0 {
				t.Fatalf("%s: %v, want %s", what, ch, want)
			}
			id, token = ch.Exception.Id, at
		}
		return id, token
	}
	odd(s, 1, 0)
	id, _ := expect("the first part", orderledgerv1.TransitionKind_TRANSITION_KIND_OPENED)
	odd(s, 1, 1)
	if same, _ := expect("the second part", updated); same != id {
		t.Fatalf("two exceptions: %s and %s", id, same)
	}
	if _, err := c.AcknowledgeException(soon(t), &orderledgerv1.AcknowledgeExceptionRequest{Id: id, Episode: 2}); err != nil {
		t.Fatal(err)
	}
	got := map[orderledgerv1.TransitionKind]int{}
	var token string
	for range 2 {
		ch, at := nextChange(t, st)
		got[ch.Transition.GetKind()]++
		token = at
	}
	if got[orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED] == 0 || got[updated]+got[orderledgerv1.TransitionKind_TRANSITION_KIND_ACKNOWLEDGED] != 2 {
		t.Fatalf("acknowledging gave %v", got)
	}

	// While nobody watches, a policy maps the word.
	mapOdd(s)
	s.Await("the word to be mapped", func() bool { return len(unmapped(t, c, "")) == 0 })
	st, err = c.WatchExceptions(soon(t), &orderledgerv1.WatchExceptionsRequest{Filter: `type = UnmappedStatus`, ResumeToken: token})
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := expect("both parts are over", orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED); again != id {
		t.Fatalf("resolved %s, want %s", again, id)
	}
	r, err := c.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: id})
	if err != nil || r.Exception.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED || r.Exception.ResolveTime == nil {
		t.Fatalf("%v %v", r, err)
	}
	last := r.Exception.History[len(r.Exception.History)-1]
	if last.Kind != orderledgerv1.TransitionKind_TRANSITION_KIND_RESOLVED || len(unmapped(t, c, ` AND state = RESOLVED`)) != 1 {
		t.Fatalf("history ends with %v", last)
	}
	_, err = c.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: ledger.ExceptionID{9}.String()})
	wantReason(t, err, codes.NotFound, "EXCEPTION_NOT_FOUND")
}
