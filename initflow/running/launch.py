"""The parent of the flow as a process of the real kernel, child of a guard to which it tells what it makes.

The runtime's program is bound in process (`kernelapi.programs`): init and helper do not start an interpreter of their own,
which would take longer than all the rest. That is the one named difference to the original's re-exec.
"""

import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from initflow import nsinit
from initflow.configuration import Configuration
from kernelapi.call import Call
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel, bind
from kernelapi.linux.kernel import linux
from kernelapi.programs import binding, live
from kernelapi.recorder import Sink, record
from kernelapi.values import Link, NetlinkMessage, NetlinkType

RUNTIME = "nsinit"
"""What the runtime's program is called, in command lines and in errors. No file has this name."""

CONTROL = 1000
"""The descriptor on which the parent talks to the guard: one that a flow does not get to see, as long as it has few."""


class News(msgspec.Struct, omit_defaults=True):
    """What the parent tells the guard, as one message: a child that it has, links that it is about to make, its terminal.

    The descriptor of the terminal comes with the message.
    """

    child: int = 0
    links: tuple[str, ...] = ()
    terminal: bool = False


@dataclass(frozen=True)
class Launch:
    """What to start: a container in `data_path`, where its container.json is, with the command line `args`.

    `build` says what is built into the runtime: the security module of the host, or nothing.
    """

    configuration: Configuration
    data_path: str
    args: tuple[str, ...]
    environment: tuple[str, ...]
    log: Sink | None = None
    build: tuple[str, ...] = ()

    def main(self, control: socket.socket) -> int:
        """Be the parent; the exit status. `control` leads to the guard.

        From here to the first step of the flow nothing is made or opened: what a trace shows begins there.
        """
        tell = _teller(control)
        program = nsinit.BUILDS[self.build]
        kernel = binding(linux(), {RUNTIME: program})
        if self.log is not None:
            kernel = record(kernel, self.log)
        kernel = watched(kernel, tell)
        environment = (*self.environment, f"data_path={self.data_path}")
        return live(kernel, program, (RUNTIME, "exec", "--", *self.args), environment)


def watched(kernel: Kernel, tell: Callable[..., None]) -> Kernel:
    """`kernel`, of whose calls those are told that make something which outlives a process: links before they are made,
    children and the terminal once they are there. Its children are not watched."""

    def dispatch(call: Call, args: tuple[Any, ...]) -> Any:
        if call.name == "sendmsg" and (names := _new_links(args[1])):
            tell(News(links=names))
        result = kernel.dispatch(call, args)
        if call.name == "clone":
            tell(News(child=result))
        elif call.name == "ioctl_tiocsptlck":
            tell(News(terminal=True), args[0])
        return result

    return bind(dispatch)


def _new_links(message: object) -> tuple[str, ...]:
    """The names of the links that a request is about to make."""
    if not isinstance(message, NetlinkMessage) or message.type != NetlinkType.RTM_NEWLINK:
        return ()
    link = message.body
    if not isinstance(link, Link) or link.info is None:
        return ()
    peer = link.info.peer
    return tuple(each.name for each in (link, peer) if each is not None and each.name)


def _teller(control: socket.socket) -> Callable[..., None]:
    """Sends news. A guard that is gone hears nothing: this process is about to be killed for that."""

    def tell(news: News, *fds: Fd) -> None:
        try:
            socket.send_fds(control, [msgspec.json.encode(news)], list(fds), socket.MSG_NOSIGNAL)
        except OSError:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def prepare(configuration: Configuration) -> None:
    """Import what a flow imports late. After its first clone nothing may be: init sees the container's files."""
    import initflow.flows  # noqa: F401

    if any(network is not None and network.type == "veth" for network in configuration.networks) or configuration.routes:
        import kernelapi.linux.network  # noqa: F401


def environment_of(variables: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in variables.items())
