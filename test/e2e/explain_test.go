package e2e_test

import (
	"slices"
)

// pagesOf are the systems' own pages about an order.
func (d *desk) pagesOf(order int) []string {
	d.t.Helper()
	var out struct {
		Order struct {
			Links []struct{ Source, URL string }
		}
	}
	d.get("/v1/orders/"+string(orderKey(int64(order))), &out)
	var pages []string
	for _, l := range out.Order.Links {
		if !slices.Contains(pages, l.URL) {
			pages = append(pages, l.URL)
		}
	}
	return pages
}

// provenBy says by what each feed was heard that a promise's first step depends
// on, in its newest episode.
func (d *desk) provenBy(order int, rule string) []string {
	d.t.Helper()
	var out struct {
		Explanation struct {
			Rules []struct {
				Episodes []struct {
					Steps []struct {
						Proof struct {
							Feeds []struct {
								Feed    struct{ Source, Feed string }
								HeardBy string
							}
						}
					}
				}
			}
		}
	}
	d.get("/v1/orders/"+string(orderKey(int64(order)))+":explain?rule="+rule, &out)
	var by []string
	for _, r := range out.Explanation.Rules {
		for _, f := range r.Episodes[len(r.Episodes)-1].Steps[0].Proof.Feeds {
			by = append(by, f.Feed.Source+"/"+f.Feed.Feed+" "+f.HeardBy)
		}
	}
	return by
}
