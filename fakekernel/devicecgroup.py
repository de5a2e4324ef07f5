"""The devices controller: which devices the processes of a control group may make and open (security/device_cgroup.c).

A control group allows all devices but for some, or none but for some. What a parent forbids, no child can allow.
"""

from typing import TYPE_CHECKING

from fakekernel.cgroup import Cgroup, DeviceRule, cgroup_of
from kernelapi.capability import Cap
from kernelapi.flags import S_IFMT, AccessMode, FileType
from kernelapi.protocol.cgroups import (
    DEVICES_HAS_CHILDREN,
    DEVICES_PARENT,
    DEVICES_SYNTAX,
    DEVICES_UNPRIVILEGED,
)
from kernelapi.values import major, minor

if TYPE_CHECKING:
    from fakekernel.filesystem import Inode
    from fakekernel.syscalls.base import SyscallBase

DEVICES = "devices"
TYPES = {int(FileType.CHR): "c", int(FileType.BLK): "b"}
LETTERS = "rwm"
LONGEST = 11
"""So many digits of a number are read."""

ALL = 2**32 - 1
"""As a number in a rule, the kernel cannot tell it from "*"."""


# -- asking --


def may_access(kernel: "SyscallBase", inode: "Inode", mask: int) -> bool:
    """Whether the caller's control group lets it access the device `inode` in the ways of `mask` (`AccessMode` bits)
    (devcgroup_inode_permission)."""
    access = ("r" if mask & AccessMode.R else "") + ("w" if mask & AccessMode.W else "")
    return _permits(kernel, TYPES[inode.mode & S_IFMT], inode.rdev, frozenset(access))


def may_make(kernel: "SyscallBase", kind: int, dev: int) -> bool:
    """Whether the caller's control group lets it make this device; 0:0, a whiteout, is none (devcgroup_inode_mknod)."""
    if kind == FileType.CHR and dev == 0:
        return True
    return _permits(kernel, TYPES[kind], dev, frozenset("m"))


def _permits(kernel: "SyscallBase", type: str, dev: int, access: frozenset[str]) -> bool:
    system = kernel.machine.system
    if DEVICES not in system.cgroups:
        return True
    cgroup = cgroup_of(system, kernel.task, DEVICES)
    asked = DeviceRule(type, major(dev), minor(dev), access)
    if cgroup.allows_devices:
        return not any(_touches(rule, asked) for rule in cgroup.device_rules)
    return any(_covers(rule, asked) for rule in cgroup.device_rules)


def _covers(rule: DeviceRule, asked: DeviceRule) -> bool:
    """Whether all that is asked for is in the rule (match_exception)."""
    return (
        rule.type == asked.type
        and rule.major in (None, asked.major)
        and rule.minor in (None, asked.minor)
        and asked.access <= rule.access
    )


def _touches(rule: DeviceRule, asked: DeviceRule) -> bool:
    """Whether any of what is asked for is in the rule (match_exception_partial)."""
    return (
        rule.type == asked.type
        and (rule.major is None or asked.major in (None, rule.major))
        and (rule.minor is None or asked.minor in (None, rule.minor))
        and not asked.access.isdisjoint(rule.access)
    )


# -- changing --


def listing(cgroup: Cgroup) -> str:
    """devices.list: what is allowed; where that is "all but for some", only "all" (devcgroup_seq_show)."""
    if cgroup.allows_devices:
        return "a *:* rwm\n"
    return "".join(
        f"{rule.type} {_number(rule.major)}:{_number(rule.minor)} {''.join(sorted(rule.access, key=LETTERS.index))}\n"
        for rule in cgroup.device_rules
    )


def _number(value: int | None) -> str:
    return "*" if value is None else str(value)


