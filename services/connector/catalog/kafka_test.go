package catalog_test

import (
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
)

// TestTopicsAndLookupsThatAreWrong: a file that promises what cannot be proven,
// or that asks for every order alike, is refused with the place.
func TestTopicsAndLookupsThatAreWrong(t *testing.T) {
	topic := strings.NewReplacer("  coverage: assumed\n", "", "  webhook: {verify: {scheme: bearer}}\n", "  kafka: {complete: true, topic: parcels}\n").Replace(plain)
	asked := strings.Replace(plain, "  webhook: {verify: {scheme: bearer}}\n", "  webhook: {verify: {scheme: bearer}}\n  lookup: {path: \"/p/{name}\", items: \".\", absent: {status: 404, has: error}}\n", 1)
	for name, text := range map[string]string{"topic": topic, "asked": asked} {
		if _, err := catalog.Parse("acme.yaml", []byte(text)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for name, tc := range map[string]struct{ text, from, to, want string }{
		"not complete":         {topic, "complete: true, ", "", `kafka.complete: say true if`},
		"complete, no settle":  {topic, "  settle: 60s\n", "", `a complete topic needs one`},
		"format":               {topic, "complete: true", "complete: true, format: xml", `"xml" is neither json nor avro`},
		"tombstones":           {topic, "complete: true", "complete: true, tombstones: drop", `"drop" is neither ignore nor quarantine`},
		"two types":            {topic, "complete: true", "complete: true, type: it.a, type_header: a", `give type: or type_header:, not both`},
		"quiet":                {strings.Replace(topic, "  settle: 60s\n", "  settle: 60s\n  coverage: assumed\n", 1), "complete: true", "quiet: 1m", `quiet: belongs to a complete topic`},
		"everybody alike":      {asked, "/p/{name}", "/p", `{name} stands nowhere`},
		"no path":              {asked, "path: \"/p/{name}\", ", "", `lookup.path: must begin with /`},
		"any 404":              {asked, ", has: error", "", `so that a wrong address is not taken for a missing order`},
		"a refusal":            {asked, "status: 404", "status: 403", `403 refuses the question`},
		"no word for absence":  {asked, ", absent: {status: 404, has: error}", "", `say what the answer is where there is no such order`},
		"sql without suiteql":  {asked, "items: \".\"", "items: \".\", window: \"x = '{name}'\"", `belongs to a feed polled by suiteql`},
		"nowhere in an answer": {asked, ", items: \".\"", "", `lookup.items: say where`},
	} {
		if !strings.Contains(tc.text, tc.from) {
			t.Fatalf("%s: the case no longer applies", name)
		}
		_, err := catalog.Parse("acme.yaml", []byte(strings.Replace(tc.text, tc.from, tc.to, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "acme.yaml:") {
			t.Errorf("%s:\n got %v\nwant %s", name, err, tc.want)
		}
	}
}

// TestASourceNamesItsTopics: what the catalog leaves open the source must say,
// and nothing else.
func TestASourceNamesItsTopics(t *testing.T) {
	text := strings.NewReplacer("  coverage: assumed\n", "", "  webhook: {verify: {scheme: bearer}}\n", "  kafka: {complete: true}\n").Replace(plain)
	s, err := catalog.Parse("acme.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	src := &connector.Source{Name: "acme", System: "acme", Origin: true, Kafka: &connector.KafkaSettings{Topics: map[string]string{"webhooks": "eu.parcels"}}}
	if err := s.Check(src); err != nil || s.Feed("webhooks").TopicOf(src) != "eu.parcels" {
		t.Errorf("%v, %s", err, s.Feed("webhooks").TopicOf(src))
	}
	src.Kafka.Topics = map[string]string{"webhoks": "eu.parcels"}
	err = s.Check(src)
	for _, want := range []string{"name the topic of feed webhooks", `did you mean "webhooks"?`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if generic, _ := mapperOf(t, "generic"); generic.Check(&connector.Source{Name: "g", System: "generic", Origin: true, Kafka: &connector.KafkaSettings{}}) == nil {
		t.Error("a system without topics takes one")
	}
}

// TestWhoIsNotAskedProvesNothingByLookup: the policy hears of look-ups only
// where somebody can be asked.
func TestWhoIsNotAskedProvesNothingByLookup(t *testing.T) {
	s, _ := mapperOf(t, "netsuite")
	lag := connector.Span(5e9)
	src := sourceOf("netsuite")
	src.BaseURL, src.Poll.Disabled = "https://erp.example", false
	src.Feeds = map[string]connector.FeedSettings{"sales-orders": {LookupLag: &lag}}
	for _, disabled := range []bool{false, true} {
		src.Lookup.Disabled = disabled
		for _, f := range s.SourceSpec(src).Feeds {
			if f.Lookup == disabled || f.Name == "sales-orders" && !disabled && f.LookupLag != lag.Micros() {
				t.Errorf("disabled %t: %+v", disabled, f)
			}
		}
	}
}
