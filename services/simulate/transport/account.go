package transport

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// disputes is a list that is always empty: nobody disputes anything.
const disputes shop.Collection = "disputes"

// maxObjects is the most that the payment provider lists at once.
const maxObjects = 100

// accountVersion is the API version that requests must pin.
const accountVersion = "2024-06-20"

// account answers a list of the payment provider, the newest first.
func (s *Server) account(c shop.Collection) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+s.cfg.Credentials.PaymentKey {
			s.refuse(w, http.StatusUnauthorized, "Invalid API Key provided")
			return
		}
		if r.Header.Get("Stripe-Version") != accountVersion {
			s.refuse(w, http.StatusBadRequest, "only Stripe-Version "+accountVersion+" is simulated")
			return
		}
		q, err := newestQuery(c, r.URL.Query())
		if err != nil {
			s.refuse(w, http.StatusBadRequest, err.Error())
			return
		}
		q.At = s.cfg.Clock.Now()
		page, err := s.cfg.Shop.Newest(q)
		if err != nil {
			s.refuse(w, http.StatusInternalServerError, err.Error())
			return
		}
		if page.Items == nil {
			page.Items = []json.RawMessage{}
		}
		s.answer(w, http.StatusOK, map[string]any{"object": "list", "url": r.URL.Path, "has_more": page.More, "data": page.Items})
	}
}

func (s *Server) refuse(w http.ResponseWriter, status int, message string) {
	s.answer(w, status, map[string]any{"error": map[string]string{"type": "invalid_request_error", "message": message}})
}

// Reasons to refuse a list.
var (
	errLimit  = errors.New("limit must be between 1 and 100")
	errSince  = errors.New("created[gte] must be unix seconds")
	errFamily = errors.New("type must be one family of events, such as charge.*")
	errParam  = errors.New("received unknown parameter")
)

// newestQuery reads the parameters of a list.
func newestQuery(c shop.Collection, v url.Values) (shop.Newest, error) {
	q := shop.Newest{Collection: c, Limit: 10}
	for name := range v {
		text := v.Get(name)
		switch name {
		case "limit":
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxObjects {
				return q, errLimit
			}
			q.Limit = n
		case "created[gte]":
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return q, errSince
			}
			q.Since = time.Unix(n, 0)
		case "type":
			family, ok := strings.CutSuffix(text, "*")
			if !ok || c != shop.PaymentEvents || !strings.HasSuffix(family, ".") {
				return q, errFamily
			}
			q.Family = family
		case "starting_after":
			q.After = text
		default:
			return q, errParam
		}
	}
	return q, nil
}