def allow(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> None:
    """A write to devices.allow."""
    _check_capable(kernel)
    parent = cgroup.parent
    if text[:1] == "a":  # whatever follows
        if cgroup.children:
            kernel.refuse(DEVICES_HAS_CHILDREN)
        if parent is not None and not parent.allows_devices:
            kernel.refuse(DEVICES_PARENT)
        # -- effects only below --
        cgroup.allows_devices = True
        cgroup.device_rules = () if parent is None else parent.device_rules
        return
    rule = _parse(kernel, text)
    if cgroup.allows_devices:  # then it takes an exception away
        if parent is not None and any(_touches(other, rule) for other in parent.device_rules):
            kernel.refuse(DEVICES_PARENT)
        # -- effects only below --
        _take(cgroup, rule)
        return
    if not _parent_has(cgroup, rule):
        kernel.refuse(DEVICES_PARENT)
    # -- effects only below --
    _put(cgroup, rule)


def deny(kernel: "SyscallBase", cgroup: Cgroup, text: str) -> None:
    """A write to devices.deny: what is taken away here is taken away below."""
    _check_capable(kernel)
    if text[:1] == "a":
        if cgroup.children:
            kernel.refuse(DEVICES_HAS_CHILDREN)
        # -- effects only below --
        cgroup.allows_devices = False
        cgroup.device_rules = ()
        return
    rule = _parse(kernel, text)
    # -- effects only below --
    (_put if cgroup.allows_devices else _take)(cgroup, rule)
    below = cgroup.children
    for child in below:  # grows while it is walked
        below += child.children
        (_put if cgroup.allows_devices and child.allows_devices else _take)(child, rule)
        kept = tuple(rule for rule in child.device_rules if _parent_has(child, rule))
        if kept != child.device_rules:
            child.device_rules = kept


def _check_capable(kernel: "SyscallBase") -> None:
    if not kernel.capable_over(kernel.machine.system.userns, Cap.SYS_ADMIN):
        kernel.refuse(DEVICES_UNPRIVILEGED)


def _parent_has(cgroup: Cgroup, rule: DeviceRule) -> bool:
    """Whether the parent of `cgroup` lets it have `rule` (verify_new_ex)."""
    parent = cgroup.parent
    if parent is None:
        return True
    if not parent.allows_devices:
        return any(_covers(other, rule) for other in parent.device_rules)
    return cgroup.allows_devices or not any(_touches(other, rule) for other in parent.device_rules)


def _put(cgroup: Cgroup, rule: DeviceRule) -> None:
    """Add `rule` to the exceptions (dev_exception_add)."""
    rules = list(cgroup.device_rules)
    for index, other in enumerate(rules):
        if other[:3] == rule[:3]:
            rules[index] = other._replace(access=other.access | rule.access)
            break
    else:
        rules.append(rule)
    cgroup.device_rules = tuple(rules)


def _take(cgroup: Cgroup, rule: DeviceRule) -> None:
    """Take `rule` out of the exceptions: only one of the very same numbers (dev_exception_rm)."""
    left = []
    for other in cgroup.device_rules:
        access = other.access - rule.access if other[:3] == rule[:3] else other.access
        if access:
            left.append(other._replace(access=access))
    if tuple(left) != cgroup.device_rules:
        cgroup.device_rules = tuple(left)


def _parse(kernel: "SyscallBase", text: str) -> DeviceRule:
    """A rule, as in "c 1:3 rwm". What follows three letters of access, or a newline, is not looked at."""
    type, rest = text[:1], text[2:]
    if type not in TYPES.values() or not text[1:2].isspace():
        kernel.fail(DEVICES_SYNTAX)
    major, rest = _parse_number(kernel, rest)
    if rest[:1] != ":":
        kernel.fail(DEVICES_SYNTAX)
    minor, rest = _parse_number(kernel, rest[1:])
    if not rest[:1].isspace():
        kernel.fail(DEVICES_SYNTAX)
    access = rest[1:4].partition("\n")[0]
    if not set(access) <= set(LETTERS):
        kernel.fail(DEVICES_SYNTAX)
    return DeviceRule(type, major, minor, frozenset(access))


def _parse_number(kernel: "SyscallBase", text: str) -> tuple[int | None, str]:
    if text[:1] == "*":
        return None, text[1:]
    end = 0
    while end < LONGEST and text[end : end + 1] in "0123456789" and end < len(text):
        end += 1
    if end == 0 or int(text[:end]) > ALL:
        kernel.fail(DEVICES_SYNTAX)
    value = int(text[:end])
    return None if value == ALL else value, text[end:]
