package catalog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

// The formats of a topic's values.
const (
	FormatAvro = "avro" // 0x00, schema id, Avro; the registry knows the schema
)

// What becomes of records without a value.
const (
	TombstonesIgnore     = "ignore"     // they say nothing about an order
	TombstonesQuarantine = "quarantine" // they should not be there
)

// DefaultAskEvery is how often the end of a topic is asked for, unless the
// catalog says otherwise.
const DefaultAskEvery = connector.Span(10_000_000_000)

// Kafka says what stands on a topic that somebody else writes to.
type Kafka struct {
	// Topic is its name, unless the source's configuration says otherwise.
	Topic string `yaml:"topic"`
	// Format is json or avro; empty means by each value's first byte.
	Format Word `yaml:"format"`
	// Envelope: the document is {key, headers, written_at, value} instead of the
	// value alone, for topics whose key or headers say what the value does not.
	Envelope bool `yaml:"envelope"`
	// Type computes the type of a document from it, TypeHeader names the header
	// that holds it; otherwise the topic's name is its type.
	Type       Expr   `yaml:"type"`
	TypeHeader string `yaml:"type_header"`
	// Complete: every change of the objects that the feed proves is written to
	// the topic within `settle`. Nobody but its owner can know that.
	Complete bool `yaml:"complete"`
	// Quiet is the longest time without any record in which the writer can still
	// be taken to be alive; zero: it is always taken to be.
	Quiet connector.Span `yaml:"quiet"`
	// Tombstones is ignore or quarantine, which is the default.
	Tombstones Word `yaml:"tombstones"`
	// AskEvery is how often the topic's end is asked for.
	AskEvery connector.Span `yaml:"ask_every"`
}

// KafkaFeeds returns the feeds that are read from topics.
func (s *System) KafkaFeeds() []*Feed {
	var out []*Feed
	for i := range s.Feeds {
		if s.Feeds[i].Kafka != nil {
			out = append(out, &s.Feeds[i])
		}
	}
	return out
}

// TopicOf returns the topic of a feed of a source, empty if nobody says which.
func (f *Feed) TopicOf(src *connector.Source) string {
	if src.Kafka != nil && src.Kafka.Topics[f.Name] != "" {
		return src.Kafka.Topics[f.Name]
	}
	return f.Kafka.Topic
}

// kafka compiles a feed that is read from a topic.
func (c *compiler) kafka(feed *Feed, t *fileFeed) {
	at := "feeds[" + feed.Name + "].kafka"
	k := t.Kafka
	if !slices.Contains([]string{"", FormatJSON, FormatAvro}, k.Format.Text) {
		c.bad(k.Format, "%s.format: %q is neither json nor avro", at, k.Format.Text)
	}
	switch k.Tombstones.Text {
	case "":
		k.Tombstones.Text = TombstonesQuarantine
	case TombstonesIgnore, TombstonesQuarantine:
	default:
		c.bad(k.Tombstones, "%s.tombstones: %q is neither ignore nor quarantine", at, k.Tombstones.Text)
	}
	if k.Type.Set() && k.TypeHeader != "" {
		c.bad(t.Name, "%s: give type: or type_header:, not both", at)
	}
	feed.topic = c.expr(at+".type", k.Type)
	if k.AskEvery == 0 {
		k.AskEvery = DefaultAskEvery
	}
	switch {
	case !k.Complete && len(feed.Proves) > 0 && t.Coverage.Text != "assumed":
		c.bad(t.Name, "%s.complete: say true if every change is written to the topic within settle:, or declare coverage: assumed; records alone prove that their writer lives, not that it was heard completely", at)
	case k.Complete && t.Settle == 0:
		c.bad(t.Name, "feeds[%s].settle: a complete topic needs one: the longest time from a change to its record, clock skew included", feed.Name)
	case !k.Complete && k.Quiet > 0:
		c.bad(t.Name, "%s.quiet: belongs to a complete topic", at)
	}
}

// checkKafka refuses a source whose topics nobody names.
func (s *System) checkKafka(src *connector.Source, bad func(path, format string, args ...any)) {
	if src.Kafka == nil {
		return
	}
	feeds := s.KafkaFeeds()
	if len(feeds) == 0 {
		bad("kafka", "system %s has no feed that is read from a topic: its catalog entry needs one with kafka:", s.Name)
	}
	var names []string
	for _, f := range feeds {
		names = append(names, f.Name)
		if f.TopicOf(src) == "" && !src.Feeds[f.Name].Disabled {
			bad("kafka.topics", "name the topic of feed %s, as in {%s: company.orders}", f.Name, f.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(src.Kafka.Topics)) {
		if !slices.Contains(names, name) {
			bad("kafka.topics", "system %s has no feed %q that is read from a topic%s", s.Name, name, strictyaml.Hint(name, names))
		}
		if src.Kafka.Topics[name] == "" {
			bad("kafka.topics", "%s: is empty", name)
		}
	}
}

// PlaceOf names a record of a topic.
func PlaceOf(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d@%d", topic, partition, offset)
}
