package ledger

import "bytes"

// The key spaces of a partition's store. One byte, then the parts named
// below. Order keys contain no zero byte, so 0x00 ends them.
const (
	keyOrder     = 'o' // order → order record
	keyClaims    = 'c' // order 0 stamp event-id → document
	keyFact      = 'l' // order 0 seq → fact
	keyTimer     = 't' // due order → nothing
	keySnooze    = 'z' // due exception-id → nothing
	keyWait      = 'w' // feed 0 need order → nothing
	keyActive    = 'k' // order → nothing: open, waiting or shelved
	keyException = 'x' // exception-id → exception
	keyOpen      = 'X' // exception-id → nothing: the open ones
	keyBreached  = 'b' // order → nothing: it has a BREACHED verdict
	keyAlias     = 'a' // alias-key 0 order → nothing
	keySubject   = 'j' // subject 0 rule → subject record (feeds and words)
	keyWord      = 'u' // word subject → count of shelved documents
	keyAction    = 'r' // request id → what the fold answered
	keyEntry     = 'q' // quarantine id → entry, less its bytes
	keyPolicy    = 'p' // version → policy
	keyMeta      = 'm' // name → partition-wide state
	keyClaimant  = 'A' // alias-key order → binding, of the alias store
	keyWaiting   = 'P' // alias-key event-id → unkeyed record, of the alias store
	keyHeld      = 'h' // feed offset → alias-key: unkeyed records that hold their feed
	keyLoose     = 'g' // feed type begins alias-key event-id → receipt: those that no longer do
	keyShared    = 'S' // order 0 alias-key → nothing: aliases that several orders claim
	keyMuted     = 'y' // source 0 exception-id → nothing: they wait for the end of a mute
	keyMerge     = 'M' // number → merge or split
	keySaid      = 'v' // order 0 rule 0 event-id step → closed verdicts of a long order
)

func appendOrderKey(b []byte, space byte, k OrderKey) []byte { return append(append(b, space), k...) }

func orderKeyOf(space byte, k OrderKey) []byte {
	return appendOrderKey(make([]byte, 0, len(k)+2), space, k)
}

func orderPrefix(space byte, k OrderKey) []byte {
	return append(orderKeyOf(space, k), 0)
}

func appendClaimKey(b []byte, k OrderKey, d *doc) []byte {
	b = append(append(b, keyClaims), k...)
	b = append(b, 0)
	b = appendOrdered(b, d.stamp)
	return append(b, d.ev.ID[:]...)
}

func appendTimerKey(b []byte, due Instant, k OrderKey) []byte {
	b = appendOrdered(append(b, keyTimer), due)
	return append(b, k...)
}

func timerKeyParts(key []byte) (Instant, OrderKey) {
	return orderedInstant(key[1:9]), OrderKey(key[9:])
}

func snoozeKey(due Instant, id ExceptionID) []byte {
	return append(appendOrdered([]byte{keySnooze}, due), id[:]...)
}

func waitPrefix(f FeedKey) []byte {
	b := append([]byte{keyWait}, f.Source...)
	b = append(append(b, '/'), f.Feed...)
	return append(b, 0)
}

func waitKey(f FeedKey, need Instant, k OrderKey) []byte {
	return append(appendOrdered(waitPrefix(f), need), k...)
}

func waitKeyOrder(key []byte) OrderKey {
	at := bytes.IndexByte(key, 0)
	return OrderKey(key[at+9:])
}

func exceptionKey(space byte, id ExceptionID) []byte {
	return append([]byte{space}, id[:]...)
}

func appendAliasKey(b []byte, a Alias, k OrderKey) []byte {
	b = a.appendKey(append(b, keyAlias))
	return append(append(b, 0), k...)
}

func metaKey(name string) []byte { return append([]byte{keyMeta}, name...) }

func policyKey(version uint64) []byte {
	return appendOrdered([]byte{keyPolicy}, Instant(version))
}

// PrefixEnd returns the first key after every key with the given prefix.
func PrefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// keyFloor is the least byte a state key begins with; keys below it are
// the engine's own (offset, chain hash, outbox) and no part of the digest.
const keyFloor = 'A'
