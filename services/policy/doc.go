// Package policy turns what people decide and write as YAML (the matrix, the
// rules, the bindings) into the ledger.Policy that the fold interprets.
//
// # Laws
//
//   - Strict: an unknown key, an unknown state or a second row for one word is a
//     problem with file, line and column. Every problem is reported at once.
//   - Closed: expressions are CEL by syntax and are lowered to ledger.Predicate
//     at load. What the predicate tree cannot hold is refused, never emulated:
//     the fold does not know CEL (S-29).
//   - Deterministic: the same files, sources and history give the same bytes of
//     policy record, whatever the order of keys, rules or files in a layer.
//   - Forgiving in spelling only: PARTIALLYREFUNDED, partially-refunded and
//     AUTHORIZED are read as the canon spells them; output is always canonical.
//
// The way: Load reads layers of files into a Draft; Draft.Compile joins it with
// the sources into a ledger.Policy; Draft.Check and Draft.CheckMatrix look for
// what is valid and yet wrong; Format rewrites a file canonically. The folder
// ruletest runs test files against a policy.
package policy
