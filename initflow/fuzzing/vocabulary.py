"""What is tried in each place of a configuration and of an image: the usual first, then what has surprised runtimes before.

Strategies shrink towards what stands first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fakekernel.tree import ROOTFS
from initflow.configuration import CAPABILITIES, NAMESPACE_FLAGS
from initflow.images import RUNTIME, VOLUME
from initflow.verification import DATA_PATH
from kernelapi.flags import RLIM_INFINITY

# -- configurations --

LONG = "x" * 300
DEEP = "/x" * 2500
TEXTS = ("", "x", "a b", "\0", "x\0y", "\ud800", "é", "\n", "=", LONG, "%s", "../x")
PATHS = (
    "/", "", ".", "..", "../../../../..", "/tmp", "/etc", "/etc/passwd", "/no/such", "tmp", "//tmp//", "/tmp/..", "/root",
    "/home/user", "/run", "/opt/x", "/dev", "/dev/null", "/dev/pts", "/dev/pts/0", "/dev/console", "/dev/shm", "/dev/zero",
    "/proc", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/3", "/proc/self/fd/9", "/proc/self/exe", "/proc/self/cwd",
    "/proc/1/root", "/proc/1/cwd", "/proc/sys", "/proc/sys/kernel/core_pattern", "/proc/self/attr", "/sys",
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/devices", ROOTFS, f"{ROOTFS}/etc", f"{ROOTFS}/../..", DATA_PATH, f"{DATA_PATH}/container.json", VOLUME,
    f"{VOLUME}/null", RUNTIME, "/bin", "/bin/busybox", "\0", "x\0y", "\ud800", LONG, f"/{LONG}", DEEP,
)  # fmt: skip
NAMESPACE_PATHS = (
    "",
    *(f"/proc/1/ns/{kind}" for kind in ("ipc", "mnt", "net", "pid", "user", "uts", "cgroup", "time")),
    *(f"/proc/self/ns/{kind}" for kind in ("ipc", "mnt", "net", "pid", "user", "uts", "cgroup", "time")),
    "/proc/self/ns/pid_for_children", "/proc/999999/ns/net", "/proc/self/fd/3", "/etc/passwd", "/no/such", "/", "\0",
    "/dev/zero",
)  # fmt: skip
USERS = (
    "", "root", "daemon", "user", "nobody", "0", "1", "1000", "1000:100", "daemon:daemon", "daemon:users", ":users",
    ":1", "4242",
    "4242:4242", "nosuch", "daemon:nosuch", "-1", "2147483647", "2147483648", "4294967295", "4294967296",
    "18446744073709551616",
    "1e3", "01000", " 1000", "+5", "::", "a:b:c", "root:x:0:0", "\0", "\ud800", "\n", LONG, "\u0663",
)  # fmt: skip
VARIABLES = (
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "HOME=", "HOME=relative", "TERM=linux", "LANG=C.UTF-8", "A=1", "A=2",
    "A", "",
    "=", "=x", "PATH=", "PATH=.", "PATH=::", "LD_PRELOAD=/tmp/x.so", "console=/dev/zero", "pipe=0", "PWD=/", "\0=x", "A=\0",
    "\ud800=1", f"A={LONG}", "X=" + "y" * 140_000,
)  # fmt: skip
ADDRESSES = (
    "172.17.0.23/16", "", "172.17.0.24", "10.0.0.1/8", "0.0.0.0/0", "255.255.255.255/32", "127.0.0.1/8", "224.0.0.1/4",
    "172.17.42.1", "172.17.42.1/33", "fd00::1/64", "fe80::1", "::/0", "::1/128", "::ffff:1.2.3.4", "1.2.3", "01.2.3.4/8",
    "x",
    "1.2.3.4/", "1.2.3.4/-1", "\0", "172.17.0.23/0",
)  # fmt: skip
INTEGERS = (
    0, 1, -1, 2, 5, 68, 255, 256, 1000, 1024, 1500, 4096, 65535, 65536, 65537, 100_000, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
    2**63 - 1, -(2**31), -(2**63),
)  # fmt: skip
LIMITS = (1024, 0, 1, 3, 4, 6, 7, 10, 64, 524288, 524289, 2**20 + 1, 2**63, RLIM_INFINITY)

BY_NAME: Mapping[str, Sequence[Any]] = {
    "hostname": ("heron", "a", "web-1.example.org", "x" * 64, "x" * 65, *TEXTS),
    "user": USERS,
    "environment": VARIABLES,
    "capabilities": (*CAPABILITIES, "CAP_CHOWN", "chown", "AUDIT_READ", "ALL", "", "\0"),
    "bridge": ("docker0", "", "lo", "eth0", "nosuch", "docker0\0", "x" * 16, "x/y"),
    "veth_prefix": ("vh", "", "x" * 8, "x" * 9, "x" * 16, "a/b", " ", "%d", "\0", "."),
    "interface_name": ("eth0", "", "lo", "docker0", "x" * 16, "\0"),
    "mac_address": (
        "", "02:42:ac:11:00:17", "02-42-ac-11-00-17", "0242.ac11.0017", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
        "01:00:5e:00:00:01", "02:42", "x", "02:42:ac:11:00:17:00:01",
    ),
    "relabel": ("", "z", "Z", "x"),
    "freezer": ("", "THAWED", "FROZEN", "frozen", "x", "\0"),
    "slice": ("", "system.slice", "../x"),
    "name": ("heron", "", ".", "..", "../../x", "a/b", "/x", "cgroup.procs", LONG, "\0", "\n", "é"),
    "parent": ("initflow", "", "/", "..", "../..", "/initflow", "a/b/c", LONG, "\0"),
    "cpuset_cpus": ("", "0", "0-1", "0,1", "1", "7", "0-", "-1", "1-0", "x", "\0", "0-1:1/2", "all", " 0 "),
    "cpuset_mems": ("", "0", "1", "0-1", "x"),
    "cgroup_permissions": ("rwm", "", "r", "m", "mrw", "x", "rwmrwm", "a", "\0"),
    "mount_label": ("", "system_u:object_r:container_file_t:s0", "a,b", '"', "\0", LONG),
    "process_label": ("", "system_u:system_r:container_t:s0", "x", "\0"),
    "apparmor_profile": ("", "docker-default", "unconfined", "x", "\0"),
    **dict.fromkeys(("address", "ipv6_address", "gateway", "ipv6_gateway"), ADDRESSES),
    "additional_groups": (0, 1, 5, 1000, 65534, 65536, 2**32 - 2, 2**32 - 1, 2**32, -1, -2, 2**63 - 1),
    "file_mode": (0o666, 0o600, 0, 0o777, 0o4755, 0o7777, 0o170000, 0o20666, 2**32 - 1),
    "major_number": (1, -1, 0, 5, 4, 136, 10, 4095, 4096, 2**20, 2**31, 2**32 + 1, 2**63 - 1, -2),
    "minor_number": (3, -1, 0, 5, 7, 8, 1, 2, 255, 256, 2**20 - 1, 2**20, 2**32 + 3, 2**63 - 1, -2),
    "mtu": (1450, 0, 68, 67, 1500, 65535, 65536, -1, 2**31, 2**32 + 1500, 2**63 - 1),
    "txqueuelen": (0, 500, 1, -1, 2**31, 2**32, 2**63 - 1),
    "container_id": (0, 1, 1000, -1, 2**32 - 2, 2**32 - 1, 2**32, 2**63 - 1),
    "host_id": (1000, 100_001, 0, 1, -1, 2**32 - 2, 2**32 - 1, 2**32),
    "size": (1, 65535, 0, 2, -1, 2**32 - 1, 2**32, 2**63 - 1),
    "hard": LIMITS,
    "soft": LIMITS,
}  # fmt: skip
"""By the name of the field."""

BY_FIELD: Mapping[tuple[str, str], Sequence[Any]] = {
    ("Namespace", "type"): (*NAMESPACE_FLAGS, "", "NEWCGROUP", "NEWTIME", "newns", "MNT", "\0"),
    ("Namespace", "path"): NAMESPACE_PATHS,
    ("Mount", "type"): ("tmpfs", "bind", "", "proc", "cgroup", "BIND", "\0"),
    ("Network", "type"): ("loopback", "veth", "", "netns", "Loopback"),
    ("Device", "type"): (99, 98, 0, 112, 100, 117, -1, 2**31 - 1, 0xD800),
    ("Rlimit", "type"): (*range(16), 16, -1, 2**31, 2**32, 2**63 - 1),
    **{("Route", name): ADDRESSES for name in ("destination", "source", "gateway")},
}
"""Where the name means something else in other structs."""

MANY: Mapping[str, int] = {"additional_groups": 70_000}
"""How long a long list is, where forty entries are not long."""

WRONG: Sequence[Any] = (None, True, False, 0, -1, 1.0, 1.5, 1e3, 2**64, "", "x", [], {}, [[]], [None], [{}], {"": None})
"""Where something of another type has to stand."""

DEVICES = tuple(
    {"type": 99, "path": f"/dev/{name}", "major_number": major, "minor_number": minor, "file_mode": 0o666}
    for name, major, minor in (
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    )
)  # fmt: skip
"""Those of a usual container."""

ALLOWED = tuple(
    {"type": type, "path": path, "major_number": major, "minor_number": minor, "cgroup_permissions": permissions}
    for type, path, major, minor, permissions in (
        (99, "", -1, -1, "m"), (98, "", -1, -1, "m"), (99, "/dev/console", 5, 1, "rwm"), (99, "/dev/ptmx", 5, 2, "rwm"),
        (99, "", 136, -1, "rwm"),
    )
)  # fmt: skip
"""What a usual container may do with others: make any, use the console and terminals."""

# -- images --

TARGETS = (
    "/tmp", "/etc", "/", "..", "../../../../../../etc", "/proc", "/sys", "/dev", "/run", "/bin", "/mnt", "/root",
    "/var/lib/initflow",
    RUNTIME, VOLUME, "/proc/self/fd/3", "/proc/self/fd/9", "/proc/self/exe", "/proc/self/cwd", "/proc/1/root",
    "/dev/null", "/no/such",
    ".", "run", "proc",
)  # fmt: skip
"""Where a link of an image may lead."""

PLACES = (
    "proc", "sys", "dev", "run", "tmp", "opt", "etc", "etc/passwd", "etc/group", "bin", "bin/true", "bin/busybox",
    "root", "home",
    "home/user", "var", "usr", "dev/null", "dev/pts", "dev/shm", "dev/mqueue", "dev/console", "dev/fd", "dev/ptmx",
)  # fmt: skip
"""What in an image a runtime meets."""

CONTENTS = (
    "", "root:x:0:0:root:/root:/bin/sh\n", "daemon:x:0:0::/:\n", "daemon:x:4294967295:-1::/:\n", "1000:x:0:\n", "root\n",
    ":::::\n",
    "#!/bin/sh\nexit 3\n", "#!/bin/true\n", "#!/proc/self/exe\n", "#!\n", "\x7fELF", "\0" * 5000, "x" * 70_000,
)  # fmt: skip
"""What a file of an image may hold."""

MODES = (0o755, 0o644, 0o4755, 0o2755, 0o1777, 0o700, 0o711, 0)

PAYLOADS = (
    ("/bin/true",), ("/bin/sh", "-c", "exit 3"), ("true",), ("/bin/echo", "hello"), ("/bin/cat",), ("/bin/nosuch",),
    ("nosuch",), ("",),
    ("/",), ("/etc/passwd",), ("bin/true",), ("../bin/true",), ("/proc/self/exe", "init", "--", "x"), ("/bin/true",
    *("x",) * 50),
    ("/bin/true", LONG), ("/bin/busybox",), ("/usr/bin/nsinit",), ("/bin/sleep", "1"), ("/bin/true", "\udc80"), (LONG,),
)  # fmt: skip
"""Command lines of payloads."""
