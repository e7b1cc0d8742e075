package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderledger/orderledger/services/config"
)

// exception is one entry of GET /v1/exceptions.
type exception struct {
	ID, Rule, Name, State string
	raw                   string
}

func (x *exception) UnmarshalJSON(b []byte) error {
	type plain exception
	x.raw = string(b)
	return json.Unmarshal(b, (*plain)(x))
}

// exceptions lists the open exceptions.
func (d *desk) exceptions() []exception {
	d.t.Helper()
	d.folded()
	var out struct{ Exceptions []exception }
	d.get("/v1/exceptions?pageSize=100", &out)
	return out.Exceptions
}

// TestAnUnknownWordWaitsForThePolicy: a status that no matrix knows changes
// nothing, is shown everywhere one would look, and is read by itself once a
// policy maps it (S-10, S-32).
func TestAnUnknownWordWaitsForThePolicy(t *testing.T) {
	d := newDesk(t, func(cfg *config.Config) { polled(t, cfg) })
	d.accept("shop", "orders/create", order(1001, "on_the_house"))
	unmapped := func() []exception {
		return slices.DeleteFunc(d.exceptions(), func(x exception) bool { return !strings.Contains(x.raw, "UnmappedStatus") })
	}
	if got := d.claims(orderKey(1001), "shop"); !slices.Contains(got, "payment order on_the_house UNMAPPED") {
		t.Errorf("claims %q", got)
	}
	if list := unmapped(); len(list) != 1 || !strings.Contains(list[0].raw, "on_the_house") {
		t.Errorf("open exceptions: %+v", list)
	}
	entries := d.quarantine()
	if len(entries) != 1 || entries[0].Reason != "unmapped-status" || entries[0].NativeWord != "on_the_house" || entries[0].OrderKey != string(orderKey(1001)) {
		t.Errorf("quarantine: %+v", entries)
	}
	for yaml, want := range map[string]string{
		"matrix:\n  shopify:\n    payment:\n      on_the_house: NO_SUCH_STATE\n": "OUTCOME_REFUSED",
		"matrix:\n  shopify:\n    payment:\n      on_the_house: CAPTURED\n":      "OUTCOME_ACCEPTED",
	} {
		body, err := json.Marshal(map[string]any{"yaml": yaml, "actor": "operations", "comment": "a present of the house"})
		if err != nil {
			t.Fatal(err)
		}
		a := do(t, http.MethodPost, d.Endpoints.API+"/v1/policy:propose", strings.NewReader(string(body)), map[string]string{"Content-Type": "application/json"})
		if a.Code != http.StatusOK || !strings.Contains(a.Body, want) {
			t.Errorf("proposal: %d %s, want %s", a.Code, a.Body, want)
		}
	}
	began := time.Now()
	await(t, 20*time.Second, func() error {
		if got := d.claims(orderKey(1001), "shop"); !slices.Contains(got, "payment order on_the_house CAPTURED") {
			return yet("claims %q", got)
		}
		if list := unmapped(); len(list) != 0 {
			return yet("still open: %s", list[0].raw)
		}
		if entries := d.quarantine(); len(entries) != 0 {
			return yet("still held: %+v", entries)
		}
		return nil
	})
	t.Logf("released %s after the proposal", time.Since(began).Round(time.Millisecond))
}
