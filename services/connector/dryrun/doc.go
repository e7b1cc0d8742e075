// Package dryrun says what a body would come to if a source sent it: the event
// and its claims, or why there would be none. Nothing is sent anywhere.
package dryrun
