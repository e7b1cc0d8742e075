//go:build linux && amd64

package clickhouse

import (
	"runtime"
	"unsafe"
)

// cStrings returns a C argv of the strings. It stays where it is until the pin
// is released.
func cStrings(list []string) (uintptr, *runtime.Pinner) {
	pin := new(runtime.Pinner)
	argv := make([]*byte, len(list)+1)
	for i, s := range list {
		terminated := append([]byte(s), 0)
		argv[i] = &terminated[0]
		pin.Pin(argv[i])
	}
	pin.Pin(&argv[0])
	return uintptr(unsafe.Pointer(&argv[0])), pin
}
