"""The state of every agent, as far as processes can see it: what is compared when a program is over."""

from typing import TYPE_CHECKING, Any

from initflow.conformance.agents import PROC
from initflow.conformance.program import Failed, State
from initflow.conformance.scratch import HOME, PAUSES
from kernelapi.flags import OpenFlag
from kernelapi.values import Stat

if TYPE_CHECKING:
    from initflow.conformance.driver import Driver

STATUS = (
    "Uid", "Gid", "Groups", "NSpid", "NSpgid", "NSsid", "SigBlk", "SigIgn", "CapInh", "CapPrm", "CapEff",
    "CapBnd", "CapAmb", "NoNewPrivs",
)  # fmt: skip
"""The lines of /proc/PID/status that are compared."""

NAMESPACES = ("user", "pid", "pid_for_children", "mnt", "uts", "ipc", "net", "cgroup", "time", "time_for_children")

FILES = ("uid_map", "gid_map", "setgroups", "limits")
"""The files of /proc/PID that are compared word by word."""

LINKS = ("cwd", "root", "exe")

EXECUTABLES = ("EACCES", "ENOENT", "ESRCH", *(f"{HOME}/{name}" for name in PAUSES))
"""What the link `exe` of an agent is compared as, unless it still runs the program that it began with."""


class Projection:
    """Looks at all agents of a driver: from outside at each, and those that are idle are asked for what only they know."""

    def __init__(self, driver: "Driver") -> None:
        self.driver = driver
        self.kernel = driver.kernel
        self.symbols = driver.symbols

    def states(self) -> tuple[State, ...]:
        """The state of each agent, in their order."""
        states = [self._outside(agent) for agent in sorted(self.driver.pids)]
        for agent, fields in self._inside().items():
            states[agent].update(fields)
        return tuple(tuple(state.items()) for state in states)

    # -- from outside --

    def _outside(self, agent: int) -> dict[str, str]:
        driver, pid = self.driver, self.driver.pids[agent]
        state: dict[str, str] = {"seen": repr(driver.seen[agent])}
        if agent in driver.undecided:
            return state
        status = driver.status(pid)
        state.update((name, " ".join(status[name].split())) for name in STATUS if name in status)
        if status and not driver.has_ended(agent):  # what ends a process stays pending in it: that is not modelled
            state["pending"] = f"{int(status['SigPnd'], 16) | int(status['ShdPnd'], 16):x}"
        for kind in NAMESPACES:
            state[kind] = self._link(f"{pid}/ns/{kind}")
        for link in LINKS:
            state[link] = self._link(f"{pid}/{link}")
        if state["exe"] not in EXECUTABLES:
            state["exe"] = "an interpreter"
        for name in FILES:
            state[name] = driver.file(pid, name) or ""
        for number, line in enumerate(self._mounts(driver.file(pid, "mountinfo") or "")):
            state[f"mount {number}"] = line
        return state

    def _link(self, path: str) -> str:
        try:
            return self.symbols.text(self.kernel.readlinkat(PROC, path))
        except OSError as error:
            return repr(Failed(error.errno or 0))

    def _mounts(self, text: str) -> list[str]:
        """mountinfo, its mounts by their places, devices and peer groups by name."""
        rows = [line.split(" ") for line in text.splitlines()]
        places = {row[0]: f"m{place}" for place, row in enumerate(rows)}
        lines = []
        for row in rows:
            dash = row.index("-", 6)
            tags = [self._tag(tag) for tag in row[6:dash]]
            dev, root, *rest = row[2:6]
            above = places.get(row[1], "-")
            lines.append(" ".join((above, self.symbols.device(dev), self.symbols.text(root), *rest, *tags, *row[dash:])))
        return lines

    def _tag(self, tag: str) -> str:
        name, colon, number = tag.partition(":")
        return f"{name}:{self.symbols.group(int(number))}" if colon else name

    # -- from inside --

    def _inside(self) -> dict[int, dict[str, str]]:
        driver, idle = self.driver, self.driver.idle
        known = {agent: self._told(driver.ask(agent, "attributes")) for agent in idle}
        for agent, classes in self._descriptions(idle).items():
            for fd, number in classes.items():
                known[agent][f"fd {fd}"] += f" description {number}"
        for agent in idle:
            driver.ask(agent, "mark", agent)
        for agent in idle:
            umask, table = driver.ask(agent, "marks", len(driver.pids))
            known[agent]["shares umask with"], known[agent]["shares descriptors with"] = str(umask), str(table)
        return known

    def _told(self, attributes: dict[str, Any]) -> dict[str, str]:
        return {name: self._spelt(value) for name, value in attributes.items()}

    def _spelt(self, value: Any) -> str:
        if isinstance(value, Stat):
            return repr(self.symbols.stat(value))
        if isinstance(value, tuple):
            return " ".join(map(self._spelt, value))
        return str(int(value)) if isinstance(value, int) else repr(value)

    def _descriptions(self, idle: list[int]) -> dict[int, dict[int, int]]:
        """Of each descriptor of each agent, the number of its description: those share one whose status changes together."""
        driver = self.driver
        before = {agent: driver.ask(agent, "status flags") for agent in idle}
        found: dict[int, dict[int, int]] = {agent: {} for agent in idle}
        number = 0
        for agent in idle:
            for fd, flags in before[agent].items():
                if fd < 3 or fd in found[agent] or flags & OpenFlag.PATH:
                    continue
                if isinstance(driver.ask(agent, "fcntl_setfl", fd, flags ^ OpenFlag.NONBLOCK), Failed):
                    continue
                for other in idle:
                    now = driver.ask(other, "status flags")
                    found[other].update((each, number) for each in now if now[each] != before[other].get(each))
                driver.ask(agent, "fcntl_setfl", fd, flags)
                number += 1
        return found
