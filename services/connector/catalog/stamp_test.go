package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// TestStamps reads instants in every spelling, and refuses the others without
// quoting them.
func TestStamps(t *testing.T) {
	s, err := catalog.Parse("acme.yaml", []byte(strings.Replace(plain, "stamp: it.at", `stamp: "stamp(it.at, source.zone)"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.NewMapper(catalog.MapperOptions{Source: &connector.Source{Name: "acme", System: "acme", OriginSource: "shop", Zone: "Europe/Berlin"}})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		`"2026-03-02T10:15:30+01:00"`:      "2026-03-02T09:15:30Z",
		`"2026-03-02T10:15:30.123456789Z"`: "2026-03-02T10:15:30.123456Z",
		`"2026-03-02T10:15:30"`:            "2026-03-02T09:15:30Z",
		`"2026-07-02 10:15:30"`:            "2026-07-02T08:15:30Z",
		`"2026-03-02T10:15"`:               "2026-03-02T09:15:00Z",
		`1772446530`:                       "2026-03-02T10:15:30Z",
		`1772446530250`:                    "2026-03-02T10:15:30.25Z",
		`"3/2/2026"`:                       "",
		`"0001-01-01T00:00:00Z"`:           "",
		`"9999-01-01T00:00:00Z"`:           "",
		`-5`:                               "",
		`0`:                                "",
		`1772446530.5`:                     "",
		`9223372036854775807`:              "",
		`true`:                             "",
		`null`:                             "",
	} {
		raw := fmt.Sprintf(`{"id":"1","order":"7","rev":1,"status":"packed","at":%s}`, at)
		res := m.Map(catalog.Input{Feed: s.WebhookFeed(), Raw: []byte(raw), ReceivedAt: receivedAt})
		switch {
		case want == "" && (res.Quarantined == nil || res.Quarantined.Reason != catalog.ReasonUnmappable):
			t.Errorf("%s was read as %+v", at, res.Event)
		case want == "" && len(at) > 8 && strings.Contains(res.Quarantined.Detail, strings.Trim(at, `"`)):
			t.Errorf("%s is quoted: %s", at, res.Quarantined.Detail)
		case want != "" && (res.Event == nil || res.Event.Claims[0].Earliest.String() != want):
			t.Errorf("%s: %+v %+v, want %s", at, res.Event, res.Quarantined, want)
		}
	}
}
