"""May this process look into that one? The check that guards much of /proc, pidfds, and setns by pidfd.

ptrace(2), "Ptrace access mode checking"; kernel/ptrace.c __ptrace_may_access, security/commoncap.c cap_ptrace_access_check.
"""

from fakekernel.credentials import Credentials, has_capability
from fakekernel.task import Task
from kernelapi.capability import Cap

SUID_DUMP_USER = 1


def may_access(caller: Task, target: Task, *, cred: Credentials | None = None) -> bool:
    """Whether `caller` may look into `target`, by its filesystem ids and effective capabilities (PTRACE_MODE_*_FSCREDS)."""
    if caller is target:
        return True
    cred = caller.cred if cred is None else cred
    return _allowed(cred, target, cred.fsuid, cred.fsgid, cred.effective.mask)


def may_access_by_real_ids(caller: Task, target: Task) -> bool:
    """As `may_access`, by the real ids and permitted capabilities (PTRACE_MODE_*_REALCREDS): pidfds, setns, prlimit's kin."""
    if caller is target:
        return True
    cred = caller.cred
    return _allowed(cred, target, cred.uid, cred.gid, cred.permitted.mask)


def _allowed(cred: Credentials, target: Task, uid: int, gid: int, caps: int) -> bool:
    theirs = target.cred
    traces = has_capability(cred, Cap.SYS_PTRACE, theirs.userns)
    same = uid == theirs.euid == theirs.suid == theirs.uid and gid == theirs.egid == theirs.sgid == theirs.gid
    if not same and not traces:
        return False
    mm = target.mm
    if mm.dumpable != SUID_DUMP_USER:
        # Of a zombie is still known whether its memory was dumpable, and no more whose it was. (task_still_dumpable)
        owner = mm.userns if target.lives else mm.userns.initial
        if not has_capability(cred, Cap.SYS_PTRACE, owner):
            return False
    if cred.userns is theirs.userns and not theirs.permitted.mask & ~caps:
        return True
    return traces
