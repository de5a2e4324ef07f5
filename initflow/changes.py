"""What a stretch of a run changed in a process: the difference between two of its states, in words."""

from collections.abc import Iterator

from initflow.state import MountPoint, ProcessState
from kernelapi.capability import CapSet
from kernelapi.flags import Rlimit, Securebit

IDS = ("real", "effective", "saved", "filesystem")
PLAIN = (
    ("groups", "groups"),
    ("no_new_privs", "no new privileges"),
    ("label", "label"),
    ("label_at_exec", "label at exec"),
    ("parent_death_signal", "parent death signal"),
    ("dumpable", "dumpable"),
    ("root", "root"),
    ("umask", "umask"),
    ("session", "session"),
    ("terminal", "controlling terminal"),
    ("hostname", "hostname"),
    ("comm", "name"),
)
CAPABILITY_SETS = ("effective", "permitted", "inheritable", "bounding", "ambient")


def changes(old: ProcessState, new: ProcessState) -> Iterator[str]:
    """Each difference on a line."""
    yield from _ids("user", old.uids, new.uids)
    yield from _ids("group", old.gids, new.gids)
    for name in CAPABILITY_SETS:
        yield from _capabilities(name, getattr(old, name), getattr(new, name))
    yield from _securebits(old.securebits, new.securebits)
    for name, inum in new.namespaces.items():
        if old.namespaces[name] != inum:
            yield f"{name} namespace: another one"
    for attribute, words in PLAIN:
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            shown = (f"{before:04o}", f"{after:04o}") if attribute == "umask" else (before, after)
            yield f"{words}: {' -> '.join('none' if each == '' else str(each) for each in shown)}"
    if (old.cwd, old.cwd_reachable) != (new.cwd, new.cwd_reachable):
        yield f"working directory: {_directory(old)} -> {_directory(new)}"
    for resource in sorted(old.limits.keys() | new.limits.keys()):
        if old.limits.get(resource) != new.limits.get(resource):
            yield f"limit {Rlimit(resource).name}: {old.limits.get(resource)} -> {new.limits.get(resource)} (soft, hard)"
    yield from _files(old, new)


def mount_changes(old: tuple[MountPoint, ...], new: tuple[MountPoint, ...]) -> Iterator[str]:
    """Each mount that came, went, or changed, on a line."""
    before, after = {mount.id: mount for mount in old}, {mount.id: mount for mount in new}
    gone = [before[id] for id in before if id not in after]
    if len(gone) > 3:
        yield f"{len(gone)} mounts are gone"
    else:
        yield from (f"unmounted: {mount.path or '(outside the root)'} ({mount.fstype})" for mount in gone)
    for id, mount in after.items():
        if id not in before:
            access = ", read-only" if mount.readonly else ""
            yield f"mounted: {mount.path or '(outside the root)'} ({mount.fstype}{access})"
        elif before[id].readonly != mount.readonly:
            yield f"{mount.path}: now {'read-only' if mount.readonly else 'writable'}"
    regrouped = sum(1 for id, mount in after.items() if id in before and before[id].group != mount.group)
    if regrouped:
        yield f"{regrouped} mounts changed their propagation"


def _ids(kind: str, old: tuple[int, ...], new: tuple[int, ...]) -> Iterator[str]:
    if old != new:
        if len(set(new)) == 1:
            yield f"{kind} ids: all {new[0]}"
        else:
            yield f"{kind} ids: " + ", ".join(f"{name} {id}" for name, id in zip(IDS, new, strict=True))


def _capabilities(name: str, old: CapSet, new: CapSet) -> Iterator[str]:
    if old != new:
        lost, gained = old - new, new - old
        parts = ([f"lost {lost}"] if lost else []) + ([f"gained {gained}"] if gained else [])
        yield f"{name} capabilities: {', '.join(parts)}" if new else f"{name} capabilities: all gone"


def _securebits(old: int, new: int) -> Iterator[str]:
    for bit in Securebit:
        if (old ^ new) & bit:
            yield f"securebit {bit.name}: {'set' if new & bit else 'cleared'}"


def _files(old: ProcessState, new: ProcessState) -> Iterator[str]:
    for fd in sorted(old.files.keys() | new.files.keys()):
        before, after = old.files.get(fd), new.files.get(fd)
        if before is None and after is not None:
            yield f"descriptor {fd}: {after.text}{' (close-on-exec)' if after.cloexec else ''}"
        elif after is None and before is not None:
            yield f"descriptor {fd}: closed"
        elif before is not None and after is not None:
            if before.description is not after.description:
                yield f"descriptor {fd}: {before.text} -> {after.text}"
            elif before.cloexec != after.cloexec:
                yield f"descriptor {fd}: {'now' if after.cloexec else 'no longer'} close-on-exec"


def _directory(state: ProcessState) -> str:
    return state.cwd if state.cwd_reachable else f"{state.cwd} (outside the root)"
