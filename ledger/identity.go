package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Source is one configured instance of an outside system, such as
// "shopify-eu". It matches [a-z][a-z0-9-]{0,62} and never changes (S-1).
type Source string

// Role is what a source does for an order.
type Role uint8

// The roles. The numbers are frozen.
const (
	RoleNone        Role = 0
	RoleStorefront  Role = 1
	RoleMarketplace Role = 2
	RolePayment     Role = 3
	RoleERP         Role = 4
	RoleWMS         Role = 5
	RoleCarrier     Role = 6
	RoleEmail       Role = 7
	RoleCRM         Role = 8
	RoleMiddleware  Role = 9
	RoleScheduler   Role = 10
)

var roleNames = [...]string{"none", "storefront", "marketplace", "payment", "erp", "wms", "carrier", "email", "crm", "middleware", "scheduler"}

// Roles is how many roles there are; valid roles are 1 … Roles.
const Roles = len(roleNames) - 1

// String returns the role's name, such as "erp".
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "none"
}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, bool) {
	for i, n := range roleNames {
		if i > 0 && n == name {
			return Role(i), true
		}
	}
	return RoleNone, false
}

// ErrSource is the identity of a refused source name.
var ErrSource = errors.New("source name must match [a-z][a-z0-9-]{0,62}")

// ParseSource checks a source name.
func ParseSource(s string) (Source, error) {
	if len(s) == 0 || len(s) > 63 || s[0] < 'a' || s[0] > 'z' {
		return "", fmt.Errorf("%q: %w", s, ErrSource)
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", fmt.Errorf("%q: %w", s, ErrSource)
		}
	}
	return Source(s), nil
}

// OrderKey is our identity for an order: the origin source, '~' and the
// origin's native id with every byte outside [A-Za-z0-9._-] percent-encoded
// once. At most 200 bytes (S-1). It is the partition key.
type OrderKey string

// MaxOrderKey is the greatest length of an order key in bytes.
const MaxOrderKey = 200

// ErrOrderKey is the identity of a refused order key.
var ErrOrderKey = errors.New("order key must be source~native-id, percent-encoded, at most 200 bytes")

// NewOrderKey builds the key of an order from its origin and native id.
func NewOrderKey(origin Source, nativeID string) (OrderKey, error) {
	if _, err := ParseSource(string(origin)); err != nil {
		return "", err
	}
	if nativeID == "" {
		return "", fmt.Errorf("empty native id: %w", ErrOrderKey)
	}
	k := string(origin) + "~" + escapeID(nativeID)
	if len(k) > MaxOrderKey {
		return "", fmt.Errorf("%d bytes: %w", len(k), ErrOrderKey)
	}
	return OrderKey(k), nil
}

// ParseOrderKey checks a key that was built elsewhere.
func ParseOrderKey(s string) (OrderKey, error) {
	src, id, ok := strings.Cut(s, "~")
	if !ok || id == "" || len(s) > MaxOrderKey {
		return "", fmt.Errorf("%q: %w", s, ErrOrderKey)
	}
	if _, err := ParseSource(src); err != nil {
		return "", err
	}
	for i := 0; i < len(id); i++ {
		if plainID(id[i]) {
			continue
		}
		if id[i] != '%' || i+2 >= len(id) || !upperHex(id[i+1]) || !upperHex(id[i+2]) {
			return "", fmt.Errorf("%q: %w", s, ErrOrderKey)
		}
		i += 2
	}
	return OrderKey(s), nil
}

// Origin returns the source whose identifier the key is.
func (k OrderKey) Origin() Source {
	src, _, _ := strings.Cut(string(k), "~")
	return Source(src)
}

// NativeID returns the origin's own identifier, decoded.
func (k OrderKey) NativeID() string {
	_, id, _ := strings.Cut(string(k), "~")
	var b strings.Builder
	for i := 0; i < len(id); i++ {
		if id[i] == '%' && i+2 < len(id) {
			if raw, err := hex.DecodeString(id[i+1 : i+3]); err == nil {
				b.WriteByte(raw[0])
				i += 2
				continue
			}
		}
		b.WriteByte(id[i])
	}
	return b.String()
}

func plainID(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

func upperHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

func escapeID(id string) string {
	const digits = "0123456789ABCDEF"
	clean := true
	for i := 0; i < len(id); i++ {
		clean = clean && plainID(id[i])
	}
	if clean {
		return id
	}
	var b strings.Builder
	for i := 0; i < len(id); i++ {
		if plainID(id[i]) {
			b.WriteByte(id[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[id[i]>>4])
		b.WriteByte(digits[id[i]&15])
	}
	return b.String()
}

// Alias is another name by which a source knows an order (S-35): a type such
// as "order-number", a value, and the issuing source that scopes both.
type Alias struct {
	Scope Source
	Type  string
	Value string
}

// String returns "type:value".
func (a Alias) String() string { return a.Type + ":" + a.Value }

// Key is the alias' partition key and index key: scope, type and value,
// length-prefixed so that no two aliases share one.
func (a Alias) Key() []byte {
	return a.appendKey(make([]byte, 0, len(a.Scope)+len(a.Type)+len(a.Value)+6))
}

func (a Alias) appendKey(b []byte) []byte {
	b = appendText(b, string(a.Scope))
	b = appendText(b, a.Type)
	return appendText(b, a.Value)
}

// EventID identifies one state of one document, whichever topic, retry or
// poll told us (S-4).
type EventID [16]byte

// String returns the id in lower-case hex.
func (id EventID) String() string { return hex.EncodeToString(id[:]) }

// ParseEventID reads the form String writes.
func ParseEventID(s string) (EventID, error) {
	var id EventID
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("event id %q: want %d hex digits", s, 2*len(id))
	}
	copy(id[:], raw)
	return id, nil
}

// ExceptionID is H(subject, rule, n) (S-30).
type ExceptionID [16]byte

// String returns the id in lower-case hex.
func (id ExceptionID) String() string { return hex.EncodeToString(id[:]) }

// ParseExceptionID reads the form String writes.
func ParseExceptionID(s string) (ExceptionID, error) {
	id, err := ParseEventID(s)
	if err != nil {
		return ExceptionID{}, fmt.Errorf("exception id %q: want 32 hex digits", s)
	}
	return ExceptionID(id), nil
}

// NewExceptionID computes the id of the n-th exception given for a subject and
// rule; n counts from 0 in log order.
func NewExceptionID(subject, rule string, n uint64) ExceptionID {
	b := appendText(nil, subject)
	b = appendText(b, rule)
	b = binary.BigEndian.AppendUint64(b, n)
	sum := sha256.Sum256(b)
	return ExceptionID(sum[:16])
}

// PartitionOf returns murmur2(key) mod n exactly as the Java client does, so
// that any Kafka producer in any language agrees on an order's partition.
func PartitionOf(key []byte, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

func murmur2(b []byte) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(b))
	for len(b) >= 4 {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> r
		h = h*m ^ k*m
		b = b[4:]
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// appendText appends a uvarint length and the bytes of s.
func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
