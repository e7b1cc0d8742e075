package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network gives each role a network namespace of its own, on one bridge with
// this process. A nil network is the loopback of the machine.
type network struct {
	bridge string
	subnet string // three bytes
	spaces []string
}

// namespaces says why there can be none, or nothing.
func namespaces() string {
	if os.Geteuid() != 0 {
		return "needs root"
	}
	for _, tool := range []string{"ip", "tc", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "needs " + tool
		}
	}
	n, err := newNetwork()
	if err != nil {
		return err.Error()
	}
	defer n.close()
	s, err := n.add(0)
	if err == nil {
		err = n.block(s, inside)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// newNetwork makes the bridge. What an earlier process of the same number left
// behind is removed.
func newNetwork() (*network, error) {
	pid := os.Getpid()
	n := &network{bridge: fmt.Sprintf("olc%d", pid), subnet: fmt.Sprintf("10.%d.%d", 64+pid%128, pid/128%256)}
	_ = command("ip", "link", "del", n.bridge)
	for _, args := range [][]string{
		{"link", "add", n.bridge, "type", "bridge"}, {"addr", "add", n.host() + "/24", "dev", n.bridge}, {"link", "set", n.bridge, "up"},
	} {
		if err := command("ip", args...); err != nil {
			n.close()
			return nil, err
		}
	}
	return n, nil
}

// host is the address at which this process is reached.
func (n *network) host() string {
	if n == nil {
		return "127.0.0.1"
	}
	return n.subnet + ".1"
}

// address is that of a namespace.
func (n *network) address(i int) string {
	if n == nil {
		return "127.0.0.1"
	}
	return fmt.Sprintf("%s.%d", n.subnet, 10+i)
}

// add makes a namespace and returns its name.
func (n *network) add(i int) (string, error) {
	space := fmt.Sprintf("%sn%d", n.bridge, i)
	_ = command("ip", "netns", "del", space)
	n.spaces = append(n.spaces, space)
	for _, args := range [][]string{
		{"netns", "add", space},
		{"link", "add", space + "o", "type", "veth", "peer", "name", "eth0", "netns", space},
		{"link", "set", space + "o", "master", n.bridge, "up"},
		{"-n", space, "link", "set", "lo", "up"}, {"-n", space, "addr", "add", n.address(i) + "/24", "dev", "eth0"},
		{"-n", space, "link", "set", "eth0", "up"},
	} {
		if err := command("ip", args...); err != nil {
			return "", err
		}
	}
	return space, nil
}

// side is an end of a namespace's only wire.
type side bool

const (
	inside  side = true  // what leaves the namespace
	outside side = false // what enters it
)

func (n *network) qdisc(space string, s side, do ...string) error {
	args := append([]string{"qdisc", do[0], "dev", space + "o", "root"}, do[1:]...)
	if s == inside {
		args = append([]string{"-n", space, "qdisc", do[0], "dev", "eth0", "root"}, do[1:]...)
	}
	return command("tc", args...)
}

// block lets no packet pass in one direction, free lets them pass again.
func (n *network) block(space string, s side) error { return n.qdisc(space, s, "replace", "blackhole") }
func (n *network) free(space string, s side) error  { return n.qdisc(space, s, "del") }

func (n *network) close() {
	for _, s := range n.spaces {
		_ = command("ip", "netns", "del", s)
	}
	_ = command("ip", "link", "del", n.bridge)
}
