// Package shop is a small shop as its systems see it: a storefront that speaks
// like Shopify, a payment provider that speaks like Stripe, an ERP that speaks
// like NetSuite, a warehouse that speaks like ShipStation, and a courier. Each
// knows an order by another name. It is a pure function of a seed: no clock, no goroutine, no
// network. Time is an argument.
//
// Every order's whole life is laid out when it is born, from a random stream of
// its own: what each system writes down, when, which webhooks leave, and what
// goes wrong with it. A World yields the webhooks that are due (Due) and answers
// what a system would answer at an instant (List). What a ledger should find out
// about it is the World's Truth.
package shop
