// Package doctor examines an installation from outside: configuration, machine,
// engines, clocks and certificates. It changes nothing.
package doctor
