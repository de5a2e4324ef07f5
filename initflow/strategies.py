"""Hypothesis strategies for all that a run depends on: configurations, images, callers, hosts, payloads.

Each takes the levels that it shall draw from; without any, all of them:

* `VALID`: what somebody writes who knows the format and wants a container;
* `ALMOST_VALID`: one or two slips away from that;
* `HOSTILE`: whatever the format admits, and some of what it does not.

::

    @given(configurations(VALID), images(HOSTILE))
    def test_my_flow_upholds_everything(configuration, image):
        assert not verify(configuration, image=image, flow=MINE).judgement.violations

What they draw shrinks towards less: fewer keys, shorter lists, the default image, caller and host.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, NamedTuple, TypeGuard, TypeVar, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from fakekernel.profile import CGROUP_V2, DEFAULT_CGROUP_V1, DEFAULT_LIMITS, DEFAULT_PROC_ENTRIES, HostProfile
from fakekernel.tree import ROOTFS, File, directory, fifo, link, regular
from initflow import callers as named_callers
from initflow import images as named_images
from initflow.callers import CALLERS, DEFAULT_CALLER, Caller
from initflow.configuration import CAPABILITIES, Configuration, ConfigurationError, decode
from initflow.fuzzing import vocabulary
from initflow.fuzzing.inputs import Document, Input
from initflow.gostruct import IntegerType
from initflow.images import DEFAULT_IMAGE, IMAGES, VOLUME, Image
from initflow.verification import HOST
from kernelapi.capability import FULL, Cap, CapSet
from kernelapi.flags import Rlimit
from kernelapi.values import Limit

T = TypeVar("T")


class Level(Enum):
    """How far from sane."""

    VALID = "valid"
    ALMOST_VALID = "almost valid"
    HOSTILE = "hostile"


VALID, ALMOST_VALID, HOSTILE = Level


# -- configurations --


def configurations(*levels: Level) -> SearchStrategy[Configuration]:
    """Configurations, ready for `verify`: `documents` that the format does not refuse."""
    return documents(*levels).map(_decoded).filter(_is_there)


def documents(*levels: Level) -> SearchStrategy[Document]:
    """Configurations as they stand in a file; of the hostile ones the format refuses some."""
    known = {VALID: _valid(), ALMOST_VALID: _almost_valid(), HOSTILE: _hostile()}
    return st.one_of([known[level] for level in levels or Level])


def mutations(document: Document, at_most: int = 4) -> SearchStrategy[Document]:
    """`document` with up to so many changes: what a field may hold put into it, or taken out; entries repeated or swapped."""
    return _mutated(document, 0, at_most)


def changed(bases: Sequence[Document]) -> SearchStrategy[Document]:
    """`mutations` of any of these."""
    return st.one_of([mutations(document) for document in bases])


def _decoded(document: Document) -> Configuration | None:
    try:
        return decode(Input(document).data, "container.json").configuration
    except ConfigurationError:
        return None


def _is_there(found: Configuration | None) -> TypeGuard[Configuration]:
    return found is not None


def _likely(draw: DrawFn) -> bool:
    """True, mostly; shrinks to False."""
    return draw(st.sampled_from((False, True, True, True)))


def _unlikely(draw: DrawFn) -> bool:
    """False, mostly."""
    return draw(st.sampled_from((False, False, False, False, False, True)))


def _usually(usual: SearchStrategy[Any], odd: SearchStrategy[Any], one_in: int) -> SearchStrategy[Any]:
    """`usual`, but for one in so many."""

    @st.composite
    def chosen(draw: DrawFn) -> Any:  # hides its parts: Hypothesis would write all of them out, again and again
        return draw(odd if draw(st.integers(0, one_in - 1)) == one_in - 1 else usual)

    return chosen()


def _some(draw: DrawFn, values: Sequence[T], at_most: int) -> list[T]:
    return draw(st.lists(st.sampled_from(values), max_size=at_most, unique_by=repr))


@st.composite
def _valid(draw: DrawFn) -> Document:
    """A container as its author would have it; each part may be missing, and what it needs is there with it."""
    document: Document = {}
    kinds = []
    if _unlikely(draw):
        kinds.append({"type": "NEWUSER"})
        first, rest = draw(st.sampled_from(((0, 1), (1000, 100_001))))
        for key in ("uid_mappings", "gid_mappings"):
            document[key] = [
                {"container_id": 0, "host_id": first, "size": 1},
                {"container_id": 1, "host_id": rest, "size": 65535},
            ]
        document["root_fs"] = ROOTFS
    elif _unlikely(draw):
        document["root_fs"] = ROOTFS
    if _likely(draw):
        kinds.append({"type": "NEWNS"})
        document["mount_config"] = draw(_valid_mounts())
        if _likely(draw):
            document["restrict_sys"] = True
    if _likely(draw):
        kinds.append({"type": "NEWNET"})
        _add_networks(draw, document)
    if _likely(draw):
        kinds.append({"type": "NEWUTS"})
        if _likely(draw):
            document["hostname"] = draw(st.sampled_from(("heron", "web-1", "db.example.org")))
    for kind, path in (("NEWIPC", "/proc/1/ns/ipc"), ("NEWPID", "")):
        if _likely(draw):
            kinds.append({"type": kind, "path": path} if path and _unlikely(draw) else {"type": kind})
    if kinds:
        document["namespaces"] = kinds
    _add_process(draw, document)
    if _likely(draw):
        document["cgroups"] = draw(_valid_cgroups())
    return document


@st.composite
def _valid_mounts(draw: DrawFn) -> Document:
    config: Document = {"device_nodes": list(vocabulary.DEVICES[: draw(st.sampled_from((1, 2, 6)))])}
    mounts: list[Document] = []
    for destination in _some(draw, ("/run", "/tmp", "/var/tmp"), 2):
        mounts.append({"type": "tmpfs", "destination": destination})
    if _unlikely(draw):
        destination = draw(st.sampled_from(("/mnt", "/data")))
        mounts.append({"type": "bind", "source": VOLUME, "destination": destination, "writable": _likely(draw)})
    if _unlikely(draw):
        mounts.append({"type": "bind", "source": "/etc/resolv.conf", "destination": "/etc/resolv.conf", "private": True})
    if mounts:
        config["mounts"] = mounts
    for key in ("readonly_fs", "no_pivot_root"):
        if _unlikely(draw):
            config[key] = True
    return config


def _add_networks(draw: DrawFn, document: Document) -> None:
    networks: list[Document] = []
    if _likely(draw):
        networks.append({"type": "loopback"})
    if _unlikely(draw):
        networks.append(
            {
                "type": "veth", "bridge": "docker0", "veth_prefix": "vh", "address": "172.17.0.23/16", "gateway": "172.17.42.1",
                "mtu": 1450, "txqueuelen": 500,
            }
        )  # fmt: skip
        if _unlikely(draw):
            document["routes"] = [{"destination": "10.9.0.0/16", "gateway": "172.17.42.1", "interface_name": "eth0"}]
    if networks:
        document["networks"] = networks


def _add_process(draw: DrawFn, document: Document) -> None:
    if _likely(draw):
        document["user"] = draw(st.sampled_from(("root", "daemon", "user", "1000", "1000:100", "daemon:users")))
    if _likely(draw):
        document["capabilities"] = _some(draw, tuple(CAPABILITIES), 12)
    if _likely(draw):
        others = _some(draw, ("HOME=/", "TERM=linux", "LANG=C.UTF-8"), 3)
        document["environment"] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", *others]
    if _unlikely(draw):
        document["working_dir"] = draw(st.sampled_from(("/", "/tmp", "/home/user")))
    if draw(st.booleans()):
        document["tty"] = True
    if _unlikely(draw):
        document["rlimits"] = [{"type": int(Rlimit.NOFILE), "soft": 256, "hard": draw(st.sampled_from((256, 1024, 4096)))}]
    if _unlikely(draw):
        document["additional_groups"] = draw(st.lists(st.sampled_from((5, 100, 1000)), max_size=2))


@st.composite
def _valid_cgroups(draw: DrawFn) -> Document:
    group: Document = {"name": "heron", "parent": "initflow"}
    if draw(st.booleans()):
        group["allow_all_devices"] = True
    else:
        usual = [{**each, "cgroup_permissions": "rwm"} for each in vocabulary.DEVICES]
        group["allowed_devices"] = [*vocabulary.ALLOWED, *usual]
    for key, values in (
        ("memory", (2**26, 2**30)), ("cpu_shares", (512, 1024)), ("cpu_quota", (50_000,)), ("cpuset_cpus", ("0", "0-1")),
    ):  # fmt: skip
        if _unlikely(draw):
            group[key] = draw(st.sampled_from(values))
    return group


def _almost_valid() -> SearchStrategy[Document]:
    return _valid().flatmap(lambda document: _mutated(document, 1, 2))


def _hostile() -> SearchStrategy[Document]:
    changed = _valid().flatmap(lambda document: _mutated(document, 3, 10))
    return st.one_of(_struct(Configuration), changed, changed)


# -- what the format admits, from its types --


@cache
def _struct(struct: type[msgspec.Struct]) -> SearchStrategy[Document]:
    """Any object with keys of `struct`."""
    return st.fixed_dictionaries(
        {}, optional={field.encode_name: _values(struct, field.name, field.type) for field in msgspec.structs.fields(struct)}
    )


@cache
def _values(struct: type[msgspec.Struct], name: str, annotation: Any) -> SearchStrategy[Any]:
    """Whatever may be tried where a value of this type stands in the field `name` of `struct`."""
    annotation, is_nil = _stripped(annotation)
    if is_nil:
        return _usually(_values(struct, name, annotation), st.none(), 12)
    element = _element(annotation)
    if element is not None:
        entry = _usually(_values(struct, name, element), st.none(), 24)
        long = vocabulary.MANY.get(name, 40)
        return _usually(st.lists(entry, max_size=5), st.builds(lambda item: [item] * long, entry), 40)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _struct(annotation)
    return _usually(_scalars(struct, name, annotation), st.sampled_from(vocabulary.WRONG), 60)


def _scalars(struct: type[msgspec.Struct], name: str, annotation: Any) -> SearchStrategy[Any]:
    known = vocabulary.BY_FIELD.get((struct.__name__, name), vocabulary.BY_NAME.get(name))
    if known is not None:
        return st.sampled_from(known)
    if annotation is bool:
        return st.booleans()
    if annotation is str:
        return st.sampled_from(vocabulary.PATHS)
    integer = next(each for each in get_args(annotation) if isinstance(each, IntegerType))
    within = [number for number in vocabulary.INTEGERS if integer.low <= number <= integer.high]
    return st.sampled_from((*within, integer.low - 1, integer.high + 1))


def _stripped(annotation: Any) -> tuple[Any, bool]:
    """The type without its None, and whether it had one."""
    inner = get_args(annotation)
    return (inner[0], True) if NoneType in inner else (annotation, False)


def _element(annotation: Any) -> Any:
    """The type of the entries, where it is one of lists."""
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


# -- changes --


class _Key(NamedTuple):
    """A key of an object: what may be tried there, and in the entries of its list; the struct of its object, or of an entry."""

    name: str
    values: SearchStrategy[Any]
    entries: SearchStrategy[Any] | None
    struct: type[msgspec.Struct] | None


@cache
def _keys(struct: type[msgspec.Struct]) -> tuple[_Key, ...]:
    found = []
    for field in msgspec.structs.fields(struct):
        annotation, _ = _stripped(field.type)
        element = _element(annotation)
        inner = annotation if element is None else _stripped(element)[0]
        found.append(
            _Key(
                field.encode_name,
                _values(struct, field.name, field.type),
                None if element is None else _values(struct, field.name, element),
                inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None,
            )
        )
    return tuple(found)


@st.composite
def _mutated(draw: DrawFn, document: Document, at_least: int, at_most: int) -> Document:
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(at_least, at_most))):
        _change_object(draw, changed, Configuration)
    return changed


def _change_object(draw: DrawFn, document: Document, struct: type[msgspec.Struct]) -> None:
    """Change something in an object, or below it: something that is there, rather than a key that is missing."""
    known = _keys(struct)
    present = [key for key in known if key.name in document]
    key = draw(st.sampled_from(present if present and _likely(draw) else known))
    value = document.get(key.name)
    if value and _likely(draw):
        if key.entries is not None and isinstance(value, list):
            _change_list(draw, value, key)
            return
        if key.struct is not None and isinstance(value, dict):
            _change_object(draw, value, key.struct)
            return
    if key.name in document and draw(st.booleans()):
        del document[key.name]
    else:
        document[key.name] = draw(key.values)


def _change_list(draw: DrawFn, items: list[Any], key: _Key) -> None:
    place = draw(st.integers(0, len(items) - 1))
    inner = items[place]
    if key.struct is not None and isinstance(inner, dict) and _likely(draw):
        _change_object(draw, inner, key.struct)
        return
    match draw(st.sampled_from(("remove", "replace", "repeat", "swap"))):
        case "remove":
            del items[place]
        case "replace":
            assert key.entries is not None
            items[place] = draw(key.entries)
        case "repeat":
            items.append(copy.deepcopy(inner))
        case "swap":
            items[0], items[place] = items[place], items[0]


# -- images --


def images(*levels: Level) -> SearchStrategy[Image]:
    """Images: the default one; one of those with a name; several of these at once, or any files in the places that matter."""
    known: dict[Level, SearchStrategy[Image]] = {
        VALID: st.just(DEFAULT_IMAGE),
        ALMOST_VALID: st.sampled_from(list(IMAGES)).map(named_images.named),
        HOSTILE: st.one_of(_together(IMAGES, named_images.named), _made_images()),
    }
    return st.one_of([known[level] for level in levels or Level])


def _together(known: dict[str, Any], named: Callable[[str], T]) -> SearchStrategy[T]:
    return st.lists(st.sampled_from(list(known)), min_size=1, max_size=3, unique=True).map(lambda names: named("+".join(names)))


@st.composite
def _made_images(draw: DrawFn) -> Image:
    places = draw(st.lists(st.sampled_from(vocabulary.PLACES), max_size=4, unique=True))
    files = [draw(_files(place)) for place in sorted(places)]
    blocked = {file.path for file in files if not _is_directory(file)}
    kept = tuple(file for file in files if not any(file.path.startswith(f"{path}/") for path in blocked))
    missing = tuple(draw(st.lists(st.sampled_from(vocabulary.PLACES), max_size=1)))
    return Image("generated", "Drawn by a strategy.", kept, missing, readonly=_unlikely(draw))


def _is_directory(file: File) -> bool:
    return file.mode >> 12 == directory("").mode >> 12


def _files(path: str) -> SearchStrategy[File]:
    modes = st.sampled_from(vocabulary.MODES)
    return st.one_of(
        st.sampled_from(vocabulary.TARGETS).map(lambda target: link(path, target)),
        st.builds(lambda content, mode: regular(path, content, mode), st.sampled_from(vocabulary.CONTENTS), modes),
        modes.map(lambda mode: directory(path, mode)),
        modes.map(lambda mode: fifo(path, mode)),
    )


# -- callers, hosts, payloads --


def callers(*levels: Level) -> SearchStrategy[Caller]:
    """Callers: the default one; one of those with a name; several of these in one."""
    known: dict[Level, SearchStrategy[Caller]] = {
        VALID: st.just(DEFAULT_CALLER),
        ALMOST_VALID: st.sampled_from(list(CALLERS)).map(named_callers.named),
        HOSTILE: _together(CALLERS, named_callers.named),
    }
    return st.one_of([known[level] for level in levels or Level])


def hosts(*levels: Level) -> SearchStrategy[HostProfile]:
    """Hosts: the one of `verify`; one with less than that in one respect; any."""
    known = {VALID: st.just(HOST), ALMOST_VALID: _hosts(1), HOSTILE: _hosts(6)}
    return st.one_of([known[level] for level in levels or Level])


_HOST_CHANGES: dict[str, SearchStrategy[Any]] = {
    "shared_mounts": st.just(False),
    "bounding": st.lists(st.sampled_from(list(Cap)), min_size=1, max_size=5, unique=True).map(lambda caps: FULL - CapSet(caps)),
    "limits": st.tuples(
        st.sampled_from((Rlimit.NOFILE, Rlimit.NPROC, Rlimit.FSIZE, Rlimit.STACK)), st.sampled_from((6, 8, 64, 2**20))
    ).map(lambda limit: tuple(sorted((dict(DEFAULT_LIMITS) | {limit[0]: Limit(limit[1], limit[1])}).items()))),
    "proc_entries": st.lists(st.sampled_from(DEFAULT_PROC_ENTRIES), unique=True).map(lambda names: tuple(sorted(names))),
    "cgroup_v1": st.lists(st.sampled_from(DEFAULT_CGROUP_V1), unique=True).map(
        lambda names: tuple(name for name in DEFAULT_CGROUP_V1 if name in names)
    ),
    "cgroup_v2": st.lists(st.sampled_from(CGROUP_V2), unique=True).map(
        lambda names: tuple(name for name in CGROUP_V2 if name in names)
    ),
    "security_modules": st.sampled_from((("apparmor",), ("selinux",))),
    "processors": st.sampled_from((1, 2, 4, 64)),
    "hostname": st.sampled_from(("host", "a", "x" * 64)),
}
"""What may be different about a host."""


@st.composite
def _hosts(draw: DrawFn, at_most: int) -> HostProfile:
    keys = draw(st.lists(st.sampled_from(list(_HOST_CHANGES)), max_size=at_most, unique=True))
    return replace(HOST, **{key: draw(_HOST_CHANGES[key]) for key in keys})


def payloads(*levels: Level) -> SearchStrategy[tuple[str, ...]]:
    """Command lines: one that does nothing and succeeds; one that exits with something else; any."""
    known = {VALID: vocabulary.PAYLOADS[:1], ALMOST_VALID: vocabulary.PAYLOADS[:5], HOSTILE: vocabulary.PAYLOADS}
    return st.one_of([st.sampled_from(known[level]) for level in levels or Level])


# -- all together --


@st.composite
def inputs(draw: DrawFn, configured: SearchStrategy[Document] | None = None) -> Input:
    """All that a run depends on, as `initflow fuzz` draws it: mostly no more than one thing beside the document is odd."""
    return Input(
        draw(documents() if configured is None else configured),
        draw(_usually(images(VALID), images(), 2)),
        draw(_usually(callers(VALID), callers(), 3)),
        draw(_usually(hosts(VALID), hosts(), 3)),
        draw(_usually(payloads(VALID), payloads(), 4)),
    )
