package catalog

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/orderledger/orderledger/services/connector"
)

// Expr is a CEL expression together with its place in the file.
type Expr struct {
	Text   string
	Line   int
	Column int
}

// UnmarshalNode reads the expression and remembers its place.
func (e *Expr) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want a CEL expression on one line or as a | block")
	}
	e.Text, e.Line, e.Column = n.Value, n.Line, n.Column
	return nil
}

// Set reports whether the expression stands in the file.
func (e Expr) Set() bool { return e.Text != "" }

// Word is a plain value together with its place in the file.
type Word struct {
	Text   string
	Line   int
	Column int
}

// UnmarshalNode reads the value and remembers its place.
func (w *Word) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want a single value")
	}
	w.Text, w.Line, w.Column = n.Value, n.Line, n.Column
	return nil
}

// file is a catalog file as written.
type file struct {
	System     Word             `yaml:"system"`
	Title      string           `yaml:"title"`
	Role       Word             `yaml:"role"`
	Precision  connector.Span   `yaml:"precision"`
	Skew       connector.Span   `yaml:"skew"`
	Zone       Word             `yaml:"zone"`
	Options    []fileOption     `yaml:"options"`
	Refuse     []fileRefusal    `yaml:"refuse"`
	Feeds      []fileFeed       `yaml:"feeds"`
	Documents  []fileDocument   `yaml:"documents"`
	Unknown    fileUnknown      `yaml:"unknown"`
	AliasTypes []fileAliasType  `yaml:"alias_types"`
	Words      []fileWords      `yaml:"words"`
	Matrix     []fileRow        `yaml:"matrix"`
	Personal   filePersonalData `yaml:"personal"`
	// AdminURL is where the system's own pages stand, unless the source says;
	// Links are pages behind it.
	AdminURL Word       `yaml:"admin_url"`
	Links    []fileLink `yaml:"links"`
}

type fileFeed struct {
	Name          Word           `yaml:"name"`
	Documents     []Word         `yaml:"documents"`
	Settle        connector.Span `yaml:"settle"`
	ExpectedEvery connector.Span `yaml:"expected_every"`
	Coverage      Word           `yaml:"coverage"`
	Proves        []fileProof    `yaml:"proves"`
	Poll          *Poll          `yaml:"poll"`
	Webhook       *Webhook       `yaml:"webhook"`
	Lookup        *Lookup        `yaml:"lookup"`
	Files         *Files         `yaml:"files"`
	Kafka         *Kafka         `yaml:"kafka"`
}

type fileProof struct {
	Axis   Word `yaml:"axis"`
	Object Word `yaml:"object"`
}

// Poll says how a change list is asked for.
type Poll struct {
	// Kind is link-header, keyset, suiteql, offset, page or cursor.
	Kind Word `yaml:"kind"`
	// Path stands behind the source's base URL; {account} and {version} are
	// filled from its configuration.
	Path    string            `yaml:"path"`
	Version string            `yaml:"default_version"`
	Headers map[string]string `yaml:"headers"`
	// Query are the parameters of the first page, After those of later pages
	// of kinds keyset and cursor. {since}, {limit}, {offset}, {page},
	// {page.size}, {key.version}, {key.id} are filled in.
	Query map[string]string `yaml:"query"`
	After map[string]string `yaml:"after"`
	// SQL holds {window}, which becomes First or Next (kind suiteql).
	SQL   string `yaml:"sql"`
	First string `yaml:"window_first"`
	Next  string `yaml:"window_next"`
	// Items is the path of the list in the answer, Total that of its count
	// (offset), More that of a boolean saying that there are more pages.
	Items string `yaml:"items"`
	Total string `yaml:"total"`
	More  string `yaml:"more"`
	// KeyVersion and KeyID are the paths, in an item, of what pages are sorted
	// by. KeyVersion is a stamp.
	KeyVersion string `yaml:"key_version"`
	KeyID      string `yaml:"key_id"`
	Limit      int64  `yaml:"limit"`
	// SinceLayout is the Go layout of {since}, or "unix" for unix seconds;
	// RFC 3339 if empty.
	SinceLayout string `yaml:"since_layout"`
	// History is how far back the system lets us read; 0 means without bound.
	// Reading further back answers "nothing", so it is never taken as proof.
	History connector.Span `yaml:"history"`
	// OnceBefore: the feed is read once, and only by a source whose first poll
	// begins further back than this. It is for objects whose change list does
	// not reach back so far.
	OnceBefore connector.Span `yaml:"once_before"`
	Interval   connector.Span `yaml:"interval"`
	Auth       Auth           `yaml:"auth"`
}

