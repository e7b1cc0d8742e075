package catalog_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orderledger/orderledger/services/connector/catalog"
)

// fuzzed is a feed of a shipped system, with a mapper.
type fuzzed struct {
	system string
	feed   *catalog.Feed
	mapper *catalog.Mapper
}

// FuzzMap: whatever authentic bytes a shipped system sends by any of its feeds,
// the result is exactly one thing, and mapping them again gives the same.
func FuzzMap(f *testing.F) {
	feeds := fuzzedFeeds(f)
	paths, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no documents (%v)", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for i := range feeds {
			if feeds[i].system == filepath.Base(filepath.Dir(path)) {
				f.Add(uint8(i), raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		x := feeds[int(which)%len(feeds)]
		in := catalog.Input{Feed: x.feed, Raw: raw, ReceivedAt: receivedAt}
		if x.feed.Poll != nil {
			in.AskedAt, in.PrevAsked = receivedAt, receivedAt.Add(-10_000_000)
		}
		one, two := x.mapper.Map(in), x.mapper.Map(in)
		set := 0
		for _, is := range []bool{one.Event != nil, one.Unkeyed != nil, one.Quarantined != nil, one.Foreign, one.Trigger != nil} {
			if is {
				set++
			}
		}
		if set != 1 {
			t.Fatalf("%d results", set)
		}
		switch {
		case one.Event != nil:
			if two.Event == nil || one.Event.ID != two.Event.ID || one.Event.ID != one.Event.ComputeID() || one.Event.Order == "" {
				t.Fatalf("mapping is not a function of the bytes: %+v and %+v", one.Event, two.Event)
			}
		case one.Unkeyed != nil:
			if two.Unkeyed == nil || one.Unkeyed.Event.ID != two.Unkeyed.Event.ID || one.Unkeyed.By.Value == "" {
				t.Fatalf("mapping is not a function of the bytes: %+v and %+v", one.Unkeyed, two.Unkeyed)
			}
		case one.Quarantined != nil:
			if two.Quarantined == nil || one.Quarantined.ID != two.Quarantined.ID || one.Quarantined.Reason == "" {
				t.Fatalf("mapping is not a function of the bytes: %+v and %+v", one.Quarantined, two.Quarantined)
			}
		}
	})
}

// fuzzedFeeds are all feeds of the shipped systems.
func fuzzedFeeds(f *testing.F) (out []fuzzed) {
	f.Helper()
	c, err := shippedOnce()
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"demopay", "generic", "netsuite", "shipstation", "shopify", "stripe"} {
		s, err := c.System(name)
		if err != nil {
			f.Fatal(err)
		}
		m, err := s.NewMapper(catalog.MapperOptions{Source: sourceOf(name), HashKey: []byte("test hash key")})
		if err != nil {
			f.Fatal(err)
		}
		feeds := slices.Clone(s.PollFeeds())
		if w := s.WebhookFeed(); w != nil {
			feeds = append(feeds, w)
		}
		for _, x := range feeds {
			out = append(out, fuzzed{name, x, m})
		}
	}
	return out
}
