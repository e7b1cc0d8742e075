// Package transport lets a shop.World speak as its systems speak on the wire:
// signed webhooks to a running instance, and the APIs that are polled. Bodies,
// headers, signatures, paging, rate limits and errors are those that connectors
// must cope with. Servers listen on loopback only.
package transport
