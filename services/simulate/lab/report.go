package lab

import (
	"time"

	"github.com/orderledger/orderledger/services/simulate/truth"
)

// Report is what was measured.
type Report struct {
	Config    Config
	Campaigns []*Campaign
	began     time.Time
	took      time.Duration
}

// add adds one shop.
func (r *Report) add(one *Campaign) {
	for _, c := range r.Campaigns {
		if c.Name == one.Name {
			c.Shops++
			c.Grade.Merge(one.Grade)
			c.Heard.add(one.Heard)
			for name, g := range one.Baselines {
				c.Baselines[name].Merge(g)
			}
			return
		}
	}
	r.Campaigns = append(r.Campaigns, one)
}

var _ = truth.NoFault
