"""States that must never be, whatever was called: asserted after every call in test mode."""

from fakekernel.system import System
from fakekernel.task import State, Task
from kernelapi.errors import ModelError


def check(system: System) -> None:
    """Raise `ModelError` at the first rule of the state that does not hold."""
    for number, task in system.tasks.entries.items():
        _check_task(system, number, task)


def _check_task(system: System, number: int, task: Task) -> None:
    cred = task.cred
    _require(task.pid.global_number == number, task, "is listed under another number")
    _require(task.state is not State.DEAD, task, "is dead and still listed")
    _require(cred.effective <= cred.permitted, task, "has effective capabilities that are not permitted")
    _require(cred.ambient <= cred.permitted & cred.inheritable, task, "has ambient beyond permitted and inheritable")
    _require(list(cred.groups) == sorted(cred.groups), task, "has groups that are not sorted")
    if task.parent is not None:
        _require(task.parent.children.get(number) is task, task, "is not among the children of its parent")
        waits = task.frozen and task.parent.state is State.EXITING  # the init of a namespace, for whom it cannot kill yet
        _require(task.parent.lives or not task.lives or waits, task, "lives, and its parent is dead")
    if task.lives:
        for fd, descriptor in task.files.entries.items():
            _require(descriptor.description.references > 0, task, f"has descriptor {fd} without a description")
        lowest = task.files.lowest_free
        _require(all(fd in task.files.entries for fd in range(lowest)), task, f"has a free descriptor below {lowest}")


def _require(holds: bool, task: Task, what: str) -> None:
    if not holds:
        raise ModelError(f"impossible state: {task!r} {what}")
