package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// system is one outside system: it stamps what happens by its own clock, shows
// it a little later, and lists what changed.
type system struct {
	r     *run
	index int
	rnd   *rand.Rand
	// skew is how far its clock is off, as it may be; wrong is what a fault adds.
	skew, wrong ledger.Micros
	// lag is the longest that a record stays invisible.
	lag     ledger.Micros
	answer  int // status it answers with instead, 0: it works
	objects map[string]*object
	order   []string
	// asked are the instants at which a list's first page was answered well.
	asked []ledger.Instant
	// tainted are the orders of which a document was stamped further off than the
	// system declares.
	tainted map[int]bool
	// behind are the stretches over which a fault had its clock behind.
	behind []ledger.Interval
	// unseen: no poll saw the clock behind over one of them, so that nobody could
	// know to read what it stamped then.
	unseen bool
}

// object is one document of a system with all its states.
type object struct {
	order    int
	id       string
	created  ledger.Instant
	versions []version
}

// version is one state: when it came about, when it can be seen, what it says.
type version struct {
	at, visible ledger.Instant
	stamp       string
	seconds     ledger.Instant
	body        []byte
	dated       ledger.Instant
}

func newSystem(r *run, index int) *system {
	s := &system{r: r, index: index, rnd: r.stream(10 + uint64(index)), objects: map[string]*object{}, tainted: map[int]bool{}}
	spec := &r.shop.specs[index]
	s.skew = between(s.rnd, -spec.Skew, spec.Skew+1)
	for i := range spec.Feeds {
		if len(spec.Feeds[i].Proves) > 0 {
			s.lag = spec.Feeds[i].Settle - spec.Skew
		}
	}
	return s
}

// clock is the time the system believes it is.
func (s *system) clock() ledger.Instant { return s.r.now.Add(s.skew + s.wrong) }

const stampLayout = "2006-01-02T15:04:05Z"

func stamped(at ledger.Instant) string { return at.Time().UTC().Format(stampLayout) }

// write notes a change at the present instant.
func (s *system) write(c *change) {
	o := s.objects[c.object]
	if o == nil {
		o = &object{id: c.object, order: c.life.ID}
		s.objects[c.object] = o
		s.order = append(s.order, c.object)
	}
	at := s.clock() / ledger.Instant(ledger.Second) * ledger.Instant(ledger.Second)
	if n := len(o.versions); n > 0 { // a version is never less than the one before
		at = max(at, o.versions[n-1].seconds.Add(ledger.Second))
	} else {
		o.created = at
	}
	v := version{at: s.r.now, visible: s.r.now.Add(between(s.rnd, 0, s.lag)), stamp: stamped(at), seconds: at}
	if off := at.Sub(s.r.now); s.wrong != 0 || off > s.r.shop.specs[s.index].Skew || off < -s.r.shop.specs[s.index].Skew-ledger.Second {
		s.tainted[c.life.ID] = true
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"id":%q,"created":%q,"updated":%q,%s`, o.id, stamped(o.created), v.stamp, c.document())
	if s.index == web && happened(c.life.Cancelled, c.at) {
		v.dated = at
		for i := range o.versions {
			if o.versions[i].dated != 0 {
				v.dated = o.versions[i].dated
				break
			}
		}
		fmt.Fprintf(&b, `,"cancelled":%q`, stamped(v.dated))
	}
	b.WriteByte('}')
	v.body = b.Bytes()
	o.versions = append(o.versions, v)
}

// overlooked notes whether some stretch of a clock behind was seen by no poll whose
// status is in the log.
func (s *system) overlooked() {
	j, dec := s.r.broker.topics[kafkalog.TopicSources][0], s.r.shop.codec.NewDecoder()
	for _, iv := range s.behind {
		saw := false
		for i := range j.records {
			if j.landed[i] < iv.From || j.landed[i] > iv.Until.Add(2*ledger.Second) {
				continue
			}
			st, err := dec.DecodeSourceStatus(j.records[i].Value)
			saw = saw || err == nil && st.Source == ledger.Source(names[s.index]) && st.SkewExceeded
		}
		s.unseen = s.unseen || !saw
	}
}

// excused reports whether nobody could know to read an order's documents.
func (s *system) excused(order int) bool { return s.unseen && s.tainted[order] }

// newest is the newest state of an object that can be seen at an instant.
func (o *object) newest(at ledger.Instant) *version {
	for i := len(o.versions) - 1; i >= 0; i-- {
		if o.versions[i].visible <= at {
			return &o.versions[i]
		}
	}
	return nil
}

var errAway = errors.New("the system does not answer")

// Do answers one request for a page, like an HTTP client.
func (s *system) Do(req *http.Request) (*http.Response, error) {
	switch {
	case s.answer == 1:
		return nil, errAway
	case s.answer > 1:
		return s.respond(s.answer, []byte(`{"error":"not now"}`)), nil
	}
	q := req.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		return nil, fmt.Errorf("read the limit: %w", err)
	}
	list := s.list(q.Get("since"), q.Get("after"), q.Get("id"))
	if q.Get("after") == "" {
		s.asked = append(s.asked, s.r.now)
	}
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i, v := range list[:min(limit, len(list))] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(v.body)
	}
	b.WriteString(`]}`)
	return s.respond(http.StatusOK, b.Bytes()), nil
}

func (s *system) respond(status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Date": {s.clock().Time().UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(bytes.NewReader(body))}
}

// list is what changed since a stamp, or stands after a key, as it is seen now.
func (s *system) list(since, after, id string) []*version {
	type row struct {
		id string
		v  *version
	}
	var rows []row
	if t, err := time.Parse(time.RFC3339, since); err == nil {
		since = stamped(ledger.At(t))
	}
	for _, name := range s.order {
		v := s.objects[name].newest(s.r.now)
		if v == nil || after == "" && v.stamp < since || after != "" && (v.stamp < after || v.stamp == after && name <= id) {
			continue
		}
		rows = append(rows, row{name, v})
	}
	slices.SortFunc(rows, func(a, b row) int {
		if c := strings.Compare(a.v.stamp, b.v.stamp); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	out := make([]*version, len(rows))
	for i := range rows {
		out[i] = rows[i].v
	}
	return out
}
