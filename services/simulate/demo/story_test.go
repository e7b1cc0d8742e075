package demo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/simulate/demo"
	"github.com/orderledger/orderledger/services/simulate/truth"
)

func TestStoryTellsWhatPeopleNeed(t *testing.T) {
	var b strings.Builder
	s := demo.NewStory(&b, time.UTC)
	s.Know(&truth.Truth{Orders: []truth.Order{{Key: "shop~77", Number: "#1004"}}})
	c := truth.Claim{
		ID: "x", Exception: "CheckoutDisconnect", Subject: truth.OrderSubject("shop~77"), Hop: "storefront→erp", Owner: "integration", Impact: "Never sent.",
		Remedy: "Send it.", Minor: 12905, Currency: "EUR", Since: now.Add(-15 * time.Minute),
	}
	s.Tell(now, []truth.Change{{Kind: truth.Opened, Claim: c}, {Kind: truth.Opened, Claim: c}, {Kind: truth.Resolved, Claim: c}})
	text := b.String()
	for _, want := range []string{"10:00:00 ! CheckoutDisconnect", "order #1004", "storefront→erp", "since 09:45:00 (15m0s)", "129.05 EUR at risk", "for integration", "healed by itself"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from\n%s", want, text)
		}
	}
	if strings.Count(text, "Never sent.") != 1 || strings.Count(text, "Send it.") != 1 {
		t.Errorf("why and remedy are not told once:\n%s", text)
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}

var errFull = errors.New("no room")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestStoryEndsWhereNobodyListens(t *testing.T) {
	s := demo.NewStory(full{}, time.UTC)
	s.Say("hello")
	if !errors.Is(s.Err(), errFull) {
		t.Errorf("%v", s.Err())
	}
}