// Auth says how requests are authorised.
type Auth struct {
	// Scheme is none, header, bearer, basic or oauth1.
	Scheme string `yaml:"scheme"`
	Header string `yaml:"header"`
	Token  string `yaml:"token"`
}

// Webhook says how deliveries arrive.
type Webhook struct {
	Verify connector.Verify `yaml:"verify"`
	// TopicHeaders and IDHeaders name headers that describe a delivery. They
	// are attributes only.
	TopicHeaders []string `yaml:"topic_headers"`
	IDHeaders    []string `yaml:"id_headers"`
	// Topic computes the topic from the body and wins over the headers.
	Topic Expr `yaml:"topic"`
	// Fetch says that a delivery only names where to read.
	Fetch *Fetch `yaml:"fetch"`
}

type fileDocument struct {
	Name   Word   `yaml:"name"`
	Kind   Word   `yaml:"kind"`
	Topics []Word `yaml:"topics"`
	// Shape recognises the document; Ours tells ours from foreign ones.
	Shape Expr `yaml:"shape"`
	Ours  Expr `yaml:"ours"`
	// Subject is what `it` stands for in all other expressions of the document,
	// such as the object inside an envelope; the document itself if absent.
	Subject Expr `yaml:"subject"`
	// Order is the native id of the order at its origin. Where it is null, By
	// names the alias that will find it.
	Order     Expr         `yaml:"order"`
	By        *fileAlias   `yaml:"by"`
	NativeID  Expr         `yaml:"native_id"`
	Direction Word         `yaml:"direction"`
	Object    fileObject   `yaml:"object"`
	Version   fileVersion  `yaml:"version"`
	Aliases   []fileAlias  `yaml:"aliases"`
	Claims    []fileClaim  `yaml:"claims"`
	Lines     []fileLines  `yaml:"lines"`
	Amounts   []fileAmount `yaml:"amounts"`
	Parts     []filePart   `yaml:"parts"`
}

type fileObject struct {
	Type Word `yaml:"type"`
	ID   Expr `yaml:"id"`
}

type fileVersion struct {
	Scheme    Word            `yaml:"scheme"`
	Parts     []Expr          `yaml:"parts"`
	Precision *connector.Span `yaml:"precision"`
}

type fileAlias struct {
	Type  Word      `yaml:"type"`
	Each  Expr      `yaml:"each"`
	Value Expr      `yaml:"value"`
	Scope fileScope `yaml:"scope"`
}

type fileClaim struct {
	Axis      Word            `yaml:"axis"`
	Mode      Word            `yaml:"mode"`
	Native    Expr            `yaml:"native"`
	Stamp     Expr            `yaml:"stamp"`
	When      Expr            `yaml:"when"`
	Object    fileObject      `yaml:"object"`
	Precision *connector.Span `yaml:"precision"`
}

type fileLines struct {
	Kind     Word `yaml:"kind"`
	When     Expr `yaml:"when"`
	Each     Expr `yaml:"each"`
	Where    Expr `yaml:"where"`
	ID       Expr `yaml:"id"`
	SKU      Expr `yaml:"sku"`
	Quantity Expr `yaml:"quantity"`
	Partial  bool `yaml:"partial"`
}

type fileAmount struct {
	Kind     Word `yaml:"kind"`
	When     Expr `yaml:"when"`
	Each     Expr `yaml:"each"`
	Where    Expr `yaml:"where"`
	ID       Expr `yaml:"id"`
	Minor    Expr `yaml:"minor"`
	Currency Expr `yaml:"currency"`
	Partial  bool `yaml:"partial"`
}

// filePart embeds, for each element of a list, another document of the file.
type filePart struct {
	Each Expr `yaml:"each"`
	Use  Word `yaml:"use"`
}

type fileUnknown struct {
	Order Expr `yaml:"order"`
}

type fileWords struct {
	Axis  Word   `yaml:"axis"`
	Words []Word `yaml:"words"`
}

type fileRow struct {
	Axis   Word   `yaml:"axis"`
	Word   string `yaml:"word"`
	State  Word   `yaml:"state"`
	Target string `yaml:"target"`
}

type filePersonalData struct {
	Remove []string `yaml:"remove"`
	Hash   []string `yaml:"hash"`
}
