package transport

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/orderledger/orderledger/services/simulate/shop"
)

// maxItems is the most that the warehouse lists on a page.
const maxItems = 500

// filterLayout is how stamps are written in the filters of the warehouse.
const filterLayout = "2006-01-02T15:04:05"

// minute counts requests in windows of a minute. Its time is the server's clock.
type minute struct {
	most, used int
	begun      time.Time
}

// take adds one request; false if the window is full.
func (m *minute) take(now time.Time) (left int, reset time.Duration, ok bool) {
	if m.begun.IsZero() || now.Sub(m.begun) >= time.Minute {
		m.begun, m.used = now, 0
	}
	reset = time.Minute - now.Sub(m.begun)
	if m.used >= m.most {
		return 0, reset, false
	}
	m.used++
	return m.most - m.used, reset, true
}

// warehouse answers a list of the warehouse: by stamps, or what a notice named.
func (s *Server) warehouse(c shop.Collection) http.HandlerFunc {
	name := map[shop.Collection]string{shop.WarehouseOrders: "orders", shop.Shipments: "shipments"}[c]
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user+":"+password != s.cfg.Credentials.WarehouseKey {
			s.answer(w, http.StatusUnauthorized, map[string]string{"Message": "Authorization has been denied for this request."})
			return
		}
		now := s.cfg.Clock.Now()
		left, reset, ok := s.spend(now)
		w.Header().Set("X-Rate-Limit-Limit", strconv.Itoa(s.minute.most))
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
		w.Header().Set("X-Rate-Limit-Reset", strconv.Itoa(int(reset.Seconds())))
		if !ok {
			w.Header().Set("Retry-After", strconv.Itoa(1+int(reset.Seconds())))
			s.answer(w, http.StatusTooManyRequests, map[string]string{"Message": "Too Many Requests"})
			return
		}
		q, page, size, err := warehouseQuery(c, r.URL.Query())
		if err != nil {
			s.answer(w, http.StatusBadRequest, map[string]string{"Message": err.Error()})
			return
		}
		q.At = now
		all, err := s.cfg.Shop.List(q)
		if err != nil {
			s.answer(w, http.StatusInternalServerError, map[string]string{"Message": err.Error()})
			return
		}
		total := len(all.Items)
		items := all.Items[min((page-1)*size, total):min(page*size, total)]
		if len(items) == 0 {
			items = []json.RawMessage{}
		}
		s.answer(w, http.StatusOK, map[string]any{name: items, "total": total, "page": page, "pages": (total + size - 1) / size})
	}
}

func (s *Server) spend(now time.Time) (int, time.Duration, bool) {
	s.cfg.Shop.mu.Lock()
	defer s.cfg.Shop.mu.Unlock()
	return s.minute.take(now)
}

// Reasons to refuse a list of the warehouse.
var (
	errPage   = errors.New("page and pageSize must be numbers from 1, pageSize at most 500")
	errFilter = errors.New("only lists by importBatch, orderNumber or modifyDateStart (orders), createDateStart or voidDateStart (shipments) are simulated, the latter sorted by that stamp, ascending")
)

// warehouseQuery reads the parameters of a list.
func warehouseQuery(c shop.Collection, v url.Values) (q shop.Query, page, size int, err error) {
	q = shop.Query{Collection: c, Batch: v.Get("importBatch")}
	number := func(name string, otherwise int) int {
		if v.Get(name) == "" {
			return otherwise
		}
		n, bad := strconv.Atoi(v.Get(name))
		if bad != nil || n < 1 {
			err = errPage
		}
		return n
	}
	if page, size = number("page", 1), number("pageSize", 100); err != nil || size > maxItems {
		return q, 1, 1, errPage
	}
	filters := map[string]shop.Stamp{"modifyDateStart": shop.Changed}
	sorting := "ModifyDate"
	if c == shop.Shipments {
		filters, sorting = map[string]shop.Stamp{"createDateStart": shop.Created, "voidDateStart": shop.Voided}, "CreateDate"
	}
	if q.Batch != "" {
		return q, page, size, nil
	}
	if number := v.Get("orderNumber"); number != "" && c == shop.WarehouseOrders {
		q.Named = []string{number}
		return q, page, size, nil
	}
	zone, err := time.LoadLocation(shop.WarehouseZone)
	if err != nil {
		return q, page, size, err
	}
	for name, by := range filters {
		text := v.Get(name)
		if text == "" {
			continue
		}
		if q.Since, err = time.ParseInLocation(filterLayout, text, zone); err != nil || v.Get("sortBy") != sorting || v.Get("sortDir") != "ASC" {
			return q, page, size, errFilter
		}
		q.By = by
		return q, page, size, nil
	}
	return q, page, size, errFilter
}
