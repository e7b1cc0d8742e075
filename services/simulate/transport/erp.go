package transport

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// maxRows is the most that one SuiteQL answer holds.
const maxRows = 1000

// suiteql answers a query as the REST query service does.
func (s *Server) suiteql(w http.ResponseWriter, r *http.Request) {
	now := s.cfg.Clock.Now()
	if err := s.cfg.Credentials.checkOAuth(r, now); err != nil {
		w.Header().Set("WWW-Authenticate", `OAuth realm="`+s.cfg.Credentials.Account+`"`)
		s.answer(w, http.StatusUnauthorized, problem("INVALID_LOGIN", err.Error()))
		return
	}
	if !strings.Contains(r.Header.Get("Prefer"), "transient") {
		s.answer(w, http.StatusBadRequest, problem("INVALID_HEADER", "The required request header 'Prefer' is missing. It must be set to 'transient'."))
		return
	}
	q, err := readQuery(r)
	if err != nil {
		s.answer(w, http.StatusBadRequest, problem("INVALID_PARAMETER", err.Error()))
		return
	}
	q.At = now
	page, err := s.cfg.Shop.List(q)
	if err != nil {
		s.answer(w, http.StatusInternalServerError, problem("UNEXPECTED_ERROR", err.Error()))
		return
	}
	items := page.Items
	if items == nil {
		items = []json.RawMessage{}
	}
	s.answer(w, http.StatusOK, map[string]any{"links": []any{}, "count": len(items), "hasMore": page.More, "items": items, "offset": 0, "totalResults": len(items)})
}

// problem is the error document of the service.
func problem(code, detail string) map[string]any {
	return map[string]any{
		"type": "https://www.rfc-editor.org/rfc/rfc9110.html", "title": "Bad Request",
		"o:errorDetails": []map[string]string{{"detail": detail, "o:errorCode": code}},
	}
}

// What the connectors' queries consist of, as far as it matters.
var (
	ofType  = regexp.MustCompile(`WHERE t\.type = '(\w+)' AND `)
	since   = regexp.MustCompile(`t\.lastmodifieddate >= TO_DATE\('([0-9T:-]+)', 'YYYY-MM-DD"T"HH24:MI:SS'\)`)
	behind  = regexp.MustCompile(`TO_CHAR\(t\.lastmodifieddate, 'YYYY-MM-DD"T"HH24:MI:SS'\) > '([0-9T:-]+)'\s+OR \(.*= '([0-9T:-]+)' AND t\.id > (\d+)\)`)
	about   = regexp.MustCompile(`AND (t|so)\.externalid = '([0-9A-Za-z._:-]+)'\s+ORDER BY `)
	ordered = regexp.MustCompile(`ORDER BY TO_CHAR\(t\.lastmodifieddate, 'YYYY-MM-DD"T"HH24:MI:SS'\), t\.id\s*$`)
)

// Reasons to refuse a query.
var (
	errQuery  = errors.New("invalid search query: only the connectors' change lists and look-ups are simulated")
	errWindow = errors.New("invalid search query: the window on lastmodifieddate is not understood")
	errOrder  = errors.New("invalid search query: an unambiguous ORDER BY is required")
)

// readQuery reads a query for a change list, or for what belongs to one order.
func readQuery(r *http.Request) (shop.Query, error) {
	q := shop.Query{Limit: maxRows}
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var body struct{ Q string }
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return q, errQuery
	}
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxRows {
			return q, errQuery
		}
		q.Limit = n
	}
	kind := ofType.FindStringSubmatch(body.Q)
	if kind == nil || !hasPrefixFold(strings.TrimSpace(body.Q), "SELECT ") {
		return q, errQuery
	}
	if !ordered.MatchString(body.Q) {
		return q, errOrder
	}
	switch q.Collection = shop.Collection(kind[1]); q.Collection {
	case shop.SalesOrders, shop.ItemFulfillments, shop.Invoices, shop.CreditMemos:
	default:
		return q, errQuery
	}
	if m := about.FindStringSubmatch(body.Q); m != nil {
		if (m[1] == "t") != (q.Collection == shop.SalesOrders) {
			return q, errQuery // only a sales order has the storefront's id itself
		}
		q.Named = []string{m[2]}
		return q, nil
	}
	if m := since.FindStringSubmatch(body.Q); m != nil {
		q.Since, err = time.Parse(shop.Layout, m[1])
		return q, err
	}
	m := behind.FindStringSubmatch(body.Q)
	if m == nil || m[1] != m[2] {
		return q, errWindow
	}
	at, err := time.Parse(shop.Layout, m[1])
	if err != nil {
		return q, errWindow
	}
	id, err := strconv.ParseInt(m[3], 10, 64)
	q.After = &shop.Key{Stamp: at, ID: id}
	return q, err
}
