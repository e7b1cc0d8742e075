// Package lab measures the detector against the truth: seeded shops with faults
// that are known, noise that is none, and what the shipped policy claims about
// them, scored.
package lab
