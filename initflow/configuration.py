"""The configuration of a container, `container.json`, as libcontainer took it.

`load` and `decode` accept what the original accepted, tell what its author may not have meant as findings, and refuse
the rest with a `ConfigurationError`. There is no validation beyond the types: a configuration that cannot work fails
in the step that it breaks. The types follow the original's:

* a string, number or truth that is absent is "", 0 or False;
* `X | None` may be nil, and an entry that is None was written as null: the original crashes where it reads one;
* only of the id mappings is an absent list something else than an empty one.

docs/configuration.md describes the keys.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import msgspec

from initflow.gojson import JsonError, parse
from initflow.gostruct import Finding, Int, Int32, Uint32, Uint64, decode_struct, quoted
from kernelapi.capability import Cap, CapSet
from kernelapi.flags import CloneFlag
from kernelapi.flags import Rlimit as Resource

MAX_SIZE = 16 * 2**20

NAMESPACE_FLAGS: Mapping[str, CloneFlag] = {
    "NEWNS": CloneFlag.NEWNS,
    "NEWUTS": CloneFlag.NEWUTS,
    "NEWIPC": CloneFlag.NEWIPC,
    "NEWUSER": CloneFlag.NEWUSER,
    "NEWPID": CloneFlag.NEWPID,
    "NEWNET": CloneFlag.NEWNET,
}
"""The clone flag of each namespace type: six, since there were no others in 2015."""

CAPABILITIES: Mapping[str, Cap] = {cap.name: cap for cap in Cap if cap <= Cap.BLOCK_SUSPEND}
"""The capability of each name that a configuration may use: 37, up to BLOCK_SUSPEND."""


class ConfigurationError(ValueError):
    """A configuration is refused. As a string it is one sentence: the file, the place in it, what is wrong there."""

    def __init__(self, origin: str, place: str | None, problem: str) -> None:
        self.origin = origin
        self.place = place
        self.problem = problem
        # A name that would break the line, or the terminal, is shown as a literal.
        shown = origin if origin and origin.isprintable() else ascii(origin)
        super().__init__(": ".join(part for part in (shown, place, problem) if part))


# -- The keys ----------------------------------------------------------------------------------------------------------


class _Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An object of the configuration. Written as JSON, it leaves out what is absent."""


class Device(_Section, frozen=True):
    """A device node to make, or one that the devices cgroup allows."""

    type: Int32 = 0
    """A code point: 99 is a character device ("c"), 98 a block device ("b")."""
    path: str = ""
    major_number: Int = 0
    minor_number: Int = 0
    """Of either number, -1 in a cgroup means all."""
    cgroup_permissions: str = ""
    file_mode: Uint32 = 0
    uid: Uint32 = 0
    gid: Uint32 = 0


class Mount(_Section, frozen=True):
    type: str = ""
    """"bind" or "tmpfs"."""
    source: str = ""
    destination: str = ""
    writable: bool = False
    relabel: str = ""
    """The source gets the container's label: "z" for all containers to share, "Z" for this one alone."""
    private: bool = False
    slave: bool = False


class MountConfig(_Section, frozen=True):
    """What the new mount namespace looks like."""

    no_pivot_root: bool = False
    pivot_dir: str = ""
    readonly_fs: bool = False
    mounts: tuple[Mount | None, ...] = ()
    device_nodes: tuple[Device | None, ...] = ()
    mount_label: str = ""


class Namespace(_Section, frozen=True):
    """A namespace to create, or, with a path, to join."""

    type: str = ""
    path: str = ""


class Network(_Section, frozen=True):
    type: str = ""
    """"loopback" or "veth"; the other keys are for veth."""
    bridge: str = ""
    veth_prefix: str = ""
    mac_address: str = ""
    address: str = ""
    ipv6_address: str = ""
    gateway: str = ""
    ipv6_gateway: str = ""
    mtu: Int = 0
    txqueuelen: Int = 0
    hairpin_mode: bool = False


class Route(_Section, frozen=True):
    destination: str = ""
    source: str = ""
    gateway: str = ""
    interface_name: str = ""


