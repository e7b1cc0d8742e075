// Package lookup asks a source about single orders whose verdicts wait to hear
// it: look before you say missing (S-17). The answer is appended as evidence
// first, and then as proof.
package lookup
