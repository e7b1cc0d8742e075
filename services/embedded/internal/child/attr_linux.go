package child

import "syscall"

// attributes put the child into a process group of its own, so that a
// terminal's interrupt reaches it through us and in our order, and let the
// kernel kill it when its parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
