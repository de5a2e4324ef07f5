"""Laws of user and group ids."""

from errno import EPERM

from kernelapi.ids import Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, refused


@case
def setuid_by_root_cannot_be_undone(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    expect("the real user id", kernel.getuid(), 1000)
    refused(EPERM, kernel.setuid, Uid(0))