class Cgroup(_Section, frozen=True):
    """Limits of the version 1 controllers; 0 and "" leave a limit alone."""

    name: str = ""
    parent: str = ""
    allow_all_devices: bool = False
    allowed_devices: tuple[Device | None, ...] = ()
    memory: Int = 0
    memory_reservation: Int = 0
    memory_swap: Int = 0
    cpu_shares: Int = 0
    cpu_quota: Int = 0
    cpu_period: Int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    blkio_weight: Int = 0
    freezer: str = ""
    slice: str = ""


class Rlimit(_Section, frozen=True):
    type: Int = 0
    """The number of the resource, as on x86."""
    hard: Uint64 = 0
    soft: Uint64 = 0


class IdMapping(_Section, frozen=True):
    container_id: Int = 0
    host_id: Int = 0
    size: Int = 0


class Configuration(_Section, frozen=True):
    mount_config: MountConfig | None = None
    root_fs: str = ""
    hostname: str = ""
    user: str = ""
    working_dir: str = ""
    environment: tuple[str, ...] = ()
    tty: bool = False
    namespaces: tuple[Namespace, ...] = ()
    capabilities: tuple[str, ...] = ()
    networks: tuple[Network | None, ...] = ()
    routes: tuple[Route | None, ...] = ()
    cgroups: Cgroup | None = None
    apparmor_profile: str = ""
    process_label: str = ""
    restrict_sys: bool = False
    rlimits: tuple[Rlimit, ...] = ()
    additional_groups: tuple[Int, ...] = ()
    uid_mappings: tuple[IdMapping, ...] | None = None
    gid_mappings: tuple[IdMapping, ...] | None = None

    def has_namespace(self, kind: str) -> bool:
        """Whether the list names this type of namespace, be it to create or to join."""
        return any(namespace.type == kind for namespace in self.namespaces)

    def with_namespace(self, kind: str, path: str = "") -> "Configuration":
        """The first entry of this type gets this path; without one, an entry is added at the end."""
        entry = Namespace(type=kind, path=path)
        index = self._first_namespace(kind)
        others_before, others_after = self.namespaces[:index], self.namespaces[index + 1 :]
        return msgspec.structs.replace(self, namespaces=(*others_before, entry, *others_after))

    def without_namespace(self, kind: str) -> "Configuration":
        """The first entry of this type goes, and only that one."""
        index = self._first_namespace(kind)
        return msgspec.structs.replace(self, namespaces=self.namespaces[:index] + self.namespaces[index + 1 :])

    def _first_namespace(self, kind: str) -> int:
        """The index of the first entry of this type, or the one after the last entry."""
        kinds = (*(namespace.type for namespace in self.namespaces), kind)
        return kinds.index(kind)

    @property
    def clone_flags(self) -> CloneFlag:
        """The flags of the namespaces to create. One to join has no part in it, nor has an unknown type."""
        created = (namespace.type for namespace in self.namespaces if not namespace.path)
        return reduce(or_, (NAMESPACE_FLAGS.get(kind, CloneFlag(0)) for kind in created), CloneFlag(0))

    @property
    def kept_capabilities(self) -> CapSet:
        """The capabilities that the payload keeps. Names that the original does not know count for nothing."""
        return CapSet(CAPABILITIES[name] for name in self.capabilities if name in CAPABILITIES)


