// Package fetch reads what deliveries only name. Some systems push no document
// but the place where a list of changed ones can be read. Such a trigger says
// nothing about any order, so it is no event, cannot be parked under a name and
// is no news for a person either: it is a thing to do. It is kept in the status
// of its feed, which is durable before the sender is told so, and leaves it when
// what it names was read and appended, or was set aside as unreadable.
package fetch
