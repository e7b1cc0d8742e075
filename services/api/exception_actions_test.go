package api_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/orderledger/orderledger/ledger/ledgertest"
	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/api/apitest"
)

const (
	accepted = orderledgerv1.Outcome_OUTCOME_ACCEPTED
	refused  = orderledgerv1.Outcome_OUTCOME_REFUSED
)

// acted is what every action's response says.
type acted interface {
	GetResult() *orderledgerv1.ActionResult
	GetException() *orderledgerv1.Exception
}

// actions calls every action on one exception; the words are its text.
type actions struct {
	t  *testing.T
	c  orderledgerv1.ExceptionServiceClient
	id string
}

func (a *actions) must(r acted, err error) acted {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

func (a *actions) assign(episode uint32, who, text, request string) acted {
	a.t.Helper()
	return a.must(a.c.AssignException(soon(a.t), &orderledgerv1.AssignExceptionRequest{Id: a.id, Episode: episode, Assignee: who, Comment: text, RequestId: request}))
}

func (a *actions) snoozeFor(episode uint32, d time.Duration, request string) acted {
	a.t.Helper()
	return a.must(a.c.SnoozeException(soon(a.t), &orderledgerv1.SnoozeExceptionRequest{
		Id: a.id, Episode: episode, RequestId: request, End: &orderledgerv1.SnoozeExceptionRequest_SnoozeFor{SnoozeFor: durationpb.New(d)},
	}))
}

func (a *actions) snoozeUntil(episode uint32, at time.Time) acted {
	a.t.Helper()
	return a.must(a.c.SnoozeException(soon(a.t), &orderledgerv1.SnoozeExceptionRequest{
		Id: a.id, Episode: episode, End: &orderledgerv1.SnoozeExceptionRequest_SnoozeUntil{SnoozeUntil: timestamppb.New(at)},
	}))
}

func (a *actions) comment(episode uint32, text, request string) acted {
	a.t.Helper()
	return a.must(a.c.CommentException(soon(a.t), &orderledgerv1.CommentExceptionRequest{Id: a.id, Episode: episode, Comment: text, RequestId: request, Actor: "night shift"}))
}

func (a *actions) resolve(episode uint32, text, request string) acted {
	a.t.Helper()
	return a.must(a.c.ResolveException(soon(a.t), &orderledgerv1.ResolveExceptionRequest{Id: a.id, Episode: episode, Reason: text, RequestId: request}))
}

func (a *actions) falsePositive(episode uint32, text, request string) acted {
	a.t.Helper()
	return a.must(a.c.MarkFalsePositive(soon(a.t), &orderledgerv1.MarkFalsePositiveRequest{Id: a.id, Episode: episode, Reason: text, RequestId: request}))
}

// Every action takes effect, is signed in the order's story and in the
// exception's life, and repeated with its request id changes nothing.
func TestEveryActionOnAnOrdersException(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1")
	a := &actions{t, orderledgerv1.NewExceptionServiceClient(s.Conn), ids[0].String()}
	for _, act := range []struct {
		what string
		do   func(request string) acted
		ok   func(x *orderledgerv1.Exception) bool
	}{
		{"assign", func(r string) acted { return a.assign(1, "ann", "knows the ERP", r) }, func(x *orderledgerv1.Exception) bool { return x.Assignee == "ann" }},
		{"snooze", func(r string) acted { return a.snoozeFor(1, 2*time.Hour, r) }, func(x *orderledgerv1.Exception) bool {
			return x.State == orderledgerv1.ExceptionState_EXCEPTION_STATE_SNOOZED && x.SnoozeUntil.AsTime().After(ledgertest.Clock(12, 2, 44).Time())
		}},
		{"comment", func(r string) acted { return a.comment(1, "the ERP is slow", r) }, func(x *orderledgerv1.Exception) bool {
			last := x.Comments[len(x.Comments)-1]
			return last.Text == "the ERP is slow" && last.Actor == "night shift (as local)" && last.CommentTime != nil
		}},
		{"false positive", func(r string) acted { return a.falsePositive(1, "a test order", r) }, func(x *orderledgerv1.Exception) bool { return x.FalsePositive }},
		{"resolve", func(r string) acted { return a.resolve(1, "sent by hand", r) }, func(x *orderledgerv1.Exception) bool {
			return x.State == orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED && x.ResolveReason == "sent by hand" &&
				x.ResolveCause == orderledgerv1.ResolveCause_RESOLVE_CAUSE_OPERATOR
		}},
	} {
		request := uuid.NewString()
		first, again := act.do(request), act.do(request)
		if first.GetResult().Outcome != accepted || !act.ok(first.GetException()) {
			t.Fatalf("%s: %v", act.what, first)
		}
		if again.GetResult().Outcome != accepted || again.GetResult().Position.Offset != first.GetResult().Position.Offset ||
			len(again.GetException().History) != len(first.GetException().History) {
			t.Fatalf("%s again: %v", act.what, again)
		}
	}
	life := []string{}
	for _, h := range must(t)(a.c.GetException(soon(t), &orderledgerv1.GetExceptionRequest{Id: a.id})).Exception.History {
		life = append(life, strings.TrimPrefix(h.Kind.String(), "TRANSITION_KIND_")+" "+h.Actor+" "+h.Text)
	}
	if got, want := strings.Join(life[1:], "\n"), "ASSIGNED local to ann (knows the ERP)\nSNOOZED local for 2h0m0s\nCOMMENTED night shift (as local) the ERP is slow\n"+
		"MARKED_FALSE_POSITIVE local a test order\nRESOLVED local sent by hand"; got != want {
		t.Fatalf("life:\n%s\nwant:\n%s", got, want)
	}
	told, err := orderledgerv1.NewOrderServiceClient(s.Conn).GetTimeline(soon(t), &orderledgerv1.GetTimelineRequest{Order: string(ledgertest.Key("1"))})
	if err != nil {
		t.Fatal(err)
	}
	var story []string
	for _, e := range told.Entries {
		if e.Actor != "" {
			story = append(story, e.Text)
		}
	}
	want := []string{
		"local assigned the exception: to ann (knows the ERP)", "local snoozed the exception: for 2h0m0s", "night shift (as local) commented: the ERP is slow",
		"local marked the exception as a false positive: a test order", "local resolved IngestionPendingAudit: sent by hand",
	}
	if strings.Join(story, "\n") != strings.Join(want, "\n") {
		t.Fatalf("story:\n%s", strings.Join(story, "\n"))
	}
}

func must(t *testing.T) func(*orderledgerv1.GetExceptionResponse, error) *orderledgerv1.GetExceptionResponse {
	return func(r *orderledgerv1.GetExceptionResponse, err error) *orderledgerv1.GetExceptionResponse {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// What the fold refuses comes back with its reason, and changes nothing.
func TestRefusedActions(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1")
	a := &actions{t, orderledgerv1.NewExceptionServiceClient(s.Conn), ids[0].String()}
	const mismatch = orderledgerv1.RefusalReason_REFUSAL_REASON_EPISODE_MISMATCH
	for what, r := range map[string]acted{
		"assign": a.assign(9, "ann", "", ""), "snooze": a.snoozeFor(9, time.Hour, ""), "comment": a.comment(9, "x", ""), "resolve": a.resolve(9, "x", ""),
		"false positive": a.falsePositive(9, "x", ""),
	} {
		if r.GetResult().Outcome != refused || r.GetResult().RefusalReason != mismatch || len(r.GetException().Comments) != 0 || r.GetException().Assignee != "" {
			t.Errorf("%s in another episode: %v", what, r)
		}
	}
	past := a.snoozeUntil(1, ledgertest.Clock(10, 0, 0).Time())
	if past.GetResult().RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_SNOOZE_IN_THE_PAST || !strings.Contains(past.GetResult().Detail, "later") {
		t.Errorf("a snooze in the past: %v", past.GetResult())
	}
	request := uuid.NewString()
	a.resolve(1, "sent by hand", request)
	const notOpen = orderledgerv1.RefusalReason_REFUSAL_REASON_NOT_OPEN
	for what, r := range map[string]acted{"assign": a.assign(1, "ann", "", ""), "snooze": a.snoozeFor(1, time.Hour, ""), "resolve": a.resolve(1, "x", "")} {
		if r.GetResult().Outcome != refused || r.GetResult().RefusalReason != notOpen {
			t.Errorf("%s on what is over: %v", what, r.GetResult())
		}
	}
	if r := a.comment(1, "for the record", ""); r.GetResult().Outcome != accepted {
		t.Errorf("a comment on what is over: %v", r.GetResult())
	}
	_, err := a.c.ResolveException(soon(t), &orderledgerv1.ResolveExceptionRequest{Id: a.id, Episode: 1, Reason: "other", RequestId: request})
	wantReason(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	_, err = a.c.CommentException(soon(t), &orderledgerv1.CommentExceptionRequest{Id: a.id, Episode: 1, Comment: "sent by hand", RequestId: request})
	wantReason(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
}

// What no record can say is refused before one is made.
func TestActionsThatSayTooLittle(t *testing.T) {
	s := apitest.Start(t)
	ids := s.Broken("1")
	c, id := orderledgerv1.NewExceptionServiceClient(s.Conn), ids[0].String()
	for what, call := range map[string]func() error{
		"nobody": func() error {
			_, err := c.AssignException(soon(t), &orderledgerv1.AssignExceptionRequest{Id: id, Episode: 1, Assignee: " "})
			return err
		},
		"no end": func() error {
			_, err := c.SnoozeException(soon(t), &orderledgerv1.SnoozeExceptionRequest{Id: id, Episode: 1})
			return err
		},
		"for nothing": func() error {
			_, err := c.SnoozeException(soon(t), &orderledgerv1.SnoozeExceptionRequest{Id: id, Episode: 1, End: &orderledgerv1.SnoozeExceptionRequest_SnoozeFor{SnoozeFor: durationpb.New(0)}})
			return err
		},
		"for ever": func() error {
			_, err := c.SnoozeException(soon(t), &orderledgerv1.SnoozeExceptionRequest{Id: id, Episode: 1, End: &orderledgerv1.SnoozeExceptionRequest_SnoozeFor{SnoozeFor: durationpb.New(9000 * time.Hour)}})
			return err
		},
		"no comment": func() error {
			_, err := c.CommentException(soon(t), &orderledgerv1.CommentExceptionRequest{Id: id, Episode: 1})
			return err
		},
		"no reason": func() error {
			_, err := c.ResolveException(soon(t), &orderledgerv1.ResolveExceptionRequest{Id: id, Episode: 1})
			return err
		},
		"no episode": func() error {
			_, err := c.MarkFalsePositive(soon(t), &orderledgerv1.MarkFalsePositiveRequest{Id: id, Reason: "x"})
			return err
		},
		"too long": func() error {
			_, err := c.MarkFalsePositive(soon(t), &orderledgerv1.MarkFalsePositiveRequest{Id: id, Episode: 1, Reason: strings.Repeat("x", 2001)})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) { wantReason(t, call(), codes.InvalidArgument, "INVALID_FIELD") })
	}
}

// An action on a word acts on every open part, once.
func TestActionsOnAWordActOnEveryPart(t *testing.T) {
	s := apitest.Start(t)
	s.Broken("1001") // from here on there is a clock
	c := orderledgerv1.NewExceptionServiceClient(s.Conn)
	odd(s, 1, 0, 2, 3)
	x := unmapped(t, c, "")[0]
	a := &actions{t, c, x.Id}
	request := uuid.NewString()
	for range 2 {
		r := a.assign(x.Episode, "ann", "maps it", request)
		if r.GetResult().Outcome != accepted || r.GetException().Assignee != "ann" || len(r.GetException().Comments) != 1 ||
			r.GetException().Comments[0].Text != "to ann (maps it)" {
			t.Fatalf("assign: %v", r)
		}
	}
	if r := a.snoozeFor(x.Episode, time.Hour, ""); r.GetException().State != orderledgerv1.ExceptionState_EXCEPTION_STATE_SNOOZED {
		t.Fatalf("snooze: %v", r)
	}
	if r := a.falsePositive(x.Episode, "a test", ""); !r.GetException().FalsePositive {
		t.Fatalf("false positive: %v", r)
	}
	if r := a.comment(x.Episode-1, "no", ""); r.GetResult().RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_EPISODE_MISMATCH {
		t.Fatalf("a part's episode: %v", r)
	}
	resolution := uuid.NewString()
	for range 2 {
		r := a.resolve(x.Episode, "it is a typing error", resolution)
		if r.GetResult().Outcome != accepted || r.GetException().State != orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED || r.GetException().ResolveReason != "it is a typing error" {
			t.Fatalf("resolve: %v", r)
		}
		for _, p := range r.GetException().Parts {
			if p.State != orderledgerv1.ExceptionState_EXCEPTION_STATE_RESOLVED {
				t.Errorf("part %v", p)
			}
		}
	}
	if r := a.assign(x.Episode, "bob", "", ""); r.GetResult().RefusalReason != orderledgerv1.RefusalReason_REFUSAL_REASON_NOT_OPEN {
		t.Fatalf("assign what is over: %v", r)
	}
	if r := a.comment(x.Episode, "for the record", ""); r.GetResult().Outcome != accepted {
		t.Fatalf("comment on what is over: %v", r)
	}
}

// REST has every action, and only who may act may call them.
func TestActionsOverREST(t *testing.T) {
	s := apitest.Start(t)
	id := s.Broken("1")[0].String()
	for _, step := range []struct{ verb, body string }{
		{"assign", `{"episode":1,"assignee":"ann"}`}, {"snooze", `{"episode":1,"snoozeFor":"3600s"}`}, {"snooze", `{"episode":1,"snoozeUntil":"2026-03-02T15:00:00Z"}`},
		{"comment", `{"episode":1,"comment":"slow"}`}, {"markFalsePositive", `{"episode":1,"reason":"test"}`}, {"resolve", `{"episode":1,"reason":"done"}`},
	} {
		code, body := post(t, s, "/v1/exceptions/"+id+":"+step.verb, step.body)
		var r orderledgerv1.AcknowledgeExceptionResponse // all have its form
		if err := protojson.Unmarshal(body, &r); err != nil || code != 200 || r.Result.Outcome != accepted {
			t.Fatalf("%s: %d %s", step.verb, code, body)
		}
	}
}

func TestActionsNeedTheScope(t *testing.T) {
	tok, err := api.NewToken("reader", "a-secret-of-some-length", "read")
	if err != nil {
		t.Fatal(err)
	}
	s := apitest.Start(t, func(o *api.Options) { o.Tokens = []api.Token{tok} })
	for _, verb := range []string{"assign", "snooze", "comment", "resolve", "markFalsePositive"} {
		req, err := http.NewRequestWithContext(soon(t), http.MethodPost, "http://"+s.Surface.REST+"/v1/exceptions/00:"+verb, strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer a-secret-of-some-length")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden || !bytes.Contains(body, []byte("PERMISSION_DENIED")) {
			t.Errorf("%s: %d %s", verb, resp.StatusCode, body)
		}
	}
}

func post(t *testing.T, s *apitest.Shop, path, body string) (int, []byte) {
	t.Helper()
	resp, err := http.Post("http://"+s.Surface.REST+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, out
}
