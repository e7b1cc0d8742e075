package transport

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// maxPage is the most the storefront lists at once.
const maxPage = 250

// continuation is what a page_info hides: where the list goes on.
type continuation struct {
	Stamp  time.Time `json:"stamp"`
	ID     int64     `json:"id"`
	Status string    `json:"status"`
}

// orders answers the list of orders as the Admin REST API does.
func (s *Server) orders(w http.ResponseWriter, r *http.Request) {
	now := s.cfg.Clock.Now()
	if r.Header.Get("X-Shopify-Access-Token") != s.cfg.Credentials.StorefrontToken {
		s.answer(w, http.StatusUnauthorized, map[string]any{"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
		return
	}
	level, ok := s.take(now)
	w.Header().Set("X-Shopify-Shop-Api-Call-Limit", fmt.Sprintf("%d/40", level))
	if !ok {
		w.Header().Set("Retry-After", "2.0")
		s.answer(w, http.StatusTooManyRequests, map[string]any{"errors": "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."})
		return
	}
	q, status, err := ordersQuery(r.URL.Query())
	if err != nil {
		s.answer(w, http.StatusBadRequest, map[string]any{"errors": err.Error()})
		return
	}
	q.At = now
	page, err := s.cfg.Shop.List(q)
	if err != nil {
		s.answer(w, http.StatusInternalServerError, map[string]any{"errors": err.Error()})
		return
	}
	if page.More {
		raw, err := json.Marshal(continuation{Stamp: page.Last.Stamp, ID: page.Last.ID, Status: status})
		if err != nil {
			s.answer(w, http.StatusInternalServerError, map[string]any{"errors": err.Error()})
			return
		}
		next := url.Values{"limit": {strconv.Itoa(q.Limit)}, "page_info": {base64.RawURLEncoding.EncodeToString(raw)}}
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.EscapedPath(), next.Encode()))
	}
	s.answer(w, http.StatusOK, map[string]any{"orders": visible(page.Items, status)})
}

func (s *Server) take(now time.Time) (int, bool) {
	s.cfg.Shop.mu.Lock()
	defer s.cfg.Shop.mu.Unlock()
	return s.bucket.take(now)
}

// ordersQuery reads the parameters of a list. A continuation stands alone.
func ordersQuery(v url.Values) (shop.Query, string, error) {
	q := shop.Query{Collection: shop.Orders, Limit: 50}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return q, "", fmt.Errorf("limit must be between 1 and %d", maxPage)
		}
		q.Limit = n
	}
	if info := v.Get("page_info"); info != "" {
		for name := range v {
			if name != "page_info" && name != "limit" && name != "fields" {
				return q, "", fmt.Errorf("%s cannot be passed when page_info is passed", name)
			}
		}
		var c continuation
		raw, err := base64.RawURLEncoding.DecodeString(info)
		if err != nil || json.Unmarshal(raw, &c) != nil {
			return q, "", fmt.Errorf("page_info is invalid")
		}
		q.After = &shop.Key{Stamp: c.Stamp, ID: c.ID}
		return q, c.Status, nil
	}
	if text := v.Get("updated_at_min"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return q, "", fmt.Errorf("updated_at_min must be an ISO 8601 date")
		}
		q.Since = at
	}
	switch ids := v.Get("ids"); {
	case ids != "":
		q.Named = strings.Split(ids, ",")
	case v.Get("order") != "updated_at asc":
		return q, "", fmt.Errorf("only ids= and order=updated_at asc are simulated")
	}
	status := v.Get("status")
	if status == "" {
		status = "open"
	}
	return q, status, nil
}

// visible leaves out what a status filter hides: anything but "any" hides
// cancelled and archived orders.
func visible(items []json.RawMessage, status string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, item := range items {
		var o struct {
			CancelledAt *string `json:"cancelled_at"`
			ClosedAt    *string `json:"closed_at"`
		}
		if status == "any" || (json.Unmarshal(item, &o) == nil && o.CancelledAt == nil && o.ClosedAt == nil) {
			out = append(out, item)
		}
	}
	return out
}
