"""Variants of a configuration: one thing changed, each with what is odd about it.

An image or a caller shows some of what it does only where the configuration gives it the chance: a volume is on /dev, there is
no terminal, the user is a number. And some configurations are odd by themselves. `initflow verify --variant NAME` changes what
it was given; several are made one after the other.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from msgspec.structs import replace

from fakekernel.tree import ROOTFS
from initflow.configuration import Configuration, Device, IdMapping, Mount, MountConfig, Namespace, Network, Rlimit
from initflow.images import VOLUME

Change = Callable[[Configuration], Configuration]

CHARACTER = ord("c")


@dataclass(frozen=True)
class Variant:
    """A change of a configuration. `oddity` says in a sentence what it does, and what somebody wants with that."""

    name: str
    oddity: str
    change: Change


def varied(configuration: Configuration, names: Iterable[str]) -> Configuration:
    """`configuration` with the variants of these names made, one after the other. Raises `KeyError` for an unknown one."""
    return reduce(lambda changed, name: VARIANTS[name].change(changed), names, configuration)


def _having(**fields: Any) -> Change:
    return partial(replace, **fields)


def _mounting(*mounts: Mount, **fields: Any) -> Change:
    """These mounts in the place of those that are there, and other keys of `mount_config`."""
    return lambda configuration: replace(
        configuration, mount_config=replace(configuration.mount_config or MountConfig(), mounts=mounts, **fields)
    )


def _with_mount_config(**fields: Any) -> Change:
    return lambda configuration: replace(
        configuration, mount_config=replace(configuration.mount_config or MountConfig(), **fields)
    )


def _with_device(path: str, uid: int = 0) -> Change:
    """One more node with the numbers of the null device."""
    node = Device(type=CHARACTER, path=path, major_number=1, minor_number=3, file_mode=0o666, uid=uid)

    def change(configuration: Configuration) -> Configuration:
        mount_config = configuration.mount_config or MountConfig()
        return replace(
            configuration, mount_config=replace(mount_config, device_nodes=(*mount_config.device_nodes, node))
        )

    return change


def _give_null_away(configuration: Configuration) -> Configuration:
    mount_config = configuration.mount_config or MountConfig()
    nodes = (
        replace(node, uid=1000) if node is not None and node.path == "/dev/null" else node
        for node in mount_config.device_nodes
    )
    return replace(configuration, mount_config=replace(mount_config, device_nodes=tuple(nodes)))


def _without_namespace(kind: str) -> Change:
    return lambda configuration: configuration.without_namespace(kind)


def _adding_namespace(kind: str, path: str = "") -> Change:
    """One more entry, whether or not there is one of this type."""
    entry = Namespace(type=kind, path=path)
    return lambda configuration: replace(configuration, namespaces=(*configuration.namespaces, entry))


def _join_two(configuration: Configuration) -> Configuration:
    without = configuration.without_namespace("NEWIPC").without_namespace("NEWUTS")
    joined = without.with_namespace("NEWIPC", "/proc/1/ns/ipc").with_namespace("NEWUTS", "/proc/1/ns/uts")
    return replace(joined, hostname="")


def _map_root_alone(configuration: Configuration) -> Configuration:
    root = (IdMapping(container_id=0, host_id=1000, size=1),)
    return replace(configuration.with_namespace("NEWUSER"), uid_mappings=root, gid_mappings=root, root_fs=ROOTFS)


def _join_mounts(configuration: Configuration) -> Configuration:
    entries = (Namespace(type="NEWNS", path="/proc/1/ns/mnt"), Namespace(type="NEWIPC", path="/proc/1/ns/ipc"))
    return replace(_stay_in_the_hosts_mounts(configuration.without_namespace("NEWIPC")), namespaces=entries, hostname="",
                   networks=())  # fmt: skip


def _leave_new_network(configuration: Configuration) -> Configuration:
    entry = Namespace(type="NEWNET", path="/proc/1/ns/net")
    return replace(configuration, namespaces=(entry, *configuration.namespaces))


def _stay_in_the_hosts_mounts(configuration: Configuration) -> Configuration:
    return replace(configuration.without_namespace("NEWNS"), mount_config=None, restrict_sys=False)


VETH = Network(type="veth", bridge="docker0", veth_prefix="vh", address="172.17.0.23/16", mtu=1500)

_TABLE = (
    # -- the process --
    Variant("no-tty", "Without a terminal: the payload's streams are those that the caller gave.", _having(tty=False)),
    Variant("user-root", "The payload runs as root.", _having(user="root")),
    Variant("user-1", "The user is the number 1, with or without a line in /etc/passwd.", _having(user="1")),
    Variant("user-1000", "The user is the number 1000, to be sure that it is not root.", _having(user="1000")),
    Variant("user-unknown", "The user is one that the image does not know.", _having(user="nemo")),
    Variant("user-default", "Nothing is said of the user: it is whoever starts the runtime.", _having(user="")),
    Variant("user-unmapped", "A user namespace has root alone, and the user is another one.", _map_root_alone),
    Variant("no-home", "The environment has no HOME: it has to be looked up.", _having(environment=("PATH=/bin",))),
    Variant("no-capabilities", "The payload keeps no capability at all.", _having(capabilities=())),
    Variant("capability-chown", "The payload keeps CAP_CHOWN and no other capability.", _having(capabilities=("CHOWN",))),
    Variant("no-cgroups", "In the control groups of whoever starts the runtime.", _having(cgroups=None)),
    Variant("limit-unknown", "A limit is to be set whose number has a bit more than Linux looks at.",
            _having(rlimits=(Rlimit(type=1 << 32, soft=600, hard=600),))),
    Variant("cwd-closed", "The working directory is /root, which root alone may enter.", _having(working_dir="/root")),
    Variant("cwd-descriptor-0", "The working directory leads through standard input.", _having(working_dir="/proc/self/fd/0")),
    Variant("cwd-descriptor-9", "The working directory leads through a descriptor that a caller may have left open "
            "(CVE-2024-21626).", _having(working_dir="/proc/self/fd/9")),
    # -- namespaces --
    Variant("host-pids", "In the host's pid namespace.", _without_namespace("NEWPID")),
    Variant("host-name", "In the host's uts namespace, with a hostname to set.", _without_namespace("NEWUTS")),
    Variant("host-mounts", "In the host's mount namespace, with nothing to mount and nothing to restrict.",
            _stay_in_the_hosts_mounts),
    Variant("namespace-twice", "A namespace type is listed twice.", _adding_namespace("NEWIPC")),
    Variant("namespace-unknown", "A namespace type that the original does not know has the path of the host's ipc namespace.",
            _adding_namespace("NEWDREAM", "/proc/1/ns/ipc")),
    Variant("joins-mounts", "A mount namespace is joined by path, and then another one, whose path is looked up in the new "
            "mounts.", _join_mounts),
    Variant("joins-host-network", "The host's network is joined by path, and a new one is asked for as well.",
            _leave_new_network),
    Variant("joins-two", "Two namespaces are joined by path.", _join_two),
    # -- networks --
    Variant("veth", "The container has a pair of virtual ethernet devices on a bridge of the host.", _having(networks=(VETH,))),
    Variant("veth-unset", "The same, and the mtu was forgotten, which is 0 then: the kernel does not take that.",
            _having(networks=(replace(VETH, mtu=0),))),
    Variant("network-null", "The list of networks has an entry that is null.", _having(networks=(None,))),
    # -- labels --
    Variant("apparmor-profile", "The payload is to be confined by the profile docker-default: on a host with AppArmor, `--lsm "
            "apparmor`.", _having(apparmor_profile="docker-default")),
    Variant("selinux-label", "The payload is to have a label of SELinux: on a host with it, `--lsm selinux`.",
            _having(process_label="system_u:system_r:svirt_lxc_net_t:s0:c1,c2")),
    # -- mounts and devices --
    Variant("no-mount-config", "There is a mount namespace, and nothing is said of what to mount.",
            _having(mount_config=None, restrict_sys=False)),
    Variant("no-mounts", "Nothing is mounted but /proc, /sys and /dev.", _mounting()),
    Variant("tmpfs-on-tmp", "There is a tmpfs on /tmp.", _mounting(Mount(type="tmpfs", destination="/tmp"))),
    Variant("tmpfs-for-pivot", "There is a tmpfs on /tmp, and the old root is put there for the switch.",
            _mounting(Mount(type="tmpfs", destination="/tmp"), pivot_dir="/tmp")),
    Variant("volume-on-run", "A volume is bound on /run: what it holds is somebody else's work.",
            _mounting(Mount(type="bind", source=VOLUME, destination="/run", writable=True))),
    Variant("volume-on-dev", "A volume is bound on /dev: what it holds is somebody else's work.",
            _mounting(Mount(type="bind", source=VOLUME, destination="/dev", writable=True))),
    Variant("volume-on-proc", "A volume is bound on /proc: what it holds is somebody else's work.",
            _mounting(Mount(type="bind", source=VOLUME, destination="/proc", writable=True))),
    Variant("host-on-run", "The root directory of the host is bound on /run, as for an agent that watches the host.",
            _mounting(Mount(type="bind", source="/", destination="/run", writable=True))),
    Variant("tmpfs-on-sys", "There is a tmpfs on /sys: it covers what is to be protected there.",
            _mounting(Mount(type="tmpfs", destination="/sys"))),
    Variant("null-of-1000", "The null device of the container belongs to user 1000.", _give_null_away),
    Variant("device-in-opt", "A device is wanted at /opt/null.", _with_device("/opt/null")),
    Variant("device-over-passwd", "A device that belongs to user 1000 is wanted at /opt/passwd.",
            _with_device("/opt/passwd", uid=1000)),
    Variant("no-pivot", "The root is switched without pivot_root: moved over /, with chroot.",
            _with_mount_config(no_pivot_root=True)),
    Variant("rootfs-absolute", "The root file system is given by its path, and is not the working directory.",
            _having(root_fs=ROOTFS)),
)  # fmt: skip

VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _TABLE}
"""By name."""
