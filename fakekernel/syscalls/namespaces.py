"""Joining and leaving namespaces (kernel/nsproxy.c, kernel/fork.c)."""

from typing import TYPE_CHECKING

from fakekernel.credentials import Credentials
from fakekernel.filetable import unshare_table
from fakekernel.nsproxy import (
    NAMESPACES,
    NEWNS,
    NEWUSER,
    VM,
    check_new_user_namespace,
    check_unshare_namespaces,
    new_user_namespace,
    unshare_namespaces,
)
from fakekernel.syscalls.base import SyscallBase
from fakekernel.task import FsContext
from kernelapi.flags import CloneFlag
from kernelapi.protocol.namespaces import UNSHARE_SIGHAND, UNSHARE_UNKNOWN, UNSHARE_VM

FS, FILES, SIGHAND, THREAD = map(int, (CloneFlag.FS, CloneFlag.FILES, CloneFlag.SIGHAND, CloneFlag.THREAD))
UNSHARABLE = NAMESPACES | NEWUSER | VM | SIGHAND | THREAD | FS | FILES | int(CloneFlag.SYSVSEM)


class NamespaceCalls(SyscallBase):
    """Joining and leaving namespaces."""

    __slots__ = ()
    if TYPE_CHECKING:

        def commit_creds(self, new: Credentials) -> None:
            """See `CredentialCalls`."""

    def unshare(self, flags: int) -> None:
        task = self.task
        if flags & (NEWUSER | NEWNS):
            flags |= FS
        if flags & VM:
            flags |= SIGHAND
        if flags & ~UNSHARABLE:
            self.refuse(UNSHARE_UNKNOWN)
        if flags & SIGHAND and task.actions.users > 1:
            self.refuse(UNSHARE_SIGHAND)
        if flags & VM and task.mm.users > 1:
            self.refuse(UNSHARE_VM)
        cred = task.cred
        if flags & NEWUSER:
            check_new_user_namespace(self, cred)
        check_unshare_namespaces(self, flags, cred)
        # -- effects only below --
        fs = task.fs
        if flags & FS and fs.users > 1:
            fs.users -= 1
            task.fs = fs = FsContext(store=self.store, root=fs.root, cwd=fs.cwd, umask=fs.umask)
        if flags & FILES:
            unshare_table(task)
        if flags & NEWUSER:
            cred = new_user_namespace(self, cred)
        if flags & NAMESPACES:
            task.namespaces = unshare_namespaces(self, flags, cred, fs)
        if flags & NEWUSER:
            self.commit_creds(cred)
