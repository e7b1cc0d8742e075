//go:build unix && !linux

package child

import "syscall"

// attributes put the child into a process group of its own. Only Linux can
// also end it together with its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
