"""Workers: processes that do tasks side by side, and never outlive whoever started them."""

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from kernelapi.linux.kernel import linux

Perform = Callable[[Any], Iterator[Any]]
"""Does a task: yields what is to be reported of it as it goes along."""


class Ended:
    """What is reported in the place of the rest when a worker ends over a task. `status` is its exit status, -N by signal N."""

    def __init__(self, status: int | None) -> None:
        self.status = status


class _Worker:
    def __init__(self, perform: Perform) -> None:
        context = get_context("fork")  # what is performed need not be picklable, and nothing has to be imported again
        self.connection, other = context.Pipe()
        self.process = context.Process(target=_work, args=(other, self.connection, perform), daemon=True)
        self.process.start()
        other.close()
        self.task: Any = None


class Crew:
    """`count` workers that `perform` tasks. To be started before there are threads; leaving it ends them."""

    def __init__(self, count: int, perform: Perform) -> None:
        self.perform = perform
        gc.freeze()  # what there is now stays shared with the workers
        self.workers = [_Worker(perform) for _ in range(count)]

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self.workers:
            self._dismiss(worker)
        gc.unfreeze()

    def do(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Have the tasks done: each report, with its task, as it comes in. An `Ended` is the last report of its task."""
        line = deque(tasks)
        busy: dict[Connection, _Worker] = {}
        idle = list(self.workers)
        while line or busy:
            while line and idle:
                worker = idle.pop()
                worker.task = line.popleft()
                worker.connection.send(worker.task)
                busy[worker.connection] = worker
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                worker = busy[connection]
                try:
                    report = connection.recv()
                except EOFError:
                    del busy[connection]
                    idle.append(self._replaced(worker))
                    yield worker.task, Ended(worker.process.exitcode)
                    continue
                if report is None:
                    idle.append(busy.pop(connection))
                else:
                    yield worker.task, report

    def _replaced(self, worker: _Worker) -> _Worker:
        self._dismiss(worker)
        fresh = _Worker(self.perform)
        self.workers[self.workers.index(worker)] = fresh
        return fresh

    def _dismiss(self, worker: _Worker) -> None:
        worker.connection.close()
        worker.process.kill()
        worker.process.join()


def _work(connection: Connection, other: Connection, perform: Perform) -> None:
    """The worker's program. It is killed with its parent, and Ctrl-C is the parent's to see to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    linux().prctl_set_pdeathsig(signal.SIGKILL)
    other.close()
    with suppress(EOFError, BrokenPipeError):  # the parent has gone, or has no more to do
        while True:
            for report in perform(connection.recv()):
                connection.send(report)
            connection.send(None)
