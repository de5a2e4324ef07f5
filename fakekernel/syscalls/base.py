"""What every call of the simulated kernel stands on: who calls, refusing by row, capability checks, waiting."""

from typing import TYPE_CHECKING, Any, NoReturn

from fakekernel.credentials import Credentials, commit_creds, has_capability
from fakekernel.store import Record, Store, Table
from fakekernel.task import Task
from fakekernel.userns import UserNamespace
from kernelapi.errors import Refused
from kernelapi.rules import Effect, Refusal

if TYPE_CHECKING:
    from fakekernel.machine import Machine


class Blocked(Exception):
    """Raised by a call that has to wait: it is made again from its start when one of the objects in `on` has changed, or at
    `deadline` (virtual nanoseconds). What it has done so far, it keeps in `task.progress`.
    """

    def __init__(self, reason: str, *on: object, deadline: int | None = None) -> None:
        self.reason = reason
        self.on = on
        self.deadline = deadline


class CameToNothing(Exception):
    """Raised by a call whose refusal is suspended and that has nothing to go on with: it comes back without any effect."""


class SyscallBase:
    """One process' side of the kernel. The methods of the mixins are the calls; all state is in the machine's store.

    A call checks first, in the kernel's order, each check refused by its row; effects come only after the last check.
    A call that must wait raises `Blocked`; it is then made again, whole, so nothing before that may have an effect.
    """

    __slots__ = ("machine", "store", "task")

    def __init__(self, machine: "Machine", task: Task) -> None:
        self.machine = machine
        self.store: Store = machine.store
        self.task = task

    def refuse(self, row: Refusal) -> None:
        """Fail the call by `row`. Returns only where the row is suspended for this call: the effects then follow."""
        if row not in self.machine.suspended:
            raise Refused(row)

    def fail(self, row: Refusal) -> NoReturn:
        """As `refuse`, where a suspended row leaves nothing to go on with: the call then comes to nothing, without an error."""
        self.refuse(row)
        raise CameToNothing

    def happens(self, row: Effect) -> bool:
        """Whether the call has this effect: unless the row is suspended for it."""
        return row not in self.machine.suspended

    def commit_creds(self, new: Credentials) -> None:
        """Let the caller have the credentials `new`; see `fakekernel.credentials.commit_creds`."""
        commit_creds(self.machine, self.task, new)

    def capable(self, cap: int) -> bool:
        """Whether the caller has `cap` over its own user namespace (ns_capable of current_user_ns)."""
        return cap in self.task.cred.effective

    def capable_over(self, target: UserNamespace, cap: int) -> bool:
        """Whether the caller has `cap` over `target` (ns_capable)."""
        return has_capability(self.task.cred, cap, target)

    def block(self, reason: str, *on: Record | Table[Any, Any], deadline: int | None = None) -> None:
        """Wait: the call is made again when one of `on` has changed."""
        raise Blocked(reason, *on, deadline=deadline)
