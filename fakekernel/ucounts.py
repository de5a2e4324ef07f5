"""How many processes a user has: what RLIMIT_NPROC limits (getrlimit(2), kernel/ucount.c).

A process is charged, from its birth until it has been waited for, to the real user of its user namespace, and to the owner of
that namespace in the one above. Of a namespace's own limit, the one that its creator had, nothing is modelled.
"""

from typing import TYPE_CHECKING

from fakekernel.credentials import Credentials
from kernelapi.flags import RLIM_INFINITY, Rlimit
from kernelapi.ids import Kuid

if TYPE_CHECKING:
    from fakekernel.system import System
    from fakekernel.task import Task
    from fakekernel.userns import UserNamespace


def processes_of(system: "System", userns: "UserNamespace", uid: Kuid) -> int:
    """How many processes, zombies among them, are charged to `uid` in `userns`."""
    return sum(_charged(task.cred, userns, uid) for task in system.tasks.values())


def exceeds_nproc(system: "System", task: "Task", cred: Credentials) -> bool:
    """Whether the real user of `cred` has more processes than the limit of `task`; root of the host never has."""
    if cred.uid == 0:
        return False
    limit = task.job.limits.get(Rlimit.NPROC)
    most = RLIM_INFINITY if limit is None else limit.soft
    if len(system.tasks) <= most:  # even if they were all that user's
        return False
    return processes_of(system, cred.userns, cred.uid) > most


def _charged(cred: Credentials, userns: "UserNamespace", uid: Kuid) -> bool:
    ns, user = cred.userns, cred.uid
    while ns.level > userns.level and ns.parent is not None:
        ns, user = ns.parent, ns.owner
    return ns is userns and user == uid
