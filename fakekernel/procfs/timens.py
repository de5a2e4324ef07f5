"""/proc/PID/timens_offsets: the clocks of the time namespace that the children of the process are born into
(time_namespaces(7); fs/proc/base.c proc_timens_offsets_operations). What it holds is `fakekernel.timens`."""

from typing import TYPE_CHECKING

from fakekernel import timens
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.procfs.entry import MadeFile
from fakekernel.procfs.process import OfProcess, task_of

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls


class OffsetsFile(OfProcess, MadeFile):
    """timens_offsets."""

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        task = task_of(kernel, description.inode)
        return timens.render_offsets(task.namespaces.time_for_children).encode() if task.lives else b""

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        task = task_of(kernel, description.inode)
        return timens.write_offsets(kernel, task, description.cred, description.offset, data)  # the offset stays


BEHAVIOURS["proc.timens_offsets"] = OffsetsFile()
