"""The host's names, per uts namespace (uname(2), kernel/sys.c)."""

from errno import EINVAL, EPERM
from typing import Protocol

from kernelapi.call import syscall
from kernelapi.errors import ModelError
from kernelapi.rules import ARGUMENTS, STATE, Refusal
from kernelapi.values import Utsname

NAME_LENGTH = 64
"""So many bytes a host or domain name may have (__NEW_UTS_LEN)."""

NAME_UNPRIVILEGED = Refusal(
    "sethostname.eperm", call="sethostname", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the user namespace that owns its uts namespace; this is checked first",
    source="sethostname(2); kernel/sys.c sethostname, setdomainname",
)  # fmt: skip
NAME_TOO_LONG = Refusal(
    "sethostname.einval", call="sethostname", errno=EINVAL, depends=ARGUMENTS,
    cause="the name has more than 64 bytes", source="sethostname(2); kernel/sys.c sethostname, setdomainname",
)  # fmt: skip


def name_bytes(name: str) -> bytes:
    """A name as the kernel takes it: UTF-8, undecodable bytes by surrogateescape. `ModelError` where it stands for no bytes."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ModelError(f"a name cannot hold the surrogate in {name!r}") from None


def name_text(data: bytes) -> str:
    """A name as the kernel answers it: it ends before the first NUL."""
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


class Names(Protocol):
    """What the host is called. A name may hold any bytes, but none from a NUL on is seen again."""

    @syscall()
    def uname(self) -> Utsname:
        """The names of kernel and host."""

    @syscall(NAME_UNPRIVILEGED, NAME_TOO_LONG)
    def sethostname(self, name: str) -> None:
        """Name the host of this uts namespace; at most 64 bytes."""

    @syscall(NAME_UNPRIVILEGED, NAME_TOO_LONG)
    def setdomainname(self, name: str) -> None:
        """Set the NIS domain of this uts namespace; at most 64 bytes."""
