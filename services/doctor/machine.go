package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/orderledger/orderledger/services/embedded/broker"
	"github.com/orderledger/orderledger/services/engine"
)

// spaceWarn is the free space below which a data directory is told of; what is
// kept in reserve is configured.
const spaceWarn = 2 << 30

// dataDir looks whether stores can be written, and who holds them.
func (e *examination) dataDir(context.Context) {
	c := e.o.Config
	if c.DataDir == "" {
		e.ok("data_dir", "nothing lasting is configured")
		return
	}
	dir := c.DataDir
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		for errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir) { // it is made at the start
			dir = filepath.Dir(dir)
			_, err = os.Stat(dir)
		}
	}
	probe, err := os.CreateTemp(dir, ".orderledger-doctor-")
	if err != nil {
		e.fail("data_dir", err.Error(), "let the user that runs orderledger write there, or name another directory with --data")
		return
	}
	_ = errors.Join(probe.Close(), os.Remove(probe.Name())) // an empty file of ours
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		e.fail("data_dir", fmt.Sprintf("%s: %v", dir, err), "look at the file system")
		return
	}
	reserve := c.Ledger.DiskReserveBytes
	if reserve == 0 {
		reserve = engine.DefaultDiskReserve
	}
	free := st.Bavail * uint64(st.Bsize)
	switch {
	case free < reserve:
		e.fail("data_dir", fmt.Sprintf("%s has %d MiB free, and %d MiB are kept in reserve: folding waits", dir, free>>20, reserve>>20), "free some space, or move the directory")
	case free < spaceWarn:
		e.warn("data_dir", fmt.Sprintf("%s has %d MiB free", dir, free>>20), "free some space before folding has to wait")
	default:
		e.ok("data_dir", "%s can be written, %d GiB free", c.DataDir, free>>30)
	}
	e.lock()
	e.oldStores()
}

// lock says who holds the embedded log.
func (e *examination) lock() {
	if !e.o.Config.Embedded() {
		return
	}
	pid, err := broker.Holder(filepath.Join(e.o.Config.DataDir, "log"))
	switch {
	case err != nil:
		e.fail("data_dir.lock", err.Error(), "look at the directory's permissions")
	case pid == "":
		e.ok("data_dir.lock", "nobody holds the embedded log")
	case e.running.Kafka == "":
		e.warn("data_dir.lock", fmt.Sprintf("process %s holds the embedded log, and no endpoints file tells where it answers", pid), "name its file with --endpoints-file, or stop that process")
	default:
		e.ok("data_dir.lock", "process %s holds the embedded log", pid)
	}
}

// oldStores names stores of other fold versions, which nobody reads.
func (e *examination) oldStores() {
	entries, err := os.ReadDir(filepath.Join(e.o.Config.DataDir, "ledger"))
	if err != nil {
		return // there are none
	}
	current, old := engine.StoreName("", 0), []string{}
	suffix := current[strings.LastIndexByte(current, '-'):]
	for _, x := range entries {
		if x.IsDir() && strings.Contains(x.Name(), "-fold") && !strings.HasSuffix(x.Name(), suffix) {
			old = append(old, x.Name())
		}
	}
	if len(old) > 0 {
		e.warn("data_dir.stores", fmt.Sprintf("%d stores of another fold version, such as %s", len(old), old[0]), "remove them once the new ones have caught up; the log has everything")
	}
}

// Open files: each store of a partition keeps some, each connection one.
const (
	filesFail = 1024
	filesWarn = 8192
)

func (e *examination) openFiles(context.Context) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		e.warn("open_files", err.Error(), "look at `ulimit -n`")
		return
	}
	text := fmt.Sprintf("%d files may be open, %d if asked for", lim.Cur, lim.Max)
	const remedy = "raise the limit: LimitNOFILE=65536 in a systemd unit, `ulimit -n 65536` in a shell"
	switch most := max(lim.Cur, lim.Max); { // Go raises it to the greatest by itself
	case most < filesFail:
		e.fail("open_files", text, remedy)
	case most < filesWarn:
		e.warn("open_files", text, remedy)
	default:
		e.ok("open_files", "%s", text)
	}
}
