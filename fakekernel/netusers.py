"""Who holds a network namespace, and its end (network_namespaces(7), net/core/net_namespace.c cleanup_net).

Found by looking at all processes: only the end of a namespace that has more than its `lo` asks for it.
"""

from typing import TYPE_CHECKING

from fakekernel import links
from fakekernel.mountusers import open_files
from fakekernel.namespaces import NetNamespace
from kernelapi.protocol.links import NAMESPACE_TAKES_LINKS

if TYPE_CHECKING:
    from fakekernel.machine import Machine
    from fakekernel.system import System


def leave_network_namespace(machine: "Machine", net: NetNamespace) -> None:
    """A process has left `net`, or a file of it has been closed. Nobody left, its links go: Linux does that a moment later."""
    if len(net.links) > 1 and NAMESPACE_TAKES_LINKS not in machine.suspended and not _is_used(machine.system, net):
        for index in sorted(net.links):
            link = net.links.get(index)
            if link is not None and link.kind:
                links.remove(machine, link)


def _is_used(system: "System", net: NetNamespace) -> bool:
    """Whether a process lives in it, a file or a socket of it is open (UNIX sockets are not looked at), or its file
    is mounted somewhere."""
    tasks = system.tasks.values()
    if any(task.namespaces.net is net for task in tasks if task.lives):
        return True
    spaces = {task.namespaces.mnt for task in tasks if task.lives}
    return (
        any(opened.inode.subject is net or getattr(opened.subject, "net", None) is net for opened in open_files(system))
        or any(mount.root.inode.subject is net for space in spaces for mount in space.mounts.values())
    )