# -- Reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, the name of the file it is from, and what in the file its author may not have meant."""

    configuration: Configuration
    origin: str
    findings: tuple[Finding, ...]


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a configuration file. Raises `ConfigurationError`."""
    origin = os.fspath(path)
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigurationError(origin, None, f"cannot be read: {error.strerror}") from None
    except ValueError:  # a NUL, or half a surrogate pair
        raise ConfigurationError(origin, None, "cannot be read: that is not a file name") from None
    return decode(data, origin)


def decode(data: bytes, origin: str) -> Loaded:
    """The configuration in the content of a file called `origin`. Raises `ConfigurationError`."""
    if len(data) > MAX_SIZE:
        raise ConfigurationError(origin, None, f"is larger than {MAX_SIZE >> 20} MiB")
    try:
        value, rest = parse(data)
        configuration, findings = decode_struct(value, Configuration)
    except JsonError as error:
        raise ConfigurationError(origin, error.place, error.problem) from None
    if rest is not None:
        findings.append(Finding("trailing-data", rest, "what follows the configuration is ignored"))
    return Loaded(configuration, origin, (*findings, *_doubts(configuration)))


def encode(configuration: Configuration) -> bytes:
    """The configuration as JSON that decodes to an equal one."""
    return msgspec.json.encode(configuration)


# -- What is accepted, and probably a mistake --------------------------------------------------------------------------


def _doubts(configuration: Configuration) -> Iterator[Finding]:
    yield from _capability_doubts(configuration)
    yield from _namespace_doubts(configuration)
    mount_config = configuration.mount_config or MountConfig()
    for index, mount in enumerate(mount_config.mounts):
        if mount is not None:
            yield from _mount_doubts(mount, f"$.mount_config.mounts[{index}]")
    for index, device in enumerate(mount_config.device_nodes):
        if device is not None and device.type not in (ord("b"), ord("c")):
            place = f"$.mount_config.device_nodes[{index}].type"
            yield Finding("device-type", place, f'{device.type} is no type of device; 98 ("b") and 99 ("c") are')
    for index, network in enumerate(configuration.networks):
        if network is not None and network.type not in ("loopback", "veth"):
            place = f"$.networks[{index}].type"
            yield Finding("network-type", place, f'{quoted(network.type)} is neither "loopback" nor "veth"')
    for index, rlimit in enumerate(configuration.rlimits):
        yield from _rlimit_doubts(rlimit, f"$.rlimits[{index}]")
    for index, gid in enumerate(configuration.additional_groups):
        if not 0 <= gid < 2**32 - 1:
            yield Finding("group-id", f"$.additional_groups[{index}]", f"{gid} is no group id")


def _capability_doubts(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.capabilities:
        yield Finding("no-capabilities", "$.capabilities", "the list is empty, so every capability is dropped")
    for index, name in enumerate(configuration.capabilities):
        if name not in CAPABILITIES:
            meant = name.upper().removeprefix("CAP_")
            hint = f'; did you mean "{meant}"?' if meant in CAPABILITIES else ""
            yield Finding(
                "capability-name", f"$.capabilities[{index}]", f"{quoted(name)} is no known capability, ignored{hint}"
            )


def _namespace_doubts(configuration: Configuration) -> Iterator[Finding]:
    met: Counter[str] = Counter()
    for index, namespace in enumerate(configuration.namespaces):
        place = f"$.namespaces[{index}].type"
        if namespace.type not in NAMESPACE_FLAGS:
            what_then = "whatever its path names is joined" if namespace.path else "ignored"
            yield Finding("namespace-type", place, f"{quoted(namespace.type)} is no known namespace, {what_then}")
        if met[namespace.type]:
            yield Finding("repeated-namespace", place, f"{quoted(namespace.type)} is listed again")
        met[namespace.type] += 1


def _mount_doubts(mount: Mount, place: str) -> Iterator[Finding]:
    if mount.type not in ("bind", "tmpfs"):
        yield Finding("mount-type", f"{place}.type", f'{quoted(mount.type)} is neither "bind" nor "tmpfs"')
    if mount.relabel not in ("", "z", "Z"):
        yield Finding("relabel", f"{place}.relabel", f'{quoted(mount.relabel)} is neither "z" nor "Z", and acts as "Z"')


def _rlimit_doubts(rlimit: Rlimit, place: str) -> Iterator[Finding]:
    if not min(Resource) <= rlimit.type <= max(Resource):
        span = f"{min(Resource):d} to {max(Resource):d}"
        yield Finding("rlimit-type", f"{place}.type", f"{rlimit.type} is no resource, which are {span}")
    if rlimit.soft > rlimit.hard:
        yield Finding("rlimit-soft", f"{place}.soft", f"{rlimit.soft} is above the hard limit of {rlimit.hard}")
