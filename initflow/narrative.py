"""A run told step by step: who took which step, with which calls, and what that changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from initflow.changes import changes, mount_changes
from initflow.run import Role, Run
from initflow.state import mounts, process_state
from kernelapi.event import NO_RETURN, Event


@dataclass(frozen=True, slots=True)
class Chapter:
    """Events of one process in a row that belong to one step (or to none: `step` is then what the process was about)."""

    process: str
    role: Role
    step: str
    events: tuple[Event, ...]
    changes: tuple[str, ...] = ()


def chapters(run: Run) -> list[Chapter]:
    """The run in chapters, without what they changed. A container that runs already gets one, whatever its processes do."""
    told: list[tuple[str, Role, str, list[Event]]] = []
    for event, step, role in zip(run.events, run.steps, run.roles, strict=True):
        heading = (event.process, role, step.name if step is not None else role.value)
        if role is Role.CONTAINER:
            heading = ("", role, role.value)
        if told and told[-1][:3] == heading:
            told[-1][3].append(event)
        else:
            told.append((*heading, [event]))
    return [Chapter(process, role, name, tuple(events)) for process, role, name, events in told]


def with_changes(run: Run) -> Iterator[Chapter]:
    """The chapters with what each changed in its process. The machine is taken back and through the run again."""
    store = run.machine.store
    end = store.position
    store.rewind(0)
    for chapter in chapters(run):
        first, last = chapter.events[0], chapter.events[-1]
        assert first.writes is not None
        assert last.writes is not None
        task = run.tasks[first.index]
        store.advance(first.writes[0])
        before, mounts_before = process_state(task), mounts(task)
        store.advance(last.writes[1])
        told: tuple[str, ...] = ()
        if chapter.role is not Role.CONTAINER and (last.result is not NO_RETURN or task.lives):
            told = (*changes(before, process_state(task)), *mount_changes(mounts_before, mounts(task)))
        yield Chapter(chapter.process, chapter.role, chapter.step, chapter.events, told)
    store.advance(end)
