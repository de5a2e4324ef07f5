"""/proc/PID/{uid_map,gid_map,setgroups}: the maps of the user namespace that the process was in when the file was opened
(user_namespaces(7); fs/proc/base.c proc_id_map_open). What they hold is `fakekernel.idmap`."""

from typing import TYPE_CHECKING, cast

from fakekernel import idmap
from fakekernel.behaviour import BEHAVIOURS
from fakekernel.description import Description
from fakekernel.procfs.entry import MadeFile
from fakekernel.procfs.process import OfProcess, task_of
from fakekernel.store import Record
from fakekernel.userns import UserNamespace
from kernelapi.flags import O_ACCMODE, OpenFlag

if TYPE_CHECKING:
    from fakekernel.syscalls.table import Syscalls


class MapFile(OfProcess, MadeFile):
    """uid_map or gid_map. Who opened it is who writes it."""

    def __init__(self, which: idmap.Which) -> None:
        self.which = which

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        return task_of(kernel, description.inode).cred.userns

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        userns = cast(UserNamespace, description.subject)
        return idmap.render_map(userns, self.which, description.cred.userns).encode()

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        userns = cast(UserNamespace, description.subject)
        written = idmap.write_map(kernel, userns, self.which, description.cred, description.offset, data)
        description.offset += written
        return written


class SetgroupsFile(OfProcess, MadeFile):
    """setgroups: whether that call is allowed in the namespace."""

    def open(self, kernel: "Syscalls", description: Description) -> Record | None:
        userns = task_of(kernel, description.inode).cred.userns
        if description.flags & O_ACCMODE in (OpenFlag.WRONLY, OpenFlag.RDWR):
            idmap.check_setgroups_open(kernel, userns)
        return userns

    def content(self, kernel: "Syscalls", description: Description) -> bytes:
        return idmap.render_setgroups(cast(UserNamespace, description.subject)).encode()

    def write(self, kernel: "Syscalls", description: Description, data: bytes) -> int:
        written = idmap.write_setgroups(kernel, cast(UserNamespace, description.subject), description.offset, data)
        description.offset += written
        return written


BEHAVIOURS["proc.uid_map"] = MapFile("uid_map")
BEHAVIOURS["proc.gid_map"] = MapFile("gid_map")
BEHAVIOURS["proc.setgroups"] = SetgroupsFile()
