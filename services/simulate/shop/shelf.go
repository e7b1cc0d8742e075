package shop

import (
	"sort"
	"time"
)

// shelf holds the documents of a collection in the order in which their orders
// were born.
type shelf struct {
	docs []*doc
	// last is when the documents up to each one have changed for the last time.
	last []time.Time
}

func (s *shelf) add(d *doc) {
	at := d.versions[len(d.versions)-1].at
	if n := len(s.last); n > 0 && s.last[n-1].After(at) {
		at = s.last[n-1]
	}
	s.docs, s.last = append(s.docs, d), append(s.last, at)
}

// since leaves out the documents at the beginning that changed no more since an
// instant. A nil shelf is empty.
func (s *shelf) since(at time.Time) []*doc {
	if s == nil {
		return nil
	}
	return s.docs[sort.Search(len(s.last), func(i int) bool { return !s.last[i].Before(at) }):]
}
