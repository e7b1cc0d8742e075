package catalog

import (
	"cel.dev/cel-go/cel"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/connector"
)

// maxWord bounds native words, ids and alias values in bytes.
const maxWord = 256

// System is one compiled catalog entry. It is immutable and safe for
// concurrent use.
type System struct {
	Name      string
	Title     string
	Role      ledger.Role
	Precision connector.Span
	Skew      connector.Span
	// Zone is the IANA zone of stamps that name none, unless the source says
	// otherwise; empty means UTC.
	Zone string
	// Options are what a source may set, ascending by name.
	Options []Option
	Feeds   []Feed // ascending by Name
	// Words are the native words that the system is known to use, per axis,
	// ascending, NativeNull and NativeMissing among them where they can occur.
	// A matrix is total when it has a row for each.
	Words map[ledger.Axis][]string
	// Matrix is what the file itself says its words mean; empty where the
	// policy does.
	Matrix []ledger.MatrixRow

	// AliasTypes say how names are joined, ascending by type; JoinsBy are the
	// types by which its documents are.
	AliasTypes []AliasType
	JoinsBy    []AliasUse

	documents []*mapping
	refusals  []refusal
	unknown   *program
	remove    []string
	hash      []string
	admin     string // where its own pages stand, with placeholders; empty if not known
	links     []link
}

// Feed is one stream of documents of a system.
type Feed struct {
	Name          string
	Documents     []string
	Settle        connector.Span
	ExpectedEvery connector.Span
	Coverage      ledger.CoverageMode
	Proves        []ledger.Proof
	Poll          *Poll
	Webhook       *Webhook
	Lookup        *Lookup
	Files         *Files
	Kafka         *Kafka

	documents []*mapping
	topic     *program
	trigger   *trigger
}

// Feed returns the feed of that name, nil if there is none.
func (s *System) Feed(name string) *Feed {
	for i := range s.Feeds {
		if s.Feeds[i].Name == name {
			return &s.Feeds[i]
		}
	}
	return nil
}

// WebhookFeed returns the feed that deliveries belong to, nil if the system
// pushes nothing.
func (s *System) WebhookFeed() *Feed {
	for i := range s.Feeds {
		if s.Feeds[i].Webhook != nil {
			return &s.Feeds[i]
		}
	}
	return nil
}

// PollFeeds returns the feeds that are asked for.
func (s *System) PollFeeds() []*Feed {
	var out []*Feed
	for i := range s.Feeds {
		if s.Feeds[i].Poll != nil {
			out = append(out, &s.Feeds[i])
		}
	}
	return out
}

// program is a compiled expression and where it stands.
type program struct {
	run  cel.Program
	fast quick  // nil where only the interpreter knows
	at   string // "shopify.yaml:12:14"
	name string // "documents[order].claims[0].native"
}

// mapping is the compiled meaning of one kind of document.
type mapping struct {
	name      string
	kind      ledger.Kind
	topics    []string
	shape     *program
	ours      *program
	subject   *program
	order     *program
	by        *alias
	nativeID  *program
	direction ledger.Direction

	objectType string
	objectID   *program
	scheme     ledger.Scheme
	parts      []*program
	precision  *connector.Span
	aliases    []alias
	claims     []claim
	lines      []lines
	amounts    []amounts
	embeds     []embedded
}

type alias struct {
	typ   string
	each  *program
	value *program
	scope scope
}

type claim struct {
	axis       ledger.Axis
	mode       ledger.Mode
	native     *program
	stamp      *program
	when       *program
	objectType string
	objectID   *program
	precision  *connector.Span
}

// selection says which elements make a set, and whether there is one at all.
type selection struct {
	when, each, where *program
}

type lines struct {
	selection
	kind              ledger.LineKind
	id, sku, quantity *program
	complete          bool
}

type amounts struct {
	selection
	kind                ledger.AmountKind
	id, minor, currency *program
	complete            bool
}

type embedded struct {
	each *program
	doc  *mapping
}
